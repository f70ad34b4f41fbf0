"""Durations as arguments: seconds or a timedelta."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from numbers import Real
from typing import Any

LONGEST = 3650 * 86400.0
"""Seconds; a longer duration is a mistake and would overflow date arithmetic."""

Duration = float | timedelta


def seconds_of(name: str, value: Any, *, or_zero: bool = False) -> float:
    """Return the seconds of an argument that is checked when the DAG file is parsed.

    :param name: the argument's name, for the error.
    :param value: seconds as a number, or a timedelta.
    :param or_zero: whether 0 is allowed.
    :raises ValueError: for any other value.
    """
    seconds = float("nan")
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, Real | Decimal) and not isinstance(value, bool):
        try:
            seconds = float(value)
        except OverflowError:
            seconds = float("inf")
    if not (0 < seconds <= LONGEST or (or_zero and seconds == 0)):
        least = "0 or more" if or_zero else "above 0"
        most = f"at most {LONGEST / 86400:.0f} days"
        raise ValueError(f"{name}={value!r} must be {least}: seconds as a number, or a timedelta, {most}")
    return seconds


def optional_seconds(name: str, value: Any, *, or_zero: bool = False) -> float | None:
    """Return the seconds of an argument, or None; see :func:`seconds_of`."""
    return None if value is None else seconds_of(name, value, or_zero=or_zero)


def plain_number(value: Any) -> Any:
    """Return the seconds of a timedelta, NaN for a boolean, and any other value unchanged."""
    if isinstance(value, bool):
        return float("nan")
    return value.total_seconds() if isinstance(value, timedelta) else value
