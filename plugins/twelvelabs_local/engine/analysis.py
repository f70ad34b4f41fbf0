"""Analysis without a language model: it extracts what was read and heard, word for word, and says so.

The service's models write prose about pictures; this one only arranges on-screen text and transcript in the asked
form. The same video and request always give the same answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from twelvelabs_local.segments import SegmentRow, clipped

MODEL_NAME = "twelvelabs-local-extractive"

_SCREEN = re.compile(
    r"on.?screen|screen|text.?in.?video|\bocr\b|readable|legible|visible|shown|displayed|written|writing|slide|overlay|"
    r"\bsign(s|age)?\b|lettering",
    re.IGNORECASE,
)
_SPEECH = re.compile(
    r"speech|spoken|speak|\bsaid\b|\bsays?\b|transcri|dialog|narrat|utter|voice|quote|sentence", re.IGNORECASE
)
_TEXT = re.compile(r"\btexts?\b|_text|text_|caption|\btitle", re.IGNORECASE)
_TEXT_NAMES = ("value", "text", "content", "transcript", "transcription", "quote", "caption", "words", "line")
_START_NAMES = ("start", "start_time", "start_sec", "begin", "from")
_END_NAMES = ("end", "end_time", "end_sec", "stop", "to")


class Subject(StrEnum):
    """What a request asks about."""

    SCREEN = "screen"
    SPEECH = "speech"
    OTHER = "other"


@dataclass(frozen=True)
class Material:
    """What an answer is made of.

    :param duration: length of the video in seconds.
    :param screen: on-screen text.
    :param speech: transcript.
    """

    duration: float
    screen: Sequence[SegmentRow]
    speech: Sequence[SegmentRow]

    def about(self, subject: Subject) -> Sequence[SegmentRow]:
        """Return the rows of a subject; there are none for what can only be understood by looking."""
        return {Subject.SCREEN: self.screen, Subject.SPEECH: self.speech}.get(subject, [])


@dataclass(frozen=True)
class Answer:
    """An answer.

    :param data: text, or JSON as text.
    :param warning: what could not be answered, or None.
    """

    data: str
    warning: str | None


def subject_of(*texts: str) -> Subject:
    """Tell what some words are about.

    :param texts: an id, a description, field names: the most telling first.
    """
    for text in texts:
        # plain words for pictures come first ("transcribe the text on screen"), the word text alone comes last
        # ("the text that is spoken")
        for pattern, subject in ((_SCREEN, Subject.SCREEN), (_SPEECH, Subject.SPEECH), (_TEXT, Subject.SCREEN)):
            if pattern.search(text):
                return subject
    return Subject.OTHER


def subjects_of(request: Mapping[str, Any]) -> set[Subject]:
    """Return what has to be known about a video before a request can be answered.

    :param request: a checked request.
    """
    definitions = (request.get("response_format") or {}).get("segment_definitions")
    if definitions is None:
        return {Subject.SCREEN, Subject.SPEECH}
    return {_subject(definition) for definition in definitions}


def answer(request: Mapping[str, Any], material: Material) -> Answer:
    """Answer a request.

    :param request: a checked request.
    :param material: what is known about the video.
    """
    window = Material(
        material.duration,
        clipped(material.screen, request.get("start_time"), request.get("end_time")),
        clipped(material.speech, request.get("start_time"), request.get("end_time")),
    )
    shape = request.get("response_format") or {}
    if request.get("analysis_mode") == "time_based_metadata":
        return _segments(request, shape, window)
    if shape.get("type") == "json_schema":
        return _structured(request, shape["json_schema"], window)
    return Answer(_summary(window), None)


def _segments(request: Mapping[str, Any], shape: Mapping[str, Any], material: Material) -> Answer:
    found: dict[str, list[Mapping[str, Any]]] = {}
    silent: list[str] = []
    for definition in shape["segment_definitions"]:
        subject = _subject(definition)
        if subject is Subject.OTHER:
            silent.append(definition["id"])
        rows = _ranged(material.about(subject), definition.get("time_ranges"))
        rows = _sized(rows, request, material.duration)
        found[definition["id"]] = [_segment(row, definition, shape.get("segment_time_format")) for row in rows]
    return Answer(json.dumps(found, ensure_ascii=False), _unanswered(silent) if silent else None)


def _unanswered(names: Iterable[str]) -> str:
    return (
        f"{MODEL_NAME} extracts on-screen text and speech only; it cannot find segments for: {', '.join(names)}. "
        "Describe on-screen text or speech, or use the service."
    )


def _subject(definition: Mapping[str, Any]) -> Subject:
    fields = definition.get("fields") or []
    names = " ".join(f"{field['name']} {field.get('description', '')}" for field in fields)
    return subject_of(definition["id"], definition["description"], names)


def _ranged(rows: Sequence[SegmentRow], ranges: Sequence[Mapping[str, float]] | None) -> Sequence[SegmentRow]:
    if not ranges:
        return rows
    return [row for part in ranges for row in clipped(rows, part["start_time"], part["end_time"])]


def _sized(rows: Sequence[SegmentRow], request: Mapping[str, Any], duration: float) -> list[SegmentRow]:
    """Lengthen short rows and split long ones where the request says so."""
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
        "start_time": _moment(row["start"], time_format),
        "end_time": _moment(row["end"], time_format),
        "metadata": _metadata(row, definition.get("fields") or []),
    }


def _metadata(row: SegmentRow, fields: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Fill the field that takes the text, and times; what would need understanding stays null."""
    strings = [field["name"] for field in fields if field["type"] == "string" and not field.get("enum")]
    target = _preferred(strings, _TEXT_NAMES) or (strings[0] if strings else None)
    filled: dict[str, Any] = {}
    for field in fields:
        name = field["name"]
        if name == target:
            filled[name] = row["value"]
        elif field["type"] == "timestamp":
            filled[name] = _moment(row["end" if name in _END_NAMES else "start"], field.get("format"))
        elif field["type"] == "array" and target is None:
            filled[name] = [row["value"]]
        else:
            filled[name] = None
    return filled


