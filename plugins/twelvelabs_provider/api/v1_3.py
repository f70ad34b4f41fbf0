"""Calls of the current generation, v1.3, that differ in older ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twelvelabs_provider.api.analysis.request import within
from twelvelabs_provider.api.call import Call, FilePart, JsonBody, Method, change, get, nothing, path_of
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.filters import IndexFilter
from twelvelabs_provider.api.legacy.extras import COUNTED, TaskCounts
from twelvelabs_provider.api.limits import VideoLimits
from twelvelabs_provider.api.models import Index, IndexingTask, Model, Page, Segment, Video
from twelvelabs_provider.api.resources import (
    CreatedTask,
    IndexingRoute,
    Paging,
    id_from,
    indexes_page,
    list_tasks,
    upload_task,
)

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
    """Return the way into an index: upload an asset, then index it."""
    return IndexingRoute.ASSET


def create_index(name: str, models: Sequence[Model] = DEFAULT_MODELS) -> Call[str]:
    """Return the call that creates an index and returns its id."""
    wire = [{"model_name": model.name, "model_options": list(model.options)} for model in models]
    return Call(Method.POST, "/indexes", id_from, body=JsonBody({"index_name": name, "models": wire}))


def list_indexes(paging: Paging | None = None, *, where: IndexFilter | None = None) -> Call[Page[Index]]:
    """Return the call for one page of the account's indexes."""
    return indexes_page(paging, where, options="model_options", family="model_family")


def ensure_takes_transcription() -> None:
    """Raise: v1.3 takes no transcript with a video."""
    raise TwelveLabsUnsupportedError(
        "API v1.3 takes no transcript with a video: it would be ignored. Publish the transcript with"
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
    """Return the call that uploads and indexes a video in one request.

    :raises TwelveLabsUnsupportedError: for a given transcript or a language.
    """
    if transcription is not None:
        ensure_takes_transcription()
    if language is not None:
        raise TwelveLabsUnsupportedError("API v1.3 detects the language: leave language out")
    return upload_task(index_id, video, {"user_metadata": _json_text(user_metadata)})


def transcription(
    index_id: str, video_id: str, *, start: float | None = None, end: float | None = None
) -> Call[tuple[Segment, ...]]:
    """Return the call for the transcript of a video. The time range is applied here: the service takes none."""

    def segments(answer: Any) -> tuple[Segment, ...]:
        return within(Video.read(answer).transcription or (), start, end)

    return get(path_of("indexes", index_id, "videos", video_id), segments, {"transcription": True})


def read_video(
    index_id: str, video_id: str, *, transcription: bool = False, embedding_option: Sequence[str] = ()
) -> Call[Video]:
    """Return the call that reads an indexed video.

    :param transcription: include the transcript.
    :param embedding_option: include these embeddings (``visual``, ``audio``, ``transcription``), in ``raw``.
    """
    query = {"transcription": True if transcription else None, "embedding_option": list(embedding_option)}
    return get(path_of("indexes", index_id, "videos", video_id), Video.read, query)


def update_video(
    index_id: str, video_id: str, *, user_metadata: Mapping[str, Any] | None = None, title: str | None = None
) -> Call[None]:
    """Return the call that merges user metadata into a video's; None deletes a key.

    :raises TwelveLabsUnsupportedError: for a title.
    """
    if title is not None:
        raise TwelveLabsUnsupportedError("API v1.3 has no video titles: put the title into user_metadata")
    path = path_of("indexes", index_id, "videos", video_id)
    return change(Method.PATCH, path, nothing, {"user_metadata": dict(user_metadata or {})})


def count_tasks(index_id: str) -> Sequence[Call[TaskCounts]]:
    """Return the calls whose results add up to the counts of an index's tasks: one list per status."""
    return [
        list_tasks(index_id=index_id, status=[status], paging=Paging(limit=1)).then(_counted(status))
        for status in COUNTED
    ]


def _counted(status: str) -> Callable[[Page[IndexingTask]], TaskCounts]:
    return lambda page: TaskCounts(counts={status: page.total_results})


def _json_text(value: Mapping[str, Any] | None) -> str | None:
    return json.dumps(dict(value)) if value else None
