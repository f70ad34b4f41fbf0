"""Analysis requests and checks, whole and streamed answers, summaries."""

from __future__ import annotations

from typing import Any

import pytest

from twelvelabs_provider.api.analysis.generation import Generation, generation_of_task
from twelvelabs_provider.api.analysis.request import (
    INDEX_ENGINE,
    AnalysisMode,
    AnalysisRequest,
    SourceKind,
    VideoSource,
)
from twelvelabs_provider.api.analysis.response_format import (
    TimeFormat,
    data_from,
    json_schema,
    segment_definitions,
    segments_of,
)
from twelvelabs_provider.api.analysis.rules import problems_of_request
from twelvelabs_provider.api.analysis.schema_rules import problems_of_schema
from twelvelabs_provider.api.analysis.stream import LONGEST_PIECE, StreamedText, read_event
from twelvelabs_provider.api.analysis.summaries import SummaryKind, summary_from, summary_of, summary_request
from twelvelabs_provider.api.analysis.usage import Usage
from twelvelabs_provider.api.errors import (
    TwelveLabsAmbiguousError,
    TwelveLabsAnswerError,
    TwelveLabsBadRequestError,
    TwelveLabsError,
    TwelveLabsNotFoundError,
    TwelveLabsRateLimitError,
    TwelveLabsServerError,
    TwelveLabsUnsupportedError,
)
from twelvelabs_provider.api.generations import V1_2, V1_3
from twelvelabs_provider.api.models import AnalysisTask, Segment

DEFINITION = {"id": "screen", "description": "text on screen"}
SEGMENTS = segment_definitions([DEFINITION], time_format=TimeFormat.SECONDS)
SCHEMA = json_schema({"type": "object", "properties": {"a": {"type": "string"}}})
TIMED = {"mode": AnalysisMode.TIME_BASED_METADATA, "response_format": SEGMENTS}
IMAGE = {"name": "logo", "media_type": "image", "url": "https://x.example/a.png"}


def problems(*, now: bool = False, **fields: Any) -> list[str]:
    prompt = {} if "mode" in fields or "prompt_v2" in fields else {"prompt": "What?"}
    request = AnalysisRequest(**{"video": "c03", **prompt, **fields})
    return [problem.pointer for problem in problems_of_request(request, now=now)]


@pytest.mark.parametrize(
    "fields",
    [
        {"custom_id": "a-B_9"},
        {"response_format": SCHEMA, "now": True},
        {"prompt_v2": {"input_text": "Is the <@logo> there?", "media_sources": [IMAGE]}},
        {"video": VideoSource(SourceKind.INDEXED, "v"), "model": INDEX_ENGINE, "now": True},
        TIMED,
    ],
)
def test_valid_requests(fields: dict[str, Any]) -> None:
    assert problems(**fields) == []


@pytest.mark.parametrize(
    ("where", "fields"),
    [
        ("/prompt_v2/input_text", {"prompt_v2": {"input_text": "<@cat>", "media_sources": [IMAGE]}}),
        ("/prompt_v2/input_text", {"prompt_v2": {"input_text": "<@cat>"}}),
        ("/custom_id", {"custom_id": ""}),
        ("/custom_id", {"custom_id": "a" * 65}),
        ("/custom_id", {"custom_id": "a", "now": True}),
        ("/analysis_mode", {**TIMED, "now": True}),
        ("/response_format/json_schema/not", {"response_format": json_schema({"not": {}})}),
        ("/video_id", {"video": VideoSource(SourceKind.INDEXED, "v"), "now": True}),
    ],
)
def test_requests_that_would_bill_a_different_answer_are_refused(where: str, fields: dict[str, Any]) -> None:
    assert problems(**fields) == [where]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (AnalysisRequest("c03", model="pegasus1.2", prompt="a"), "pegasus1.2 was retired on 2026-08-18"),
        (AnalysisRequest(VideoSource(SourceKind.INDEXED, "v"), prompt="a"), "give the asset_id"),
        (AnalysisRequest(VideoSource(SourceKind.INDEXED, "v"), model=INDEX_ENGINE, prompt="a"), "give the asset_id"),
    ],
)
@pytest.mark.parametrize("ask", [V1_3.analyze, V1_3.analyze_stream, V1_3.create_analysis_task])
def test_retired_models_are_not_requested(ask: Any, request_: AnalysisRequest, said: str) -> None:
    with pytest.raises(TwelveLabsUnsupportedError, match=said):
        ask(request_)


def test_repr_of_a_source_hides_url_and_content() -> None:
    request = AnalysisRequest(VideoSource(SourceKind.URL, "https://m.example/a.mp4?X-Amz-Signature=secret"))
    assert "secret" not in repr(request)


def test_images_change_the_prompt_hash() -> None:
    plain = AnalysisRequest("c", prompt="What?").question_hash()
    assert plain != AnalysisRequest("c", prompt_v2={"input_text": "What?"}).question_hash()


