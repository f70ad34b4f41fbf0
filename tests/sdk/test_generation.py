"""Generated text with the vendor's client: synchronous, streamed, and by tasks."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from twelvelabs import BadRequestError, NotFoundError, TwelveLabs
from twelvelabs.types import (
    AnalyzePromptV2,
    AsyncResponseFormat,
    SegmentDefinition,
    SegmentField,
    SyncResponseFormat,
    VideoContext_AssetId,
    VideoContext_Base64String,
    VideoContext_Url,
)

from tests.engine.client import until
from tests.unit.scripted_server import Hang, ScriptedServer

if TYPE_CHECKING:
    from tests.conftest import Library

UNKNOWN = "665000000000000000000abc"
SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}


@pytest.fixture
def video(library: Library) -> VideoContext_AssetId:
    return VideoContext_AssetId(asset_id=library.asset_id)


def ended(client: TwelveLabs, task_id: str) -> Any:
    def look() -> Any:
        task = client.analyze_async.tasks.retrieve(task_id)
        return task if task.status in ("ready", "failed", "canceled") else None

    return until(look)


def test_synchronous_answer(client: TwelveLabs, video: VideoContext_AssetId) -> None:
    found = client.analyze(model_name="pegasus1.5", video=video, prompt="What?", temperature=0.2, max_tokens=600)
    assert found.data and "good morning" in found.data and found.finish_reason == "stop" and found.id
    assert found.usage and found.usage.output_tokens > 0 and found.error is None


def test_streamed_answer(client: TwelveLabs, video: VideoContext_AssetId) -> None:
    events = list(client.analyze_stream(model_name="pegasus1.5", video=video, prompt="What?"))
    assert [events[0].event_type, events[-1].event_type] == ["stream_start", "stream_end"]
    texts = [event.text for event in events if event.event_type == "text_generation"]
    assert len(texts) == len(events) - 2 and "good morning" in "".join(texts)
    last = events[-1]
    assert last.finish_reason == "stop" and last.metadata.usage.output_tokens > 0
    assert last.metadata.generation_id == events[0].metadata.generation_id


def test_structured_answers(client: TwelveLabs, video: VideoContext_AssetId) -> None:
    shape = SyncResponseFormat(type="json_schema", json_schema=SCHEMA)
    prompt = AnalyzePromptV2(input_text="What is the title?")
    found = client.analyze(model_name="pegasus1.5", video=video, prompt_v_2=prompt, response_format=shape)
    assert list(json.loads(found.data or "")) == ["title"]
    pieces = client.analyze_stream(model_name="pegasus1.5", video=video, prompt="Title?", response_format=shape)
    text = "".join(event.text for event in pieces if event.event_type == "text_generation")
    assert json.loads(text) == json.loads(found.data or "")


def test_links_and_inline_videos(client: TwelveLabs, clip: Path, site: Callable[[Path], str]) -> None:
    inline = VideoContext_Base64String(base_64_string=base64.b64encode(clip.read_bytes()).decode())
    for source in (VideoContext_Url(url=site(clip)), inline):
        found = client.analyze(model_name="pegasus1.5", video=source, prompt="What?", start_time=0, end_time=4.0)
        assert "WINTER" in (found.data or "")


def test_task_is_created_waited_for_and_deleted(client: TwelveLabs, video: VideoContext_AssetId) -> None:
    tasks = client.analyze_async.tasks
    created = tasks.create(model_name="pegasus1.5", video=video, prompt="What is shown?", custom_id="sdk-1")
    assert created.status in ("queued", "pending")
    task = ended(client, created.task_id)
    assert task.status == "ready" and task.custom_id == "sdk-1" and task.completed_at
    assert task.result.finish_reason == "stop" and task.result.usage.output_tokens and task.result.generation_id
    assert task.video_source.system_metadata.duration > 30
    listed = tasks.list(status="ready", asset_id=video.asset_id, analysis_mode="general", page_limit=50)
    assert created.task_id in [entry.task_id for entry in listed.data or ()]
    tasks.delete(created.task_id)
    for call in (tasks.retrieve, tasks.delete):
        with pytest.raises(NotFoundError):
            call(created.task_id)


def test_task_is_cancelled(client: TwelveLabs) -> None:
    tasks = client.analyze_async.tasks
    with ScriptedServer(Hang()) as silent:
        source = VideoContext_Url(url=f"{silent.origin}/film.mp4")
        created = tasks.create(model_name="pegasus1.5", video=source, prompt="What is shown?")
        assert tasks.cancel(created.task_id).status == "canceled"
        assert tasks.retrieve(created.task_id).status == "canceled"


def test_segments(client: TwelveLabs, video: VideoContext_AssetId) -> None:
    field = SegmentField(name="text", type="string", description="Exact text as shown")
    definition = SegmentDefinition(id="screen", description="text on screen", fields=[field])
    task = client.analyze_async.tasks.create(
        model_name="pegasus1.5",
        video=video,
        analysis_mode="time_based_metadata",
        response_format=AsyncResponseFormat(type="segment_definitions", segment_definitions=[definition]),
        min_segment_duration=2.0,
    )
    rows = json.loads(ended(client, task.task_id).result.data)["screen"]
    assert rows and all(row["metadata"]["text"] and row["end_time"] > row["start_time"] for row in rows)


def test_refusals_raise_client_exceptions(client: TwelveLabs, video: VideoContext_AssetId) -> None:
    unknown = VideoContext_AssetId(asset_id=UNKNOWN)
    with pytest.raises(NotFoundError) as missing:
        client.analyze(model_name="pegasus1.5", video=unknown, prompt="What?")
    assert missing.value.body["code"] == "resource_not_exist"
    with pytest.raises(BadRequestError) as invalid:
        list(client.analyze_stream(model_name="pegasus1.5", video=video, prompt="What?", max_tokens=5))
    assert invalid.value.body["code"] == "parameter_invalid"
    with pytest.raises(BadRequestError) as wrapped:
        client.analyze_async.tasks.create(model_name="pegasus1.5", video=video)
    assert wrapped.value.body["error"]["code"] == "parameter_not_provided"
