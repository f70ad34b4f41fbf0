"""Rows of files, videos and what is asked of them as typed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.identity import now
from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.record import Record

TERMINAL = ("ready", "failed")
"""Statuses of assets, tasks and videos that do not change any more."""


@dataclass(frozen=True)
class Model:
    """A model of an index with its options, whatever the generation calls them."""

    name: str
    options: Sequence[str]


@dataclass(frozen=True)
class Index(Record):
    """An index."""

    _json = ("models", "addons")
    id: str
    name: str
    legacy: int
    models: Sequence[Any]
    addons: Sequence[str]
    created_at: str
    updated_at: str

    def named_models(self) -> list[Model]:
        """Return the models with their options."""
        return [Model(item["name"], item["options"]) for item in self.models]


@dataclass(frozen=True)
class Asset(Record):
    """An uploaded or fetched file."""

    _json = ("probe", "user_metadata")
    id: str
    method: str
    status: str
    filename: str
    url: str | None
    size_limit: int
    implicit: int
    sha256: str | None
    file_type: str | None
    probe: Mapping[str, Any] | None
    user_metadata: Mapping[str, Any]
    error_code: str | None
    error_message: str | None
    transcription_error: str | None
    created_at: str
    updated_at: str

    def probed(self) -> Probe | None:
        """Return what is known about the content, once it is."""
        return Probe(**self.probe) if self.probe else None


@dataclass(frozen=True)
class Video(Record):
    """A video in an index: the service's video and indexed asset."""

    _json = ("user_metadata", "subtitles")
    id: str
    index_id: str
    asset_id: str
    legacy: int
    status: str
    progress: float
    filename: str
    duration: float | None
    fps: float | None
    width: int | None
    height: int | None
    size: int | None
    title: str | None
    user_metadata: Mapping[str, Any]
    subtitles_url: str | None
    subtitles: Sequence[SegmentRow] | None
    error_code: str | None
    error_message: str | None
    created_at: str
    updated_at: str
    indexed_at: str | None


@dataclass(frozen=True)
class Task(Record):
    """An indexing task: an upload and the indexing of it."""

    id: str
    index_id: str
    video_id: str
    status: str
    filename: str
    duration: float | None
    width: int | None
    height: int | None
    error_code: str | None
    error_message: str | None
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Analysis(Record):
    """An asynchronous analysis task."""

    _json = ("request", "result")
    id: str
    asset_id: str
    status: str
    custom_id: str | None
    analysis_mode: str
    video_url: str | None
    request: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error_message: str | None
    created_at: str
    completed_at: str | None


@dataclass(frozen=True)
class Upload(Record):
    """A file that comes in parts."""

    id: str
    asset_id: str
    status: str
    total_size: int
    chunk_size: int
    total_chunks: int
    created_at: str
    updated_at: str
    expires_at: str

    def size_of(self, number: int) -> int:
        """Return the bytes of a part; the last one is what is left."""
        return min(self.chunk_size, self.total_size - (number - 1) * self.chunk_size)


@dataclass(frozen=True)
class UploadChunk(Record):
    """A part that has arrived."""

    upload_id: str
    number: int
    status: str
    size: int
    etag: str | None
    error: str | None
    uploaded_at: str | None
    updated_at: str


@dataclass(frozen=True)
class EmbeddingTask(Record):
    """An embedding task; its embeddings stay text, since there may be many."""

    _json = ("request",)
    id: str
    edition: int
    kind: str
    asset_id: str
    status: str
    request: Mapping[str, Any]
    result: str | None
    error_message: str | None
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Search(Record):
    """A search and all that it found.

    :param way: the path below which its pages lie.
    :param request: what the pages have to know about it.
    :param results: clips, best first.
    """

    _json = ("request", "results")
    id: str
    way: str
    index_id: str
    request: Mapping[str, Any]
    results: Sequence[Mapping[str, Any]]
    expires_at: str

    @property
    def expired(self) -> bool:
        """Whether its pages are not given any more."""
        return self.expires_at <= now()


@dataclass(frozen=True)
class Batch(Record):
    """Many analysis tasks that were asked for at once."""

    id: str
    status: str
    analysis_mode: str
    model_name: str
    total_items: int
    created_at: str
    updated_at: str
    expires_at: str
    ended_at: str | None


@dataclass(frozen=True)
class Job(Record):
    """Work that the worker still has to do."""

    id: int
    lane: str
    kind: str
    subject: str
    crashes: int
