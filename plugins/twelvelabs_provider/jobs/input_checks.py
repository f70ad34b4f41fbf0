"""Checks of a given video and its transcription before any request."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.limits import VideoLimits
from twelvelabs_provider.inputs.typed_arguments import choice_of
from twelvelabs_provider.jobs.polling import duration_text
from twelvelabs_provider.storage.probe import VideoFacts, check_video, probe_video
from twelvelabs_provider.storage.source import Source
from twelvelabs_provider.storage.store_errors import unexpected_errors_refuse
from twelvelabs_provider.storage.subtitles import read_subtitles

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)
_UNSUPPORTED = ("fail", "warn")


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
            length = "unknown length" if facts.duration is None else duration_text(facts.duration)
            picture = f"{facts.width}x{facts.height}" if facts.width else "unknown codec"
            return f"{size_text(source.size or 0)}, {length}, {picture}"
        if source.is_url:
            return "fetched and checked by the service"
        return f"{size_text(source.size or 0)}; the 'probe' extra checks length and picture size before the upload"


@dataclass(frozen=True)
class GivenTranscription:
    """A transcription that is uploaded with a video.

    :param part: the form content: the file, or the URL that the service fetches.
    :param described: what it is, for the log.
    """

    source: Source
    part: FilePart | str
    described: str


def accepts_transcription(hook: TwelveLabsHook, unsupported: str, given: str | None) -> bool:
    """Return whether this API generation accepts subtitles; if not, warn about given ones, or fail.

    :param unsupported: the ``unsupported_transcription`` argument.
    :param given: the given subtitles, for the log; None if there are none.
    :raises TwelveLabsInputError: the argument is invalid.
    :raises TwelveLabsUnsupportedError: subtitles are given and unsupported, with ``fail``.
    """
    choice = choice_of("unsupported_transcription", unsupported, _UNSUPPORTED)
    try:
        hook.api.ensure_takes_transcription()
    except TwelveLabsUnsupportedError as error:
        if given and choice == "fail":
            raise
        if given:
            log.warning("%s not sent: %s", given, error)
        return False
    return True


def size_text(size: float) -> str:
    """Return a number of bytes as text, rounded for people: ``324 kB``, ``1.2 GB``."""
    for unit in ("bytes", "kB", "MB"):
        if round(size) < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


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
