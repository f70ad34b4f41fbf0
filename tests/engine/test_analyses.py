from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.client import Api
from tests.engine.videos import make_video

TEXT_FIELD = {"name": "text", "type": "string", "description": "Exact text as shown"}
SCREEN = {"id": "onscreen_text", "description": "Moments where readable text appears on screen", "fields": [TEXT_FIELD]}
SPEECH = {"id": "speech", "description": "Every sentence that is spoken", "fields": [TEXT_FIELD]}
DANCE = {"id": "dance", "description": "People who dance", "fields": []}


@pytest.fixture(scope="session")
def asset_id(api: Api, clip: Path) -> str:
    return api.asset(clip)


def segmentation(asset_id: str, *definitions: dict[str, Any], **more: Any) -> dict[str, Any]:
    shape = {"type": "segment_definitions", "segment_definitions": list(definitions or [SCREEN])}
    return {
        "model_name": "pegasus1.5",
        "video": {"type": "asset_id", "asset_id": asset_id},
        "analysis_mode": "time_based_metadata",
        "response_format": {**shape, **more.pop("response_format", {})},
        **more,
    }


def general(asset_id: str, prompt: str = "Summarise the video.", **more: Any) -> dict[str, Any]:
    return {"model_name": "pegasus1.5", "video": {"type": "asset_id", "asset_id": asset_id}, "prompt": prompt, **more}


def data_of(body: dict[str, Any]) -> Any:
    assert isinstance(body["result"]["data"], str)
    return json.loads(body["result"]["data"])


def test_on_screen_text_by_segment_definition(api: Api, asset_id: str) -> None:
    body = api.analysis(segmentation(asset_id, custom_id="run-42", max_tokens=32768))
    assert data_of(body) == {
        "onscreen_text": [
            {"start_time": 0.0, "end_time": 3.0, "metadata": {"text": "WINTER"}},
            {"start_time": 3.0, "end_time": pytest.approx(6, abs=0.1), "metadata": {"text": "SUMMER 2031"}},
        ]
    }
    assert body["custom_id"] == "run-42" and body["completed_at"] >= body["created_at"]
    assert body["video_source"]["asset_id"] == asset_id
    assert body["video_source"]["system_metadata"]["duration"] == pytest.approx(6, abs=0.1)
    assert body["request_params"]["analysis_mode"] == "time_based_metadata"
    assert body["request_params"]["max_tokens"] == 32768
    assert body["result"]["finish_reason"] == "stop" and body["result"]["usage"]["output_tokens"] > 0
    assert body["result"]["model_name"] == body["request_params"]["model_name"] == "twelvelabs-local-extractive"
    assert "error" not in body


def test_speech_by_segment_definition(api: Api, sample: Path) -> None:
    found = data_of(api.analysis(segmentation(api.asset(sample), SPEECH, SCREEN)))
    assert list(found) == ["speech", "onscreen_text"]
    assert "good morning" in found["speech"][0]["metadata"]["text"]
    assert found["onscreen_text"] and "morning" not in found["onscreen_text"][0]["metadata"]["text"].lower()


def test_visual_questions_stay_empty_with_a_warning(api: Api, asset_id: str) -> None:
    body = api.analysis(segmentation(asset_id, DANCE, SCREEN))
    found = data_of(body)
    assert found["dance"] == [] and len(found["onscreen_text"]) == 2
    assert "dance" in body["error"]["message"] and "onscreen_text" not in body["error"]["message"]


def test_windows_and_formats(api: Api, asset_id: str) -> None:
    shape = {"segment_time_format": "hh:mm:ss.fff"}
    rows = data_of(api.analysis(segmentation(asset_id, response_format=shape, start_time=1.5, end_time=5.5)))
    times = [(row["start_time"], row["end_time"]) for row in rows["onscreen_text"]]
    assert times == [("00:00:01.500", "00:00:03.000"), ("00:00:03.000", "00:00:05.500")]

    ranged = {**SCREEN, "time_ranges": [{"start_time": 4, "end_time": 6}]}
    rows = data_of(api.analysis(segmentation(asset_id, ranged)))["onscreen_text"]
    assert [row["metadata"]["text"] for row in rows] == ["SUMMER 2031"] and rows[0]["start_time"] == 4

    split = data_of(api.analysis(segmentation(asset_id, max_segment_duration=2)))["onscreen_text"]
    assert [(row["start_time"], row["end_time"]) for row in split][:2] == [(0, 2), (2, 3)]


def test_fields_are_filled_with_text_and_times_only(api: Api, asset_id: str) -> None:
    fields = [
        {"name": "mood", "type": "string", "description": "Mood", "enum": ["calm", "wild"]},
        {"name": "shown_text", "type": "string", "description": "The text"},
        {"name": "since", "type": "timestamp", "description": "Begin", "format": "hh:mm:ss"},
        {"name": "count", "type": "integer", "description": "Letters"},
    ]
    rows = data_of(api.analysis(segmentation(asset_id, {**SCREEN, "fields": fields})))["onscreen_text"]
    assert rows[1]["metadata"] == {"mood": None, "shown_text": "SUMMER 2031", "since": "00:00:03", "count": None}


