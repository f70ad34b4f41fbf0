"""Calls of v1.2 (most of them of v1.1 too) that differ from those of v1.3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twelvelabs_provider.api.call import Call, FilePart, JsonBody, Method, change, get, nothing, only_in, path_of
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.filters import IndexFilter
from twelvelabs_provider.api.limits import VideoLimits
from twelvelabs_provider.api.models import Index, Model, Page, Segment, Video, segments_from
from twelvelabs_provider.api.resources import CreatedTask, IndexingRoute, Paging, id_from, indexes_page, upload_task
from twelvelabs_provider.api.service_model import as_object
from twelvelabs_provider.api.version import LEGACY

DEFAULT_MODELS = (Model("marengo2.6", ("visual", "conversation", "text_in_video")),)
LIMITS = VideoLimits(
    min_duration=4,
    max_duration=2 * 3600,
    min_side=360,
    max_long_side=4096,
    max_short_side=2160,
    max_aspect=2.4,
    max_bytes=2 * 1024**3,
)


def indexing_route() -> IndexingRoute:
    """Return the way into an index: upload and index in one request."""
    return IndexingRoute.TASK


def create_index(name: str, models: Sequence[Model] = DEFAULT_MODELS) -> Call[str]:
    """Return the call that creates an index and returns its id."""
    engines = [{"engine_name": model.name, "engine_options": list(model.options)} for model in models]
    return index_creation({"index_name": name, "engines": engines})


def index_creation(body: Mapping[str, Any]) -> Call[str]:
    """Return the call that creates an index from a body of this generation."""
    return Call(Method.POST, "/indexes", id_from, body=JsonBody(body))


def list_indexes(paging: Paging | None = None, *, where: IndexFilter | None = None) -> Call[Page[Index]]:
    """Return the call for one page of the account's indexes."""
    return indexes_page(paging, where, options="engine_options", family="engine_family")


def ensure_takes_transcription() -> None:
    """Return: these generations take a transcript with a video."""


def create_task(
    index_id: str,
    video: FilePart | str,
    *,
    transcription: FilePart | str | None = None,
    language: str | None = None,
    user_metadata: Mapping[str, Any] | None = None,
) -> Call[CreatedTask]:
    """Return the call that uploads and indexes a video in one request.

    :param transcription: an SRT or WebVTT file or its URL; it replaces speech recognition.
    :param language: of the speech; ``en`` by default.
    :raises TwelveLabsUnsupportedError: for user metadata, which update_video() sets once the video is indexed.
    """
    if user_metadata:
        raise TwelveLabsUnsupportedError("API v1.1/v1.2 takes no user metadata with an upload: set it later")
    given = {"transcription_url" if isinstance(transcription, str) else "transcription_file": transcription}
    fields = {"language": language or "en", "provide_transcription": True if transcription is not None else None}
    return upload_task(index_id, video, {**fields, **given})


def transcription(
    index_id: str, video_id: str, *, start: float | None = None, end: float | None = None
) -> Call[tuple[Segment, ...]]:
    """Return the call for the transcript of a video."""
    return _segments("transcription", index_id, video_id, start, end)


def text_in_video(
    index_id: str, video_id: str, *, start: float | None = None, end: float | None = None
) -> Call[tuple[Segment, ...]]:
    """Return the call for the on-screen text of a video."""
    call = _segments("text-in-video", index_id, video_id, start, end)
    return only_in(call, *LEGACY, instead="start an analysis task with on_screen_text_request()")


def read_video(
    index_id: str, video_id: str, *, transcription: bool = False, embedding_option: Sequence[str] = ()
) -> Call[Video]:
    """Return the call that reads an indexed video.

    :raises TwelveLabsUnsupportedError: for the transcript, which has its own call, or for embeddings.
    """
    if transcription:
        raise TwelveLabsUnsupportedError("API v1.1/v1.2 returns the transcript of a video in transcription() only")
    if embedding_option:
        raise TwelveLabsUnsupportedError(
            "API v1.1/v1.2 returns no embeddings with a video: use a connection with api_version v1.3"
        )
    return get(path_of("indexes", index_id, "videos", video_id), Video.read)


def update_video(
    index_id: str, video_id: str, *, user_metadata: Mapping[str, Any] | None = None, title: str | None = None
) -> Call[None]:
    """Return the call that merges user metadata into a video's and sets its title.

    :param title: None keeps the title.
    """
    path = path_of("indexes", index_id, "videos", video_id)
    metadata = dict(user_metadata) if user_metadata else None
    return change(Method.PUT, path, nothing, {"video_title": title, "metadata": metadata})


def _segments(
    what: str, index_id: str, video_id: str, start: float | None, end: float | None
) -> Call[tuple[Segment, ...]]:
    def rows(answer: Any) -> tuple[Segment, ...]:
        return segments_from(as_object(answer, what).get("data"))

    return get(path_of("indexes", index_id, "videos", video_id, what), rows, {"start": start, "end": end})
