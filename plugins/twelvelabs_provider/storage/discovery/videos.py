"""From files to videos: which are meant, which are too small or too large, and which subtitle belongs to which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from twelvelabs_provider.storage.discovery.entries import VIDEO_SUFFIXES, Entry, Found, stem_of, suffix_of
from twelvelabs_provider.storage.discovery.listing import entries_of
from twelvelabs_provider.storage.discovery.pairing import SUBTITLE_SUFFIXES, Group, Outcome, keys_of, pair_key
from twelvelabs_provider.storage.discovery.places import Place
from twelvelabs_provider.storage.discovery.sorting import Row, aligned, in_order

NOT_A_VIDEO = "not_a_video"
EMPTY = "empty"
TOO_SMALL = "too_small"
TOO_LARGE = "too_large"
DUPLICATE = "listed_twice"

EMPTY_SUBTITLE = "subtitle_empty"
MOST_NAMED = 20
"""Names of subtitles without a video that are kept."""

_VIDEO, _PASSED_OVER, _SUBTITLE = 0, 1, 2


@dataclass(frozen=True)
class Wanted:
    """Which files are videos that are meant.

    :param suffixes: in lower case, with their points.
    :param min_size: bytes of the smallest; empty files are never meant.
    :param max_size: bytes of the largest; None for any.
    :param language: of the subtitles, such as ``en``; None takes those that name none before those that do.
    """

    suffixes: frozenset[str] = frozenset(VIDEO_SUFFIXES)
    min_size: int = 1
    max_size: int | None = None
    language: str | None = None

    def refusal(self, size: int | None) -> str | None:
        """Why a video of a size is passed over."""
        if size is None:
            return None
        if size == 0:
            return EMPTY
        if size < self.min_size:
            return TOO_SMALL
        return TOO_LARGE if self.max_size is not None and size > self.max_size else None


def videos_in(
    places: Sequence[Place], wanted: Wanted, skipped: Counter[str], unpaired: list[str] | None = None
) -> Iterator[Found]:
    """The videos of some places with their subtitles, each once, in the order of :attr:`Found.key`.

    Memory does not grow with their number; what does not fit goes to the worker's disk.

    :param skipped: counts by reason what is passed over; whole when the last video is through.
    :param unpaired: gets the names of the first subtitles that no video was listed with.
    """
    rows = in_order(_paired(in_order(_rows(places, wanted, skipped)), wanted, skipped))
    for (_, kind, name), group in groupby(rows, key=lambda row: (row[0], row[1], row[2])):
        if kind == _VIDEO:
            yield from (Found(Entry(*video), Entry(*subtitle) if subtitle else None) for *_, video, subtitle in group)
        else:
            _count_subtitle(name, Outcome(min(row[3] for row in group)), skipped, unpaired)


def _rows(places: Sequence[Place], wanted: Wanted, skipped: Counter[str]) -> Iterator[Row]:
    """Videos by their keys, subtitles by the keys that a video of theirs may have."""
    for place in places:
        for path, entry in entries_of(place, skipped):
            name, suffix = entry.name, suffix_of(path)
            told = [entry.uri, entry.size, entry.version, entry.modified]
            if suffix in SUBTITLE_SUFFIXES:
                if entry.size == 0:
                    skipped[EMPTY_SUBTITLE] += 1
                else:
                    yield from ([key, _SUBTITLE, name, *told] for key in keys_of(name))
                continue
            reason = NOT_A_VIDEO if suffix not in wanted.suffixes else None
            if reason is None and place.wants(path):
                reason = wanted.refusal(entry.size)
                if reason is None:
                    yield [pair_key(stem_of(name)), _VIDEO, name, *told]
                    continue
            if reason:
                skipped[reason] += 1
            if suffix in wanted.suffixes or suffix in VIDEO_SUFFIXES:
                # Its subtitle is no stray one.
                yield [pair_key(stem_of(name)), _PASSED_OVER, name, *told]


def _paired(rows: Iterator[Row], wanted: Wanted, skipped: Counter[str]) -> Iterator[Row]:
    """Videos with their subtitles, and what became of each subtitle under each key, in the order of the keys."""
    for key, entries in groupby(rows, key=lambda row: row[0]):
        group = Group(key, wanted.language)
        for _, kind, name, *told in entries:
            if kind == _VIDEO:
                skipped[DUPLICATE] += group.videos.get(name) is not None
                group.videos[name] = Entry(*told)
            elif kind == _PASSED_OVER:
                group.videos.setdefault(name, None)
            elif group.videos:
                group.add(Entry(*told))
            else:
                yield [name, _SUBTITLE, name, int(Outcome.UNPAIRED)]
        for name, video in group.videos.items():
            if video is not None:
                subtitle = group.subtitle_of(name)
                yield [stem_of(name), _VIDEO, name, _told(video), _told(subtitle) if subtitle else None]
        for name, outcome in group.outcomes():
            yield [name, _SUBTITLE, name, int(outcome)]


def _told(entry: Entry) -> list[Any]:
    return [entry.uri, entry.size, entry.version, entry.modified]


def _count_subtitle(name: str, outcome: Outcome, skipped: Counter[str], unpaired: list[str] | None) -> None:
    if outcome is Outcome.PAIRED:
        return
    skipped[outcome.reason] += 1
    if outcome is not Outcome.NOT_CHOSEN and unpaired is not None and len(unpaired) < MOST_NAMED:
        unpaired.append(name)


def steady(first: Iterable[Found], second: Iterable[Found], skipped: Counter[str], vanished: str) -> Iterator[Found]:
    """The videos of a second look, each told whether the first saw it the same."""
    for before, now in aligned(first, second):
        if now is None:
            skipped[vanished] += 1
        else:
            yield replace(now, steady=before is not None and before.mark == now.mark)
