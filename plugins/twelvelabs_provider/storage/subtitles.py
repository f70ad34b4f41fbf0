"""Subtitles from the user: parsed and checked before the upload."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.formats import timestamp
from twelvelabs_provider.storage.source import Source
from twelvelabs_provider.storage.subtitle_markup import SubtitleFormat, plain_text, without_markup
from twelvelabs_provider.storage.subtitle_parser import ParsedCue, SubtitleSyntaxError, parse_subtitles

MAX_BYTES = 20 * 2**20
"""A day of speech is about 2 MB, so a larger file is no subtitle file."""
END_TOLERANCE = 0.5
"""Seconds by which the last cue may end after the video: durations are rounded on both sides."""

_SHOWN_CHARACTERS = 40
_BOMS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_FEW_NULS = 0.1
_VTT_HEADER = re.compile(r"WEBVTT(?:[ \t].*)?(?:\n|$)")
_OTHER_FORMATS = {
    "ASS": re.compile(r"\[(?:Script Info|V4\+? Styles)\]", re.IGNORECASE),
    "MicroDVD": re.compile(r"\s*\{\d+\}\{\d+\}"),
    "TTML": re.compile(r"<(?:\w+:)?tt[\s>]"),
    "SAMI": re.compile(r"\s*<SAMI", re.IGNORECASE),
}


@dataclass(frozen=True)
class GivenTranscript:
    """A checked subtitle file.

    :param uri: its address, without credentials.
    :param segments: its cues in order, as plain text.
    :param content: its bytes as they are, for the upload.
    """

    uri: str
    filename: str
    format: SubtitleFormat
    segments: tuple[Segment, ...]
    content: bytes = field(repr=False)


def read_subtitles(source: Source, *, video_duration: float | None) -> GivenTranscript:
    """Parse an SRT or WebVTT file, and refuse what the service would refuse or misread.

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
    for mark, encoding in _BOMS.items():
        if content.startswith(mark):
            raise _wrong_encoding(source, f"is {encoding} (byte order mark at byte 0)", encoding)
    _check_nuls(source, content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = f"is not UTF-8: byte {content[error.start]:#04x} at position {error.start}"
        raise _wrong_encoding(source, at, "WINDOWS-1252") from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    # Concatenated files have a byte order mark in the middle.
    return lines.lstrip("\ufeff").replace("\n\ufeff", "\n")


def _check_nuls(source: Source, content: bytes) -> None:
    position = content.find(b"\0")
    if position < 0:
        return
    if content.count(b"\0") < _FEW_NULS * len(content):
        name, clean = _in_shell(source.filename), shlex.quote(f"clean-{source.filename}")
        raise _refused(
            source,
            f"has a NUL byte at position {position}: remove it, for instance with: tr -d '\\000' < {name} > {clean}",
        )
    encoding = "UTF-16LE" if position % 2 else "UTF-16BE"
    raise _wrong_encoding(source, f"is not UTF-8 text: NUL byte at position {position}", encoding)


def _in_shell(name: str) -> str:
    return shlex.quote(f"./{name}" if name.startswith("-") else name)


def _wrong_encoding(source: Source, finding: str, likely: str) -> TwelveLabsInputError:
    name, converted = _in_shell(source.filename), shlex.quote(f"utf8-{source.filename}")
    return _refused(
        source, f"{finding}. Convert it, for instance with: iconv -f {likely} -t UTF-8 {name} > {converted}"
    )


def _format_of(source: Source, text: str) -> SubtitleFormat:
    """Return the format by content: the service refuses a WebVTT file named .srt only after the upload."""
    if not text.strip():
        raise _refused(source, "holds no cue: it is blank")
    suffix = source.filename.rpartition(".")[2].lower()
    if _VTT_HEADER.match(text):
        format: SubtitleFormat = "vtt"
    else:
        _check_header(source, text, suffix)
        format = "srt"
    if suffix in ("srt", "vtt") and suffix != format:
        raise _refused(source, f"is {format.upper()} inside but named .{suffix}: rename it to .{format}")
    return format


def _check_header(source: Source, text: str, suffix: str) -> None:
    """Refuse a file that is neither SRT nor WebVTT, or that lacks the WebVTT header."""
    first = text.lstrip().split("\n", 1)[0]
    if first[:6].upper() == "WEBVTT":
        reason = (
            "has blank lines or spaces before WEBVTT" if _VTT_HEADER.match(text.lstrip()) else f"begins with {first!r}"
        )
        raise _refused(source, f"{reason}: a WebVTT file begins with a line WEBVTT; correct its first line")
    if "-->" not in text:
        raise _refused(source, f"is neither SRT nor WebVTT{_other_format(text)}: convert it to one of them")
    if suffix == "vtt" and not _parses(text, "srt") and _parses(f"WEBVTT\n\n{text}", "vtt"):
        raise _refused(source, "has no header: put a line WEBVTT and a blank line before everything else")


def _parses(text: str, format: SubtitleFormat) -> bool:
    try:
        return bool(parse_subtitles(text, format))
    except SubtitleSyntaxError:
        return False


def _other_format(text: str) -> str:
    return next((f" but {name}" for name, pattern in _OTHER_FORMATS.items() if pattern.match(text)), "")


def _cues(source: Source, text: str, format: SubtitleFormat) -> Iterator[Segment]:
    try:
        parsed = parse_subtitles(text, format)
    except SubtitleSyntaxError as error:
        raise _refused(source, str(error)) from error
    for number, cue in enumerate(parsed, start=1):
        segment = Segment(cue.start / 1000, cue.end / 1000, plain_text(cue.text, format))
        if segment.value or not _keeps_a_place(cue, format):
            _check_cue(source, f"line {cue.line}: {_name(number, segment)}", segment)
            yield segment


def _keeps_a_place(cue: ParsedCue, format: SubtitleFormat) -> bool:
    """Return whether a cue has only invisible text, such as a no-break space: it is skipped."""
    return bool(without_markup(cue.text, format).strip(" \t\n"))


def _check_cue(source: Source, name: str, cue: Segment) -> None:
    if not cue.value:
        raise _refused(source, f"{name} is empty: remove the cue or give it a text")
    if cue.end <= cue.start:
        raise _refused(source, f"{name} ends at {_time(cue.end)}, not after its start: correct its times")


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
    return TwelveLabsInputError(f"The subtitle file {source.filename!r} {reason}. File: {source.uri}")
