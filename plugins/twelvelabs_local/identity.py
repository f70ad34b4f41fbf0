"""Ids and instants in the service's own forms."""

from __future__ import annotations

import itertools
import os
import re
import time
import uuid
from datetime import UTC, datetime, timedelta

_PROCESS = os.urandom(5).hex()
_COUNTER = itertools.count(int.from_bytes(os.urandom(3), "big"))


def new_id() -> str:
    """Return a fresh id: 24 lower-case hexadecimal digits that sort by second of creation."""
    return f"{int(time.time()):08x}{_PROCESS}{next(_COUNTER) & 0xFFFFFF:06x}"


def new_prefixed_id(mark: str) -> str:
    """Return a fresh id of the newer form: a mark and a UUID that sorts by time of creation, ``ks_0198...``.

    :param mark: what it is an id of.
    """
    digits = f"{time.time_ns() // 1_000_000:012x}7{next(_COUNTER) & 0xFFF:03x}8{os.urandom(8).hex()[1:]}"
    return f"{mark}_{uuid.UUID(digits)}"


def is_prefixed_id(text: str, mark: str) -> bool:
    """Tell whether a text has the form of an id of the newer form.

    :param mark: what it should be an id of.
    """
    return re.fullmatch(rf"{mark}_[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}", text) is not None


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
