"""Analysis requests, and the packaged prompt that replaces the text-in-video endpoint in v1.3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from twelvelabs_provider.api.analysis.response_format import data_from, offset_from, segment_definitions
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.models import Segment, segments_from
from twelvelabs_provider.api.service_model import value_text

DEFAULT_MODEL = "pegasus1.5"
INDEX_ENGINE = "engine-of-index"
"""The engine of the index, which answers about an indexed video in the older generations."""
MOST_TOKENS = 98_304
UNLIMITED = "unlimited"
_ON_SCREEN_TEXT = "onscreen_text"
_TEXT_FIELD = "text"


class AnalysisMode(StrEnum):
    """One answer about the video, or a list of described segments."""

    GENERAL = "general"
    TIME_BASED_METADATA = "time_based_metadata"


class SourceKind(StrEnum):
    """Kinds of video sources, in the spelling of the service."""

    ASSET = "asset_id"
    URL = "url"
    INLINE = "base64_string"
    INDEXED = "video_id"


@dataclass(frozen=True)
class VideoSource:
    """Which video.

    :param value: the asset's id, the address, the content in base64, or the indexed video's id (older generations
        only). It may be signed or large, so it is not part of the ``repr``.
    """

    kind: SourceKind
    value: str = field(repr=False)

    def wire(self) -> dict[str, Any]:
        """Return the field of the body that names the video."""
        if self.kind is SourceKind.INDEXED:
            return {"video_id": self.value}
        return {"video": {"type": self.kind.value, self.kind.value: self.value}}


@dataclass(frozen=True)
class AnalysisRequest:
    """One analysis of one video.

    :param video: the video; a plain text is the id of an asset.
    :param prompt: the question.
    :param prompt_v2: the question with reference images: ``input_text`` and ``media_sources``, instead of ``prompt``.
    :param response_format: the service's ``response_format`` object, as :func:`json_schema` and
        :func:`segment_definitions` of :mod:`twelvelabs_provider.api.analysis.response_format` make it.
    :param max_tokens: length of the answer at most; ``unlimited`` for segments by ``pegasus1.6``.
    :param temperature: 0 to 1.
    :param start: seconds from which the video is analysed; None for its beginning.
    :param end: seconds up to which it is analysed; None for its end.
    :param min_segment_duration: seconds, at least 2; for segments only.
    :param max_segment_duration: seconds, at least 2; for segments only.
    :param custom_id: 1 to 64 of ``[A-Za-z0-9_-]``, to find the task again; synchronous calls take none.
    :param extra: further fields of the body, for what the service adds later.
    """

    video: VideoSource | str = field(repr=False)
    mode: AnalysisMode = AnalysisMode.GENERAL
    model: str = DEFAULT_MODEL
    prompt: str | None = None
    prompt_v2: Mapping[str, Any] | None = field(default=None, repr=False)
    response_format: Mapping[str, Any] | None = None
    max_tokens: int | str | None = None
    temperature: float | None = None
    start: float | None = None
    end: float | None = None
    min_segment_duration: float | None = None
    max_segment_duration: float | None = None
    custom_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> VideoSource:
        """Which video."""
        return VideoSource(SourceKind.ASSET, self.video) if isinstance(self.video, str) else self.video

    def body(self) -> dict[str, Any]:
        """Return the JSON body of an analysis task, without unset fields."""
        own = {"analysis_mode": self.mode.value, "custom_id": self.custom_id}
        return _present({**self._shared(), **own, **self.extra})

    def immediate_body(self, *, stream: bool) -> dict[str, Any]:
        """Return the JSON body of a synchronous call; ``stream`` is always sent, its default has changed."""
        return _present({**self._shared(), "stream": stream, **self.extra})

    def question_hash(self) -> str:
        """Return a SHA-256 of the question, without the video."""
        question = {"prompt": self.prompt, "response_format": self.response_format, "mode": self.mode.value}
        if self.prompt_v2 is not None:
            question["prompt_v2"] = self.prompt_v2
        return hashlib.sha256(json.dumps(question, sort_keys=True, default=dict).encode()).hexdigest()

    def _shared(self) -> dict[str, Any]:
        return {
            "model_name": self.model,
            **self.source.wire(),
            "prompt": self.prompt,
            "prompt_v2": self.prompt_v2,
            "response_format": self.response_format,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "start_time": self.start,
            "end_time": self.end,
            "min_segment_duration": self.min_segment_duration,
            "max_segment_duration": self.max_segment_duration,
        }


def on_screen_text_request(
    asset_id: str, *, start: float | None = None, end: float | None = None, custom_id: str | None = None
) -> AnalysisRequest:
    """Return the analysis that replaces the text-in-video endpoint in v1.3.

    The model returns one timed segment per text; the result is generated, not OCR.
    """
    definition = {
        "id": _ON_SCREEN_TEXT,
        "description": "Every stretch of the video during which one piece of readable text stays on screen: titles,"
        " captions, signs, labels, slides. One segment for each piece of text.",
        "fields": [
            {"name": _TEXT_FIELD, "type": "string", "description": "The text exactly as it is shown on screen"},
        ],
    }
    return AnalysisRequest(
        asset_id,
        mode=AnalysisMode.TIME_BASED_METADATA,
        response_format=segment_definitions([definition]),
        max_tokens=MOST_TOKENS,
        temperature=0.0,
        start=start,
        end=end,
        custom_id=custom_id,
    )


def on_screen_text_from(data: str | None) -> tuple[Segment, ...]:
    """Return the rows of an answer to :func:`on_screen_text_request`.

    :raises TwelveLabsAnswerError: it is not the requested JSON; quotes the start of the text.
    """
    try:
        entries = data_from(data or "")[_ON_SCREEN_TEXT] or ()
        rows = [_row(entry) for entry in entries]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TwelveLabsAnswerError(
            f"the analysis did not answer with the on-screen text that was asked for ({error!r}); it begins with"
            f" {(data or '')[:200]!r}"
        ) from error
    return segments_from([row for row in rows if row["value"].strip()])


def within(segments: Sequence[Segment], start: float | None, end: float | None) -> tuple[Segment, ...]:
    """Return the segments that overlap a time range; None leaves a side open."""
    return tuple(
        segment
        for segment in segments
        if (start is None or segment.end > start) and (end is None or segment.start < end)
    )


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    metadata = entry.get("metadata") or {}
    return {
        "start": offset_from(entry["start_time"]),
        "end": offset_from(entry["end_time"]),
        "value": value_text(metadata.get(_TEXT_FIELD)),
    }
