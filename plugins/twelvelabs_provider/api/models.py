"""What the service answers, as typed values that keep every field they do not know.

Times are ``pendulum.DateTime`` in UTC, offsets and durations are seconds, sizes are bytes. The whole answer stays in
``raw``, so that a field which the service adds tomorrow is there today.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import pendulum

from twelvelabs_provider.api.serializable import Answer

T = TypeVar("T")
U = TypeVar("U")
Json = Mapping[str, Any]
_NOTHING: Json = MappingProxyType({})


@dataclass(frozen=True)
class Segment(Answer):
    """A stretch of a video and what was said or shown in it.

    :param start: first second of the stretch.
    :param end: last second of the stretch.
    :param value: the text.
    :param extra: what the kind of segment adds (speaker, confidence, ...).
    """

    start: float
    end: float
    value: str
    extra: Json = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True)
class Model(Answer):
    """One model of an index and the options it was created with."""

    name: str
    options: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.options)})"


@dataclass(frozen=True)
class Index(Answer):
    """A collection of videos that were indexed with the same models."""

    id: str
    name: str
    models: tuple[Model, ...]
    video_count: int
    created_at: pendulum.DateTime | None
    raw: Json = field(repr=False, default_factory=lambda: _NOTHING)


@dataclass(frozen=True)
class IndexingTask(Answer):
    """The upload and indexing of one video in one go (``/tasks``)."""

    id: str
    index_id: str | None
    video_id: str | None
    status: str
    duration: float | None
    error: str | None
    estimated_time: pendulum.DateTime | None
    created_at: pendulum.DateTime | None
    updated_at: pendulum.DateTime | None
    raw: Json = field(repr=False, default_factory=lambda: _NOTHING)


@dataclass(frozen=True)
class Video(Answer):
    """An indexed video; ``transcription`` is None unless it was asked for."""

    id: str
    asset_id: str | None
    filename: str | None
    duration: float | None
    width: int | None
    height: int | None
    size: int | None
    status: str | None
    error: str | None
    user_metadata: Json
    transcription: tuple[Segment, ...] | None
    created_at: pendulum.DateTime | None
    raw: Json = field(repr=False, default_factory=lambda: _NOTHING)


@dataclass(frozen=True)
class Rendition(Answer):
    """What the service made of an asset for looking at it.

    :param status: ``pending``, ``processing``, ``ready`` or ``error``; independent of the asset's own.
    :param url: signed, good for a while only.
    """

    status: str
    url: str | None = field(repr=False, default=None)


@dataclass(frozen=True)
class Asset(Answer):
    """A stored file that can be indexed and analysed.

    :param method: ``direct``, ``url``, ``multipart`` or ``connector``.
    :param hls: the stream, None where none was asked for.
    :param thumbnail: the picture, None where none was asked for.
    :param technical: codecs, sizes and rates, as the service tells them.
    """

    id: str
    status: str
    filename: str | None
    duration: float | None
    size: int | None
    error: str | None
    created_at: pendulum.DateTime | None
    method: str | None = None
    file_type: str | None = None
    user_metadata: Json = field(default_factory=lambda: _NOTHING)
    hls: Rendition | None = None
    thumbnail: Rendition | None = None
    technical: Json = field(repr=False, default_factory=lambda: _NOTHING)
    raw: Json = field(repr=False, default_factory=lambda: _NOTHING)


@dataclass(frozen=True)
class AssetTranscription(Answer):
    """What was said in an asset, in the cuts that were asked for."""

    status: str
    words: tuple[Segment, ...]
    sentences: tuple[Segment, ...]
    utterances: tuple[Segment, ...]
    error: str | None
    raw: Json = field(repr=False, default_factory=lambda: _NOTHING)


@dataclass(frozen=True)
class AnalysisTask(Answer):
    """An asynchronous analysis; ``data`` is the answer's text (a JSON text where a response format was given).

    ``model`` is who answered, where the answer says so.
    """

    id: str
    status: str
    custom_id: str | None
    model: str | None
    data: str | None
    finish_reason: str | None
    duration: float | None
    error: str | None
    created_at: pendulum.DateTime | None = None
    raw: Json = field(repr=False, default_factory=lambda: _NOTHING)


@dataclass(frozen=True)
class Page(Answer, Generic[T]):
    """One page of a list, and how many pages there are."""

    items: tuple[T, ...]
    page: int
    total_pages: int
    total_results: int

    def map(self, change: Callable[[T], U]) -> Page[U]:
        """Return the page with every entry changed."""
        return Page(tuple(map(change, self.items)), self.page, self.total_pages, self.total_results)
