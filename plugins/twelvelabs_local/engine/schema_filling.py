"""JSON for a schema, filled with the text of a video. The result is always valid against the schema.

Names and descriptions of fields decide which text fills them. A field that no text fills gets the emptiest allowed
value, and the caller receives its name, because such a value is no answer.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twelvelabs_local.engine.regex_samples import shortest_match
from twelvelabs_local.engine.summary import chapters_of, hashtags_of, highlights_of, keywords_of, title_of
from twelvelabs_local.engine.topics import VideoText, clock, summary_of, topic_of

MAX_DEPTH = 12
"""Levels of a recursive schema that are filled."""
_START = re.compile(r"(^|_)(starts?|begins?|from|since|at|time|timestamp)(_|$)|^start|^begin", re.IGNORECASE)
_END = re.compile(r"(^|_)(ends?|stops?|until|to)(_|$)|^end|^stop", re.IGNORECASE)
_COUNT = re.compile(r"number|index|count", re.IGNORECASE)
_EMPTY: Mapping[str, Any] = {"string": "", "boolean": False, "null": None, "number": 0, "timestamp": 0}
_DATES: Mapping[str, str] = {"date": "1970-01-01", "time": "00:00:00Z", "date-time": "1970-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Row:
    """An element of an array: a time range and its text, and more texts by a word in the field's name."""

    start: float
    end: float
    text: str
    more: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Filled:
    """A value and the names of the fields that no text filled."""

    value: Any = None
    unknown: list[str] = field(default_factory=list)


def fill(schema: Mapping[str, Any], video: VideoText, prompt: str, begin: float, end: float) -> Filled:
    """Fill a schema.

    :param schema: a checked schema.
    :param video: the text of the video.
    :param prompt: the question, which gives the topic of an array whose name does not.
    :param begin: start of the window in seconds.
    :param end: end of the window in seconds.
    """
    filler = _Filler(schema, video, prompt, begin, end)
    filled = Filled()
    filled.value = filler.value("", schema, None, 0)
    filled.unknown = filler.unknown
    return filled


