"""From the service's JSON, in any generation's spelling, to the models."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from twelvelabs_provider.api.errors import TwelveLabsAnswerError, finite_number
from twelvelabs_provider.api.models import (
    AnalysisTask,
    Asset,
    AssetTranscription,
    Index,
    IndexingTask,
    Json,
    Model,
    Page,
    Rendition,
    Segment,
    Video,
)
from twelvelabs_provider.api.redaction import clean_text
from twelvelabs_provider.api.response import moment_from, value_text

T = TypeVar("T")
_MORE_PAGES = 2
_LONGEST_ID = 300
_SERVICE_FIELDS = ("filename", "duration", "fps", "width", "height", "size", "video_title", "model_names")


def as_object(answer: Any, what: str) -> Json:
    """Return the answer if it is a JSON object, else raise :class:`TwelveLabsAnswerError` that names ``what``."""
    if not isinstance(answer, Mapping):
        raise TwelveLabsAnswerError(f"the service's answer for {what} is {type(answer).__name__}, not a JSON object")
    return answer


def identifier(answer: Any, what: str, *keys: str) -> str:
    """Return the id in an answer; ``keys`` default to ``_id`` and ``id``."""
    raw = as_object(answer, what)
    for key in keys or ("_id", "id"):
        if found := raw.get(key):
            if not isinstance(found, str | int) or len(text := str(found)) > _LONGEST_ID or not text.isprintable():
                raise TwelveLabsAnswerError(f"the service's answer for {what} has an id that is none: {found!r}")
            return text
    raise TwelveLabsAnswerError(f"the service's answer for {what} carries no id; its fields are {sorted(raw)}")


def reason_from(value: Any) -> str | None:
    """Return a reason, a warning or a code in the words of the service, fit to be shown; None for null."""
    return None if value is None else clean_text(value_text(value))


def text_from(raw: Json, field: str, what: str) -> str:
    """Return a field that every answer of this kind has, as text.

    :raises TwelveLabsAnswerError: naming what is missing.
    """
    if raw.get(field) is None:
        raise TwelveLabsAnswerError(f"the service's answer for {what} has no {field}; its fields are {sorted(raw)}")
    return str(raw[field])


def optional_text(value: Any) -> str | None:
    """Return a value as text, as :func:`value_text`; None for null."""
    return None if value is None else value_text(value)


def number_from(value: Any) -> float | None:
    """Read a number; None for what is absent or none."""
    return _number(value)


def error_text_from(raw: Json) -> str | None:
    """Return the service's reason for a failure, under any of the names it has had; None where there is none."""
    return _error(raw)


def index_from(answer: Any) -> Index:
    """Read an index of any generation."""
    raw = as_object(answer, "an index")
    return Index(
        id=identifier(raw, "an index"),
        name=str(raw.get("index_name", "")),
        models=_models(raw),
        video_count=int(raw.get("video_count") or 0),
        created_at=moment_from(raw.get("created_at")),
        raw=raw,
    )


def task_from(answer: Any) -> IndexingTask:
    """Read an indexing task of any generation."""
    raw = as_object(answer, "an indexing task")
    return IndexingTask(
        id=identifier(raw, "an indexing task"),
        index_id=raw.get("index_id"),
        video_id=raw.get("video_id"),
        status=_status(raw),
        duration=_number(_metadata(raw).get("duration")),
        error=_error(raw),
        estimated_time=moment_from(raw.get("estimated_time")),
        created_at=moment_from(raw.get("created_at")),
        updated_at=moment_from(raw.get("updated_at")),
        raw=raw,
    )


def video_from(answer: Any) -> Video:
    """Read a video or an indexed asset: the same thing under two names."""
    raw = as_object(answer, "a video")
    metadata = _metadata(raw)
    return Video(
        id=identifier(raw, "a video"),
        asset_id=raw.get("asset_id"),
        filename=optional_text(metadata.get("filename")),
        duration=_number(metadata.get("duration")),
        width=_whole(metadata.get("width")),
        height=_whole(metadata.get("height")),
        size=_whole(metadata.get("size")),
        status=optional_text(raw.get("status")),
        error=_error(raw),
        user_metadata=_own_fields(raw),
        transcription=segments_from(raw["transcription"]) if raw.get("transcription") is not None else None,
        created_at=moment_from(raw.get("created_at")),
        raw=raw,
    )


def asset_from(answer: Any) -> Asset:
    """Read an asset."""
    raw = as_object(answer, "an asset")
    technical = raw.get("technical_metadata") or {}
    return Asset(
        id=identifier(raw, "an asset"),
        status=_status(raw),
        filename=raw.get("filename"),
        duration=_number(raw.get("duration") or technical.get("video_duration_seconds")),
        size=_whole(raw.get("size") or technical.get("file_size_bytes")),
        error=_error(raw),
        created_at=moment_from(raw.get("created_at")),
        method=raw.get("method"),
        file_type=raw.get("file_type"),
        user_metadata=raw.get("user_metadata") or {},
        hls=_rendition(raw.get("hls"), "manifest_url"),
        thumbnail=_rendition(raw.get("thumbnail"), "representative_url"),
        technical=technical,
        raw=raw,
    )


