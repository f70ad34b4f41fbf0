"""Subtitles as transcripts: SRT and WebVTT files, and subtitle tracks of a video."""

from __future__ import annotations

from pathlib import Path

from twelvelabs_local.engine.container import open_media
from twelvelabs_local.errors import MediaError
from twelvelabs_local.segments import SegmentRow

LIMIT = 16 * 1024 * 1024
"""Maximum bytes of a subtitle file; a transcript of a whole day is smaller."""


def read_subtitles(content: bytes) -> list[SegmentRow]:
    """Read an SRT or WebVTT file.

    :param content: the bytes of the file, UTF-8 with or without a byte order mark.
    :raises MediaError: when it is too large, not UTF-8, or has no cue.
    """
    import pysubs2

    if len(content) > LIMIT:
        raise MediaError("parameter_invalid", f"The transcription is larger than {LIMIT} bytes.")
    try:
        text = content.decode("utf-8-sig")
        # the service accepts these two formats only; pysubs2 would detect a dozen more
        cues = pysubs2.SSAFile.from_string(text, "vtt" if text.lstrip().startswith("WEBVTT") else "srt")
    except UnicodeDecodeError as error:
        raise MediaError("parameter_invalid", f"The transcription is not UTF-8 (byte {error.start}).") from error
    except pysubs2.Pysubs2Error as error:
        raise MediaError("parameter_invalid", f"The transcription is not SRT or WebVTT: {error}.") from error
    rows = [_row(cue.start, cue.end, cue.plaintext) for cue in cues if cue.plaintext.strip()]
    if not rows:
        raise MediaError("parameter_invalid", "The transcription has no cue; give an SRT or WebVTT file.")
    return sorted(rows, key=lambda row: (row["start"], row["end"]))


def embedded_subtitles(path: Path) -> list[SegmentRow]:
    """Return the cues of the first embedded subtitle track.

    :param path: a probed video.
    """
    rows: list[SegmentRow] = []
    with open_media(path) as container:
        if not container.streams.subtitles:
            return []
        stream = container.streams.subtitles[0]
        for packet in container.demux(stream):
            if packet.pts is None or packet.time_base is None or not packet.duration:
                continue
            start = float(packet.pts * packet.time_base)
            text = "\n".join(_texts(packet)).strip()
            if text:
                end = start + float(packet.duration * packet.time_base)
                rows.append(_row(round(start * 1000), round(end * 1000), text))
    return rows


def _texts(packet: object) -> list[str]:
    """Decode a packet of a subtitle track. FFmpeg converts every text format to ASS events."""
    import pysubs2
    from av.subtitles.subtitle import AssSubtitle

    found: list[str] = []
    for part in packet.decode():  # type: ignore[attr-defined]
        rects = part if hasattr(part, "__iter__") else [part]
        for rect in rects:
            if isinstance(rect, AssSubtitle):
                # ReadOrder, Layer, Style, Name, MarginL, MarginR, MarginV, Effect, Text
                event = rect.ass.decode("utf-8", "replace").split(",", 8)[-1]
                found.append(pysubs2.SSAEvent(text=event).plaintext)
    return found


def _row(start_ms: int, end_ms: int, text: str) -> SegmentRow:
    return {"start": start_ms / 1000, "end": end_ms / 1000, "value": " ".join(text.split())}
