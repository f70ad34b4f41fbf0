"""Models of indexes, videos, assets and the jobs that make them.

Times are ``pendulum.DateTime`` in UTC, offsets and durations are seconds, sizes are bytes. Fields that a model does not
know are in its ``raw``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AliasChoices, BeforeValidator, Field, PlainSerializer, SkipValidation

from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.service_model import (
    ERROR_NAMES,
    NO_FIELDS,
    Count,
    Fields,
    Identifier,
    Moment,
    Number,
    Reason,
    ServiceModel,
    Status,
    Text,
    Whole,
    named,
    part_of,
    value_text,
)

T = TypeVar("T")
U = TypeVar("U")
Json = Mapping[str, Any]
_SERVICE_FIELDS = ("filename", "duration", "fps", "width", "height", "size", "video_title", "model_names")
_NOTHING: Json = MappingProxyType({})


@dataclass(frozen=True)
class Segment(Answer):
    """A timed text of a video.

    :param start: seconds.
    :param end: seconds.
    :param value: the text.
    :param extra: further fields of the kind (speaker, confidence, ...).
    """

    start: float
    end: float
    value: str
    extra: Json = field(default_factory=lambda: _NOTHING)


def segments_from(rows: Any) -> tuple[Segment, ...]:
    """Return the segments of a list of ``{start, end, value, ...}``, ordered by start; none for null.

    :raises TwelveLabsAnswerError: it is no such list.
    """
    if rows is None:
        return ()
    if not isinstance(rows, list | tuple):
        raise TwelveLabsAnswerError(f"the segments of the response are {type(rows).__name__}, not a list")
    return tuple(sorted(map(_segment, rows), key=lambda segment: (segment.start, segment.end)))


def _segment(row: Any) -> Segment:
    if isinstance(row, Segment):
        return row
    try:
        start, end = float(row["start"]), float(row["end"])
        if not (math.isfinite(start) and math.isfinite(end)):
            raise ValueError("not a finite number")
    except (KeyError, TypeError, ValueError) as error:
        raise TwelveLabsAnswerError(f"a segment of the response has no readable start and end: {row!r:.200}") from error
    extra = {name: value for name, value in row.items() if name not in ("start", "end", "value")}
    return Segment(start, end, value_text(row.get("value")), extra)


def _rows_of(segments: Iterable[Segment]) -> list[dict[str, Any]]:
    return [{**one.extra, "start": one.start, "end": one.end, "value": one.value} for one in segments]


Segments = Annotated[tuple[SkipValidation[Segment], ...], BeforeValidator(segments_from), PlainSerializer(_rows_of)]


@dataclass(frozen=True)
class Model(Answer):
    """One model of an index and the options it was created with."""

    name: str
    options: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.options)})"


def _names_of(models: Iterable[Model]) -> list[dict[str, Any]]:
    return [{"name": model.name, "options": list(model.options)} for model in models]


def _models(entries: Any) -> Any:
    return tuple(map(_model, entries))


def _model(entry: Any) -> Model:
    """Return a model in the spelling of v1.3, v1.2 (engine) or this package."""
    if isinstance(entry, Model):
        return entry
    name = entry.get("model_name") or entry.get("engine_name") or entry.get("name") or ""
    options = entry.get("model_options") or entry.get("engine_options") or entry.get("options") or ()
    return Model(str(name), tuple(map(str, options)))


Models = Annotated[tuple[SkipValidation[Model], ...], BeforeValidator(_models), PlainSerializer(_names_of)]


def _object_or_none(value: Any) -> Any:
    return value if isinstance(value, Mapping | Rendition) else None


class Index(ServiceModel):
    """A collection of videos that are indexed with the same models."""

    id: Identifier = named("_id", "id")
    name: Annotated[str, BeforeValidator(str)] = named("index_name", default="")
    models: Models = ()
    video_count: Count = 0
    created_at: Moment = None

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        if "engine_id" in body:
            return {**body, "models": [{"name": body["engine_id"], "options": body.get("index_options")}]}
        return {**body, "models": body.get("models") or body.get("engines") or ()}


class IndexingTask(ServiceModel):
    """The upload and indexing of one video in one request (``/tasks``)."""

    id: Identifier = named("_id", "id")
    index_id: str | None = None
    video_id: str | None = None
    status: Status = ""
    duration: Number = None
    error: Reason = named(*ERROR_NAMES, default=None)
    estimated_time: Moment = None
    created_at: Moment = None
    updated_at: Moment = None

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        return {"duration": part_of(body, "system_metadata", "metadata").get("duration"), **body}


class Video(ServiceModel):
    """An indexed video; ``transcription`` is None unless it was requested."""

    id: Identifier = named("_id", "id")
    asset_id: str | None = None
    filename: Text = None
    duration: Number = None
    width: Whole = None
    height: Whole = None
    size: Whole = None
    status: Text = None
    error: Reason = named(*ERROR_NAMES, default=None)
    user_metadata: Fields = NO_FIELDS
    transcription: Segments | None = None
    created_at: Moment = None

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class; the older generations mix the user's fields with those of the service."""
        metadata = part_of(body, "system_metadata", "metadata")
        technical = {name: metadata.get(name) for name in ("filename", "duration", "width", "height", "size")}
        if "user_metadata" not in body and "system_metadata" not in body:
            own = {name: value for name, value in metadata.items() if name not in _SERVICE_FIELDS}
            technical["user_metadata"] = own
        return {**technical, **body}


