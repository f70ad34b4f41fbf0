"""Requests for analyses, and on-screen text in their answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from twelvelabs_provider.api.analysis.request import (
    AnalysisRequest,
    on_screen_text_from,
    on_screen_text_request,
    within,
)
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.models import Segment


def entry(start: Any, end: Any, text: Any = "SALE") -> dict[str, Any]:
    return {"start_time": start, "end_time": end, "metadata": {"text": text}}


def read(*entries: Any) -> tuple[Segment, ...]:
    return on_screen_text_from(json.dumps({"onscreen_text": list(entries)}))


def test_rows_of_an_answer_are_sorted() -> None:
    rows = (Segment(12.0, 15.5, "SALE"), Segment(30.0, 31.5, "OPEN"))
    assert read(entry(30, 31.5, "OPEN"), entry(12.0, 15.5)) == rows
    assert read() == ()


@pytest.mark.parametrize(
    ("offset", "seconds"),
    [
        ("12.5", 12.5),
        ("00:12", 12.0),
        ("01:02", 62.0),
        ("01:02:03", 3723.0),
        ("01:02:03.250", 3723.25),
        ("00:00:00", 0.0),
        (7, 7.0),
    ],
)
def test_offsets_as_numbers_and_as_clock_times(offset: Any, seconds: float) -> None:
    assert read(entry(offset, 99999)) == (Segment(seconds, 99999.0, "SALE"),)


@pytest.mark.parametrize("text", ["", "  ", None])
def test_segments_without_text_are_left_out(text: Any) -> None:
    assert read(entry(1, 2, text), entry(3, 4)) == (Segment(3.0, 4.0, "SALE"),)
    assert read({"start_time": 1, "end_time": 2}) == ()
    assert read({"start_time": 1, "end_time": 2, "metadata": None}) == ()


@pytest.mark.parametrize(
    "data",
    [
        None,
        "",
        '{"onscreen_text": [{"start_time": 12.0, "end_t',
        "The video shows a sign.",
        "[]",
        "5",
        "null",
        "{}",
        '{"onscreen_text": 5}',
        '{"onscreen_text": {"a": 1}}',
        '{"onscreen_text": ["SALE"]}',
        '{"onscreen_text": [null]}',
        '{"onscreen_text": [{"end_time": 1, "metadata": {"text": "x"}}]}',
        '{"onscreen_text": [{"start_time": null, "end_time": 1, "metadata": {"text": "x"}}]}',
        '{"onscreen_text": [{"start_time": "soon", "end_time": 1, "metadata": {"text": "x"}}]}',
        '{"onscreen_text": [{"start_time": NaN, "end_time": 1, "metadata": {"text": "x"}}]}',
        '{"onscreen_text": [{"start_time": 0, "end_time": 1, "metadata": "x"}]}',
    ],
)
def test_invalid_answers_are_refused(data: str | None) -> None:
    with pytest.raises(TwelveLabsAnswerError):
        on_screen_text_from(data)


def test_error_shows_the_beginning_of_the_answer() -> None:
    with pytest.raises(TwelveLabsAnswerError, match=r"it begins with 'I cannot read x+'$"):
        on_screen_text_from("I cannot read " + "x" * 1000)


def test_request_for_on_screen_text() -> None:
    body = on_screen_text_request("c03", start=1.0, end=60.0, custom_id="k").body()
    assert body["analysis_mode"] == "time_based_metadata"
    assert "prompt" not in body, "that mode takes none"
    assert (body["start_time"], body["end_time"], body["custom_id"]) == (1.0, 60.0, "k")
    definition = body["response_format"]["segment_definitions"][0]
    assert definition["id"] == "onscreen_text"
    assert [(field["name"], field["type"]) for field in definition["fields"]] == [("text", "string")]


def test_request_body_holds_given_fields_only() -> None:
    assert AnalysisRequest("c03").body() == {
        "model_name": "pegasus1.5",
        "video": {"type": "asset_id", "asset_id": "c03"},
        "analysis_mode": "general",
    }
    body = AnalysisRequest("c03", temperature=0.0, start=0.0, extra={"min_segment_duration": 2}).body()
    assert (body["temperature"], body["start_time"], body["min_segment_duration"]) == (0.0, 0.0, 2)


def test_hash_of_a_request_ignores_the_video() -> None:
    asked = AnalysisRequest("c03", prompt="What?")
    assert asked.question_hash() == AnalysisRequest("other", prompt="What?", temperature=1.0).question_hash()
    assert asked.question_hash() != AnalysisRequest("c03", prompt="Why?").question_hash()
    assert len(on_screen_text_request("c03").question_hash()) == 64


def test_rows_that_overlap_a_time_range() -> None:
    rows = tuple(Segment(float(start), start + 1.0, str(start)) for start in range(4))

    def values(start: float | None, end: float | None) -> str:
        return "".join(row.value for row in within(rows, start, end))

    assert values(None, None) == "0123"
    assert values(1.0, None) == "123"
    assert values(None, 2.0) == "01"
    assert values(1.5, 1.6) == "1"
    assert values(9.0, None) == ""


def test_empty_on_screen_text_has_no_rows() -> None:
    assert on_screen_text_from('{"onscreen_text": null}') == on_screen_text_from('{"onscreen_text": []}') == ()