def test_answer_is_parsed() -> None:
    usage = {"input_tokens": 7, "output_tokens": True}
    body = {
        "id": "g",
        "data": "a text",
        "finish_reason": "length",
        "usage": usage,
        "error": {"message": "cut"},
        "new": 1,
    }
    found = Generation.read(body)
    assert (found.id, found.text, found.cut_off, found.warning) == ("g", "a text", True, "cut")
    assert found.usage == Usage(input_tokens=7) and found.raw["new"] == 1
    old = Generation.read({"id": "g", "data": ""})
    assert (old.finish_reason, old.usage, old.warning) == (None, Usage(), None)
    invalid: tuple[Any, ...] = ({"id": "g"}, {"data": None}, [], "text")
    for wrong in invalid:
        with pytest.raises(TwelveLabsAnswerError):
            Generation.read(wrong)


def test_answer_of_a_task_is_parsed() -> None:
    body = {"task_id": "a", "status": "ready", "result": {"generation_id": "g", "data": "x", "finish_reason": "stop"}}
    assert generation_of_task(AnalysisTask.read(body)).id == "g"
    with pytest.raises(TwelveLabsAnswerError, match="carries no result"):
        generation_of_task(AnalysisTask.read({"task_id": "a", "status": "ready"}))


START = {"event_type": "stream_start", "metadata": {"generation_id": "g"}}
END = {"event_type": "stream_end", "finish_reason": "stop", "metadata": {"usage": {"output_tokens": 3}}}


def piece(text: str) -> dict[str, Any]:
    return {"event_type": "text_generation", "text": text}


def test_stream_is_joined() -> None:
    shown: list[str] = []
    text = StreamedText(shown.append)
    records = [START, piece("one\nt"), {"event_type": "thought"}, piece("wo"), piece("\n\n"), piece("three"), END]
    found = text.take(map(read_event, records))
    assert (found.id, found.text, found.finish_reason) == ("g", "one\ntwo\n\nthree", "stop")
    assert found.usage == Usage(output_tokens=3)
    assert shown == ["one", "two", "three"], "whole lines, and the rest at the end"


def test_long_lines_are_logged_in_pieces() -> None:
    shown: list[str] = []
    StreamedText(shown.append).take(map(read_event, [piece("x" * (2 * LONGEST_PIECE + 1)), END]))
    assert [len(line) for line in shown] == [LONGEST_PIECE, LONGEST_PIECE, 1]


def test_stream_without_an_end_is_incomplete() -> None:
    shown: list[str] = []
    text = StreamedText(shown.append)
    with pytest.raises(TwelveLabsAmbiguousError, match="without stream_end, after 3 characters"):
        text.take(map(read_event, [START, piece("one")]))
    assert text.text == "one" and shown == ["one"]


@pytest.mark.parametrize(
    ("record", "kind", "said"),
    [
        ({"event_type": "stream_error", "error": {"message": "overload"}}, TwelveLabsServerError, "overload"),
        ({"event_type": "stream_error", "error": "overload"}, TwelveLabsServerError, "overload"),
        ({"event_type": "stream_error"}, TwelveLabsServerError, "no reason"),
        ({"code": "token_limit_exceeded", "message": "long"}, TwelveLabsBadRequestError, "token_limit_exceeded: long"),
        ({"code": "resource_not_exist", "message": "x"}, TwelveLabsNotFoundError, "resource_not_exist"),
        ({"code": "too_many_requests", "message": "x"}, TwelveLabsRateLimitError, "too_many_requests"),
        ({"error": {"code": "generic_error", "message": "x"}}, TwelveLabsServerError, "generic_error"),
    ],
)
def test_failures_within_a_stream(record: dict[str, Any], kind: type[TwelveLabsError], said: str) -> None:
    with pytest.raises(kind, match=said):
        read_event(record)


def test_invalid_stream_records() -> None:
    assert read_event({"event_type": "thought"}).type == "thought"
    with pytest.raises(TwelveLabsAnswerError):
        read_event("text")


def test_json_with_unescaped_line_breaks_is_parsed() -> None:
    assert data_from('{"a": "one\ntwo"}') == {"a": "one\ntwo"}
    with pytest.raises(TwelveLabsAnswerError, match="NaN is no JSON number"):
        data_from('{"a": NaN}')
    with pytest.raises(TwelveLabsAnswerError, match="begins with 'Sure"):
        data_from("Sure! {}")


def test_segments_are_sorted_rows() -> None:
    data = {
        "b": [{"start_time": "00:00:04", "end_time": 6, "metadata": {"mood": "calm", "text": "HI"}}],
        "a": [{"start_time": 1, "end_time": 2}, {"start_time": 5, "end_time": 7, "metadata": {"count": 3}}],
        "c": None,
    }
    assert segments_of(data) == (
        Segment(1.0, 2.0, "", {"definition": "a"}),
        Segment(4.0, 6.0, "HI", {"definition": "b", "mood": "calm", "text": "HI"}),
        Segment(5.0, 7.0, "", {"definition": "a", "count": 3}),
    )
    times = ({"end_time": 1}, {"start_time": "soon", "end_time": 1})
    invalid: tuple[Any, ...] = ([], *({"a": [time]} for time in times), {"a": ["x"]})
    for wrong in invalid:
        with pytest.raises(TwelveLabsAnswerError):
            segments_of(wrong)


