"""From files to videos: which are meant, which are too small or too large, and which subtitle belongs to which."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from twelvelabs_provider.storage.discovery.entries import Entry, Found, stem_of, suffix_of
from twelvelabs_provider.storage.discovery.listing import entries_of
from twelvelabs_provider.storage.discovery.places import Place
from twelvelabs_provider.storage.discovery.sorting import Row, aligned, in_order

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2v", ".ts", ".mts", ".m2ts", ".vob", ".wmv",
    ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mxf",
)  # fmt: skip
"""What FFmpeg reads as video, which is what the service takes."""
SUBTITLE_SUFFIXES = (".srt", ".vtt")
NOT_A_VIDEO = "not_a_video"
EMPTY = "empty"
TOO_SMALL = "too_small"
TOO_LARGE = "too_large"
DUPLICATE = "listed_twice"

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_VIDEO, _SUBTITLE = 0, 1


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


def videos_in(places: Sequence[Place], wanted: Wanted, skipped: Counter[str]) -> Iterator[Found]:
    """The videos of some places with their subtitles, each once, in the order of :attr:`Found.key`.

    Memory does not grow with their number; what does not fit goes to the worker's disk.

    :param skipped: counts by reason what is passed over; whole when the last video is through.
    """
    rows = in_order(_rows(places, wanted, skipped))
    for _, group in groupby(rows, key=lambda row: row[0]):
        yield from _paired(group, wanted, skipped)


def _rows(places: Sequence[Place], wanted: Wanted, skipped: Counter[str]) -> Iterator[Row]:
    """Videos by their stems, subtitles by the stems that a video of theirs may have."""
    for place in places:
        for path, entry in entries_of(place, skipped):
            name, suffix = entry.name, suffix_of(path)
            told = [entry.uri, entry.size, entry.version, entry.modified]
            if suffix in SUBTITLE_SUFFIXES:
                if entry.size != 0:
                    yield from ([stem, _SUBTITLE, name, *told] for stem in _video_stems(name))
            elif suffix not in wanted.suffixes:
                skipped[NOT_A_VIDEO] += 1
            elif place.wants(path):
                if reason := wanted.refusal(entry.size):
                    skipped[reason] += 1
                else:
                    yield [stem_of(name), _VIDEO, name, *told]


def _video_stems(subtitle: str) -> list[str]:
    stem = stem_of(subtitle)
    shorter = stem_of(stem)
    return [stem, shorter] if shorter != stem and _LANGUAGE.fullmatch(_language(stem)) else [stem]


def _language(stem: str) -> str:
    return suffix_of(stem).removeprefix(".")


def _paired(group: Iterable[Row], wanted: Wanted, skipped: Counter[str]) -> Iterator[Found]:
    """The videos of one stem: they come first, and are held until its subtitles have come."""
    videos: dict[str, Entry] = {}
    subtitle: tuple[tuple[int, str], Entry] | None = None
    for stem, kind, name, uri, size, version, modified in group:
        entry = Entry(uri, size, version, modified)
        if kind == _VIDEO:
            skipped[DUPLICATE] += name in videos
            videos[name] = entry
        elif (rank := _rank(stem, name, wanted.language)) and (subtitle is None or rank < subtitle[0]):
            subtitle = rank, entry
    yield from (Found(video, subtitle[1] if subtitle else None) for video in videos.values())


def _rank(stem: str, name: str, language: str | None) -> tuple[int, str] | None:
    """How well a subtitle suits a video of a stem, least first; None if it is of another language."""
    own = stem_of(name)
    spoken = _language(own).replace("_", "-") if own != stem else ""
    if language is None:
        return (1 if spoken else 0), name
    asked = language.lower().replace("_", "-")
    if not spoken:
        return 2, name
    if spoken == asked:
        return 0, name
    return (1, name) if spoken.partition("-")[0] == asked.partition("-")[0] else None


def steady(first: Iterable[Found], second: Iterable[Found], skipped: Counter[str], vanished: str) -> Iterator[Found]:
    """The videos of a second look, each told whether the first saw it the same."""
    for before, now in aligned(first, second):
        if now is None:
            skipped[vanished] += 1
        else:
            yield replace(now, steady=before is not None and before.mark == now.mark)
