"""A video in short, taken from its own words: nothing is written that was not read or heard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from twelvelabs_local.segments import SegmentRow

MOST_KEYWORDS = 5
MOST_CHAPTERS = 20
MOST_HIGHLIGHTS = 5
LONGEST_TITLE = 80
"""Letters."""
_WORD = re.compile(r"[^\W\d_][\w'-]{3,}")
_COMMON = """
about above after again also although another because been before being below between both cannot come could
does doing down during each even every from further goes going have having here hers herself himself into itself
just know like made make many more most much must myself never only other ours ourselves over same shall should
some such than that their theirs them themselves then there these they thing things this those through today
under until very want well were what when where which while whom will with within without would your yours
yourself welcome good morning hello thank thanks really
"""
_IGNORED = frozenset(_COMMON.split())


@dataclass(frozen=True)
class Chapter:
    """A stretch of a video: what is written over it, and what is said in it."""

    start: float
    end: float
    title: str
    summary: str


def title_of(screen: Sequence[SegmentRow], speech: Sequence[SegmentRow]) -> str:
    """Return the first text on screen, or the first words that are heard."""
    first = next((row["value"] for row in (*screen[:1], *speech[:1]) if row["value"].strip()), "")
    return shortened(first, LONGEST_TITLE)


def keywords_of(screen: Iterable[SegmentRow], speech: Iterable[SegmentRow]) -> list[str]:
    """Return the words that come most often, without those that every text has; text on screen counts double."""
    counts: dict[str, int] = {}
    for rows, weight in ((screen, 2), (speech, 1)):
        for row in rows:
            for word in _WORD.findall(row["value"].lower()):
                if word not in _IGNORED:
                    counts[word] = counts.get(word, 0) + weight
    # a stable order, so that the same video always has the same words
    return sorted(counts, key=lambda word: -counts[word])[:MOST_KEYWORDS]


def hashtags_of(keywords: Iterable[str]) -> list[str]:
    """Return words as hashtags."""
    return ["#" + re.sub(r"\W", "", word) for word in keywords]


def chapters_of(screen: Sequence[SegmentRow], speech: Sequence[SegmentRow], begin: float, end: float) -> list[Chapter]:
    """Cut a stretch of a video where the text on screen changes, or, where there is none, between sentences.

    :param begin: seconds at which the stretch begins.
    :param end: seconds at which it ends.
    """
    cuts = _cuts(screen or speech, begin, end)
    found = []
    for start, stop in zip(cuts, (*cuts[1:], end), strict=True):
        shown = [row["value"] for row in screen if start <= row["start"] < stop]
        said = " ".join(row["value"] for row in speech if start <= row["start"] < stop)
        title = shortened(shown[0] if shown else said, LONGEST_TITLE) or f"From second {start:g}"
        found.append(Chapter(start, stop, title, said or "; ".join(shown)))
    return found


def highlights_of(screen: Sequence[SegmentRow], speech: Sequence[SegmentRow]) -> list[SegmentRow]:
    """Return the longest sentences, or the texts that stay longest, in order of time."""
    longest = sorted(speech or screen, key=lambda row: -(len(row["value"]) if speech else row["end"] - row["start"]))
    return sorted(longest[:MOST_HIGHLIGHTS], key=lambda row: row["start"])


def shortened(text: str, letters: int) -> str:
    """Return the beginning of a text, cut between words."""
    if len(text) <= letters:
        return text
    return text[:letters].rsplit(" ", 1)[0]


def _cuts(rows: Sequence[SegmentRow], begin: float, end: float) -> list[float]:
    starts = sorted({round(row["start"], 3) for row in rows if begin < row["start"] < end})
    every = max(1, -(-len(starts) // MOST_CHAPTERS))
    return [begin, *starts[::every]]
