"""What an analysis is asked for, and the packaged questions that stand in for endpoints which are gone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.api.reading import segments_from

DEFAULT_MODEL = "pegasus1.5"
MOST_TOKENS = 98_304
_ON_SCREEN_TEXT = "onscreen_text"
_TEXT_FIELD = "text"


@dataclass(frozen=True)
class AnalysisRequest:
    """One asynchronous analysis of an asset.

    :param response_format: the service's ``response_format`` object.
    :param start: seconds from which the asset is analysed; None for its beginning.
    :param end: seconds up to which it is analysed; None for its end.
    :param custom_id: 1 to 64 of ``[A-Za-z0-9_-]``, to find the task again.
    """

    asset_id: str
    mode: str = "general"
    model: str = DEFAULT_MODEL
    prompt: str | None = None
    response_format: Mapping[str, Any] | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    start: float | None = None
    end: float | None = None
    custom_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the JSON body, without what was not asked for."""
        fields = {
            "model_name": self.model,
            "video": {"type": "asset_id", "asset_id": self.asset_id},
            "analysis_mode": self.mode,
            "prompt": self.prompt,
            "response_format": self.response_format,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "start_time": self.start,
            "end_time": self.end,
            "custom_id": self.custom_id,
            **self.extra,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def question_hash(self) -> str:
        """Return a SHA-256 of what is asked, whichever video it is asked of."""
        question = {"prompt": self.prompt, "response_format": self.response_format, "mode": self.mode}
        return hashlib.sha256(json.dumps(question, sort_keys=True, default=dict).encode()).hexdigest()


def on_screen_text_request(
    asset_id: str, *, start: float | None = None, end: float | None = None, custom_id: str | None = None
) -> AnalysisRequest:
    """Return the analysis that stands in for the text-in-video endpoint where that is gone.

    The model answers with one timed segment for each text; the result is generated, not read letter by letter.
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
        asset_id=asset_id,
        mode="time_based_metadata",
        response_format={"type": "segment_definitions", "segment_definitions": [definition]},
        max_tokens=MOST_TOKENS,
        temperature=0.0,
        start=start,
        end=end,
        custom_id=custom_id,
    )


def on_screen_text_from(data: str | None) -> tuple[Segment, ...]:
    """Read the answer to :func:`on_screen_text_request` as rows, the same as the text-in-video endpoint's.

    :raises TwelveLabsAnswerError: if it is not the JSON that was asked for; it carries the beginning of the raw text.
    """
    try:
        entries = json.loads(data or "")[_ON_SCREEN_TEXT] or ()
        rows = [_row(entry) for entry in entries]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TwelveLabsAnswerError(
            f"the analysis did not answer with the on-screen text that was asked for ({error!r}); it begins with"
            f" {(data or '')[:200]!r}"
        ) from error
    return segments_from([row for row in rows if row["value"].strip()])


def within(segments: Sequence[Segment], start: float | None, end: float | None) -> tuple[Segment, ...]:
    """Keep the segments that overlap the window; None leaves a side open."""
    return tuple(
        segment
        for segment in segments
        if (start is None or segment.end > start) and (end is None or segment.start < end)
    )


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    metadata = entry.get("metadata") or {}
    return {
        "start": _offset(entry["start_time"]),
        "end": _offset(entry["end_time"]),
        "value": str(metadata.get(_TEXT_FIELD) or ""),
    }


def _offset(value: Any) -> float:
    """Seconds from a number or from ``hh:mm:ss.fff``, which models sometimes answer with all the same."""
    if isinstance(value, (int, float)):
        return float(value)
    seconds = 0.0
    for part in str(value).split(":"):
        seconds = seconds * 60 + float(part)
    return seconds
