"""The API of today, v1.3: assets that are indexed and analysed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from twelvelabs_provider.api.analysis.generation_v1_3 import analyze, analyze_stream, ensure_current, summarize
from twelvelabs_provider.api.analysis.request import AnalysisMode, AnalysisRequest, within
from twelvelabs_provider.api.assets import create_asset, delete_asset, read_asset
from twelvelabs_provider.api.call import Call, FilePart, JsonBody, Method, RateCategory, delete, get, path_of
from twelvelabs_provider.api.embedding.embeddings import (
    create_embedding_task,
    create_embeddings,
    embedding_task_status,
    indexed_embeddings,
    list_embedding_tasks,
    read_embedding_task,
)
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.filters import VideoFilter
from twelvelabs_provider.api.legacy.without import (
    count_tasks,
    create_transfers,
    list_engines,
    logo,
    read_engine,
    thumbnail,
)
from twelvelabs_provider.api.limits import VideoLimits
from twelvelabs_provider.api.models import AnalysisTask, AssetTranscription, Model, Page, Segment, Video
from twelvelabs_provider.api.reading import (
    analysis_task_from,
    as_object,
    asset_transcription_from,
    identifier,
    page_from,
    video_from,
)
from twelvelabs_provider.api.resources import (
    LARGEST_PAGE,
    CreatedTask,
    IndexingRoute,
    Paging,
    delete_index,
    delete_task,
    delete_video,
    find_index,
    list_indexes,
    list_tasks,
    list_videos,
    page_of,
    read_index,
    read_task,
    rename_index,
    upload_task,
)
from twelvelabs_provider.api.search.v1_3 import search, search_page
from twelvelabs_provider.api.videos import read_indexed_asset, read_video, update_video

__all__ = [
    "DEFAULT_MODELS", "LIMITS", "analyze", "analyze_stream", "asset_transcription", "cancel_analysis_task",
    "count_tasks", "create_analysis_task", "create_asset", "create_embedding_task", "create_embeddings",
    "create_index", "create_indexed_asset", "create_task", "create_transfers", "delete_analysis_task",
    "delete_asset", "delete_index", "delete_indexed_asset", "delete_task", "delete_video",
    "embedding_task_status", "ensure_takes_transcription", "find_index", "find_indexed_asset",
    "indexed_embeddings", "indexing_route", "list_analysis_tasks", "list_embedding_tasks", "list_engines",
    "list_indexed_assets", "list_indexes", "list_tasks", "list_videos", "logo", "read_analysis_task",
    "read_asset", "read_embedding_task", "read_engine", "read_index", "read_indexed_asset", "read_task",
    "read_video", "rename_index", "search", "search_page", "summarize", "text_in_video", "thumbnail",
    "transcription", "update_video",
]  # fmt: skip

DEFAULT_MODELS = (Model("marengo3.0", ("visual", "audio")),)
LIMITS = VideoLimits(
    min_duration=4,
    max_duration=4 * 3600,
    min_side=360,
    max_long_side=5184,
    max_short_side=2160,
    max_aspect=2.4,
    max_bytes=4 * 1024**3,
)


def indexing_route() -> IndexingRoute:
    """Return how a source is brought into an index: stored as an asset, whatever its size, then indexed."""
    return IndexingRoute.ASSET


def create_index(name: str, models: Sequence[Model] = DEFAULT_MODELS) -> Call[str]:
    """Return the call that creates an index; it answers with the id."""
    wire = [{"model_name": model.name, "model_options": list(model.options)} for model in models]
    return Call(
        Method.POST,
        "/indexes",
        partial(identifier, what="the new index"),
        body=JsonBody({"index_name": name, "models": wire}),
    )


def ensure_takes_transcription() -> NoReturn:
    """Say that v1.3 has no place for a transcript that the user gives, and where it can go instead."""
    raise TwelveLabsUnsupportedError(
        "API v1.3 has no place for a given transcript: it would be ignored when the video is indexed. Publish it with"
        " TwelveLabsExtractTranscriptionOperator(transcription=...), or use a connection with api_version v1.2"
    )


def create_task(
    index_id: str,
    video: FilePart | str,
    *,
    transcription: FilePart | str | None = None,
    language: str | None = None,
    user_metadata: Mapping[str, Any] | None = None,
) -> Call[CreatedTask]:
    """Return the call that uploads and indexes a video in one go.

    :raises TwelveLabsUnsupportedError: for a given transcript or a language.
    """
    if transcription is not None:
        ensure_takes_transcription()
    if language is not None:
        raise TwelveLabsUnsupportedError("API v1.3 finds the language itself: leave language out")
    return upload_task(index_id, video, {"user_metadata": _json_text(user_metadata)})


def transcription(
    index_id: str, video_id: str, *, start: float | None = None, end: float | None = None
) -> Call[tuple[Segment, ...]]:
    """Return the call for what was said in a video; the window is cut here, the service has none."""

    def segments(answer: Any) -> tuple[Segment, ...]:
        return within(video_from(answer).transcription or (), start, end)

    return get(path_of("indexes", index_id, "videos", video_id), segments, {"transcription": True})


def text_in_video(
    index_id: str, video_id: str, *, start: float | None = None, end: float | None = None
) -> Call[tuple[Segment, ...]]:
    """Refuse: v1.3 answers on-screen text through an analysis task only."""
    raise TwelveLabsUnsupportedError(
        "API v1.3 has no text-in-video endpoint: the nearest way is an analysis task with on_screen_text_request()"
    )


def asset_transcription(asset_id: str, *, include: Sequence[str] = ("utterances",)) -> Call[AssetTranscription]:
    """Return the call for what was said in an asset, cut into ``words``, ``sentences`` and ``utterances``."""
    return get(path_of("assets", asset_id, "transcription"), asset_transcription_from, {"include": list(include)})


def create_indexed_asset(index_id: str, asset_id: str, *, user_metadata: Mapping[str, Any] | None = None) -> Call[str]:
    """Return the call that indexes an asset; it answers with the id of the indexed asset, which is the video's."""
    body: dict[str, Any] = {"asset_id": asset_id, "enable_video_stream": False}
    if user_metadata:
        body["user_metadata"] = dict(user_metadata)
    return Call(
        Method.POST,
        path_of("indexes", index_id, "indexed-assets"),
        partial(identifier, what="the new indexed asset"),
        body=JsonBody(body),
        category=RateCategory.INDEX,
    )


