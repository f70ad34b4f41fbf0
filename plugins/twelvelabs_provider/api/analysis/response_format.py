"""Response formats of an analysis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from twelvelabs_provider.api.analysis.structured_answers import read_structured
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.api.service_model import value_text

_TIMES = ("start_time", "end_time")
_TEXT_NAMES = ("text", "value", "title", "summary", "description", "label", "name")


class FormatType(StrEnum):
    """Kinds of response formats."""

    JSON_SCHEMA = "json_schema"
    SEGMENTS = "segment_definitions"


class TimeFormat(StrEnum):
    """Formats of offsets."""

    SECONDS = "seconds"
    CLOCK = "hh:mm:ss"
    CLOCK_MILLISECONDS = "hh:mm:ss.fff"


@dataclass(frozen=True)
class Problem:
    """A problem of a request.

    :param pointer: JSON pointer from the root of the checked value.
    :param message: the value and the remedy.
    """

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer or '(root)'}: {self.message}"

    def below(self, pointer: str) -> Problem:
        """Return the problem with a longer pointer."""
        return Problem(pointer + self.pointer, self.message)


def below(pointer: str, problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems with longer pointers."""
    return [problem.below(pointer) for problem in problems]


def step(name: object) -> str:
    """Return one reference token of a JSON pointer, with the slash before it (RFC 6901)."""
    return "/" + str(name).replace("~", "~0").replace("/", "~1")


def json_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``response_format`` for one JSON value that follows a schema."""
    return {"type": FormatType.JSON_SCHEMA.value, "json_schema": dict(schema)}


def segment_definitions(
    definitions: Sequence[Mapping[str, Any]], *, time_format: TimeFormat | None = None
) -> dict[str, Any]:
    """Return the ``response_format`` for timed segments.

    :param definitions: ``id``, ``description`` and, as wanted, ``fields``, ``media_sources``, ``time_ranges`` of each.
    :param time_format: of the offsets in the answer; seconds by default.
    """
    wanted = {"type": FormatType.SEGMENTS.value, "segment_definitions": [dict(entry) for entry in definitions]}
    return wanted if time_format is None else {**wanted, "segment_time_format": time_format.value}


def data_from(text: str) -> Any:
    """Return the JSON value of an answer; :func:`read_structured` says what is tolerated.

    :raises TwelveLabsAnswerError: it is not JSON; quotes the start of the text.
    """
    return read_structured(text).data


def segments_of(data: Any) -> tuple[Segment, ...]:
    """Return the segments of an answer to segment definitions, ordered by time; ``definition`` names the definition.

    The fields of a segment follow unchanged; ``value`` is the first one with text.

    :raises TwelveLabsAnswerError: the answer has another form.
    """
    try:
        rows = [_segment(name, entry) for name, entries in data.items() for entry in entries or ()]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TwelveLabsAnswerError(f"the answer's segments cannot be read ({error!r})") from error
    return tuple(sorted(rows, key=lambda row: (row.start, row.end)))


def offset_from(value: Any) -> float:
    """Return seconds from a number or ``hh:mm:ss.fff``; models mix the two.

    :raises ValueError: it is neither.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    seconds = 0.0
    for part in str(value).split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def _segment(definition: str, entry: Mapping[str, Any]) -> Segment:
    start, end = (offset_from(entry[name]) for name in _TIMES)
    if not (math.isfinite(start) and math.isfinite(end)):
        raise ValueError(f"{entry[_TIMES[0]]!r} to {entry[_TIMES[1]]!r} is no stretch of time")
    fields = dict(entry.get("metadata") or {})
    # A field of the same name must not hide which definition it is.
    return Segment(start, end, _text_of(fields), {"definition": definition} | fields | {"definition": definition})


def _text_of(fields: Mapping[str, Any]) -> str:
    """Return the field that reads like the text; a field of such a name may hold a number, such as a year."""
    named = [fields[name] for name in _TEXT_NAMES if fields.get(name) is not None]
    texts = [value for value in (*named, *fields.values()) if isinstance(value, str)]
    return next(iter(texts), value_text(named[0]) if named else "")
