"""Synchronous analysis: whole and streamed, with schemas, truncation and billing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.conftest import Library
from tests.engine.client import Api
from twelvelabs_local.engine.regex_samples import shortest_match
from twelvelabs_local.engine.schema_filling import fill
from twelvelabs_local.engine.topics import VideoText

UNKNOWN = "0" * 24
TEXT, NUMBER = {"type": "string"}, {"type": "number"}
MODEL = "twelvelabs-local-extractive"
# Those that the library checks.
FORMATS = jsonschema.FormatChecker(("uuid", "date"))


@pytest.fixture(scope="module")
def asset_id(api: Api, clip: Path) -> str:
    return api.asset(clip)


@pytest.fixture(scope="module")
def indexed(api: Api, asset_id: str) -> str:
    """The clip in an index that generates text."""
    models = [{"model_name": "pegasus1.2", "model_options": ["visual", "audio"]}]
    index = api.expect(201, "POST", "/indexes", json={"index_name": "generates", "models": models})["_id"]
    video = api.expect(202, "POST", f"/indexes/{index}/indexed-assets", json={"asset_id": asset_id})["_id"]
    api.finished(f"/indexes/{index}/indexed-assets/{video}")
    return str(video)


def question(asset_id: str, prompt: str = "Summarise the video.", **more: Any) -> dict[str, Any]:
    video = {"type": "asset_id", "asset_id": asset_id}
    return {"model_name": "pegasus1.5", "video": video, "prompt": prompt, "stream": False, **more}


def ask(api: Api, body: Mapping[str, Any]) -> Any:
    return api.expect(200, "POST", "/analyze", json=body)


def events(api: Api, body: Mapping[str, Any], path: str = "/analyze") -> list[dict[str, Any]]:
    response = api.send("POST", path, json=body, stream=True)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in response.iter_lines()]


def billed(api: Api) -> list[dict[str, Any]]:
    found = api.send("GET", "/../_local/billing").json()["events"]
    return [event for event in found if event["what"] == "analysis"]


def test_a_synchronous_answer_is_billed_once_and_is_no_task(api: Api, asset_id: str) -> None:
    before, tasks = len(billed(api)), api.get("/analyze/tasks")["page_info"]["total_results"]
    body = ask(api, question(asset_id))
    assert "SUMMER 2031" in body["data"] and body["finish_reason"] == "stop"
    assert body["model_name"] == MODEL and body["usage"]["output_tokens"] > 0 and len(body["id"]) == 36
    events_now = billed(api)
    assert len(events_now) == before + 1 and events_now[-1]["minutes"] == pytest.approx(0.1, abs=0.01)
    assert api.get("/analyze/tasks")["page_info"]["total_results"] == tasks


def test_events_of_a_stream(api: Api, asset_id: str) -> None:
    request = question(asset_id)
    whole = ask(api, request)["data"]
    # a stream is what is answered when nothing is said
    del request["stream"]
    first, *texts, last = events(api, request)
    assert first["event_type"] == "stream_start" and last["event_type"] == "stream_end"
    assert len(texts) > 3 and {event["event_type"] for event in texts} == {"text_generation"}
    assert "".join(event["text"] for event in texts) == whole
    assert last["metadata"]["generation_id"] == first["metadata"]["generation_id"]
    assert last["metadata"]["usage"]["output_tokens"] > 0 and last["finish_reason"] == "stop"


def test_urls_and_inline_videos_leave_no_files(api: Api, clip: Path, site: Callable[[Path], str]) -> None:
    assets = api.get("/assets")["page_info"]["total_results"]
    inline = base64.b64encode(clip.read_bytes()).decode()
    for video in ({"type": "url", "url": site(clip)}, {"type": "base64_string", "base64_string": inline}):
        assert "WINTER" in ask(api, {**question(""), "video": video})["data"]
    assert api.get("/assets")["page_info"]["total_results"] == assets


def test_a_window(api: Api, asset_id: str) -> None:
    data = ask(api, question(asset_id, start_time=0, end_time=4.0))["data"]
    assert "WINTER" in data
    assert billed(api)[-1]["minutes"] == pytest.approx(4 / 60, abs=0.01)


def test_an_indexed_video(api: Api, indexed: str, library: Library) -> None:
    request = {"video_id": indexed, "prompt": "What is it?", "stream": False}
    assert "SUMMER 2031" in ask(api, request)["data"]
    short = ask(api, {**request, "max_tokens": 5})
    assert len(short["data"]) == 20 and short["finish_reason"] == "length" and "max_tokens" in short["error"]["message"]
    *_, last = events(api, {**request, "max_tokens": 5, "stream": True})
    assert last["finish_reason"] == "length" and "max_tokens" in last["error"]["message"]
    unable = {**request, "video_id": library.video_id}
    api.refused(400, "index_not_supported_for_generate", "POST", "/analyze", json=unable)


SCHEMA = {
    "type": "object",
    "properties": {
        "title": TEXT,
        "summary": TEXT,
        "topics": {"type": "array", "items": TEXT},
        "hashtags": {"type": "array", "items": TEXT, "minItems": 1},
        "chapters": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "start_time": NUMBER,
                    "end_time": {"type": "timestamp", "format": "hh:mm:ss"},
                    "title": TEXT,
                    "summary": TEXT,
                    "mood": {"enum": ["calm", "wild"]},
                },
                "required": ["start_time", "end_time", "title"],
            },
        },
        "rating": {"type": "integer", "minimum": 1, "exclusiveMaximum": 6},
        "optional": {"type": "boolean"},
    },
    "required": ["title", "summary", "topics", "hashtags", "chapters", "rating"],
}


def test_a_schema_is_filled_with_on_screen_text(api: Api, asset_id: str) -> None:
    shape = {"type": "json_schema", "json_schema": SCHEMA}
    found = json.loads(ask(api, question(asset_id, response_format=shape))["data"])
    assert found["title"] == "WINTER" and "SUMMER 2031" in found["summary"]
    assert "winter" in found["topics"] and "#winter" in found["hashtags"]
    first, second = found["chapters"]
    assert (first["start_time"], first["end_time"], first["title"]) == (0.0, "00:00:03", "WINTER")
    assert second["title"] == "SUMMER 2031"
    assert "mood" not in first and "optional" not in found, "what cannot be known is left out where it may be"
    assert found["rating"] == 1


HARD: dict[str, dict[str, Any]] = {
    "a choice": {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 5}]},
    "a constant": {"const": "yes"},
    "a list of types": {"type": ["null", "string"]},
    "a pattern": {"type": "string", "pattern": "^[A-Z]{2}-\\d{3,}(x|y)$"},
    "formats": {
        "type": "object",
        "properties": {name: {"type": "string", "format": name} for name in ("uuid", "date-time", "date", "time")},
        "required": ["uuid", "date-time", "date", "time"],
    },
    "itself": {
        "type": "object",
        "properties": {"name": TEXT, "children": {"type": "array", "items": {"$ref": "#"}, "minItems": 0}},
        "required": ["name", "children"],
    },
    "definitions": {
        "type": "array",
        "items": {"$ref": "#/$defs/line"},
        "minItems": 1,
        "$defs": {
            "line": {"type": "object", "properties": {"text": TEXT, "n": {"$ref": "#/$defs/n"}}, "required": ["n"]},
            "n": {"type": "integer", "maximum": -3},
        },
    },
    "only what is required": {"type": "object", "required": ["anything"]},
    "bounds": {"type": "integer", "exclusiveMinimum": 3, "maximum": 4},
    "nothing": {"type": "null"},
}


@pytest.mark.parametrize("name", HARD)
def test_every_answer_is_valid_against_its_schema(name: str) -> None:
    row = {"start": 1.0, "end": 2.5, "value": "WINTER"}
    for material in (VideoText(6.0, [], []), VideoText(6.0, [row], [row])):  # type: ignore[list-item]
        filled = fill(HARD[name], material, "texts on screen", 0.0, 6.0)
        validator = jsonschema.Draft202012Validator(HARD[name], format_checker=FORMATS)
        assert list(validator.iter_errors(filled.value)) == []


@pytest.mark.parametrize("pattern", ["", "^a+b*$", "[^a]", "\\w+@\\w+\\.(com|org)", "(ab){2}", ".{3}", "[0-9a-f]{4}"])
def test_patterns(pattern: str) -> None:
    import re

    assert re.search(pattern, shortest_match(pattern))


REFUSED: list[tuple[int, str, dict[str, Any]]] = [
    (404, "resource_not_exist", {"video": {"type": "asset_id", "asset_id": UNKNOWN}}),
    (400, "parameter_not_provided", {"video": None}),
    (400, "parameter_not_provided", {"prompt": None}),
    (400, "parameter_invalid", {"prompt_v2": {"input_text": "x"}}),
    (400, "parameter_invalid", {"video_id": UNKNOWN}),
    (400, "parameter_invalid", {"video": None, "video_id": UNKNOWN}),
    (404, "resource_not_exist", {"video": None, "video_id": UNKNOWN, "model_name": "pegasus1.2"}),
    (400, "parameter_unknown", {"analysis_mode": "general"}),
    (400, "parameter_unknown", {"custom_id": "a"}),
    (400, "parameter_invalid", {"stream": "yes"}),
    (400, "parameter_invalid", {"temperature": 1.5}),
    (400, "parameter_invalid", {"max_tokens": 511}),
    (400, "parameter_invalid", {"start_time": 100.0, "end_time": 200.0}),
    (400, "parameter_invalid", {"response_format": {"type": "segment_definitions"}}),
    (400, "token_limit_exceeded", {"model_name": "pegasus1.2", "prompt": "why " * 3000}),
]


@pytest.mark.parametrize(("status", "code", "change"), REFUSED)
def test_errors_are_flat_and_not_billed(
    api: Api, asset_id: str, status: int, code: str, change: dict[str, Any]
) -> None:
    before = len(billed(api))
    body = {name: value for name, value in (question(asset_id) | change).items() if value is not None}
    api.refused(status, code, "POST", "/analyze", json=body)
    assert len(billed(api)) == before


def test_a_broken_file_is_refused_before_a_stream_begins(api: Api, site: Callable[[Path], str], tmp_path: Path) -> None:
    (tmp_path / "letter.mp4").write_bytes(b"Dear all,\n" * 500)
    video = {"type": "url", "url": site(tmp_path / "letter.mp4")}
    api.refused(400, "video_file_broken", "POST", "/analyze", json={**question(""), "video": video, "stream": True})


def test_more_than_an_hour_is_refused(api: Api) -> None:
    from twelvelabs_local.engine.probe import Probe
    from twelvelabs_local.errors import MediaError
    from twelvelabs_local.video_limits import PEGASUS_DIRECT, check_window

    probe = Probe(3601.0, 1, "mp4", 640, 360, 25.0, "h264", None, 0)
    with pytest.raises(MediaError, match="at most 3600 seconds"):
        check_window({}, probe, PEGASUS_DIRECT)


def test_a_truncated_list_of_segments_fails_its_task(api: Api, asset_id: str) -> None:
    fields = [{"name": f"text{number}", "type": "string", "description": "x"} for number in range(20)]
    definitions = [
        {"id": f"text-{number}", "description": "readable text on screen " + "x" * 50, "fields": fields}
        for number in range(20)
    ]
    request = {
        "model_name": "pegasus1.5",
        "video": {"type": "asset_id", "asset_id": asset_id},
        "analysis_mode": "time_based_metadata",
        "response_format": {"type": "segment_definitions", "segment_definitions": definitions},
        "max_tokens": 2048,
    }
    task = api.expect(202, "POST", "/analyze/tasks", json=request)["task_id"]
    assert "max_tokens" in api.finished(f"/analyze/tasks/{task}", "failed")["error"]["message"]


@pytest.fixture(scope="module")
def old(api: Api) -> Api:
    return Api(api.engine, "v1.2")


class TestOlder:
    """Text generation of v1.2."""

    @pytest.mark.parametrize("path", ["/generate", "/analyze"])
    def test_prompts(self, old: Api, indexed: str, path: str) -> None:
        request = {"video_id": indexed, "prompt": "What is it?", "temperature": 0.5}
        whole = old.expect(200, "POST", path, json=request)
        assert "WINTER" in whole["data"] and whole["id"]
        first, *texts, last = events(old, {**request, "stream": True}, path)
        assert first["event_type"] == "stream_start" and last["event_type"] == "stream_end"
        assert "".join(event["text"] for event in texts) == whole["data"]

    def test_summaries(self, old: Api, indexed: str) -> None:
        def summary(kind: str) -> Any:
            return old.expect(200, "POST", "/summarize", json={"video_id": indexed, "type": kind})

        assert "WINTER" in summary("summary")["summary"]
        first, second = summary("chapter")["chapters"]
        assert first["chapter_title"] == "WINTER" and first["chapter_number"] == 0
        assert (first["end"], second["end"]) == (second["start"], pytest.approx(6.0, abs=0.1))
        assert [row["highlight"] for row in summary("highlight")["highlights"]] == ["WINTER", "SUMMER 2031"]

    def test_gists(self, old: Api, indexed: str) -> None:
        body = old.expect(200, "POST", "/gist", json={"video_id": indexed, "types": ["title", "topic", "hashtag"]})
        assert body["title"] == "WINTER" and body["topics"] == ["winter", "summer"]
        assert body["hashtags"] == ["#winter", "#summer"] and body["usage"]["output_tokens"] > 0
        assert "topics" not in old.expect(200, "POST", "/gist", json={"video_id": indexed, "types": ["title"]})

    @pytest.mark.parametrize(
        ("path", "code", "change"),
        [
            ("/generate", "parameter_not_provided", {"video_id": None, "prompt": "x"}),
            ("/generate", "parameter_not_provided", {}),
            ("/generate", "parameter_unknown", {"prompt": "x", "max_tokens": 5}),
            ("/generate", "parameter_invalid", {"prompt": "x", "temperature": 2}),
            ("/generate", "token_limit_exceeded", {"prompt": "why " * 3000}),
            ("/summarize", "parameter_not_provided", {}),
            ("/summarize", "parameter_invalid", {"type": "poem"}),
            ("/gist", "parameter_not_provided", {}),
            ("/gist", "parameter_invalid", {"types": ["poem"]}),
            ("/gist", "parameter_invalid", {"types": "title"}),
        ],
    )
    def test_refusals(self, old: Api, indexed: str, path: str, code: str, change: dict[str, Any]) -> None:
        body = {name: value for name, value in ({"video_id": indexed} | change).items() if value is not None}
        old.refused(400, code, "POST", path, json=body)

    def test_the_generation_before_has_none(self, old: Api) -> None:
        for path in ("/generate", "/summarize", "/gist"):
            Api(old.engine, "v1.1").refused(404, "not_found", "POST", path, json={})
