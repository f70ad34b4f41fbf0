"""Embeddings of a video or audio file and of its segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

from twelvelabs_local.engine.features import blended, numbers, text_vector
from twelvelabs_local.segments import SegmentRow, within

if TYPE_CHECKING:
    from twelvelabs_local.engine.feature_tracks import Track
    from twelvelabs_local.engine.features import Vector

MAX_SEGMENT_SECONDS = 10.0
"""Maximum length of a dynamic segment."""

Span = tuple[float, float]


class Option(StrEnum):
    """A modality of a video."""

    VISUAL = "visual"
    AUDIO = "audio"
    TRANSCRIPTION = "transcription"


FUSED = "fused"


@dataclass(frozen=True)
class Segmentation:
    """How a video is split into segments.

    :param seconds: length of fixed segments, or minimum length of dynamic ones.
    :param dynamic: split where the picture changes.
    :param least: a shorter last segment of a fixed segmentation is left out, in seconds.
    """

    seconds: float = 6.0
    dynamic: bool = False
    least: float = 0.0


@dataclass(frozen=True)
class EmbeddingOptions:
    """The options of an embedding request.

    :param options: the modalities.
    :param clips: whether to embed each segment.
    :param whole: whether to embed the complete file.
    :param separate: one embedding per modality.
    :param fused: one embedding of all modalities.
    :param start: start of the window in seconds.
    :param end: end of the window in seconds; None for the end of the file.
    """

    options: Sequence[Option]
    segmentation: Segmentation = Segmentation()
    clips: bool = True
    whole: bool = True
    separate: bool = True
    fused: bool = False
    start: float = 0.0
    end: float | None = None

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Self:
        """Read the output of :func:`dataclasses.asdict`."""
        options = tuple(Option(option) for option in saved["options"])
        return cls(**{**saved, "options": options, "segmentation": Segmentation(**saved["segmentation"])})


@dataclass(frozen=True)
class EmbeddingInput:
    """The features and speech of a video or audio file; None for a modality that was not requested.

    :param duration: seconds.
    """

    duration: float
    pictures: Track | None
    sound: Track | None
    speech: Sequence[SegmentRow] | None


def embeddings(options: EmbeddingOptions, source: EmbeddingInput) -> list[Mapping[str, Any]]:
    """Return the embeddings. A file without sound or speech has no embedding of that modality."""
    window = (options.start, min(source.duration, source.duration if options.end is None else options.end))
    found: list[Mapping[str, Any]] = []
    if options.clips:
        for span in spans(options.segmentation, window, source.pictures.cuts() if source.pictures else ()):
            found += _described(options, source, span, "clip")
    return found + (_described(options, source, window, "asset") if options.whole else [])


def _described(options: EmbeddingOptions, source: EmbeddingInput, span: Span, scope: str) -> list[Mapping[str, Any]]:
    found = ((option.value, _vector(option, source, span)) for option in options.options)
    vectors = {option: vector for option, vector in found if vector is not None}
    shown = dict(vectors) if options.separate else {}
    if options.fused and vectors:
        shown[FUSED] = blended(vectors.values())
    return [
        {
            "embedding": numbers(vector),
            "embedding_option": option,
            "embedding_scope": scope,
            "start_sec": round(span[0], 3),
            "end_sec": round(span[1], 3),
        }
        for option, vector in shown.items()
    ]


def _vector(option: Option, source: EmbeddingInput, span: Span) -> Vector | None:
    if option is Option.TRANSCRIPTION:
        said = text_vector(" ".join(row["value"] for row in within(source.speech or (), *span)))
        return said if said.any() else None
    track = source.pictures if option is Option.VISUAL else source.sound
    return track.between(*span) if track else None


def spans(how: Segmentation, window: Span, cuts: Sequence[float]) -> list[Span]:
    """Split a window into segments without gaps.

    :param how: fixed or dynamic.
    :param window: start and end in seconds.
    :param cuts: moments at which the picture changes, ascending.
    """
    edges = _dynamic(how.seconds, window, cuts) if how.dynamic else _fixed(how, window)
    return list(pairwise(edges))


def _fixed(how: Segmentation, window: Span) -> list[float]:
    start, end = window
    edges = [start]
    # a remainder shorter than a frame is no segment
    while edges[-1] + how.seconds < end - 0.05:
        edges.append(start + how.seconds * len(edges))
    return edges if len(edges) > 1 and end - edges[-1] < how.least else [*edges, end]


def _dynamic(shortest: float, window: Span, cuts: Sequence[float]) -> list[float]:
    start, end = window
    edges = [start]
    for cut in (*(cut for cut in cuts if start < cut < end), end):
        while cut - edges[-1] > MAX_SEGMENT_SECONDS:
            edges.append(edges[-1] + MAX_SEGMENT_SECONDS)
        if cut - edges[-1] >= shortest:
            edges.append(cut)
    # a remainder that is too short for a segment extends the last one
    return [start, end] if len(edges) == 1 else [*edges[:-1], end] if edges[-1] != end else edges
