"""Extraction of on-screen text and speech, cached by the SHA-256 of the content."""

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
from twelvelabs_local.engine.speech import recognise
from twelvelabs_local.engine.subtitles import embedded_subtitles
from twelvelabs_local.segments import SegmentRow, clipped

CACHE_VERSION = 1
"""Incremented when extraction changes, so that older results are not used."""


class Origin(StrEnum):
    """The source of a transcript."""

    SUBTITLES = "subtitles"
    SPEECH = "speech"


@dataclass(frozen=True)
class Transcript:
    """The transcript of a content.

    :param origin: embedded subtitles or speech recognition.
    :param segments: cues or utterances.
    :param words: single words; empty for subtitles.
    """

    origin: Origin
    segments: Sequence[SegmentRow]
    words: Sequence[SegmentRow]


@dataclass(frozen=True)
class MediaFile:
    """A media file with the facts that extraction needs.

    :param path: the file.
    :param sha256: the hash of its file.
    :param duration: seconds.
    """

    path: Path
    sha256: str
    duration: float


class TextExtractor:
    """Extracts on-screen text and speech, or reads them from the cache.

    :param cache: the cache folder.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def text_in_video(self, file: MediaFile, progress: Callable[[float], None]) -> list[SegmentRow]:
        """Return the lines of on-screen text.

        :param file: the video.
        :param progress: called with the completed share, 0 to 1.
        :raises MediaError: when it cannot be decoded to its end.
        """
        cached = self._cache_path(file, "text_in_video")
        if cached.exists():
            rows: list[SegmentRow] = json.loads(cached.read_text("utf-8"))
            return rows
        with decoding():
            rows = read_screen(file.path, file.duration, lambda done: progress(done / file.duration))
        _write_file(cached, rows)
        return rows

    def text_in_picture(self, file: MediaFile) -> list[str]:
        """Return the lines of text in an image.

        :param file: the image.
        :raises MediaError: when it cannot be decoded.
        """
        cached = self._cache_path(file, "text_in_picture")
        if cached.exists():
            lines: list[str] = json.loads(cached.read_text("utf-8"))
            return lines
        with decoding():
            lines = read_picture(file.path)
        _write_file(cached, lines)
        return lines

    def transcript(self, file: MediaFile, progress: Callable[[float], None]) -> Transcript:
        """Return the transcript: embedded subtitles if there are any, otherwise recognised speech.

        :param file: the video or sound.
        :param progress: called with the completed share, 0 to 1.
        :raises MediaError: when it cannot be decoded to its end.
        """
        known = self.known_transcript(file.sha256)
        if known is not None:
            return known
        with decoding():
            cues = embedded_subtitles(file.path)
            transcript = Transcript(Origin.SUBTITLES, cues, []) if cues else self._recognised(file, progress)
        _write_file(self._cache_path(file, "transcript"), asdict(transcript))
        return transcript

    def _recognised(self, file: MediaFile, progress: Callable[[float], None]) -> Transcript:
        utterances = recognise(file.path, lambda done: progress(done / file.duration))
        words = [word for utterance in utterances for word in utterance.words]
        # audio is decoded in blocks, and the last one may end after the video
        segments = clipped([utterance.segment for utterance in utterances], None, file.duration)
        return Transcript(Origin.SPEECH, segments, clipped(words, None, file.duration))

    def known_transcript(self, sha256: str) -> Transcript | None:
        """Return the cached transcript of a content, or None.

        :param sha256: the hash of the file.
        """
        cached = self._cache / f"{sha256}.{CACHE_VERSION}.transcript.json"
        if not cached.exists():
            return None
        saved = json.loads(cached.read_text("utf-8"))
        return Transcript(Origin(saved["origin"]), saved["segments"], saved["words"])

    def _cache_path(self, file: MediaFile, kind: str) -> Path:
        return self._cache / f"{file.sha256}.{CACHE_VERSION}.{kind}.json"


def _write_file(path: Path, value: object) -> None:
    """Write a file atomically: a killed process must not leave a partial result."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)
    os.replace(name, path)
