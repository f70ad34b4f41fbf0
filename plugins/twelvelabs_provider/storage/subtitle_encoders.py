"""SRT and WebVTT encoders of segments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.storage.encoding import Block, BlockEncoder, utf8

MIN_CUE_MS = 500
"""Minimum length of a cue in milliseconds: players do not show shorter ones."""

_SRT_TIME = re.compile(r"\d{1,2}:\d{1,2}:\d{1,2}[.,]\d")
_VTT_TIME = re.compile(r"(?:\d{0,4}:)?\d{2}:\d{2}\.\d{2}")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ARROW = re.compile(r"-{2,}>")
_THOUSANDTHS = tuple(f"{number:03d}" for number in range(1000))


class SubRip(BlockEncoder[Segment]):
    """SRT: numbered cues, a comma before the milliseconds."""

    def __init__(self) -> None:
        self._number = 0
        self._last = ""

    def block(self, block: Block[Segment]) -> bytes:
        cues = block.once(_cues_of)
        first, self._number = self._number + 1, self._number + len(cues)
        texts = [self._last, *[self._cue(number, *cue) for number, cue in enumerate(cues, first)]]
        self._last = texts.pop()
        return utf8("".join(texts))

    def footer(self) -> bytes:
        return utf8(_with_last_number(self._last))

    def _cue(self, number: int, start: str, start_ms: str, end: str, end_ms: str, text: str) -> str:
        # SRT has no escape, and an arrow within a text makes readers see another cue.
        if "-->" in text:
            text = _ARROW.sub("->", text)
        text = _one_time_a_line(text, _SRT_TIME)
        return f"{number}\n{start},{start_ms} --> {end},{end_ms}\n{text}\n\n"


class WebVtt(SubRip):
    """WebVTT: a header, a point before the milliseconds, three characters escaped."""

    def header(self) -> bytes:
        return b"WEBVTT\n\n"

    def _cue(self, number: int, start: str, start_ms: str, end: str, end_ms: str, text: str) -> str:
        text = _one_time_a_line(text, _VTT_TIME)
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        if "{\\" in text:
            # Many readers take "{\\an8}" for a command of ASS, in WebVTT as well.
            text = text.replace("{\\", "&#123;\\")
        return f"{number}\n{start}.{start_ms} --> {end}.{end_ms}\n{text}\n\n"


def timestamp(milliseconds: int, comma: str = ".") -> str:
    """``HH:MM:SS.mmm``; hours grow beyond two digits where they must.

    :param milliseconds: not negative.
    :param comma: the decimal separator.
    """
    seconds, thousandths = divmod(milliseconds, 1000)
    return f"{_clock(seconds)}{comma}{_THOUSANDTHS[thousandths]}"


# Segments follow each other: most seconds are asked for several times in a row.
@lru_cache(maxsize=1024)
def _clock(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}"


def _cues_of(segments: Sequence[Segment]) -> Sequence[tuple[str, str, str, str, str]]:
    """Times and texts of the cues, in pieces: clock and thousandths of the start, of the end, text."""
    cues = []
    for segment in segments:
        value = segment.value
        text = value.strip() if value.isprintable() else _cue_text(value)
        if text:
            start, end = max(0, round(segment.start * 1000)), max(0, round(segment.end * 1000))
            if end <= start:
                end = start + MIN_CUE_MS
            start_s, start_ms = divmod(start, 1000)
            end_s, end_ms = divmod(end, 1000)
            cues.append((_clock(start_s), _THOUSANDTHS[start_ms], _clock(end_s), _THOUSANDTHS[end_ms], text))
    return cues


def _one_time_a_line(text: str, time: re.Pattern[str]) -> str:
    """Break lines that hold two times: pysubs2 takes such a line for the timing of a cue, with and without arrow."""
    if text.count(":") < 2:
        return text
    return "\n".join(_broken_at_second(line, time) for line in text.split("\n"))


def _broken_at_second(line: str, time: re.Pattern[str]) -> str:
    found = list(time.finditer(line))
    if len(found) != 2:
        return line
    at = found[1].start()
    return f"{line[:at].rstrip()}\n{line[at:]}"


def _with_last_number(cue: str) -> str:
    """Indent a number in the last line of the last cue: pysubs2 takes it for the number of a cue that follows."""
    head, _, last = cue.rstrip("\n").rpartition("\n")
    is_text = head.count("\n") > 1
    return f"{head}\n\t{last}\n\n" if is_text and last.isdecimal() else cue


def _cue_text(value: str) -> str:
    """Return the lines of a text without blank ones, because a blank line would end the cue."""
    lines = (_UNSEEN.sub("", line).strip() for line in value.splitlines())
    return "\n".join(line for line in lines if line)
