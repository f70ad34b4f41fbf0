"""The shapes in which segments are written, one row at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.encoding import Encoder, JsonArray, JsonLines, utf8
from twelvelabs_provider.storage.parquet import ParquetRows, ensure_parquet
from twelvelabs_provider.storage.rows import Column, ColumnType, RowSchema

MIN_CUE_MS = 500
"""Length in milliseconds that a cue gets when its segment has none: players do not show an empty one."""

SEGMENT_SCHEMA = RowSchema(
    (
        Column("start", ColumnType.NUMBER),
        Column("end", ColumnType.NUMBER),
        Column("value"),
        Column("extra", ColumnType.JSON),
    )
)
"""Segments as Parquet: what a kind of segment adds differs, so it is one column there."""

_OWN_FIELDS = ("start", "end", "value")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ARROW = re.compile(r"-{2,}>")


class Format(StrEnum):
    """A file format of results; the value is the file's suffix too."""

    JSONL = "jsonl"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"
    PARQUET = "parquet"

    @classmethod
    def parse_all(cls, values: Sequence[str], *, among: Sequence[Format] = ()) -> tuple[Format, ...]:
        """The formats that were asked for, each once, in the order given.

        :param values: names such as ``["jsonl", "srt"]``; capitals are tolerated.
        :param among: the formats that this result can have; all of them when empty.
        :raises TwelveLabsInputError: the list is empty, is not a list, holds a name that is no format, or one that
            needs a library which is not installed.
        """
        known = tuple(among) or tuple(cls)
        valid = ", ".join(known)
        if isinstance(values, str) or not values:
            raise TwelveLabsInputError(f"formats={values!r}: give a list with at least one of {valid}.")
        bad = [value for value in values if not isinstance(value, str) or value.lower() not in set(known)]
        if bad:
            raise TwelveLabsInputError(f"formats={list(values)!r}: there is no format {bad[0]!r}; valid are {valid}.")
        formats = tuple(dict.fromkeys(cls(value.lower()) for value in values))
        if cls.PARQUET in formats:
            ensure_parquet()
        return formats


def encoder_for(format: Format) -> Encoder[Segment]:
    """A fresh encoder for one file of segments."""
    return _ENCODERS[format]()


class SubRip(Encoder[Segment]):
    """SRT: numbered cues, a comma before the milliseconds."""

    comma = ","

    def __init__(self) -> None:
        self._number = 0

    def row(self, row: Segment) -> bytes:
        text = self._text(row.value)
        if not text:
            return b""
        self._number += 1
        start, end = _cue_times(row)
        times = f"{timestamp(start, self.comma)} --> {timestamp(end, self.comma)}"
        return utf8(f"{self._number}\n{times}\n{text}\n\n")

    def _text(self, value: str) -> str:
        # SRT has no escape, and an arrow within a text makes readers see another cue.
        return _ARROW.sub("->", _cue_text(value))


class WebVtt(SubRip):
    """WebVTT: a header, a point before the milliseconds, three characters escaped."""

    comma = "."

    def header(self) -> bytes:
        return b"WEBVTT\n\n"

    def _text(self, value: str) -> str:
        return _cue_text(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def timestamp(milliseconds: int, comma: str = ".") -> str:
    """``HH:MM:SS.mmm``; hours grow beyond two digits where they must.

    :param milliseconds: not negative.
    :param comma: what stands before the milliseconds.
    """
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{comma}{thousandths:03d}"


def _cue_times(segment: Segment) -> tuple[int, int]:
    start, end = max(0, round(segment.start * 1000)), max(0, round(segment.end * 1000))
    return start, end if end > start else start + MIN_CUE_MS


def _cue_text(value: str) -> str:
    """A blank line would end the cue, so there is none; the lines that hold something stay."""
    lines = (_UNSEEN.sub("", line).strip() for line in value.splitlines())
    return "\n".join(line for line in lines if line)


def _json_fields(segment: Segment) -> Mapping[str, Any]:
    extra = {name: value for name, value in segment.extra.items() if name not in _OWN_FIELDS}
    return {"start": segment.start, "end": segment.end, "value": segment.value, **extra}


def _column_fields(segment: Segment) -> Mapping[str, Any]:
    extra = dict(segment.extra) or None
    return {"start": segment.start, "end": segment.end, "value": segment.value, "extra": extra}


_ENCODERS: dict[Format, Callable[[], Encoder[Segment]]] = {
    Format.JSONL: lambda: JsonLines(_json_fields),
    Format.JSON: lambda: JsonArray(_json_fields),
    Format.SRT: SubRip,
    Format.VTT: WebVtt,
    Format.PARQUET: lambda: ParquetRows(SEGMENT_SCHEMA, _column_fields),
}