def find_indexed_asset(index_id: str, asset_id: str) -> Call[str | None]:
    """Return the call that tells which video of an index was made of an asset; None where none was."""

    def in_index(answer: Any) -> str | None:
        entries = page_from(answer, partial(as_object, what="an indexed asset"), "the indexed assets of an asset").items
        found = (entry for entry in entries if as_object(entry.get("index"), "an index").get("_id") == index_id)
        return next((identifier(entry, "an indexed asset") for entry in found), None)

    return get(path_of("assets", asset_id, "indexed-assets"), in_index, {"page_limit": LARGEST_PAGE})


def list_indexed_assets(
    index_id: str, *, status: Sequence[str] = (), where: VideoFilter | None = None, paging: Paging | None = None
) -> Call[Page[Video]]:
    """Return the call for one page of the indexed assets in an index.

    :param status: any of these statuses; those in all of them where it is empty.
    """
    filters = {"status": list(status), **(where.query() if where else {})}
    return page_of(path_of("indexes", index_id, "indexed-assets"), video_from, paging or Paging(), filters)


def delete_indexed_asset(index_id: str, video_id: str) -> Call[None]:
    """Return the call that removes an indexed asset from its index; the asset stays."""
    return delete(path_of("indexes", index_id, "indexed-assets", video_id))


def create_analysis_task(request: AnalysisRequest, *, idempotency_key: str | None = None) -> Call[AnalysisTask]:
    """Return the call that starts an analysis; with a key, a repeat finds the task that is already there.

    :raises TwelveLabsUnsupportedError: for a retired model, and for a video by its id.
    """
    ensure_current(request)
    return Call(
        Method.POST,
        "/analyze/tasks",
        analysis_task_from,
        body=JsonBody(request.body()),
        headers={"Idempotency-Key": idempotency_key} if idempotency_key else {},
        repeatable=idempotency_key is not None,
        category=RateCategory.ANALYZE,
    )


def read_analysis_task(task_id: str) -> Call[AnalysisTask]:
    """Return the call that reads an analysis task."""
    return get(path_of("analyze", "tasks", task_id), analysis_task_from)


def list_analysis_tasks(
    *,
    status: str | None = None,
    asset_id: str | None = None,
    video_url: str | None = None,
    analysis_mode: AnalysisMode | None = None,
    paging: Paging | None = None,
) -> Call[Page[AnalysisTask]]:
    """Return the call for one page of analysis tasks, newest first; prompts are shortened in a list."""
    filters = {
        **(paging or Paging()).place(),
        "status": status,
        "asset_id": asset_id,
        "video_url": video_url,
        "analysis_mode": analysis_mode,
    }
    read = partial(page_from, item=analysis_task_from, what="the list of analysis tasks")
    return get("/analyze/tasks", read, filters)


def cancel_analysis_task(task_id: str) -> Call[None]:
    """Return the call that cancels an analysis task; a second time does no harm."""
    return Call(Method.POST, path_of("analyze", "tasks", task_id, "cancel"), lambda _: None, repeatable=True)


def delete_analysis_task(task_id: str) -> Call[None]:
    """Return the call that deletes an analysis task with its result; one that is being processed cannot be deleted."""
    return delete(path_of("analyze", "tasks", task_id))


def _json_text(value: Mapping[str, Any] | None) -> str | None:
    return json.dumps(dict(value)) if value else None
