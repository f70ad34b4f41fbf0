"""Making a thing once: it is looked for before it is made, and when the answer was lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError, TwelveLabsAnswerError, TwelveLabsServerError
from twelvelabs_provider.exceptions import TwelveLabsInputError

T = TypeVar("T")
UNKNOWN_OUTCOME = (TwelveLabsAmbiguousError, TwelveLabsAnswerError, TwelveLabsServerError)
"""After these the thing may have been made."""


def created_once(create: Callable[[], T], find: Callable[[], T | None]) -> T:
    """Make a thing; where the answer was lost, return the one that is there now.

    :param create: asks the service to make it.
    :param find: looks for it.
    """
    try:
        return create()
    except UNKNOWN_OUTCOME:
        found = find()
        if found is None:
            raise
        return found


def check_if_exists(value: str, *allowed: str) -> None:
    """Refuse an ``if_exists`` that means nothing.

    :raises TwelveLabsInputError: naming what it may be.
    """
    if value not in allowed:
        raise TwelveLabsInputError(f"if_exists={value!r} is not one of {', '.join(allowed)}")
