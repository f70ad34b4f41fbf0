"""Ids and instants in the service's own forms."""

from __future__ import annotations

import itertools
import os
import time
from datetime import UTC, datetime, timedelta

_PROCESS = os.urandom(5).hex()
_COUNTER = itertools.count(int.from_bytes(os.urandom(3), "big"))


def new_id() -> str:
    """Return a fresh id: 24 lower-case hexadecimal digits that sort by second of creation."""
    return f"{int(time.time()):08x}{_PROCESS}{next(_COUNTER) & 0xFFFFFF:06x}"


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an id."""
    return len(text) == 24 and all(digit in "0123456789abcdef" for digit in text)


def now() -> str:
    """Return this instant as the service writes it: RFC 3339, UTC, milliseconds."""
    return written(datetime.now(UTC))


def written(moment: datetime) -> str:
    """Write an instant as the service does.

    :param moment: an aware instant.
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_instant(text: str) -> datetime:
    """Read an RFC 3339 instant leniently; one without an offset is UTC.

    :param text: for example ``2026-06-01T10:00:00Z``.
    :raises ValueError: when it is not an instant.
    """
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def later(text: str, seconds: float) -> str:
    """Return the instant some seconds after a written one.

    :param text: a written instant.
    :param seconds: how much later.
    """
    return written(read_instant(text) + timedelta(seconds=seconds))
