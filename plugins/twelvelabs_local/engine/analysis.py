"""Analysis without a language model: on-screen text and speech, quoted in the requested format.

The service's models describe what a video shows; this one only quotes, and its name and warnings say so. The same
video and request always give the same answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twelvelabs_local.engine.schema_filling import fill
from twelvelabs_local.engine.topics import Topic, VideoText, clock, summary_of, topic_of
from twelvelabs_local.segments import SegmentRow, clipped

MODEL_NAME = "twelvelabs-local-extractive"
LETTERS_PER_TOKEN = 4
DEFAULT_MAX_TOKENS = 4096
DEFAULT_MAX_SEGMENT_TOKENS = 32_768

_TEXT_NAMES = ("value", "text", "content", "transcript", "transcription", "quote", "caption", "words", "line")
_END_NAMES = ("end", "end_time", "end_sec", "stop", "to")


@dataclass(frozen=True)
class Answer:
    """An answer.

    :param data: text or JSON.
    :param warning: the unanswered parts of the request, or None.
    """

    data: str
    warning: str | None


def topics_of(request: Mapping[str, Any]) -> set[Topic]:
    """Return the topics that a request asks about.

    :param request: a checked request.
    """
    definitions = (request.get("response_format") or {}).get("segment_definitions")
    if definitions is None:
        return {Topic.SCREEN, Topic.SPEECH}
    return {_topic(definition) for definition in definitions}


def answer(request: Mapping[str, Any], video: VideoText) -> Answer:
    """Answer a request.

    :param request: a checked request.
    :param video: the text of the video.
    """
    window = VideoText(
        video.duration,
        clipped(video.screen, request.get("start_time"), request.get("end_time")),
        clipped(video.speech, request.get("start_time"), request.get("end_time")),
    )
    shape = request.get("response_format") or {}
    if request.get("analysis_mode") == "time_based_metadata":
        return _segments(request, shape, window)
    if shape.get("type") == "json_schema":
        return _structured(request, shape["json_schema"], window)
    return Answer(summary_of(window), None)


def _segments(request: Mapping[str, Any], shape: Mapping[str, Any], video: VideoText) -> Answer:
    found: dict[str, list[Mapping[str, Any]]] = {}
    unanswered: list[str] = []
    for definition in shape["segment_definitions"]:
        topic = _topic(definition)
        if topic is Topic.OTHER:
            unanswered.append(definition["id"])
        rows = _ranged(video.about(topic), definition.get("time_ranges"))
        rows = _sized(rows, request, video.duration)
        found[definition["id"]] = [_segment(row, definition, shape.get("segment_time_format")) for row in rows]
    return Answer(json.dumps(found, ensure_ascii=False), _unanswered(unanswered) if unanswered else None)


def _unanswered(names: Iterable[str]) -> str:
    return (
        f"{MODEL_NAME} extracts on-screen text and speech only; it cannot answer: {', '.join(names)}. "
        "Describe on-screen text or speech, or use the service."
    )


def _topic(definition: Mapping[str, Any]) -> Topic:
    fields = definition.get("fields") or []
    names = " ".join(f"{field['name']} {field.get('description', '')}" for field in fields)
    return topic_of(definition["id"], definition["description"], names)


def _ranged(rows: Sequence[SegmentRow], ranges: Sequence[Mapping[str, float]] | None) -> Sequence[SegmentRow]:
    if not ranges:
        return rows
    return [row for part in ranges for row in clipped(rows, part["start_time"], part["end_time"])]


def _sized(rows: Sequence[SegmentRow], request: Mapping[str, Any], duration: float) -> list[SegmentRow]:
    """Extend short rows and split long ones, if the request limits the duration of segments."""
    shortest, longest = request.get("min_segment_duration"), request.get("max_segment_duration")
    sized: list[SegmentRow] = []
    for row in rows:
        start, end = row["start"], row["end"]
        if shortest is not None:
            end = max(end, min(duration, start + shortest))
        while longest is not None and end - start > longest:
            sized.append({"start": start, "end": start + longest, "value": row["value"]})
            start += longest
        sized.append({"start": start, "end": end, "value": row["value"]})
    return sized


def _segment(row: SegmentRow, definition: Mapping[str, Any], time_format: str | None) -> Mapping[str, Any]:
    return {
        "start_time": clock(row["start"], time_format),
        "end_time": clock(row["end"], time_format),
        "metadata": _metadata(row, definition.get("fields") or []),
    }


def _metadata(row: SegmentRow, fields: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Fill the best field for the text, and the times. Other fields stay null."""
    strings = [field["name"] for field in fields if field["type"] == "string" and not field.get("enum")]
    target = _preferred(strings, _TEXT_NAMES) or (strings[0] if strings else None)
    filled: dict[str, Any] = {}
    for field in fields:
        name = field["name"]
        if name == target:
            filled[name] = row["value"]
        elif field["type"] == "timestamp":
            filled[name] = clock(row["end" if name in _END_NAMES else "start"], field.get("format"))
        elif field["type"] == "array" and target is None:
            filled[name] = [row["value"]]
        else:
            filled[name] = None
    return filled


def _preferred(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    return next((name for want in wanted for name in names if name.lower() == want), None) or next(
        (name for want in wanted for name in names if want in name.lower()), None
    )


def _structured(request: Mapping[str, Any], schema: Mapping[str, Any], video: VideoText) -> Answer:
    prompt = request.get("prompt") or (request.get("prompt_v2") or {}).get("input_text", "")
    begin, end = request.get("start_time") or 0.0, request.get("end_time") or video.duration
    filled = fill(schema, video, prompt, begin, end)
    data = json.dumps(filled.value, ensure_ascii=False)
    return Answer(data, _unanswered(filled.unknown) if filled.unknown else None)


@dataclass(frozen=True)
class Limited:
    """An answer with at most ``max_tokens`` tokens.

    :param data: text or JSON; truncated if it was too long.
    :param finish_reason: ``stop`` or ``length``.
    :param usage: tokens, estimated from letters.
    :param warning: the unanswered parts of the request, or the truncation.
    """

    data: str
    finish_reason: str
    usage: Mapping[str, int]
    warning: str | None


def limited(request: Mapping[str, Any], found: Answer) -> Limited:
    """Truncate an answer after the request's ``max_tokens``.

    :param request: a checked request.
    :param found: the complete answer.
    """
    default = (
        DEFAULT_MAX_SEGMENT_TOKENS if request.get("analysis_mode") == "time_based_metadata" else DEFAULT_MAX_TOKENS
    )
    tokens = request.get("max_tokens") or default
    input_tokens = len(json.dumps(request)) // LETTERS_PER_TOKEN
    if tokens == "unlimited" or len(found.data) <= tokens * LETTERS_PER_TOKEN:
        usage = {"input_tokens": input_tokens, "output_tokens": max(1, len(found.data) // LETTERS_PER_TOKEN)}
        return Limited(found.data, "stop", usage, found.warning)
    message = f"output truncated: the generation reached the configured max_tokens ({tokens}). Raise max_tokens."
    data = found.data[: tokens * LETTERS_PER_TOKEN]
    return Limited(data, "length", {"input_tokens": input_tokens, "output_tokens": tokens}, message)


def billed_minutes(request: Mapping[str, Any], duration: float) -> float:
    """Return the billed minutes: the window, once per segment definition.

    :param request: a checked request.
    :param duration: length of the video in seconds.
    """
    start, end = request.get("start_time") or 0.0, request.get("end_time") or duration
    definitions = (request.get("response_format") or {}).get("segment_definitions")
    return max(0.0, end - start) / 60 * (len(definitions) if definitions else 1)
