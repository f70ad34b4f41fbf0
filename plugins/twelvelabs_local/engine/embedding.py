"""Cutting a video or sound into segments and describing each one as it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

from twelvelabs_local.engine.features import blended, numbers, text_vector
from twelvelabs_local.segments import SegmentRow, within

if TYPE_CHECKING:
    from twelvelabs_local.engine.features import Vector
    from twelvelabs_local.engine.tracks import Track

LONGEST = 10.0
"""Seconds of the longest segment that is cut by content."""

Span = tuple[float, float]


class Option(StrEnum):
    """What of a video is described."""

    VISUAL = "visual"
    AUDIO = "audio"
    TRANSCRIPTION = "transcription"


FUSED = "fused"


@dataclass(frozen=True)
class Segmentation:
    """How a video is cut.

    :param seconds: length of each segment, or the least one.
    :param dynamic: cut where the picture changes.
    :param least: seconds; a last segment of a fixed length that is shorter is left out.
    """

    seconds: float = 6.0
    dynamic: bool = False
    least: float = 0.0


@dataclass(frozen=True)
class Ask:
    """What is to be described.

    :param options: which sides of it.
    :param clips: one embedding for each segment.
    :param whole: one embedding for all of it.
    :param separate: one embedding for each option.
    :param fused: one embedding for all options together.
    :param start: seconds.
    :param end: seconds, or None for the end.
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
        """Read what :func:`dataclasses.asdict` wrote."""
        options = tuple(Option(option) for option in saved["options"])
        return cls(**{**saved, "options": options, "segmentation": Segmentation(**saved["segmentation"])})


@dataclass(frozen=True)
class Material:
    """What is known of a video or sound.

    :param duration: seconds.
    :param pictures: what it looks like, or None where that is not asked for.
    :param sound: what it sounds like, or None.
    :param speech: what is said, or None.
    """

    duration: float
    pictures: Track | None
    sound: Track | None
    speech: Sequence[SegmentRow] | None


def embeddings(ask: Ask, material: Material) -> list[Mapping[str, Any]]:
    """Return the embeddings; where there is no sound, or nothing is said, there is none of that option.

    :param ask: what is asked for.
    :param material: what it is made of.
    """
    window = (ask.start, min(material.duration, material.duration if ask.end is None else ask.end))
    found: list[Mapping[str, Any]] = []
    if ask.clips:
        for span in spans(ask.segmentation, window, material.pictures.cuts() if material.pictures else ()):
            found += _described(ask, material, span, "clip")
    return found + (_described(ask, material, window, "asset") if ask.whole else [])


def _described(ask: Ask, material: Material, span: Span, scope: str) -> list[Mapping[str, Any]]:
    found = ((option.value, _vector(option, material, span)) for option in ask.options)
    vectors = {option: vector for option, vector in found if vector is not None}
    shown = dict(vectors) if ask.separate else {}
    if ask.fused and vectors:
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


def _vector(option: Option, material: Material, span: Span) -> Vector | None:
    if option is Option.TRANSCRIPTION:
        said = text_vector(" ".join(row["value"] for row in within(material.speech or (), *span)))
        return said if said.any() else None
    track = material.pictures if option is Option.VISUAL else material.sound
    return track.between(*span) if track else None


def spans(how: Segmentation, window: Span, cuts: Sequence[float]) -> list[Span]:
    """Cut a window into segments without gaps.

    :param how: fixed or dynamic.
    :param window: begin and end in seconds.
    :param cuts: moments at which the picture changes, ascending.
    """
    edges = _dynamic(how.seconds, window, cuts) if how.dynamic else _fixed(how, window)
    return list(pairwise(edges))


def _fixed(how: Segmentation, window: Span) -> list[float]:
    start, end = window
    edges = [start]
    # a hair of a frame at the end is no segment
    while edges[-1] + how.seconds < end - 0.05:
        edges.append(start + how.seconds * len(edges))
    return edges if len(edges) > 1 and end - edges[-1] < how.least else [*edges, end]


def _dynamic(shortest: float, window: Span, cuts: Sequence[float]) -> list[float]:
    start, end = window
    edges = [start]
    for cut in (*(cut for cut in cuts if start < cut < end), end):
        while cut - edges[-1] > LONGEST:
            edges.append(edges[-1] + LONGEST)
        if cut - edges[-1] >= shortest:
            edges.append(cut)
    # a rest that is too short for a segment belongs to the one before it
    return [start, end] if len(edges) == 1 else [*edges[:-1], end] if edges[-1] != end else edges
