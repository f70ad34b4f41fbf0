"""The shapes in which segments are written, one row at a time."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsInputError

MIN_CUE_MS = 500
"""Length in milliseconds that a cue gets when its segment has none: players do not show an empty one."""

_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str)
_OWN_FIELDS = ("start", "end", "value")
# Valid inside JSON strings, but many readers split lines at them.
_LINE_BREAKS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ARROW = re.compile(r"-{2,}>")


class Format(StrEnum):
    """A file format of results; the value is the file's suffix too."""

    JSONL = "jsonl"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"

    @classmethod
    def parse_all(cls, values: Sequence[str]) -> tuple[Format, ...]:
        """The formats that were asked for, each once, in the order given.

        :param values: names such as ``["jsonl", "srt"]``; capitals are tolerated.
        :raises TwelveLabsInputError: the list is empty, is not a list, or holds a name that is no format.
        """
        valid = ", ".join(cls)
        if isinstance(values, str) or not values:
            raise TwelveLabsInputError(f"formats={values!r}: give a list with at least one of {valid}.")
        bad = [value for value in values if not isinstance(value, str) or value.lower() not in set(cls)]
        if bad:
            raise TwelveLabsInputError(f"formats={list(values)!r}: there is no format {bad[0]!r}; valid are {valid}.")
        return tuple(dict.fromkeys(cls(value.lower()) for value in values))


class Encoder(ABC):
    """Turns segments into the bytes of one file; what it returns is written in the order of the calls."""

    def header(self) -> bytes:
        """Bytes before the first row."""
        return b""

    @abstractmethod
    def row(self, segment: Segment) -> bytes:
        """Bytes of one row.

        :raises ValueError: a time is not a finite number.
        """

    def footer(self) -> bytes:
        """Bytes after the last row."""
        return b""


def encoder_for(format: Format) -> Encoder:
    """A fresh encoder for one file."""
    return _ENCODERS[format]()


class JsonLines(Encoder):
    """One JSON object per line."""

    def row(self, segment: Segment) -> bytes:
        return _json_row(segment) + b"\n"


class JsonArray(Encoder):
    """A JSON array with one object per line."""

    def __init__(self) -> None:
        self._separator = b"\n"

    def header(self) -> bytes:
        return b"["

    def row(self, segment: Segment) -> bytes:
        separator, self._separator = self._separator, b",\n"
        return separator + _json_row(segment)

    def footer(self) -> bytes:
        return b"\n]\n"


class SubRip(Encoder):
    """SRT: numbered cues, a comma before the milliseconds."""

    comma = ","

    def __init__(self) -> None:
        self._number = 0

    def row(self, segment: Segment) -> bytes:
        text = self._text(segment.value)
        if not text:
            return b""
        self._number += 1
        start, end = _cue_times(segment)
        times = f"{timestamp(start, self.comma)} --> {timestamp(end, self.comma)}"
        return _utf8(f"{self._number}\n{times}\n{text}\n\n")

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


_ENCODERS: dict[Format, type[Encoder]] = {
    Format.JSONL: JsonLines,
    Format.JSON: JsonArray,
    Format.SRT: SubRip,
    Format.VTT: WebVtt,
}


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


def _json_row(segment: Segment) -> bytes:
    extra = {name: value for name, value in segment.extra.items() if name not in _OWN_FIELDS}
    row = {"start": segment.start, "end": segment.end, "value": segment.value, **extra}
    return _utf8(_JSON.encode(row).translate(_LINE_BREAKS))


def _utf8(text: str) -> bytes:
    # A lone surrogate can come out of JSON escapes and has no UTF-8.
    return text.encode("utf-8", errors="replace")