@pytest.mark.parametrize("kind", list(SummaryKind))
def test_packaged_prompts_are_valid_requests(kind: SummaryKind) -> None:
    request = summary_request(kind, "c03", prompt=" For children. ", temperature=0.1)
    assert problems_of_request(request, now=True) == problems_of_request(request, now=False) == ()
    assert request.prompt is not None and request.prompt.endswith("\n\nFor children.")
    older = summary_request(kind, VideoSource(SourceKind.INDEXED, "v"), model=INDEX_ENGINE)
    assert problems_of_request(older, now=True) == () and request.response_format is not None
    assert problems_of_schema(request.response_format["json_schema"]) == ()


NOTHING = Generation(id="g", text="")
CHAPTER = Segment(0.0, 3.5, "Intro", {"number": 1, "summary": "It begins."})


@pytest.mark.parametrize(
    "entry",
    [
        {"start_time": 0, "end_time": 3.5, "title": "Intro", "summary": "It begins."},
        {"chapter_number": 0, "start": 0, "end": 3.5, "chapter_title": "Intro", "chapter_summary": "It begins."},
        {"start_sec": 0, "end_sec": 3.5, "chapter_title": "Intro", "chapter_summary": "It begins."},
        {"start_time": "00:00:00", "end_time": "00:00:03.500", "title": "Intro", "summary": "It begins."},
    ],
)
def test_chapters_of_each_generation_have_equal_rows(entry: dict[str, Any]) -> None:
    found = summary_from(SummaryKind.CHAPTERS, {"chapters": [entry]}, NOTHING)
    assert found.rows == (CHAPTER,)


def test_highlights_and_objects() -> None:
    entry = {"start": 1, "end": 2, "highlight": "The goal", "highlight_summary": "He scores."}
    found = summary_from(SummaryKind.HIGHLIGHTS, {"highlights": [entry]}, NOTHING)
    assert found.rows == (Segment(1.0, 2.0, "The goal", {"summary": "He scores."}),)
    gist = summary_of(
        SummaryKind.GIST, Generation(id="g", text='{"title": " A ", "topics": ["x", "x", ""], "hashtags": []}')
    )
    assert gist.document() == {"title": "A", "topics": ["x"], "hashtags": []}


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (SummaryKind.SUMMARY, {}),
        (SummaryKind.SUMMARY, {"summary": " "}),
        (SummaryKind.TOPICS, {"topics": "x"}),
        (SummaryKind.CHAPTERS, {"chapters": None}),
        (SummaryKind.CHAPTERS, {"chapters": [{"title": "no times"}]}),
        (SummaryKind.CHAPTERS, {"chapters": ["x"]}),
        (SummaryKind.HIGHLIGHTS, []),
    ],
)
def test_answers_of_another_shape_are_refused(kind: SummaryKind, answer: Any) -> None:
    with pytest.raises(TwelveLabsAnswerError):
        summary_from(kind, answer, NOTHING)


INDEXED = VideoSource(SourceKind.INDEXED, "v")


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (AnalysisRequest("c03", prompt="x"), "give the video_id"),
        (AnalysisRequest(INDEXED), "prompt and temperature alone"),
        (AnalysisRequest(INDEXED, prompt="x", max_tokens=600, start=1.0), "max_tokens, start"),
        (AnalysisRequest(INDEXED, prompt="x", response_format=SCHEMA), "response_format"),
    ],
)
def test_unsupported_fields_of_older_generations_are_refused(request_: AnalysisRequest, said: str) -> None:
    for build in (V1_2.analyze, V1_2.analyze_stream):
        with pytest.raises(TwelveLabsUnsupportedError, match=said):
            build(request_)
    with pytest.raises(TwelveLabsUnsupportedError, match="topics takes neither prompt nor temperature"):
        V1_2.summarize("v", SummaryKind.TOPICS, temperature=0.1)


def test_billed_calls_are_not_repeatable_and_have_a_long_timeout() -> None:
    old, new = AnalysisRequest(INDEXED, prompt="x"), AnalysisRequest("c03", prompt="x")
    calls = [V1_2.analyze(old), V1_3.analyze(new)]
    calls += [V1_2.summarize("v", kind) for kind in SummaryKind]  # type: ignore[misc]
    streams = [V1_2.analyze_stream(old), V1_3.analyze_stream(new)]
    assert not any(call.repeatable for call in (*calls, *streams))
    assert all(call.patience == 900.0 and call.category == "analyze" for call in (*calls, *streams))
