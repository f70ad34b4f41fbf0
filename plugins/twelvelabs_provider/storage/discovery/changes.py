"""Comparison of a listing with the records of the previous run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from twelvelabs_provider.storage.discovery.external_sort import merge_join
from twelvelabs_provider.storage.discovery.listed_files import DiscoveredVideo, stem_of

TOO_YOUNG = "too_young"
STILL_CHANGING = "still_changing"


@dataclass(frozen=True, slots=True)
class VideoRecord:
    """State of a video that a run leaves for the next one.

    :param name: its address without connection.
    :param given: its mark when it was returned; None if it never was.
    :param seen: its mark when it was seen but not returned yet; None otherwise.
    :param since: when this mark was first seen, in seconds since 1970.
    """

    name: str
    given: str | None = None
    seen: str | None = None
    since: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The sort key of listings."""
        return stem_of(self.name), self.name

    def as_row(self) -> dict[str, Any]:
        """Return the fields by name, without those that are None."""
        fields = {"name": self.name, "given": self.given, "seen": self.seen, "since": self.since}
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True)
class MinimumAge:
    """The time for which a video must be unchanged.

    :param now: seconds since 1970, taken before the listing began.
    :param min_age: seconds since it was written, or since its mark was first seen.
    """

    now: float
    min_age: float

    def is_reached(self, found: DiscoveredVideo, known: VideoRecord | None) -> bool:
        """Return whether a video is old enough."""
        if self.min_age <= 0:
            return True
        if found.modified is not None and self.now - found.modified >= self.min_age:
            return True
        # Without a time from the store, or with one in the future, an unchanged mark counts.
        if known is None or known.since is None or known.seen != found.mark:
            return False
        return self.now - known.since >= self.min_age


@dataclass
class Counts:
    """Counts of a run.

    :param again: returned before with the same mark, and not indexed since.
    :param skipped: by reason.
    :param unpaired: names of the first subtitles without a video.
    """

    new: int = 0
    changed: int = 0
    again: int = 0
    unchanged: int = 0
    deleted: int = 0
    bytes: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    unpaired: list[str] = field(default_factory=list)


def compare(
    before: Iterable[VideoRecord],
    present: Iterable[DiscoveredVideo],
    min_age: MinimumAge,
    *,
    only_new: bool,
    counts: Counts,
    again: Container[str] = frozenset(),
) -> Iterator[tuple[VideoRecord, DiscoveredVideo | None]]:
    """Yield the new record of each present video, and the video itself if the run returns it.

    :param before: the records of the previous run, in order.
    :param present: the videos of the listing, in order.
    :param only_new: return only new and changed videos.
    :param counts: is updated.
    :param again: names of videos that are returned although they are unchanged.
    """
    for known, found in merge_join(before, present):
        if found is None:
            counts.deleted += known is not None and known.given is not None
            continue
        given, mark = (known.given if known else None), found.mark
        if given == mark and found.video.name in again:
            counts.again += 1
            yield VideoRecord(found.video.name, mark), _counted(found, counts)
        elif given == mark:
            counts.unchanged += 1
            yield VideoRecord(found.video.name, given), (None if only_new else _counted(found, counts))
        elif not found.stable or not min_age.is_reached(found, known):
            counts.skipped[TOO_YOUNG if found.stable else STILL_CHANGING] += 1
            since = known.since if known and known.seen == mark else None
            yield VideoRecord(found.video.name, given, mark, min_age.now if since is None else since), None
        else:
            counts.new += given is None
            counts.changed += given is not None
            yield VideoRecord(found.video.name, mark), _counted(found, counts)


def _counted(found: DiscoveredVideo, counts: Counts) -> DiscoveredVideo:
    counts.bytes += found.video.size or 0
    return found
