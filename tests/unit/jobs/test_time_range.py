"""Time ranges of a video."""

from __future__ import annotations

from typing import Any

import pytest

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.time_range import TimeRange


@pytest.mark.parametrize(
    ("start", "end", "window"),
    [
        (None, None, TimeRange(None, None)),
        ("", " ", TimeRange(None, None)),
        ("None", "None", TimeRange(None, None)),
        (1, 2.5, TimeRange(1.0, 2.5)),
        ("1", " 2.5 ", TimeRange(1.0, 2.5)),
        (0, None, TimeRange(0.0, None)),
        (None, 0.1, TimeRange(None, 0.1)),
    ],
)
def test_start_and_end_are_numbers_or_rendered_texts(start: Any, end: Any, window: TimeRange) -> None:
    assert TimeRange.parse(start, end) == window


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (5, 5, r"end=5 must be after start=5"),
        (5, 1, r"end=1 must be after start=5"),
        (None, 0, r"end=0 must be after start=0"),
        (-1, None, r"start=-1 "),
        ("soon", None, r"start='soon'"),
        (None, "01:00", r"end='01:00'"),
        ("nan", None, r"start='nan'"),
        (None, "inf", r"end='inf'"),
        ([1], None, r"start=\[1\]"),
    ],
)
def test_an_invalid_time_range_is_refused_with_its_value(start: Any, end: Any, words: str) -> None:
    with pytest.raises(TwelveLabsInputError, match=words):
        TimeRange.parse(start, end)


def test_a_time_range_beyond_the_end_is_refused() -> None:
    TimeRange(10.0, None).ensure_before_end(None)
    TimeRange(None, 99.0).ensure_before_end(10.0)
    TimeRange(9.9, None).ensure_before_end(10.0)
    with pytest.raises(TwelveLabsInputError, match=r"start=10 .*10 seconds"):
        TimeRange(10.0, None).ensure_before_end(10.0)
