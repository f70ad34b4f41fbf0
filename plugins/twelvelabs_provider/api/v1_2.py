"""The older generation, v1.2: videos that are uploaded and indexed as tasks, and read endpoint by endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from twelvelabs_provider.api.analysis.generation_v1_2 import analyze, analyze_stream, summarize
from twelvelabs_provider.api.analysis.request import AnalysisMode, AnalysisRequest
from twelvelabs_provider.api.call import Call, FilePart, JsonBody, Method, get, path_of
from twelvelabs_provider.api.embedding.embeddings_v1_2 import (
    create_embedding_task,
    create_embeddings,
    embedding_task_status,
    indexed_embeddings,
    list_embedding_tasks,
    read_embedding_task,
)
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.filters import VideoFilter
from twelvelabs_provider.api.legacy.extras import count_tasks, list_engines, logo, read_engine, thumbnail
from twelvelabs_provider.api.legacy.transfers import create_transfers
from twelvelabs_provider.api.legacy.videos import list_indexes, read_indexed_asset, read_video, update_video
from twelvelabs_provider.api.limits import VideoLimits
from twelvelabs_provider.api.models import AnalysisTask, Asset, AssetTranscription, Model, Page, Segment, Video
from twelvelabs_provider.api.reading import as_object, identifier, segments_from
from twelvelabs_provider.api.resources import (
    CreatedTask,
    IndexingRoute,
    Paging,
    delete_index,
    delete_task,
    delete_video,
    find_index,
    list_tasks,
    list_videos,
    read_index,
    read_task,
    rename_index,
    upload_task,
)
from twelvelabs_provider.api.search.v1_2 import search, search_page

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
    """Return how a source is brought into an index: there is one way."""
    return IndexingRoute.TASK


def create_index(name: str, models: Sequence[Model] = DEFAULT_MODELS) -> Call[str]:
    """Return the call that creates an index; it answers with the id."""
    engines = [{"engine_name": model.name, "engine_options": list(model.options)} for model in models]
    return index_creation({"index_name": name, "engines": engines})


def index_creation(body: Mapping[str, Any]) -> Call[str]:
    """Return the call that creates an index from a body of this generation."""
    return Call(Method.POST, "/indexes", partial(identifier, what="the new index"), body=JsonBody(body))


def ensure_takes_transcription() -> None:
    """Say nothing: this generation takes a given transcript."""


def create_task(
    index_id: str,
    video: FilePart | str,
    *,
    transcription: FilePart | str | None = None,
    language: str | None = None,
    user_metadata: Mapping[str, Any] | None = None,
) -> Call[CreatedTask]:
    """Return the call that uploads and indexes a video in one go.

    :param transcription: the user's own SRT or VTT, as a file or an address; the service then does not listen.
    :param language: ``en``, the only one that this generation takes.
    :raises TwelveLabsUnsupportedError: for user metadata, which this generation takes once the video is there.
    """
    if user_metadata:
        raise TwelveLabsUnsupportedError("API v1.1/v1.2 takes no user metadata with an upload: set it later")
    given = {"transcription_url" if isinstance(transcription, str) else "transcription_file": transcription}
    fields = {"language": language or "en", "provide_transcription": True if transcription is not None else None}
    return upload_task(index_id, video, {**fields, **given})


def transcription(
    index_id: str, video_id: str, *, start: float | None = None, end: float | None = None
) -> Call[tuple[Segment, ...]]:
    """Return the call for what was said in a video."""
    return _segments("transcription", index_id, video_id, start, end)


def text_in_video(
    index_id: str, video_id: str, *, start: float | None = None, end: float | None = None
) -> Call[tuple[Segment, ...]]:
    """Return the call for the text that was shown in a video."""
    return _segments("text-in-video", index_id, video_id, start, end)


def create_asset(
    media: FilePart | str,
    *,
    filename: str | None = None,
    user_metadata: Mapping[str, Any] | None = None,
    enable_hls: bool = False,
    enable_thumbnail: bool = False,
) -> Call[Asset]:
    """Refuse: there are no assets in this generation."""
    _no_assets("create_task() uploads and indexes a video in one go")


def read_asset(asset_id: str) -> Call[Asset]:
    """Refuse: there are no assets in this generation."""
    _no_assets("read_video() reads an indexed video")


def delete_asset(asset_id: str, *, force: bool = False) -> Call[None]:
    """Refuse: there are no assets in this generation."""
    _no_assets("delete_video() removes an indexed video")


def asset_transcription(asset_id: str, *, include: Sequence[str] = ("utterances",)) -> Call[AssetTranscription]:
    """Refuse: there are no assets in this generation."""
    _no_assets("transcription() reads what was said in an indexed video")


def create_indexed_asset(index_id: str, asset_id: str, *, user_metadata: Mapping[str, Any] | None = None) -> Call[str]:
    """Refuse: there are no assets in this generation."""
    _no_assets("create_task() uploads and indexes a video in one go")


def find_indexed_asset(index_id: str, asset_id: str) -> Call[str | None]:
    """Refuse: there are no assets in this generation."""
    _no_assets("list_videos() lists what is indexed")


def list_indexed_assets(
    index_id: str, *, status: Sequence[str] = (), where: VideoFilter | None = None, paging: Paging | None = None
) -> Call[Page[Video]]:
    """Refuse: there are no assets in this generation."""
    _no_assets("list_videos() lists what is indexed, list_tasks() what is on its way")


def delete_indexed_asset(index_id: str, video_id: str) -> Call[None]:
    """Refuse: there are no assets in this generation."""
    _no_assets("delete_video() removes an indexed video")


def create_analysis_task(request: AnalysisRequest, *, idempotency_key: str | None = None) -> Call[AnalysisTask]:
    """Refuse: this generation has no analysis tasks."""
    _no_analysis()


def read_analysis_task(task_id: str) -> Call[AnalysisTask]:
    """Refuse: this generation has no analysis tasks."""
    _no_analysis()


def list_analysis_tasks(
    *,
    status: str | None = None,
    asset_id: str | None = None,
    video_url: str | None = None,
    analysis_mode: AnalysisMode | None = None,
    paging: Paging | None = None,
) -> Call[Page[AnalysisTask]]:
    """Refuse: this generation has no analysis tasks."""
    _no_analysis()


def cancel_analysis_task(task_id: str) -> Call[None]:
    """Refuse: this generation has no analysis tasks."""
    _no_analysis()


def delete_analysis_task(task_id: str) -> Call[None]:
    """Refuse: this generation has no analysis tasks."""
    _no_analysis()


def _segments(
    what: str, index_id: str, video_id: str, start: float | None, end: float | None
) -> Call[tuple[Segment, ...]]:
    read: Callable[[Any], tuple[Segment, ...]] = lambda answer: segments_from(as_object(answer, what).get("data"))  # noqa: E731
    return get(path_of("indexes", index_id, "videos", video_id, what), read, {"start": start, "end": end})


def _no_assets(instead: str) -> NoReturn:
    raise TwelveLabsUnsupportedError(f"API v1.1/v1.2 knows no assets: {instead}; or use api_version v1.3")


def _no_analysis() -> NoReturn:
    raise TwelveLabsUnsupportedError(
        "API v1.1/v1.2 has no analysis tasks: in v1.2 analyze() answers by itself; or use a connection with"
        " api_version v1.3"
    )
