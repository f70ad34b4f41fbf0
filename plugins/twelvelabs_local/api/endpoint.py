"""The type of the entries in a route table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum

from starlette.responses import Response

from twelvelabs_local.api.call import Call

Handler = Callable[[Call], Awaitable[Response]]


class ErrorFormat(StrEnum):
    """The form of error bodies."""

    FLAT = "flat"
    WRAPPED = "wrapped"


Endpoint = tuple[str, str, Handler] | tuple[str, str, Handler, ErrorFormat]
"""Method, path, handler and, where it is not flat, the form of error bodies."""
