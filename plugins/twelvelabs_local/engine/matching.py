"""Clips that were found, brought together: pure arithmetic on times and scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Evidence:
    """Why a clip was found.

    :param score: how well it fits, 0 to 1.
    :param text: the words that fit, where it was found by words.
    """

    score: float
    text: str | None = None


@dataclass(frozen=True)
class Hit:
    """A clip that was found.

    :param start: seconds.
    :param end: seconds.
    :param score: how well it fits, 0 to 1.
    :param evidence: by search option.
    """

    video_id: str
    start: float
    end: float
    score: float
    evidence: Mapping[str, Evidence] = field(default_factory=dict)

    @property
    def place(self) -> tuple[str, float, float]:
        """The clip, whatever it was found by."""
        return (self.video_id, self.start, self.end)

    def touches(self, other: Hit) -> bool:
        """Tell whether there is a moment that is in both."""
        return self.video_id == other.video_id and self.end > other.start and self.start < other.end

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        evidence = {option: {"score": found.score, "text": found.text} for option, found in self.evidence.items()}
        return {**vars(self), "evidence": evidence}


def any_of(sides: Iterable[Iterable[Hit]]) -> list[Hit]:
    """Return the clips that any side found; the same clip once, with its best score."""
    found: dict[tuple[str, float, float], Hit] = {}
    for hit in (hit for side in sides for hit in side):
        known = found.get(hit.place)
        found[hit.place] = hit if known is None else _both(known, hit, max(known.score, hit.score))
    return list(found.values())


def all_of(sides: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Return the stretches that every side found: what their clips have in common, with the mean of their scores."""
    common, *others = sides
    for number, side in enumerate(others, start=1):
        met = [(one, other) for one in common for other in side if one.touches(other)]
        common = any_of([[_overlap(one, other, number) for one, other in met]])
    return list(common)


def together(words: Sequence[Hit], pictures: Sequence[Hit]) -> list[Hit]:
    """Return what was found by words and pictures that are asked for together: either counts half, both count whole."""
    halves = [_with_score(hit, hit.score / 2) for hit in (*words, *pictures)]
    both = [
        _both(Hit(*picture.place, 0.0, picture.evidence), word, (picture.score + word.score) / 2)
        for picture in pictures
        for word in words
        if picture.touches(word)
    ]
    return any_of([both, halves])


def negated(hits: Sequence[Hit], refused: Sequence[Hit]) -> list[Hit]:
    """Return the clips that touch none of the refused ones."""
    return [hit for hit in hits if not any(hit.touches(other) for other in refused)]


def ranked(hits: Iterable[Hit]) -> list[Hit]:
    """Return the best first; equal ones in a fixed order."""
    return sorted(hits, key=lambda hit: (-round(hit.score, 6), *hit.place))


def runs(
    moments: Sequence[float], scores: Sequence[float], end: float, least: float
) -> list[tuple[float, float, float]]:
    """Return the stretches in which a score stays up: start and end in seconds, and the best score.

    :param moments: seconds, ascending.
    :param scores: one for each moment.
    :param end: where the last moment ends, in seconds.
    :param least: the score that counts as up.
    """
    found: list[tuple[float, float, float]] = []
    for position, (moment, score) in enumerate(zip(moments, scores, strict=True)):
        if score < least:
            continue
        until = moments[position + 1] if position + 1 < len(moments) else max(end, moment)
        if found and found[-1][1] == moment:
            start, _, best = found.pop()
            found.append((start, until, max(best, score)))
        else:
            found.append((moment, until, score))
    return found


def _both(one: Hit, other: Hit, score: float) -> Hit:
    evidence = dict(one.evidence)
    for option, found in other.evidence.items():
        known = evidence.get(option)
        evidence[option] = found if known is None or found.score > known.score else known
    return Hit(*one.place, score, evidence)


def _overlap(one: Hit, other: Hit, weight: int) -> Hit:
    score = (one.score * weight + other.score) / (weight + 1)
    shared = Hit(one.video_id, max(one.start, other.start), min(one.end, other.end), score, one.evidence)
    return _both(shared, other, score)


def _with_score(hit: Hit, score: float) -> Hit:
    return Hit(*hit.place, score, hit.evidence)