def test_a_prompt_returns_an_extract(api: Api, sample: Path) -> None:
    body = api.analysis(general(api.asset(sample)))
    assert "good morning and welcome" in body["result"]["data"]
    assert body["request_params"]["prompt"] == "Summarise the video."


def test_a_schema_with_rows_is_filled(api: Api, asset_id: str) -> None:
    number, text = {"type": "number"}, {"type": "string"}
    item = {"type": "object", "properties": {"start": number, "end": number, "value": text}, "required": ["start"]}
    schema = {"type": "object", "properties": {"items": {"type": "array", "items": item}}, "required": ["items"]}
    shape = {"type": "json_schema", "json_schema": schema}
    prompt = "List every piece of text readable on screen with its start and end second."
    body = api.analysis(general(asset_id, prompt, response_format=shape))
    assert data_of(body)["items"][0] == {"start": 0.0, "end": 3.0, "value": "WINTER"}
    listed = next(task for task in api.get("/analyze/tasks")["data"] if task["task_id"] == body["task_id"])
    assert listed["request_params"]["prompt"] == prompt[:30]


def test_urls_and_inline_videos(api: Api, site: Callable[[Path], str], clip: Path) -> None:
    inline = base64.b64encode(clip.read_bytes()).decode()
    for video in ({"type": "url", "url": site(clip)}, {"type": "base64_string", "base64_string": inline}):
        body = api.analysis({**segmentation(""), "video": video})
        assert len(data_of(body)["onscreen_text"]) == 2
        assert inline not in json.dumps(body)
    task = api.expect(
        202, "POST", "/analyze/tasks", json={**segmentation(""), "video": {"type": "url", "url": site(clip) + ".gone"}}
    )
    assert "404" in api.finished(f"/analyze/tasks/{task['task_id']}", "failed")["error"]["message"]


def test_the_same_idempotency_key_returns_the_same_task(api: Api, asset_id: str) -> None:
    headers = {"Idempotency-Key": "dag-run-1"}
    request = segmentation(asset_id)
    before = api.get("/analyze/tasks")["page_info"]["total_results"]
    ids = {api.expect(202, "POST", "/analyze/tasks", json=request, headers=headers)["task_id"] for _ in range(3)}
    assert len(ids) == 1 and api.get("/analyze/tasks")["page_info"]["total_results"] == before + 1
    other = segmentation(asset_id, SPEECH)
    path = "/analyze/tasks"
    api.refused(409, "idempotency_key_reused", "POST", path, json=other, headers=headers, wrapped=True)


def test_filters_of_the_list(api: Api, clip: Path) -> None:
    asset_id = api.asset(clip)
    tasks = [api.analysis(general(asset_id))["task_id"], api.analysis(segmentation(asset_id))["task_id"]]

    def ids(**query: Any) -> list[str]:
        return [task["task_id"] for task in api.get("/analyze/tasks", asset_id=asset_id, **query)["data"]]

    assert ids() == tasks[::-1]
    assert ids(analysis_mode="general") == tasks[:1]
    assert ids(status="ready", page_limit=1) == tasks[1:]
    assert ids(status="failed") == []
    api.refused(400, "parameter_invalid", "GET", "/analyze/tasks", params={"status": "done"})


def test_a_waiting_task_is_cancelled(api: Api, tmp_path: Path) -> None:
    """Two long ones: the second one waits while both are cancelled."""
    slides = tuple(f"CANCEL {number}" for number in range(12))
    asset_id = api.asset(make_video(tmp_path / "a.mp4", slides, seconds=12))
    path = "/analyze/tasks"
    tasks = [api.expect(202, "POST", path, json=segmentation(asset_id))["task_id"] for _ in range(2)]
    for task_id in tasks[::-1]:
        for _ in range(2):
            body = api.expect(200, "POST", f"{path}/{task_id}/cancel")
            assert body == {"task_id": task_id, "status": "canceled"}
    for task_id in tasks:
        assert "result" not in api.finished(f"{path}/{task_id}", "canceled")
        api.expect(204, "DELETE", f"{path}/{task_id}")
    billed = api.send("GET", "/../_local/billing").json()["events"]
    assert not {event["id"] for event in billed} & set(tasks)


def test_a_finished_task_is_deleted_but_not_cancelled(api: Api, asset_id: str) -> None:
    path = f"/analyze/tasks/{api.analysis(segmentation(asset_id))['task_id']}"
    api.refused(409, "task_cannot_be_canceled", "POST", f"{path}/cancel", wrapped=True)
    api.expect(204, "DELETE", path)
    for method in ("GET", "DELETE"):
        api.refused(404, "resource_not_exist", method, path, wrapped=True)


