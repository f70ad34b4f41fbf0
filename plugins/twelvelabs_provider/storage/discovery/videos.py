"""Videos of a listing: selection, subtitle pairing, order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from twelvelabs_provider.storage.discovery.external_sort import Row, merge_join, sorted_rows
from twelvelabs_provider.storage.discovery.listed_files import (
    VIDEO_SUFFIXES,
    DiscoveredVideo,
    ListedFile,
    stem_of,
    suffix_of,
)
from twelvelabs_provider.storage.discovery.listing import list_files
from twelvelabs_provider.storage.discovery.pairing import SUBTITLE_SUFFIXES, Pairing, PairingGroup, keys_of, pair_key
from twelvelabs_provider.storage.discovery.search_roots import SearchRoot

NOT_A_VIDEO = "not_a_video"
EMPTY = "empty"
TOO_SMALL = "too_small"
TOO_LARGE = "too_large"
DUPLICATE = "listed_twice"

EMPTY_SUBTITLE = "subtitle_empty"
MOST_NAMED = 20
"""Names of subtitles without a video that a run keeps."""

_VIDEO, _SKIPPED, _SUBTITLE = 0, 1, 2


@dataclass(frozen=True)
class VideoSelection:
    """The files that count as videos.

    :param suffixes: lower case, with the dot.
    :param min_size: minimum size in bytes; empty files never count.
    :param max_size: maximum size in bytes; None for any.
    :param language: language of the subtitles, such as ``en``; None prefers names without a language.
    """

    suffixes: frozenset[str] = frozenset(VIDEO_SUFFIXES)
    min_size: int = 1
    max_size: int | None = None
    language: str | None = None

    def reason_to_skip(self, size: int | None) -> str | None:
        """Return why a video of this size is skipped; None if it is not."""
        if size is None:
            return None
        if size == 0:
            return EMPTY
        if size < self.min_size:
            return TOO_SMALL
        return TOO_LARGE if self.max_size is not None and size > self.max_size else None


def videos_in(
    roots: Sequence[SearchRoot], selection: VideoSelection, skipped: Counter[str], unpaired: list[str] | None = None
) -> Iterator[DiscoveredVideo]:
    """Yield the videos with their subtitles, each once, in the order of :attr:`DiscoveredVideo.key`.

    Memory does not grow with their number: rows beyond a limit go to the worker's disk.

    :param skipped: counts of skipped files by reason; complete after the last video.
    :param unpaired: receives the names of the first subtitles without a video.
    """
    rows = sorted_rows(_paired(sorted_rows(_rows(roots, selection, skipped)), selection, skipped))
    for (_, kind, name), group in groupby(rows, key=lambda row: (row[0], row[1], row[2])):
        if kind == _VIDEO:
            yield from (
                DiscoveredVideo(ListedFile(*video), ListedFile(*subtitle) if subtitle else None)
                for *_, video, subtitle in group
            )
        else:
            _count_subtitle(name, Pairing(min(row[3] for row in group)), skipped, unpaired)


def _rows(roots: Sequence[SearchRoot], selection: VideoSelection, skipped: Counter[str]) -> Iterator[Row]:
    """Yield videos by their keys, and subtitles by every key that their video may have."""
    for root in roots:
        for path, entry in list_files(root, skipped):
            name, suffix = entry.name, suffix_of(path)
            values = [entry.uri, entry.size, entry.version, entry.modified]
            if suffix in SUBTITLE_SUFFIXES:
                if entry.size == 0:
                    skipped[EMPTY_SUBTITLE] += 1
                else:
                    yield from ([key, _SUBTITLE, name, *values] for key in keys_of(name))
                continue
            reason = NOT_A_VIDEO if suffix not in selection.suffixes else None
            if reason is None and root.matches(path):
                reason = selection.reason_to_skip(entry.size)
                if reason is None:
                    yield [pair_key(stem_of(name)), _VIDEO, name, *values]
                    continue
            if reason:
                skipped[reason] += 1
            if suffix in selection.suffixes or suffix in VIDEO_SUFFIXES:
                # Its subtitle is not reported as unpaired.
                yield [pair_key(stem_of(name)), _SKIPPED, name, *values]


def _paired(rows: Iterator[Row], selection: VideoSelection, skipped: Counter[str]) -> Iterator[Row]:
    """Yield videos with their subtitles, and the pairing of each subtitle under each key, in the order of the keys."""
    for key, entries in groupby(rows, key=lambda row: row[0]):
        group = PairingGroup(key, selection.language)
        for _, kind, name, *values in entries:
            if kind == _VIDEO:
                skipped[DUPLICATE] += group.videos.get(name) is not None
                group.videos[name] = ListedFile(*values)
            elif kind == _SKIPPED:
                group.videos.setdefault(name, None)
            elif group.videos:
                group.add(ListedFile(*values))
            else:
                yield [name, _SUBTITLE, name, int(Pairing.UNPAIRED)]
        for name, video in group.videos.items():
            if video is not None:
                subtitle = group.subtitle_of(name)
                yield [stem_of(name), _VIDEO, name, _values(video), _values(subtitle) if subtitle else None]
        for name, outcome in group.outcomes():
            yield [name, _SUBTITLE, name, int(outcome)]


def _values(entry: ListedFile) -> list[Any]:
    return [entry.uri, entry.size, entry.version, entry.modified]


def _count_subtitle(name: str, outcome: Pairing, skipped: Counter[str], unpaired: list[str] | None) -> None:
    if outcome is Pairing.PAIRED:
        return
    skipped[outcome.reason] += 1
    if outcome is not Pairing.NOT_CHOSEN and unpaired is not None and len(unpaired) < MOST_NAMED:
        unpaired.append(name)


def compare_looks(
    first: Iterable[DiscoveredVideo], second: Iterable[DiscoveredVideo], skipped: Counter[str], vanished: str
) -> Iterator[DiscoveredVideo]:
    """Yield the videos of the second listing; ``stable`` says whether the first one had the same mark."""
    for before, now in merge_join(first, second):
        if now is None:
            skipped[vanished] += 1
        else:
            yield replace(now, stable=before is not None and before.mark == now.mark)
