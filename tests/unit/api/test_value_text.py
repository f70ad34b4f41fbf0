"""Text fields with other JSON values."""

from __future__ import annotations

from typing import Any

import pytest

from twelvelabs_provider.api.analysis.batch_models import BatchItemResult
from twelvelabs_provider.api.analysis.generation import Generation, generation_of_task
from twelvelabs_provider.api.analysis.request import on_screen_text_from
from twelvelabs_provider.api.analysis.response_format import segments_of
from twelvelabs_provider.api.analysis.stream import StreamedText, read_event
from twelvelabs_provider.api.analysis.summaries import SummaryKind, summary_from
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.knowledge.response_stream import ResponseEvent
from twelvelabs_provider.api.knowledge.responses import Response
from twelvelabs_provider.api.models import AnalysisTask, Video, segments_from
from twelvelabs_provider.api.service_model import value_text

VALUES = [
    ("a text", "a text"),
    ("", ""),
    (None, ""),
    (0, "0"),
    (1984, "1984"),
    (-1.5, "-1.5"),
    (False, "false"),
    (True, "true"),
    ([], "[]"),
    (["a", "ü"], '["a", "ü"]'),
    ({}, "{}"),
    ({"text": "a", "n": None}, '{"text": "a", "n": null}'),
]
each = pytest.mark.parametrize(("value", "text"), VALUES)


@each
def test_text_values(value: Any, text: str) -> None:
    assert value_text(value) == text
    assert segments_from([{"start": 1, "end": 2, "value": value}])[0].value == text
    assert read_event({"event_type": "text_generation", "text": value}).text == text
    assert ResponseEvent.read({"type": "response.output_text.delta", "delta": value}).delta == text
    message = {"type": "message", "content": [{"type": "output_text", "text": value}]}
    assert Response.read({"id": "r", "status": "completed", "output": [message]}).text == text
    (segment,) = segments_of({"a": [{"start_time": 1, "end_time": 2, "metadata": {"title": value}}]})
    assert segment.value == text
    highlight = {"start_time": 1, "end_time": 2, "highlight": value, "summary": value}
    (row,) = summary_from(SummaryKind.HIGHLIGHTS, {"highlights": [highlight]}, NOTHING).rows
    assert (row.value, row.extra["summary"]) == (text, text)


NOTHING = Generation.read({"data": ""})


@each
def test_values_that_are_not_text(value: Any, text: str) -> None:
    if value is None:
        return
    assert Generation.read({"data": value}).text == text
    task = AnalysisTask.read({"task_id": "t", "status": "ready", "result": {"data": value}})
    assert (task.data, generation_of_task(task).text) == (text, text)
    line = {
        "task_id": "t",
        "status": "ready",
        "custom_id": value,
        "data": {"data": value, "usage": {"input_tokens": "1"}},
    }
    result = BatchItemResult.read({**line, "error": {"code": value, "message": value}})
    assert result.data == result.custom_id == result.error_code == result.error_message == text
    assert result.usage and result.usage.input_tokens is None


@pytest.mark.parametrize(("value", "text"), [pair for pair in VALUES if pair[1]])
def test_on_screen_text(value: Any, text: str) -> None:
    entry = {"start_time": 1, "end_time": 2, "metadata": {"text": value}}
    (row,) = on_screen_text_from(value_text({"onscreen_text": [entry]}))
    assert row.value == text


def test_titles_and_topics() -> None:
    topics = summary_from(SummaryKind.TOPICS, {"topics": ["a", 0, None, "", 0, 1.5, False, ["b"]]}, NOTHING)
    assert topics.topics == ("a", "0", "1.5", "false", '["b"]')
    assert summary_from(SummaryKind.TITLES, {"title": 0}, NOTHING).title == "0"
    titles: tuple[Any, ...] = (None, " ", [], {"a": 1})
    for title in titles:
        with pytest.raises(TwelveLabsAnswerError, match="title"):
            summary_from(SummaryKind.TITLES, {"title": title}, NOTHING)


def test_text_field_is_preferred_to_a_number() -> None:
    entry = {"start_time": 1, "end_time": 2, "metadata": {"text": 0, "mood": "calm"}}
    assert segments_of({"a": [entry]})[0].value == "calm"


def test_numbers_in_a_stream_become_text() -> None:
    events = [{"event_type": "text_generation", "text": piece} for piece in ("2", 0, "24")]
    ended = {"event_type": "stream_end", "finish_reason": "stop"}
    assert StreamedText().take(map(read_event, [*events, ended])).text == "2024"


def test_name_of_a_video() -> None:
    assert Video.read({"_id": "v", "system_metadata": {"filename": 2024}}).filename == "2024"
