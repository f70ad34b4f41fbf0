"""What a table of routes is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum

from starlette.responses import Response

from twelvelabs_local.api.call import Call

Handler = Callable[[Call], Awaitable[Response]]


class Errors(StrEnum):
    """The form of the bodies of errors."""

    FLAT = "flat"
    WRAPPED = "wrapped"


Entry = tuple[str, str, Handler] | tuple[str, str, Handler, Errors]
"""Method, path, handler and, where it is not the usual one, the form of errors."""
