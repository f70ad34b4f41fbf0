"""Hits of a search: how they are merged and ranked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Evidence:
    """Why a clip matches.

    :param score: 0 to 1.
    :param text: the matching text, for a search by words.
    """

    score: float
    text: str | None = None


@dataclass(frozen=True)
class Hit:
    """A matching clip.

    :param start: seconds.
    :param end: seconds.
    :param score: 0 to 1.
    :param evidence: by search option.
    """

    video_id: str
    start: float
    end: float
    score: float
    evidence: Mapping[str, Evidence] = field(default_factory=dict)

    @property
    def clip(self) -> tuple[str, float, float]:
        """The clip without its score."""
        return (self.video_id, self.start, self.end)

    def overlaps(self, other: Hit) -> bool:
        """Return whether both hits share a moment."""
        return self.video_id == other.video_id and self.end > other.start and self.start < other.end

    def as_json(self) -> dict[str, Any]:
        """Return the hit for JSON."""
        evidence = {option: {"score": found.score, "text": found.text} for option, found in self.evidence.items()}
        return {**vars(self), "evidence": evidence}


def any_of(hits_by_option: Iterable[Iterable[Hit]]) -> list[Hit]:
    """Return the clips that match any option, each once with its best score."""
    found: dict[tuple[str, float, float], Hit] = {}
    for hit in (hit for hits in hits_by_option for hit in hits):
        known = found.get(hit.clip)
        found[hit.clip] = hit if known is None else _both(known, hit, max(known.score, hit.score))
    return list(found.values())


def all_of(hits_by_option: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Return the time ranges that match every option: the overlaps of their clips, with the mean score."""
    common, *others = hits_by_option
    for number, hits in enumerate(others, start=1):
        overlapping = [(one, other) for one in common for other in hits if one.overlaps(other)]
        common = any_of([[_overlap(one, other, number) for one, other in overlapping]])
    return list(common)


def combined(words: Sequence[Hit], pictures: Sequence[Hit]) -> list[Hit]:
    """Return the hits of a query with words and images. A clip that matches only one of them has half its score."""
    halves = [_with_score(hit, hit.score / 2) for hit in (*words, *pictures)]
    both = [
        _both(Hit(*picture.clip, 0.0, picture.evidence), word, (picture.score + word.score) / 2)
        for picture in pictures
        for word in words
        if picture.overlaps(word)
    ]
    return any_of([both, halves])


def excluding(hits: Sequence[Hit], excluded: Sequence[Hit]) -> list[Hit]:
    """Return the clips that overlap none of the excluded ones."""
    return [hit for hit in hits if not any(hit.overlaps(other) for other in excluded)]


def ranked(hits: Iterable[Hit]) -> list[Hit]:
    """Return the hits by score, best first, then by clip."""
    return sorted(hits, key=lambda hit: (-round(hit.score, 6), *hit.clip))


def peaks(
    moments: Sequence[float], scores: Sequence[float], end: float, least: float
) -> list[tuple[float, float, float]]:
    """Return the time ranges with high scores: start and end in seconds, and the best score.

    :param moments: seconds, ascending.
    :param scores: one per moment.
    :param end: end of the last moment in seconds.
    :param least: the minimum score.
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
    return Hit(*one.clip, score, evidence)


def _overlap(one: Hit, other: Hit, weight: int) -> Hit:
    score = (one.score * weight + other.score) / (weight + 1)
    shared = Hit(one.video_id, max(one.start, other.start), min(one.end, other.end), score, one.evidence)
    return _both(shared, other, score)


def _with_score(hit: Hit, score: float) -> Hit:
    return Hit(*hit.clip, score, hit.evidence)