def _preferred(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    return next((name for want in wanted for name in names if name.lower() == want), None) or next(
        (name for want in wanted for name in names if want in name.lower()), None
    )


def _moment(seconds: float, time_format: str | None) -> float | str:
    """Write an offset as the request asks for."""
    if time_format == "hh:mm:ss":
        whole = round(seconds)
        return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    if time_format == "hh:mm:ss.fff":
        thousandths = round(seconds * 1000)
        whole, rest = divmod(thousandths, 1000)
        return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{rest:03d}"
    return round(seconds, 3)


def _structured(request: Mapping[str, Any], schema: Mapping[str, Any], material: Material) -> Answer:
    """Fill a schema: an array of timed objects gets rows, a string the summary; nothing else can be known."""
    prompt = request.get("prompt") or (request.get("prompt_v2") or {}).get("input_text", "")
    filled: dict[str, Any] = {}
    unknown: list[str] = []
    for name, part in (schema.get("properties") or {}).items():
        items = _resolved(part.get("items") or {}, schema)
        if part.get("type") == "array" and items.get("type") == "object":
            subject = subject_of(name, str(part.get("description", "")), prompt)
            if subject is Subject.OTHER:
                unknown.append(name)
            filled[name] = [_item(row, items.get("properties") or {}) for row in material.about(subject)]
        elif part.get("type") == "array" and items.get("type") == "string":
            subject = subject_of(name, str(part.get("description", "")), prompt)
            filled[name] = list(dict.fromkeys(row["value"] for row in material.about(subject)))
        elif part.get("type") == "string" and not part.get("enum"):
            filled[name] = _summary(material)
        else:
            filled[name] = None
            unknown.append(name)
    return Answer(json.dumps(filled, ensure_ascii=False), _unanswered(unknown) if unknown else None)


def _resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = part.get("$ref", "")
    if reference.startswith("#/$defs/"):
        resolved: Mapping[str, Any] = (schema.get("$defs") or {}).get(reference.removeprefix("#/$defs/"), {})
        return resolved
    return part


def _item(row: SegmentRow, properties: Mapping[str, Any]) -> Mapping[str, Any]:
    strings = [name for name, part in properties.items() if part.get("type") == "string"]
    timed = {*_START_NAMES, *_END_NAMES}
    texts = [name for name in strings if name.lower() not in timed]
    target = _preferred(texts, _TEXT_NAMES) or (texts[0] if texts else None)
    item: dict[str, Any] = {}
    for name, part in properties.items():
        if name == target:
            item[name] = row["value"]
        elif name.lower() in timed:
            seconds = row["end" if name.lower() in _END_NAMES else "start"]
            item[name] = _timed(seconds, part)
        else:
            item[name] = None
    return item


def _timed(seconds: float, part: Mapping[str, Any]) -> float | str:
    if part.get("type") == "integer":
        return round(seconds)
    if part.get("type") == "string":
        return _moment(seconds, part.get("format") or "hh:mm:ss")
    return _moment(seconds, part.get("format"))


def _summary(material: Material) -> str:
    """Return the first sentences that are heard and the words that are seen longest."""
    said = [row["value"] for row in material.speech[:3]]
    seconds: dict[str, float] = {}
    for row in material.screen:
        seconds[row["value"]] = seconds.get(row["value"], 0.0) + row["end"] - row["start"]
    shown = sorted(seconds, key=lambda text: -seconds[text])[:5]
    parts = [f"The video is {material.duration:.0f} seconds long."]
    parts.append(f"It is heard to say: {'; '.join(said)}." if said else "No speech was recognised.")
    parts.append(f"Text on screen: {'; '.join(shown)}." if shown else "No on-screen text was recognised.")
    return " ".join(parts)


def billed_minutes(request: Mapping[str, Any], duration: float) -> float:
    """Return what the service would bill: the window, once per segment definition.

    :param request: a checked request.
    :param duration: length of the video in seconds.
    """
    start, end = request.get("start_time") or 0.0, request.get("end_time") or duration
    definitions = (request.get("response_format") or {}).get("segment_definitions")
    return max(0.0, end - start) / 60 * (len(definitions) if definitions else 1)
