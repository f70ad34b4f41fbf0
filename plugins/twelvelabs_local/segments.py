"""Segments: pieces of a transcript or of on-screen text with their times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict


class SegmentRow(TypedDict):
    """A text with its start and end in seconds."""

    start: float
    end: float
    value: str


def within(rows: Iterable[SegmentRow], start: float | None, end: float | None) -> list[SegmentRow]:
    """Return the rows that overlap a window, with their own times.

    :param rows: rows in any order.
    :param start: start of the window in seconds; None for the start of the video.
    :param end: end of the window in seconds; None for the end of the video.
    """
    return [row for row in rows if (start is None or row["end"] > start) and (end is None or row["start"] < end)]


def clipped(rows: Iterable[SegmentRow], start: float | None, end: float | None) -> list[SegmentRow]:
    """Return the rows that overlap a window, clipped to the window.

    :param rows: rows in any order.
    :param start: start of the window in seconds, or None.
    :param end: end of the window in seconds, or None.
    """
    low = 0.0 if start is None else start
    high = float("inf") if end is None else end
    return [
        {"start": max(low, row["start"]), "end": min(high, row["end"]), "value": row["value"]}
        for row in within(rows, start, end)
    ]