class Rendition(ServiceModel):
    """A version of an asset for viewing.

    :param status: ``pending``, ``processing``, ``ready`` or ``error``; independent of the asset's own.
    :param url: signed; expires.
    """

    status: Status = ""
    url: str | None = Field(
        None, repr=False, validation_alias=AliasChoices("url", "manifest_url", "representative_url")
    )


class Asset(ServiceModel):
    """A stored file that can be indexed and analyzed.

    :param method: ``direct``, ``url``, ``multipart`` or ``connector``.
    :param hls: the stream, None unless it was requested.
    :param thumbnail: the picture, None unless it was requested.
    :param technical: codecs, sizes and rates.
    """

    id: Identifier = named("_id", "id")
    status: Status = ""
    filename: str | None = None
    duration: Number = None
    size: Whole = None
    error: Reason = named(*ERROR_NAMES, default=None)
    created_at: Moment = None
    method: str | None = None
    file_type: str | None = None
    user_metadata: Fields = NO_FIELDS
    hls: Annotated[Rendition | None, BeforeValidator(_object_or_none)] = None
    thumbnail: Annotated[Rendition | None, BeforeValidator(_object_or_none)] = None
    technical: Fields = Field(NO_FIELDS, repr=False, validation_alias=AliasChoices("technical_metadata", "technical"))

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        technical = part_of(body, "technical_metadata", "technical")
        duration = body.get("duration") or technical.get("video_duration_seconds")
        return {**body, "duration": duration, "size": body.get("size") or technical.get("file_size_bytes")}


class AssetTranscription(ServiceModel):
    """The transcript of an asset, in the cuts that were requested."""

    status: Status = ""
    words: Segments = ()
    sentences: Segments = ()
    utterances: Segments = ()
    error: Reason = named(*ERROR_NAMES, default=None)


class AnalysisTask(ServiceModel):
    """An asynchronous analysis.

    :param model: the model that answered, if the response names it.
    :param data: the text of the answer; a JSON text if a response format was requested.
    :param result: the answer with its usage, as the service sent it.
    """

    id: Identifier = named("task_id", "_id", "id")
    status: Status = ""
    custom_id: str | None = None
    model: str | None = None
    data: Text = None
    finish_reason: str | None = None
    duration: Number = None
    error: Reason = named(*ERROR_NAMES, default=None)
    created_at: Moment = None
    result: Fields | None = Field(None, repr=False)

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        result, source = part_of(body, "result"), part_of(body, "video_source")
        found = {
            "model": result.get("model_name") or part_of(body, "request_params").get("model_name"),
            "data": result.get("data"),
            "finish_reason": result.get("finish_reason"),
            "duration": part_of(source, "system_metadata").get("duration"),
        }
        return {**found, **body}


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
