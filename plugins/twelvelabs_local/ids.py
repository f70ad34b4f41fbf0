"""Ids in the service's formats."""

from __future__ import annotations

import itertools
import os
import re
import time
import uuid

_PROCESS = os.urandom(5).hex()
_COUNTER = itertools.count(int.from_bytes(os.urandom(3), "big"))


def new_id() -> str:
    """Return a new id: 24 lower-case hexadecimal digits that sort by second of creation."""
    return f"{int(time.time()):08x}{_PROCESS}{next(_COUNTER) & 0xFFFFFF:06x}"


def new_prefixed_id(prefix: str) -> str:
    """Return a new prefixed id: a prefix and a UUID that sorts by time of creation, ``ks_0198...``.

    :param prefix: names the kind of resource.
    """
    digits = f"{time.time_ns() // 1_000_000:012x}7{next(_COUNTER) & 0xFFF:03x}8{os.urandom(8).hex()[1:]}"
    return f"{prefix}_{uuid.UUID(digits)}"


def is_prefixed_id(text: str, prefix: str) -> bool:
    """Return whether a text is a prefixed id.

    :param prefix: names the kind of resource.
    """
    return re.fullmatch(rf"{prefix}_[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}", text) is not None


def is_id(text: str) -> bool:
    """Return whether a text has the form of an id."""
    return len(text) == 24 and all(digit in "0123456789abcdef" for digit in text)
