"""The input of embeddings: features and speech of a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from twelvelabs_local.engine.embedding import EmbeddingInput, EmbeddingOptions, Option
from twelvelabs_local.engine.feature_tracks import FeatureTracks
from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.engine.text_extraction import MediaFile, TextExtractor
from twelvelabs_local.errors import MediaError
from twelvelabs_local.segments import SegmentRow


def read_input(
    file: MediaFile,
    options: EmbeddingOptions,
    cache: Path,
    progress: Callable[[float], None],
    speech: Sequence[SegmentRow] | None = None,
) -> EmbeddingInput:
    """Read the requested features and the speech of a file, from the cache if possible.

    :param cache: the cache folder.
    :param progress: called with the completed share, 0 to 1.
    :param speech: the transcript, if it is known.
    :raises MediaError: when the file cannot be decoded to its end.
    """
    tracks = FeatureTracks(cache)
    # dynamic segments need the pictures even if only the sound is embedded
    needs_pictures = Option.VISUAL in options.options or (options.segmentation.dynamic and options.clips)
    pictures = tracks.pictures(file, lambda done: progress(0.4 * done)) if needs_pictures else None
    sound = tracks.sound(file, lambda done: progress(0.4 + 0.1 * done)) if Option.AUDIO in options.options else None
    if Option.TRANSCRIPTION in options.options and speech is None:
        transcript = TextExtractor(cache).transcript(file, lambda done: progress(0.5 + 0.5 * done))
        # words if they are known, because an utterance may span several segments
        speech = transcript.words or transcript.segments
    return EmbeddingInput(file.duration, pictures, sound, speech)


def check_window(options: EmbeddingOptions, probe: Probe) -> None:
    """Check that the requested window is inside the file.

    :raises MediaError: when it is not.
    """
    if options.start >= probe.duration or (options.end is not None and options.end > probe.duration + 1.0):
        end = "the end" if options.end is None else f"{options.end:g}"
        message = (
            f"The window {options.start:g} to {end} is outside of the file, which is {probe.duration:g} seconds long."
        )
        raise MediaError("parameter_invalid", message)


def billed_minutes(options: EmbeddingOptions, duration: float) -> float:
    """Return the billed minutes.

    :param duration: length of the file in seconds.
    """
    return ((duration if options.end is None else min(options.end, duration)) - options.start) / 60
