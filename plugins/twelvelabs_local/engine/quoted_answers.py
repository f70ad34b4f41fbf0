"""Answers without a language model: quoted passages with citations.

The service's agent reasons and writes prose; this one only quotes speech and on-screen text, and every answer says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MODEL_NAME = "twelvelabs-local-extractive"
PREFACE = "Quoted word for word from what is said and shown; this engine has no language model."
NOTHING = "Nothing that is said or shown in the chosen items matches the question."

_MAX_PIECE_LETTERS = 48
_TEXTS = ("value", "text", "content", "quote", "transcript", "caption", "line")
_STARTS, _ENDS = ("start", "start_sec", "start_time"), ("end", "end_sec", "end_time")
_SOURCES, _IDS = ("title", "filename", "source", "video"), ("item_id", "id")


@dataclass(frozen=True)
class Quote:
    """A passage to quote.

    :param title: the file name.
    :param spoken: whether the passage is speech; otherwise it is on-screen text.
    :param start: seconds; None in an image.
    :param end: seconds; None in an image.
    """

    item_id: str
    title: str
    text: str
    spoken: bool
    start: float | None
    end: float | None


@dataclass(frozen=True)
class Answer:
    """A text with citations, as in the service's responses."""

    text: str
    annotations: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def part(self) -> Mapping[str, Any]:
        """Return the content part of a message."""
        return {"type": "output_text", "text": self.text, "annotations": list(self.annotations)}


class UnsupportedSchema(Exception):
    """A schema has fields that quotes cannot fill."""


def prose_answer(quotes: Sequence[Quote]) -> Answer:
    """Return the quotes as prose, each with a numbered citation."""
    if not quotes:
        return Answer(f"{NOTHING} {PREFACE}")
    text, annotations = PREFACE, []
    for number, quote in enumerate(quotes, start=1):
        text += f"\n{_place(quote)}: \u201c{quote.text}\u201d "
        mark = f"[{number}]"
        annotations.append(_citation(quote, len(text), len(text) + len(mark)))
        text += mark
    return Answer(text, annotations)


def json_answer(schema: Mapping[str, Any], quotes: Sequence[Quote]) -> Answer:
    """Return the quotes as JSON for a schema.

    :raises UnsupportedSchema: when quotes cannot fill a property.
    """
    check_schema(schema)
    prose = prose_answer(quotes).text
    filled: dict[str, Any] = {}
    for name, part in schema["properties"].items():
        if part["type"] == "string":
            filled[name] = prose
        elif part["items"]["type"] == "string":
            filled[name] = [quote.text for quote in quotes]
        else:
            filled[name] = [_filled(part["items"]["properties"], quote) for quote in quotes]
    return Answer(json.dumps(filled, ensure_ascii=False))


def check_schema(schema: Any) -> None:
    """Check that quotes can fill a schema.

    :raises UnsupportedSchema: when quotes cannot fill a property.
    """
    properties = schema.get("properties") if isinstance(schema, dict) and schema.get("type") == "object" else None
    if not isinstance(properties, dict) or not properties:
        raise UnsupportedSchema("the schema must be of an object with properties")
    for name, part in properties.items():
        items = part.get("items") if isinstance(part, dict) and part.get("type") == "array" else None
        kind = items.get("type") if isinstance(items, dict) else None
        if kind == "object" and isinstance(items, dict) and isinstance(items.get("properties"), dict):
            _check_fields(name, items["properties"])
        elif kind != "string" and not _plain_text(part):
            raise UnsupportedSchema(
                f"{name} must be a text, a list of texts, or a list of objects with times and texts"
            )


def split_text(text: str) -> Iterable[str]:
    """Split a text between words into the pieces of a stream."""
    piece = ""
    for word in text.split(" "):
        if len(piece) > _MAX_PIECE_LETTERS:
            yield piece
            piece = ""
        piece += word + " "
    if piece[:-1]:
        yield piece[:-1]


def _plain_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "string" and not part.get("enum")


def _check_fields(name: str, properties: Mapping[str, Any]) -> None:
    for field_name, part in properties.items():
        kind = part.get("type") if isinstance(part, dict) else None
        timed = field_name in (*_STARTS, *_ENDS)
        texts = (*_TEXTS, *_SOURCES, *_IDS)
        if not (timed and kind in ("number", "integer")) and not (field_name in texts and kind == "string"):
            known = ", ".join((*_STARTS, *_ENDS, *texts))
            raise UnsupportedSchema(
                f"{name}.{field_name} is no time (number) or text of a quote; those are named {known}"
            )


def _filled(properties: Mapping[str, Any], quote: Quote) -> Mapping[str, Any]:
    values: dict[str, Any] = {
        **dict.fromkeys(_TEXTS, quote.text),
        **dict.fromkeys(_SOURCES, quote.title),
        **dict.fromkeys(_IDS, quote.item_id),
        **dict.fromkeys(_STARTS, quote.start or 0.0),
        **dict.fromkeys(_ENDS, quote.end or 0.0),
    }
    whole = {name for name, part in properties.items() if part["type"] == "integer"}
    return {name: round(values[name]) if name in whole else values[name] for name in properties}


def _place(quote: Quote) -> str:
    how = "said" if quote.spoken else "shown"
    if quote.start is None or quote.end is None:
        return f"{quote.title}, {how}"
    return f"{quote.title}, {how} from {_clock(quote.start)} to {_clock(quote.end)}"


def _clock(seconds: float) -> str:
    whole = round(seconds)
    minutes = f"{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 3600}:{minutes}" if whole >= 3600 else minutes


def _citation(quote: Quote, begin: int, end: int) -> Mapping[str, Any]:
    citation: dict[str, Any] = {
        "type": "image_citation" if quote.start is None else "video_citation",
        "start_index": begin,
        "end_index": end,
        "item_id": quote.item_id,
        "title": quote.title,
    }
    return citation if quote.start is None else {**citation, "start_sec": quote.start, "end_sec": quote.end}
