"""Title, keywords, chapters and highlights of a video, extracted from its own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from twelvelabs_local.segments import SegmentRow

MAX_KEYWORDS = 5
MAX_CHAPTERS = 20
MAX_HIGHLIGHTS = 5
MAX_TITLE_LETTERS = 80
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
    """A time range of a video with its on-screen text and speech."""

    start: float
    end: float
    title: str
    summary: str


def title_of(screen: Sequence[SegmentRow], speech: Sequence[SegmentRow]) -> str:
    """Return the first on-screen text, or the first spoken words."""
    first = next((row["value"] for row in (*screen[:1], *speech[:1]) if row["value"].strip()), "")
    return shortened(first, MAX_TITLE_LETTERS)


def keywords_of(screen: Iterable[SegmentRow], speech: Iterable[SegmentRow]) -> list[str]:
    """Return the most frequent words, without common words. On-screen text counts double."""
    counts: dict[str, int] = {}
    for rows, weight in ((screen, 2), (speech, 1)):
        for row in rows:
            for word in _WORD.findall(row["value"].lower()):
                if word not in _IGNORED:
                    counts[word] = counts.get(word, 0) + weight
    # sorted() is stable, so the same video always has the same keywords
    return sorted(counts, key=lambda word: -counts[word])[:MAX_KEYWORDS]


def hashtags_of(keywords: Iterable[str]) -> list[str]:
    """Return words as hashtags."""
    return ["#" + re.sub(r"\W", "", word) for word in keywords]


def chapters_of(screen: Sequence[SegmentRow], speech: Sequence[SegmentRow], begin: float, end: float) -> list[Chapter]:
    """Split a time range into chapters where the on-screen text changes, or between sentences if there is no text.

    :param begin: start of the range in seconds.
    :param end: end of the range in seconds.
    """
    cuts = _cuts(screen or speech, begin, end)
    found = []
    for start, stop in zip(cuts, (*cuts[1:], end), strict=True):
        shown = [row["value"] for row in screen if start <= row["start"] < stop]
        said = " ".join(row["value"] for row in speech if start <= row["start"] < stop)
        title = shortened(shown[0] if shown else said, MAX_TITLE_LETTERS) or f"From second {start:g}"
        found.append(Chapter(start, stop, title, said or "; ".join(shown)))
    return found


def highlights_of(screen: Sequence[SegmentRow], speech: Sequence[SegmentRow]) -> list[SegmentRow]:
    """Return the longest sentences, or the texts that stay on screen longest, by time."""
    longest = sorted(speech or screen, key=lambda row: -(len(row["value"]) if speech else row["end"] - row["start"]))
    return sorted(longest[:MAX_HIGHLIGHTS], key=lambda row: row["start"])


def shortened(text: str, letters: int) -> str:
    """Return the beginning of a text, truncated between words."""
    if len(text) <= letters:
        return text
    return text[:letters].rsplit(" ", 1)[0]


def _cuts(rows: Sequence[SegmentRow], begin: float, end: float) -> list[float]:
    starts = sorted({round(row["start"], 3) for row in rows if begin < row["start"] < end})
    every = max(1, -(-len(starts) // MAX_CHAPTERS))
    return [begin, *starts[::every]]
