"""Checks of a given video and its transcription before any request."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.limits import VideoLimits
from twelvelabs_provider.storage.probe import VideoFacts, check_video, probe_video
from twelvelabs_provider.storage.source import Source
from twelvelabs_provider.storage.store_errors import unexpected_errors_refuse
from twelvelabs_provider.storage.subtitles import read_subtitles


@dataclass(frozen=True)
class GivenVideo:
    """A video that passed the checks.

    :param facts: the content of its header; None for a URL, and without the ``probe`` extra.
    """

    source: Source
    facts: VideoFacts | None

    @property
    def duration(self) -> float | None:
        """Seconds, None if unknown."""
        return self.facts.duration if self.facts else None

    @property
    def described(self) -> str:
        """Size, length and picture size, for the log."""
        source, facts = self.source, self.facts
        if facts:
            length = "unknown length" if facts.duration is None else f"{facts.duration:.1f} s"
            picture = f"{facts.width}x{facts.height}" if facts.width else "unknown codec"
            return f"{source.size:,} bytes, {length}, {picture}"
        if source.is_url:
            return "fetched and checked by the service"
        return f"{source.size:,} bytes; install the 'probe' extra to have duration and size checked before upload"


@dataclass(frozen=True)
class GivenTranscription:
    """A transcription that is uploaded with a video.

    :param part: the form content: the file, or the URL that the service fetches.
    :param described: what it is, for the log.
    """

    source: Source
    part: FilePart | str
    described: str


def checked_video(source: Source, limits: VideoLimits) -> GivenVideo:
    """Compare a video's header with the limits of the service.

    :raises TwelveLabsInputError: it is no video, damaged, or beyond a limit.
    """
    with unexpected_errors_refuse("video", source.uri):
        facts = None if source.is_url else probe_video(source)
        check_video(source, facts, limits)
    return GivenVideo(source, facts)


def checked_transcription(source: Source, video_duration: float | None) -> GivenTranscription:
    """Check a transcription; one at a URL is checked by the service.

    :param video_duration: seconds, None if unknown.
    :raises TwelveLabsInputError: with the invalid cue.
    """
    if source.url:
        return GivenTranscription(source, source.url, "fetched and checked by the service")
    with unexpected_errors_refuse("transcription", source.uri):
        given = read_subtitles(source, video_duration=video_duration)
    source.must_be_unchanged()
    part = FilePart(given.filename, lambda: BytesIO(given.content), len(given.content), "text/plain")
    return GivenTranscription(source, part, f"{len(given.segments)} cues")
