"""Parser of SRT and WebVTT files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from twelvelabs_provider.storage.subtitle_markup import SubtitleFormat

_SRT_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[,.](\d{1,9}))?"
_VTT_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))"
_SETTINGS = re.compile(r"(?:\w+\s*:\s*\S+\s*)*", re.ASCII)
_INDEX = re.compile(r"\s*\d+\s*", re.ASCII)
_COMMENT = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")
# Malformed times: "00:00:0x,000", "1:2", "-00:00:01,000".
_NEARLY_TIME = r"-?\d+\s*:\s*[\dxo?]+[\d:.,;xo?\s]*"
_NEARLY_TIMING = re.compile(rf"\s*{_NEARLY_TIME}-->\s*{_NEARLY_TIME}", re.ASCII | re.IGNORECASE)
_HALF_TIMING = re.compile(
    rf"\s*(?:{_NEARLY_TIME}[-=~\u2013\u2014]*>|-->\s*{_NEARLY_TIME}|{_SRT_TIME}\W+{_SRT_TIME}\s*$)",
    re.ASCII | re.IGNORECASE,
)
_MOST_MINUTES = 59
_LONGEST_TIMING = 200


class SubtitleSyntaxError(ValueError):
    """A subtitle file is invalid; the message begins with the line."""


@dataclass
class ParsedCue:
    """One cue.

    :param line: number of its timing line.
    :param start: milliseconds.
    :param end: milliseconds.
    :param lines: its text, with markup.
    """

    line: int
    start: int
    end: int
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text, with markup."""
        return "\n".join(self.lines)


def parse_subtitles(text: str, format: SubtitleFormat) -> list[ParsedCue]:
    """Return the cues of a file.

    :param text: with line feeds as line ends; WebVTT begins with its header.
    :raises SubtitleSyntaxError: a malformed line would become a word of a cue, or be lost.
    """
    return _parse_srt(text.split("\n")) if format == "srt" else _parse_vtt(text.split("\n"))


def _parse_srt(lines: Sequence[str]) -> list[ParsedCue]:
    cues: list[ParsedCue] = []
    before: list[str] = []
    for number, line in enumerate(lines, start=1):
        below_timing = bool(cues) and cues[-1].line == number - 1
        # A cue without a text is refused anyway, so a timing right below a timing is the text of the first.
        cue = None if below_timing else _cue_at(line, number, "srt")
        words = cues[-1].lines if cues else before
        if cue is None:
            if not below_timing:
                _check_text(lines, number, "srt")
            words.append(line)
            continue
        _drop_index(words, len(cues) + 1)
        cues.append(cue)
        if len(cues) == 1:
            _check_nothing_before(before)
    return cues


def _drop_index(lines: list[str], expected: int) -> None:
    """Remove the number of the next cue, which is right above its timing."""
    last = next((at for at in range(len(lines) - 1, -1, -1) if lines[at].strip()), None)
    if last is None or not _INDEX.fullmatch(lines[last]):
        return
    # With doubled line ends, a blank line is between them.
    if last == len(lines) - 1 or lines[last].strip().lstrip("0") == str(expected):
        del lines[last:]


def _check_nothing_before(lines: Sequence[str]) -> None:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            raise SubtitleSyntaxError(f"line {number}: {line.strip()!r} stands before the first cue: remove it")


def _parse_vtt(lines: Sequence[str]) -> list[ParsedCue]:
    cues: list[ParsedCue] = []
    number = _after_header(lines)
    while number <= len(lines):
        line, above = lines[number - 1], lines[number - 2]
        if not above.strip() and _COMMENT.match(line):
            number = _next_blank(lines, number)
            continue
        cue = _cue_at(line, number, "vtt")
        if cue is not None:
            cues.append(cue)
        elif above.strip() or number == len(lines) or _cue_at(lines[number], number + 1, "vtt") is None:
            # Not the name of a cue.
            if not cues or cues[-1].line != number - 1:
                _check_text(lines, number, "vtt")
            if cues:
                cues[-1].lines.append(line)
        number += 1
    return cues


def _after_header(lines: Sequence[str]) -> int:
    """Return the number of the first line after the header."""
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip() or "-->" in line:
            return number
    return len(lines) + 1


def _next_blank(lines: Sequence[str], number: int) -> int:
    while number <= len(lines) and lines[number - 1].strip():
        number += 1
    return number


def _cue_at(line: str, number: int, format: SubtitleFormat) -> ParsedCue | None:
    """Read a timing line; None for any other line."""
    found = _TIMINGS[format].fullmatch(line) if "-->" in line else None
    if found is None:
        return None
    start, end = _milliseconds(found.groups()[:4]), _milliseconds(found.groups()[4:8])
    if start is None or end is None:
        return None
    rest = (found["rest"] or "").strip()
    if not _SETTINGS.fullmatch(rest):
        raise SubtitleSyntaxError(f"line {number}: {rest!r} stands behind the times: put the text on the next line")
    return ParsedCue(number, start, end)


def _milliseconds(parts: Sequence[str | None]) -> int | None:
    hours, minutes, seconds, fraction = parts
    if (hours is None and fraction is None) or max(int(minutes or 0), int(seconds or 0)) > _MOST_MINUTES:
        return None
    thousandths = int(f"{fraction or ''}000"[:3])
    return ((int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)) * 1000 + thousandths


def _check_text(lines: Sequence[str], number: int, format: SubtitleFormat) -> None:
    """Refuse a malformed timing line, which would be read as text."""
    line = lines[number - 1]
    if len(line) > _LONGEST_TIMING:
        return
    if _NEARLY_TIMING.match(line) or (_HALF_TIMING.match(line) and _may_be_timing(lines, number)):
        mark = "," if format == "srt" else "."
        raise SubtitleSyntaxError(
            f"line {number}: {line.strip()!r} is no timing; write it like 00:00:01{mark}000 --> 00:00:02{mark}500"
        )


def _may_be_timing(lines: Sequence[str], number: int) -> bool:
    """Return whether a timing can be here: below a blank line, or below the number or name of a cue."""
    above = lines[number - 2] if number > 1 else ""
    higher = lines[number - 3] if number > 2 else ""
    return not above.strip() or (not higher.strip() and bool(_INDEX.fullmatch(above)))


_TIMINGS = {
    format: re.compile(rf"\s*{time}\s*-->\s*{time}(?P<rest>\s.*)?", re.ASCII)
    for format, time in (("srt", _SRT_TIME), ("vtt", _VTT_TIME))
}
