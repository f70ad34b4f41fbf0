"""Billable minutes and their limit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.cost_limit import limit_from
from twelvelabs_provider.jobs.cost import (
    Bill,
    BilledKind,
    analysis_bill,
    definitions_in,
    embedding_bill,
    indexing_bill,
    must_be_allowed,
    total_of,
)
from twelvelabs_provider.jobs.time_range import TimeRange

WHOLE = TimeRange(None, None)


def test_indexing_bills_the_whole_video() -> None:
    assert indexing_bill(744) == Bill(BilledKind.INDEXING, 12.4)
    assert indexing_bill(None) == Bill(BilledKind.INDEXING, 0.0, unknown=1)


@pytest.mark.parametrize(
    ("window", "duration", "minutes"),
    [
        (WHOLE, 90.0, 1.5),
        (TimeRange(30.0, None), 90.0, 1.0),
        (TimeRange(None, 60.0), 90.0, 1.0),
        (TimeRange(30.0, 60.0), 90.0, 0.5),
        (TimeRange(30.0, 600.0), 90.0, 1.0),
        (TimeRange(30.0, 60.0), None, 0.5),
        (TimeRange(120.0, None), 90.0, 0.0),
    ],
)
def test_a_time_range_bills_its_part_of_the_video(window: TimeRange, duration: float | None, minutes: float) -> None:
    assert analysis_bill(window, duration) == Bill(BilledKind.ANALYSIS, minutes)
    assert embedding_bill(window, duration) == Bill(BilledKind.EMBEDDING, minutes)
    assert analysis_bill(window, duration, 3).minutes == pytest.approx(3 * minutes)


def test_an_open_end_of_a_video_of_unknown_length_is_unknown() -> None:
    assert analysis_bill(TimeRange(30.0, None), None, 2) == Bill(BilledKind.ANALYSIS, 0.0, unknown=1)


@pytest.mark.parametrize(
    ("response_format", "times"),
    [
        (None, 1),
        ({"type": "json_schema", "json_schema": {}}, 1),
        ({"type": "segment_definitions", "segment_definitions": []}, 1),
        ({"type": "segment_definitions", "segment_definitions": [{}, {}, {}]}, 3),
        ({"type": "segment_definitions", "segment_definitions": "nonsense"}, 1),
    ],
)
def test_a_video_is_billed_once_for_each_segment_definition(response_format: Any, times: int) -> None:
    assert definitions_in(response_format) == times


def test_a_total_counts_what_is_unknown() -> None:
    bills = (analysis_bill(WHOLE, seconds) for seconds in (60.0, None, 30.0, None))
    assert total_of(BilledKind.ANALYSIS, bills) == Bill(BilledKind.ANALYSIS, 1.5, unknown=2)
    assert total_of(BilledKind.ANALYSIS, ()) == Bill(BilledKind.ANALYSIS)


@pytest.mark.parametrize(
    ("bill", "text"),
    [
        (indexing_bill(744), "about 12.40 minutes"),
        (indexing_bill(6), "about 0.1000 minutes"),
        (indexing_bill(None), "an unknown number of minutes"),
        (Bill(BilledKind.ANALYSIS, 1.5, 2), "about 1.50 minutes, and 2 videos of unknown length"),
    ],
)
def test_a_bill_as_text(bill: Bill, text: str) -> None:
    assert str(bill) == text


@pytest.mark.parametrize(
    ("bill", "text"),
    [
        (indexing_bill(37.2), "about 0.6 billable minutes"),
        (indexing_bill(3), "less than 0.1 billable minutes"),
        (indexing_bill(None), "an unknown number of billable minutes"),
        (indexing_bill(0), "no billable minutes"),
        (Bill(BilledKind.ANALYSIS, 1.5, 2), "about 1.5 billable minutes, and 2 videos of unknown length"),
    ],
)
def test_a_bill_in_the_log_is_rounded(bill: Bill, text: str) -> None:
    assert bill.rounded == text


def test_a_bill_survives_json() -> None:
    bill = Bill(BilledKind.ANALYSIS, 1.23456789, 2).with_tokens(700, None)
    fields = json.loads(json.dumps(bill.as_json()))
    assert fields == {
        "kind": "analysis", "minutes": 1.2346, "unknown": 2, "at_most": False, "input_tokens": 700,
        "output_tokens": None,
    }  # fmt: skip
    assert Bill.from_json(fields).as_json() == fields


@pytest.mark.parametrize(
    ("value", "limit"), [(None, None), ("", None), ("None", None), (5, 5.0), ("2.5", 2.5), (" 0 ", 0.0)]
)
def test_a_limit_may_be_a_rendered_text(value: Any, limit: float | None) -> None:
    assert limit_from(value) == limit


@pytest.mark.parametrize("value", ["ten", -1, "nan", True])
def test_an_invalid_limit_is_refused(value: Any) -> None:
    with pytest.raises(TwelveLabsInputError, match="max_billable_minutes"):
        limit_from(value)


def test_more_than_allowed_is_refused_with_both_numbers() -> None:
    bill = indexing_bill(744)
    must_be_allowed(bill, None, "indexing a.mp4")
    must_be_allowed(bill, 12.4, "indexing a.mp4")
    with pytest.raises(TwelveLabsInputError, match=r"Indexing a\.mp4 .* 12\.40 minutes.* allows 12\."):
        must_be_allowed(bill, 12.0, "indexing a.mp4")


def test_an_unknown_bill_is_refused_under_a_limit() -> None:
    must_be_allowed(indexing_bill(None), None, "indexing a.mp4")
    with pytest.raises(TwelveLabsInputError, match=r"unknown number of minutes.* allows 100.*probe"):
        must_be_allowed(indexing_bill(None), 100.0, "indexing a.mp4")
