"""Looking and listening as far as embeddings are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from twelvelabs_local.engine.embedding import Ask, Material, Option
from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.engine.tracks import Tracks
from twelvelabs_local.engine.understanding import Content, Understanding
from twelvelabs_local.errors import MediaError
from twelvelabs_local.segments import SegmentRow


def gather(
    content: Content,
    ask: Ask,
    cache: Path,
    progress: Callable[[float], None],
    said: Sequence[SegmentRow] | None = None,
) -> Material:
    """Look and listen as far as it is asked for, or remember.

    :param content: the file.
    :param ask: what is asked for.
    :param cache: the folder where results are kept.
    :param progress: called with the share that is done, 0 to 1.
    :param said: the transcript, where it is known.
    :raises MediaError: when the file cannot be decoded to its end.
    """
    tracks = Tracks(cache)
    # cuts come from the pictures even where only the sound is described
    look = Option.VISUAL in ask.options or (ask.segmentation.dynamic and ask.clips)
    pictures = tracks.pictures(content, lambda done: progress(0.4 * done)) if look else None
    sound = tracks.sound(content, lambda done: progress(0.4 + 0.1 * done)) if Option.AUDIO in ask.options else None
    if Option.TRANSCRIPTION in ask.options and said is None:
        transcript = Understanding(cache).transcript(content, lambda done: progress(0.5 + 0.5 * done))
        # single words where they are known: an utterance may reach over several segments
        said = transcript.words or transcript.segments
    return Material(content.duration, pictures, sound, said)


def check_window(ask: Ask, probe: Probe) -> None:
    """Check that what is asked for lies in the file.

    :raises MediaError: when it does not.
    """
    if ask.start >= probe.duration or (ask.end is not None and ask.end > probe.duration + 1.0):
        end = "the end" if ask.end is None else f"{ask.end:g}"
        message = f"The window {ask.start:g} to {end} is outside of the file, which is {probe.duration:g} seconds long."
        raise MediaError("parameter_invalid", message)


def billed_minutes(ask: Ask, duration: float) -> float:
    """Return the minutes that are billed.

    :param duration: of the file, seconds.
    """
    return ((duration if ask.end is None else min(ask.end, duration)) - ask.start) / 60