def test_a_running_task_is_not_deleted(api: Api, tmp_path: Path) -> None:
    slides = tuple(f"KEEP {number}" for number in range(12))
    asset_id = api.asset(make_video(tmp_path / "a.mp4", slides, seconds=12))
    path = f"/analyze/tasks/{api.expect(202, 'POST', '/analyze/tasks', json=segmentation(asset_id))['task_id']}"
    while api.get(path)["status"] in ("queued", "pending"):
        pass
    api.refused(409, "task_cannot_be_deleted", "DELETE", path, wrapped=True)
    api.expect(200, "POST", f"{path}/cancel")


WRONG: list[tuple[int, str, dict[str, Any]]] = [
    (400, "parameter_not_provided", {"video": None}),
    (400, "parameter_invalid", {"video": {"type": "video_id", "video_id": "0" * 24}}),
    (400, "parameter_invalid", {"video": {"type": "url", "url": "ftp://example.org/a.mp4"}}),
    (400, "parameter_not_provided", {"video": {"type": "url"}}),
    (400, "resource_not_exist", {"video": {"type": "asset_id", "asset_id": "0" * 24}}),
    (400, "parameter_invalid", {"video": {"type": "base64_string", "base64_string": "?"}}),
    (400, "parameter_invalid", {"model_name": "pegasus1.2"}),
    (400, "parameter_invalid", {"model_name": "parrot"}),
    (400, "parameter_invalid", {"analysis_mode": "magic"}),
    (400, "parameter_invalid", {"prompt": "Tell me."}),
    (400, "parameter_invalid", {"custom_id": ""}),
    (400, "parameter_invalid", {"custom_id": "a b"}),
    (400, "parameter_invalid", {"temperature": 2}),
    (400, "parameter_invalid", {"max_tokens": 100}),
    (400, "parameter_invalid", {"start_time": 5, "end_time": 3}),
    (400, "parameter_invalid", {"start_time": 1, "end_time": 3}),
    (400, "parameter_invalid", {"min_segment_duration": 1}),
    (400, "parameter_invalid", {"min_segment_duration": 5, "max_segment_duration": 3}),
    (400, "parameter_invalid", {"response_format": None}),
    (400, "parameter_unknown", {"stream": True}),
]


@pytest.mark.parametrize(("status", "code", "change"), WRONG)
def test_invalid_requests(api: Api, asset_id: str, status: int, code: str, change: dict[str, Any]) -> None:
    request = {**segmentation(asset_id), **change}
    body = {name: value for name, value in request.items() if value is not None}
    api.refused(status, code, "POST", "/analyze/tasks", json=body, wrapped=True)


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("parameter_not_provided", {"id": ""}),
        ("parameter_not_provided", {"description": None}),
        ("parameter_unknown", {"colour": "red"}),
        ("parameter_invalid", {"fields": [{**TEXT_FIELD, "type": "poem"}]}),
        ("parameter_invalid", {"fields": [{**TEXT_FIELD, "format": "seconds"}]}),
        ("parameter_invalid", {"fields": [{**TEXT_FIELD, "type": "timestamp"}]}),
        ("parameter_invalid", {"fields": [TEXT_FIELD] * 21}),
        ("parameter_invalid", {"time_ranges": [{"start_time": 0, "end_time": 1}]}),
        ("parameter_invalid", {"time_ranges": [{"start_time": 0, "end_time": 3}, {"start_time": 2, "end_time": 5}]}),
        ("parameter_invalid", {"time_ranges": [{"start_time": 0}]}),
    ],
)
def test_invalid_definitions(api: Api, asset_id: str, code: str, change: dict[str, Any]) -> None:
    request = segmentation(asset_id, {**SCREEN, **change})
    api.refused(400, code, "POST", "/analyze/tasks", json=request, wrapped=True)


def test_a_schema_with_unsupported_keywords_is_refused(api: Api, asset_id: str) -> None:
    # a property may have the name of a keyword
    schema = {"type": "object", "properties": {"not": {"type": "string"}, "b": {"type": "string", "maxLength": 3}}}
    request = general(asset_id, response_format={"type": "json_schema", "json_schema": schema})
    message = api.refused(422, "parameter_invalid", "POST", "/analyze/tasks", json=request, wrapped=True)
    assert "maxLength" in message and "not," not in message


def test_a_window_outside_of_the_video_fails_the_task(api: Api, asset_id: str) -> None:
    task = api.expect(202, "POST", "/analyze/tasks", json=segmentation(asset_id, start_time=10, end_time=20))
    assert "outside" in api.finished(f"/analyze/tasks/{task['task_id']}", "failed")["error"]["message"]


def test_analyses_are_billed_per_definition(api: Api, asset_id: str) -> None:
    task = api.analysis(segmentation(asset_id, SCREEN, DANCE))["task_id"]
    billed = api.send("GET", "/../_local/billing").json()
    event = next(event for event in billed["events"] if event["id"] == task)
    assert event["what"] == "analysis" and event["minutes"] == pytest.approx(2 * 6 / 60, abs=0.01)
    assert billed["totals"]["analysis"]["events"] >= 1
