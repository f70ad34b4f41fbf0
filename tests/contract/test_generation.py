"""Every call that generates text."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Library
from tests.engine.client import until
from tests.unit.scripted_server import Hang, ScriptedServer
from twelvelabs_provider.api.analysis.generation import generation_of_task
from twelvelabs_provider.api.analysis.request import (
    AnalysisMode,
    AnalysisRequest,
    SourceKind,
    VideoSource,
    on_screen_text_request,
)
from twelvelabs_provider.api.analysis.response_format import data_from, json_schema, segment_definitions, segments_of
from twelvelabs_provider.api.analysis.stream import EventType, StreamedText
from twelvelabs_provider.api.analysis.summaries import SummaryKind, summary_of, summary_request
from twelvelabs_provider.api.errors import (
    TwelveLabsBadRequestError,
    TwelveLabsNotFoundError,
    TwelveLabsUnsupportedError,
)

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

pytestmark = pytest.mark.engine

UNKNOWN = "6650000000000000000000ff"
TITLE = json_schema({"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]})
FIELD = {"name": "text", "type": "string", "description": "Exact text as shown"}


@pytest.fixture
def asset_id(library: Library) -> str:
    return library.asset_id


@pytest.fixture
def indexed(hook: TwelveLabsHook, library: Library) -> VideoSource:
    """A video of an index that generates text; it is indexed once, by its name."""
    from twelvelabs_provider.api.models import Model

    index = hook.execute(hook.api.find_index("generated text"))
    if index is None:
        models = [Model("pegasus1.2", ("visual", "audio"))]
        index_id = hook.execute(hook.api.create_index("generated text", models))
        video_id = hook.execute(hook.api.create_indexed_asset(index_id, library.asset_id))
        until(lambda: hook.execute(hook.api.read_indexed_asset(index_id, video_id)).status == "ready")
        return VideoSource(SourceKind.INDEXED, video_id)
    video = next(hook.items(lambda paging: hook.api.list_videos(index.id, paging=paging)))
    return VideoSource(SourceKind.INDEXED, video.id)


def finished(hook: TwelveLabsHook, task_id: str) -> Any:
    def look() -> Any:
        task = hook.execute(hook.api.read_analysis_task(task_id))
        return task if task.status in ("ready", "failed", "canceled") else None

    return until(look)


def test_synchronous_answer(hook: TwelveLabsHook, asset_id: str) -> None:
    request = AnalysisRequest(asset_id, prompt="What is it about?", temperature=0.0, max_tokens=600, start=0, end=20.0)
    found = hook.execute(hook.api.analyze(request))
    assert "good morning" in found.text and found.finish_reason == "stop" and found.id
    assert found.usage.output_tokens and found.usage.input_tokens
    assert found.model == "twelvelabs-local-extractive"


def test_streamed_answer(hook: TwelveLabsHook, asset_id: str) -> None:
    request = AnalysisRequest(asset_id, prompt="What is it about?")
    first, *pieces, last = hook.stream(hook.api.analyze_stream(request))
    assert (first.type, last.type) == (EventType.STARTED, EventType.ENDED)
    assert len(pieces) > 3 and all(piece.type == EventType.TEXT for piece in pieces)
    whole = hook.execute(hook.api.analyze(request))
    again = StreamedText().take(hook.stream(hook.api.analyze_stream(request)))
    assert again.text == whole.text == "".join(getattr(piece, "text", "") for piece in pieces)
    assert again.usage.output_tokens == whole.usage.output_tokens


def test_structured_answers(hook: TwelveLabsHook, asset_id: str) -> None:
    prompt = {"input_text": "What is the <@logo> called?", "media_sources": [image(asset_id)]}
    request = AnalysisRequest(asset_id, prompt_v2=prompt, response_format=TITLE)
    assert list(data_from(hook.execute(hook.api.analyze(request)).text)) == ["title"]


def image(asset_id: str) -> dict[str, Any]:
    return {"name": "logo", "media_type": "image", "asset_id": asset_id}


@pytest.mark.parametrize("kind", list(SummaryKind))
def test_packaged_prompts(kind: SummaryKind, hook: TwelveLabsHook, asset_id: str) -> None:
    found = summary_of(kind, hook.execute(hook.api.analyze(summary_request(kind, asset_id))))
    assert bool(found.rows) is kind.timed
    assert all(found.document().values())
    with pytest.raises(TwelveLabsUnsupportedError, match="summary_request"):
        hook.execute(hook.api.summarize("v", kind))


def test_url_inline_file_and_indexed_video(
    hook: TwelveLabsHook, clip: Path, site: Callable[[Path], str], indexed: VideoSource
) -> None:
    inline = VideoSource(SourceKind.INLINE, base64.b64encode(clip.read_bytes()).decode())
    for source in (VideoSource(SourceKind.URL, site(clip)), inline):
        assert "WINTER" in hook.execute(hook.api.analyze(AnalysisRequest(source, prompt="What?"))).text
    for ask in (hook.api.analyze, hook.api.analyze_stream, hook.api.create_analysis_task):
        with pytest.raises(TwelveLabsUnsupportedError, match="give the asset_id"):
            ask(AnalysisRequest(indexed, prompt="What?"))


def test_task_is_found_by_each_filter_and_deleted(
    hook: TwelveLabsHook, clip: Path, site: Callable[[Path], str]
) -> None:
    source = VideoSource(SourceKind.URL, site(clip))
    request = AnalysisRequest(source, prompt="What?", response_format=TITLE, custom_id="row-1")
    created = hook.execute(hook.api.create_analysis_task(request, idempotency_key="contract-generation"))
    again = hook.execute(hook.api.create_analysis_task(request, idempotency_key="contract-generation"))
    assert again.id == created.id
    task = finished(hook, created.id)
    assert task.custom_id == "row-1" and generation_of_task(task).usage.output_tokens
    filters: list[dict[str, Any]] = [
        {"status": "ready"},
        {"video_url": source.value},
        {"analysis_mode": AnalysisMode.GENERAL},
    ]
    for fields in filters:
        found = hook.execute(hook.api.list_analysis_tasks(**fields))
        assert created.id in [entry.id for entry in found.items]
    assert not hook.execute(hook.api.list_analysis_tasks(asset_id=UNKNOWN)).items
    for _ in range(2):
        hook.execute(hook.api.delete_analysis_task(created.id))
    with pytest.raises(TwelveLabsNotFoundError):
        hook.execute(hook.api.read_analysis_task(created.id))


def test_cancelling_a_task_is_idempotent(hook: TwelveLabsHook) -> None:
    with ScriptedServer(Hang()) as silent:
        source = VideoSource(SourceKind.URL, f"{silent.origin}/film.mp4")
        task = hook.execute(hook.api.create_analysis_task(AnalysisRequest(source, prompt="What?")))
        for _ in range(2):
            hook.execute(hook.api.cancel_analysis_task(task.id))
        assert hook.execute(hook.api.read_analysis_task(task.id)).status == "canceled"


def test_segments_of_a_task(hook: TwelveLabsHook, asset_id: str) -> None:
    definitions = [
        {"id": "screen", "description": "text on screen", "fields": [FIELD]},
        {
            "id": "said",
            "description": "every sentence that is spoken",
            "fields": [FIELD, {"name": "at", "type": "timestamp", "description": "when", "format": "hh:mm:ss"}],
            "time_ranges": [{"start_time": 0, "end_time": 20}],
        },
    ]
    request = AnalysisRequest(
        asset_id,
        mode=AnalysisMode.TIME_BASED_METADATA,
        response_format=segment_definitions(definitions),
        max_tokens=4096,
    )
    task = finished(hook, hook.execute(hook.api.create_analysis_task(request)).id)
    rows = segments_of(json.loads(generation_of_task(task).text))
    assert {row.extra["definition"] for row in rows} == {"screen", "said"}
    assert all(row.end <= 20 for row in rows if row.extra["definition"] == "said")
    bounded = on_screen_text_request(asset_id, start=1.0, end=20.0, custom_id="x")
    assert finished(hook, hook.execute(hook.api.create_analysis_task(bounded)).id).status == "ready"


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (AnalysisRequest(UNKNOWN, prompt="x"), TwelveLabsNotFoundError),
        (AnalysisRequest(UNKNOWN), TwelveLabsBadRequestError),
        (AnalysisRequest(VideoSource(SourceKind.URL, "ftp://h/v.mp4"), prompt="x"), TwelveLabsBadRequestError),
    ],
)
def test_refusals(request_: AnalysisRequest, error: type[Exception], hook: TwelveLabsHook) -> None:
    with pytest.raises(error):
        hook.execute(hook.api.analyze(request_))
    with pytest.raises(error):
        next(hook.stream(hook.api.analyze_stream(request_)))
