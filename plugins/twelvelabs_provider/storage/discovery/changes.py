"""What is new since a listing, and what may be handed out already: not what is still being written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from twelvelabs_provider.storage.discovery.entries import Found, stem_of
from twelvelabs_provider.storage.discovery.sorting import aligned

TOO_YOUNG = "too_young"
STILL_CHANGING = "still_changing"


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a video from one run to the next.

    :param name: its address without connection.
    :param given: its mark when it was handed out; None if it never was.
    :param seen: its mark when it was seen and not handed out yet; None otherwise.
    :param since: when that was first, in seconds since 1970.
    """

    name: str
    given: str | None = None
    seen: str | None = None
    since: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What listings are sorted by."""
        return stem_of(self.name), self.name

    def as_row(self) -> dict[str, Any]:
        """The fields by name, without those that are None."""
        fields = {"name": self.name, "given": self.given, "seen": self.seen, "since": self.since}
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True)
class Patience:
    """How long a video has to have been left alone.

    :param now: seconds since 1970, taken before the listing began.
    :param min_age: seconds since it was written, or since it was first seen as it is.
    """

    now: float
    min_age: float

    def is_over(self, found: Found, known: Known | None) -> bool:
        """Whether a video is old enough."""
        if self.min_age <= 0:
            return True
        if found.modified is not None and self.now - found.modified >= self.min_age:
            return True
        # Where a store tells no time, or one that lies ahead, it is old enough when it has not changed for as long.
        if known is None or known.since is None or known.seen != found.mark:
            return False
        return self.now - known.since >= self.min_age


@dataclass
class Tally:
    """What was found, in numbers.

    :param again: handed out before as they are, and not indexed since.
    :param skipped: by reason.
    :param unpaired: names of the first subtitles that no video was listed with.
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
    before: Iterable[Known],
    present: Iterable[Found],
    patience: Patience,
    *,
    only_new: bool,
    tally: Tally,
    again: Container[str] = frozenset(),
) -> Iterator[tuple[Known, Found | None]]:
    """Go through what is there, in order: what is to be remembered of each, and the video if it is handed out.

    :param before: what was remembered, in order.
    :param present: what is there, in order.
    :param only_new: hand out only what was not handed out as it is.
    :param tally: counts.
    :param again: names of videos that are handed out although they were handed out as they are.
    """
    for known, found in aligned(before, present):
        if found is None:
            tally.deleted += known is not None and known.given is not None
            continue
        given, mark = (known.given if known else None), found.mark
        if given == mark and found.video.name in again:
            tally.again += 1
            yield Known(found.video.name, mark), _counted(found, tally)
        elif given == mark:
            tally.unchanged += 1
            yield Known(found.video.name, given), (None if only_new else _counted(found, tally))
        elif not found.steady or not patience.is_over(found, known):
            tally.skipped[TOO_YOUNG if found.steady else STILL_CHANGING] += 1
            since = known.since if known and known.seen == mark else None
            yield Known(found.video.name, given, mark, patience.now if since is None else since), None
        else:
            tally.new += given is None
            tally.changed += given is not None
            yield Known(found.video.name, mark), _counted(found, tally)


def _counted(found: Found, tally: Tally) -> Found:
    tally.bytes += found.video.size or 0
    return found