def asset_transcription_from(answer: Any) -> AssetTranscription:
    """Read the transcript of an asset."""
    raw = as_object(answer, "an asset's transcription")
    return AssetTranscription(
        status=_status(raw),
        words=segments_from(raw.get("words")),
        sentences=segments_from(raw.get("sentences")),
        utterances=segments_from(raw.get("utterances")),
        error=_error(raw),
        raw=raw,
    )


def analysis_task_from(answer: Any) -> AnalysisTask:
    """Read an asynchronous analysis task."""
    raw = as_object(answer, "an analysis task")
    result = raw.get("result") or {}
    source = raw.get("video_source") or {}
    return AnalysisTask(
        id=identifier(raw, "an analysis task", "task_id", "_id"),
        status=_status(raw),
        custom_id=raw.get("custom_id"),
        model=result.get("model_name") or (raw.get("request_params") or {}).get("model_name"),
        data=optional_text(result.get("data")),
        finish_reason=result.get("finish_reason"),
        duration=_number((source.get("system_metadata") or {}).get("duration")),
        error=_error(raw),
        created_at=moment_from(raw.get("created_at")),
        raw=raw,
    )


def segments_from(answer: Any) -> tuple[Segment, ...]:
    """Read a list of ``{start, end, value, ...}``, ordered by start; ``null`` is an empty list."""
    if answer is None:
        return ()
    if not isinstance(answer, list):
        raise TwelveLabsAnswerError(f"the service's segments are {type(answer).__name__}, not a list")
    return tuple(sorted((_segment(item) for item in answer), key=lambda segment: (segment.start, segment.end)))


def page_from(answer: Any, item: Callable[[Any], T], what: str) -> Page[T]:
    """Read one page of a list of ``what``."""
    raw = as_object(answer, what)
    info = raw.get("page_info") or {}
    items = tuple(item(entry) for entry in raw.get("data") or ())
    return Page(
        items=items,
        page=int(info.get("page") or 1),
        total_pages=_pages(info, len(items)),
        total_results=int(info.get("total_results") or len(items)),
    )


def _pages(info: Json, entries: int) -> int:
    """Return the announced number of pages, no more than the announced number of entries needs, and a few."""
    pages, results = int(info.get("total_page") or 1), int(info.get("total_results") or 0)
    return min(pages, math.ceil(results / entries) + _MORE_PAGES) if results > 0 and entries else pages


def _segment(item: Any) -> Segment:
    raw = as_object(item, "a segment")
    try:
        start, end = float(raw["start"]), float(raw["end"])
        if not (math.isfinite(start) and math.isfinite(end)):
            raise ValueError("not a finite number")
    except (KeyError, TypeError, ValueError) as error:
        raise TwelveLabsAnswerError(f"a segment of the service has no readable start and end: {dict(raw)}") from error
    extra = {key: value for key, value in raw.items() if key not in ("start", "end", "value")}
    return Segment(start, end, value_text(raw.get("value")), extra)


def _models(raw: Json) -> tuple[Model, ...]:
    """Models as v1.3 (``models``), v1.2 (``engines``) and v1.1 (``engine_id``) spell them."""
    if "engine_id" in raw:
        return (Model(str(raw["engine_id"]), tuple(raw.get("index_options") or ())),)
    entries = raw.get("models") or raw.get("engines") or ()
    return tuple(
        Model(
            str(entry.get("model_name") or entry.get("engine_name") or entry.get("name") or ""),
            tuple(entry.get("model_options") or entry.get("engine_options") or ()),
        )
        for entry in entries
    )


def _rendition(answer: Any, url: str) -> Rendition | None:
    return Rendition(_status(answer), answer.get(url)) if isinstance(answer, Mapping) else None


def _own_fields(raw: Json) -> Json:
    """The user's fields of a video; the older generations mix them with the service's own."""
    if "user_metadata" in raw or "system_metadata" in raw:
        return raw.get("user_metadata") or {}
    return {name: value for name, value in _metadata(raw).items() if name not in _SERVICE_FIELDS}


def _metadata(raw: Json) -> Json:
    metadata = raw.get("system_metadata") or raw.get("metadata") or {}
    return metadata if isinstance(metadata, Mapping) else {}


def _status(raw: Json) -> str:
    return clean_text(raw.get("status") or "")


def _error(raw: Json) -> str | None:
    """The service's reason for a failure, under any of the names it has had."""
    error = raw.get("error") or raw.get("error_reason") or raw.get("error_message")
    if isinstance(error, Mapping):
        return ": ".join(clean_text(error[key]) for key in ("code", "message") if error.get(key)) or None
    return clean_text(error) or None if error else None


def _number(value: Any) -> float | None:
    return finite_number(value)


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
