"""What is read and heard in a content, kept by its SHA-256 so that the same file is worked on once."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from twelvelabs_local.engine.container import decoding
from twelvelabs_local.engine.ocr import read_picture, read_screen
from twelvelabs_local.engine.speech import listen
from twelvelabs_local.engine.subtitles import embedded_subtitles
from twelvelabs_local.segments import SegmentRow, clipped

EDITION = 1
"""Raised when reading or listening changes, so that older results are not used."""


class Origin(StrEnum):
    """Where a transcript comes from."""

    SUBTITLES = "subtitles"
    SPEECH = "speech"


@dataclass(frozen=True)
class Transcript:
    """What is said in a content.

    :param origin: embedded subtitles, or listening.
    :param segments: cues or utterances.
    :param words: single words; empty where only cues are known.
    """

    origin: Origin
    segments: Sequence[SegmentRow]
    words: Sequence[SegmentRow]


@dataclass(frozen=True)
class Content:
    """A media file with what it takes to work on it.

    :param path: the file.
    :param sha256: the hash of its content.
    :param duration: seconds.
    """

    path: Path
    sha256: str
    duration: float


class Understanding:
    """Reads and listens, or remembers.

    :param cache: the folder where results are kept.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def text_in_video(self, content: Content, progress: Callable[[float], None]) -> list[SegmentRow]:
        """Return the lines of text on screen.

        :param content: the video.
        :param progress: called with the share that is done, 0 to 1.
        :raises MediaError: when it cannot be decoded to its end.
        """
        kept = self._file(content, "text_in_video")
        if kept.exists():
            rows: list[SegmentRow] = json.loads(kept.read_text("utf-8"))
            return rows
        with decoding():
            rows = read_screen(content.path, content.duration, lambda done: progress(done / content.duration))
        _publish(kept, rows)
        return rows

    def text_in_picture(self, content: Content) -> list[str]:
        """Return the lines of text in a still picture.

        :param content: the image.
        :raises MediaError: when it cannot be decoded.
        """
        kept = self._file(content, "text_in_picture")
        if kept.exists():
            lines: list[str] = json.loads(kept.read_text("utf-8"))
            return lines
        with decoding():
            lines = read_picture(content.path)
        _publish(kept, lines)
        return lines

    def transcript(self, content: Content, progress: Callable[[float], None]) -> Transcript:
        """Return what is said: embedded subtitles where there are some, otherwise what was heard.

        :param content: the video or sound.
        :param progress: called with the share that is done, 0 to 1.
        :raises MediaError: when it cannot be decoded to its end.
        """
        known = self.known_transcript(content.sha256)
        if known is not None:
            return known
        with decoding():
            cues = embedded_subtitles(content.path)
            transcript = Transcript(Origin.SUBTITLES, cues, []) if cues else self._heard(content, progress)
        _publish(self._file(content, "transcript"), asdict(transcript))
        return transcript

    def _heard(self, content: Content, progress: Callable[[float], None]) -> Transcript:
        heard = listen(content.path, lambda done: progress(done / content.duration))
        words = [word for utterance in heard for word in utterance.words]
        # sound is decoded in blocks, and the last one may reach beyond the end
        segments = clipped([utterance.segment for utterance in heard], None, content.duration)
        return Transcript(Origin.SPEECH, segments, clipped(words, None, content.duration))

    def known_transcript(self, sha256: str) -> Transcript | None:
        """Return the transcript of a content that was transcribed before, or None.

        :param sha256: the hash of the content.
        """
        kept = self._cache / f"{sha256}.{EDITION}.transcript.json"
        if not kept.exists():
            return None
        saved = json.loads(kept.read_text("utf-8"))
        return Transcript(Origin(saved["origin"]), saved["segments"], saved["words"])

    def _file(self, content: Content, kind: str) -> Path:
        return self._cache / f"{content.sha256}.{EDITION}.{kind}.json"


def _publish(path: Path, value: object) -> None:
    """Write a whole file or none: a kill in the middle must not leave half a result."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)
    os.replace(name, path)
