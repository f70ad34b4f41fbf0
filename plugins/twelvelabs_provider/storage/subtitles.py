"""Subtitles that the user gives: read and checked before anything is uploaded."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import pysubs2
from pysubs2.formats import get_format_class

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.formats import timestamp
from twelvelabs_provider.storage.source import Source

MAX_BYTES = 20 * 2**20
"""A day of speech is some 2 MB; what is larger is not a subtitle file."""
END_TOLERANCE = 0.5
"""Seconds by which the last cue may outlast the video: durations are rounded on both sides."""

_SHOWN_CHARACTERS = 40
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_OVERRIDE = re.compile(r"\{\\[^}]*\}")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|</>|<\d[\d:.]*>")
_INLINE_TIME = re.compile(r"<\d[\d:.]*>")
_COMMENT = re.compile(r"(NOTE|STYLE|REGION)(\s|$)")

SubtitleFormat = Literal["srt", "vtt"]


@dataclass(frozen=True)
class GivenTranscript:
    """A checked subtitle file.

    :param uri: where it came from, fit to be shown.
    :param segments: its cues in order, as plain text.
    :param content: its bytes as they are, for the upload.
    """

    uri: str
    filename: str
    format: SubtitleFormat
    segments: tuple[Segment, ...]
    content: bytes = field(repr=False)


def read_subtitles(source: Source, *, video_duration: float | None) -> GivenTranscript:
    """Read an SRT or WebVTT file and refuse what the service would refuse, or misunderstand.

    :param video_duration: seconds; None when it is not known, then the end is not checked.
    :raises TwelveLabsInputError: names the file, the cue with its time and text, and what to do.
    """
    content = _read(source)
    text = _decode(source, content)
    format = _format_of(source, text)
    segments = tuple(_cues(source, text, format))
    if not segments:
        raise _refused(source, f"holds no cue: give a file with at least one, or leave it out ({format.upper()} read)")
    _check_order(source, segments)
    _check_end(source, segments, video_duration)
    return GivenTranscript(source.uri, source.filename, format, segments, content)


def _read(source: Source) -> bytes:
    with source.open() as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise _refused(source, f"is larger than {MAX_BYTES // 2**20} MB: that is no subtitle file")
    return content


def _decode(source: Source, content: bytes) -> str:
    if encoding := _BOMS.get(content[:2]):
        raise _wrong_encoding(source, f"is {encoding} (byte order mark at byte 0)", encoding)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = f"is not UTF-8: byte {content[error.start]:#04x} at position {error.start}"
        raise _wrong_encoding(source, at, "WINDOWS-1252") from error
    if (position := content.find(b"\0")) >= 0:
        encoding = "UTF-16LE" if position % 2 else "UTF-16BE"
        raise _wrong_encoding(source, f"is not UTF-8 text: NUL byte at position {position}", encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _wrong_encoding(source: Source, finding: str, likely: str) -> TwelveLabsInputError:
    command = f"iconv -f {likely} -t UTF-8 {source.filename!r} > utf8-{source.filename!r}"
    return _refused(source, f"{finding}. Convert it, for instance with: {command}")


def _format_of(source: Source, text: str) -> SubtitleFormat:
    """By content: a WebVTT file that is named .srt is refused by the service only after the upload."""
    if text.startswith("WEBVTT"):
        format: SubtitleFormat = "vtt"
    elif "-->" in text:
        format = "srt"
    elif not text.strip():
        raise _refused(source, "holds no cue: it is blank")
    else:
        raise _refused(source, f"is neither SRT nor WebVTT{_other_format(text)}: convert it to one of them")
    suffix = source.filename.rpartition(".")[2].lower()
    if suffix in ("srt", "vtt") and suffix != format:
        raise _refused(source, f"is {format.upper()} inside but named .{suffix}: rename it to .{format}")
    return format


def _other_format(text: str) -> str:
    try:
        return f" but {pysubs2.formats.autodetect_format(text).upper()}"
    except pysubs2.exceptions.FormatAutodetectionError:
        return ""


def _cues(source: Source, text: str, format: SubtitleFormat) -> Iterator[Segment]:
    _check_timing_lines(source, text, format)
    # pysubs2 takes a number at the end of a cue for the next cue's: give it one to take from the last.
    plain = "\n".join(_cue_blocks(text)) if format == "vtt" else f"{text.rstrip()}\n\n0\n"
    subtitles = pysubs2.SSAFile.from_string(plain, format_=format, keep_html_tags=True)
    for number, event in enumerate(subtitles, start=1):
        cue = Segment(event.start / 1000, event.end / 1000, _plain(event.text, format))
        _check_cue(source, number, cue)
        yield cue


def _check_timing_lines(source: Source, text: str, format: SubtitleFormat) -> None:
    """pysubs2 reads a line that is not quite a timing as text of the cue before, without a word."""
    pattern = get_format_class(format).TIMESTAMP  # type: ignore[attr-defined]
    begun = format == "vtt"
    for number, line in enumerate(text.split("\n"), start=1):
        start, arrow, end = (part.strip() for part in line.partition("-->"))
        if arrow and not (pattern.fullmatch(start) and pattern.match(end)):
            example = f"00:00:01{',' if format == 'srt' else '.'}000 --> 00:00:02{',' if format == 'srt' else '.'}500"
            raise _refused(source, f"line {number}: {line.strip()!r} is no timing; write it like {example}")
        if not arrow and len(pattern.findall(_INLINE_TIME.sub("", line))) == 2:
            raise _refused(source, f"line {number}: {line.strip()!r} holds two times but no arrow (-->)")
        begun = begun or "-->" in line
        if not begun and not re.fullmatch(r"\s*\d*\s*", line):
            raise _refused(source, f"line {number}: {line.strip()!r} stands before the first cue: remove it")


def _cue_blocks(text: str) -> Iterator[str]:
    """The cues of a WebVTT file, without header, comments, styles, cue names and times within the text."""
    for block in re.split(r"\n{2,}", text):
        lines = block.strip("\n").split("\n")
        timing = next((at for at, line in enumerate(lines) if "-->" in line), None)
        if timing is None or _COMMENT.match(lines[0]):
            continue
        words = [_INLINE_TIME.sub("", line) for line in lines[timing + 1 :]]
        yield "\n".join([lines[timing], *words, "", "0"])


def _plain(text: str, format: SubtitleFormat) -> str:
    text = _TAG.sub("", _OVERRIDE.sub("", text.replace("\\N", "\n")))
    if format == "vtt":
        text = html.unescape(text)
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())


def _check_cue(source: Source, number: int, cue: Segment) -> None:
    if not cue.value:
        raise _refused(source, f"{_name(number, cue)} is empty: remove the cue or give it a text")
    if cue.end <= cue.start:
        raise _refused(source, f"{_name(number, cue)} ends at {_time(cue.end)}, not after its start: correct its times")


def _check_order(source: Source, segments: tuple[Segment, ...]) -> None:
    for number in range(2, len(segments) + 1):
        before, cue = segments[number - 2], segments[number - 1]
        if cue.start < before.start:
            order = f"starts before cue {number - 1} ({_time(before.start)})"
            raise _refused(source, f"{_name(number, cue)} {order}: sort the cues by time")


def _check_end(source: Source, segments: tuple[Segment, ...], duration: float | None) -> None:
    if duration is None:
        return
    for number, cue in enumerate(segments, start=1):
        if cue.start >= duration or cue.end > duration + END_TOLERANCE:
            reason = (
                f"{_name(number, cue)} ends at {_time(cue.end)}, after the end of the video ({_time(duration)}): "
                "see that the file belongs to this video, or cut it there"
            )
            raise _refused(source, reason)


def _name(number: int, cue: Segment) -> str:
    words = " ".join(cue.value.split())
    shown = words if len(words) <= _SHOWN_CHARACTERS else words[: _SHOWN_CHARACTERS - 1] + "\u2026"
    return f"cue {number} at {_time(cue.start)} {shown!r}"


def _time(seconds: float) -> str:
    return timestamp(round(seconds * 1000))


def _refused(source: Source, reason: str) -> TwelveLabsInputError:
    return TwelveLabsInputError(f"The subtitle file {source.uri!r} {reason}.")