class _Filler:
    def __init__(self, root: Mapping[str, Any], video: VideoText, prompt: str, begin: float, end: float) -> None:
        self._root = root
        self._video = video
        self._prompt = prompt
        self._window = (begin, end)
        self._missed = 0
        self.unknown: list[str] = []

    def value(self, name: str, part: Mapping[str, Any], row: Row | None, depth: int) -> Any:
        """Return a value for a part of the schema.

        :param name: the name of the field.
        :param row: the current element of an array; None outside of arrays.
        """
        part = self._resolved(part)
        if "const" in part:
            return part["const"]
        if part.get("enum"):
            self._miss(name)
            return None if None in part["enum"] else part["enum"][0]
        kind = _type_of(part)
        if kind == "object":
            return self._object(part, row, depth)
        if kind == "array":
            return self._array(name, part, row, depth)
        known = self._known(name, part, kind, row)
        return self._empty(name, part, kind) if known is None else known

    def _resolved(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        """Resolve references, and take the first choice that is not null."""
        for _ in range(MAX_DEPTH):
            if "$ref" in part:
                part = _merged(part, "$ref", self._target(str(part["$ref"])))
            elif part.get("anyOf"):
                plain = [choice for choice in part["anyOf"] if choice.get("type") != "null"]
                part = _merged(part, "anyOf", (plain or part["anyOf"])[0])
            else:
                return part
        return {"type": "null"}

    def _target(self, reference: str) -> Mapping[str, Any]:
        key = reference.removeprefix("#/$defs/").replace("~1", "/").replace("~0", "~")
        target: Mapping[str, Any] = self._root if reference == "#" else (self._root.get("$defs") or {}).get(key, {})
        return target

    def _object(self, part: Mapping[str, Any], row: Row | None, depth: int) -> dict[str, Any]:
        needed = set(part.get("required") or ())
        properties: Mapping[str, Any] = part.get("properties") or {}
        filled: dict[str, Any] = {}
        for name, inner in properties.items():
            if name not in needed and depth >= MAX_DEPTH // 2:
                continue
            before = self._missed
            value = self.value(name, inner, row, depth + 1) if depth < MAX_DEPTH else None
            if name in needed or self._missed == before:
                filled[name] = value
        # a required field without a schema may have any value
        return filled | dict.fromkeys(needed - set(properties))

    def _array(self, name: str, part: Mapping[str, Any], row: Row | None, depth: int) -> list[Any]:
        items = self._resolved(part.get("items") or {})
        if row is not None or depth >= MAX_DEPTH:
            found: list[Any] = []
        elif _type_of(items) == "object":
            found = [self._object(items, row, depth + 1) for row in self._rows(name, part)]
        elif _type_of(items) == "string" and not items.get("enum") and not items.get("pattern"):
            found = [] if items.get("format") else self._texts(name, part)
        else:
            found = []
        if found:
            return found
        self._miss(name)
        return [self.value(name, items, row, depth + 1)] * int(part.get("minItems") or 0)

    def _rows(self, name: str, part: Mapping[str, Any]) -> list[Row]:
        lower, (begin, end), found = name.lower(), self._window, self._video
        if "chapter" in lower:
            chapters = chapters_of(found.screen, found.speech, begin, end)
            return [Row(one.start, one.end, one.title, {"summary": one.summary}) for one in chapters]
        if "highlight" in lower or "moment" in lower:
            return [_row(row) for row in highlights_of(found.screen, found.speech)]
        topic = topic_of(name, str(part.get("description", "")), self._prompt)
        return [_row(row) for row in found.about(topic)]

    def _texts(self, name: str, part: Mapping[str, Any]) -> list[str]:
        found, lower = self._video, name.lower()
        if "hashtag" in lower:
            return hashtags_of(keywords_of(found.screen, found.speech))
        if "topic" in lower or "keyword" in lower or "tag" in lower:
            return keywords_of(found.screen, found.speech)
        if "title" in lower:
            title = title_of(found.screen, found.speech)
            return [title] if title else []
        topic = topic_of(name, str(part.get("description", "")), self._prompt)
        return list(dict.fromkeys(row["value"] for row in found.about(topic)))

    def _known(self, name: str, part: Mapping[str, Any], kind: str, row: Row | None) -> Any:
        """Return the text for a scalar field, or None."""
        if row is not None:
            return _of_row(name, part, kind, row)
        if kind != "string" or part.get("format") or part.get("pattern"):
            return None
        lower = name.lower()
        if "title" in lower or "headline" in lower:
            return title_of(self._video.screen, self._video.speech) or None
        return summary_of(self._video)

    def _empty(self, name: str, part: Mapping[str, Any], kind: str) -> Any:
        if kind != "null":
            self._miss(name)
        if kind == "integer":
            return _whole_within(part, 0)
        if kind == "timestamp":
            return clock(0.0, part.get("format"))
        if kind != "string":
            return _EMPTY.get(kind)
        if part.get("format") == "uuid":
            return str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(name)))
        if part.get("pattern"):
            return shortest_match(str(part["pattern"]))
        return _DATES.get(str(part.get("format")), "")

    def _miss(self, name: str) -> None:
        self._missed += 1
        if name not in self.unknown:
            self.unknown.append(name)


def _merged(part: Mapping[str, Any], without: str, other: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**{name: value for name, value in part.items() if name != without}, **other}


def _type_of(part: Mapping[str, Any]) -> str:
    kind = part.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in part else "array" if "items" in part else "string"
    return str(kind)


def _row(row: Any) -> Row:
    return Row(row["start"], row["end"], row["value"])


def _of_row(name: str, part: Mapping[str, Any], kind: str, row: Row) -> Any:
    """Return the start, the end or the text of a row for a field, or None."""
    ending = bool(_END.search(name)) and not name.lower().startswith(("start", "begin"))
    timed = ending or bool(_START.search(name))
    seconds = row.end if ending else row.start
    write: Mapping[str, Callable[[], Any]] = {
        "number": lambda: round(seconds, 3) if timed else None,
        "integer": lambda: _whole_within(part, round(seconds)) if timed and not _COUNT.search(name) else None,
        "timestamp": lambda: clock(seconds, part.get("format")),
        "string": lambda: _text(name, part, row, seconds, timed),
    }
    return write.get(kind, lambda: None)()


def _text(name: str, part: Mapping[str, Any], row: Row, seconds: float, timed: bool) -> str | None:
    if part.get("format") or part.get("pattern"):
        return None
    if timed:
        return str(clock(seconds, "hh:mm:ss.fff" if name in ("start_time", "end_time") else "hh:mm:ss"))
    more = next((text for word, text in row.more.items() if word in name.lower()), None)
    return row.text if more is None else more


def _whole_within(part: Mapping[str, Any], wanted: int) -> int:
    """Return the allowed whole number closest to the wanted one."""
    low = max(part.get("minimum", -math.inf), part.get("exclusiveMinimum", -math.inf) + 1)
    high = min(part.get("maximum", math.inf), part.get("exclusiveMaximum", math.inf) - 1)
    return int(min(max(wanted, low), high))
