"""Creation without duplicates: after a lost response, the object is searched before an error is raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError, TwelveLabsAnswerError, TwelveLabsServerError

T = TypeVar("T")
UNKNOWN_OUTCOME = (TwelveLabsAmbiguousError, TwelveLabsAnswerError, TwelveLabsServerError)
"""Errors after which the service may have done what was requested."""

CLOCK_SKEW = 120.0
"""Seconds by which the clock of the service may be behind."""


def created_once(create: Callable[[], T], find: Callable[[], T | None]) -> T:
    """Create an object; if the response is lost, return the object that exists now.

    :param create: sends the request.
    :param find: searches the object.
    """
    try:
        return create()
    except UNKNOWN_OUTCOME:
        found = find()
        if found is None:
            raise
        return found
