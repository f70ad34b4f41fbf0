"""Which videos of an index have no result yet: a watermark that no unpublished video ever passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from twelvelabs_provider.jobs.job import Phase
from twelvelabs_provider.jobs.new_videos import LONGEST_INDEXING, OVERLAP, IndexEntry

MOST_RUNS = 3
"""Runs that list a video: what fails in each of them may be billed each time."""
_VERSION = 1
_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True)
class PublishingWatermark:
    """How far an index is worked through.

    :param created: epoch seconds; every video that was created before has its result, or is given up.
    :param ready: epoch seconds; what became ready before is none of our business.
    :param listed: the runs that listed a video, of those created since.
    """

    created: float
    ready: float
    listed: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOTHING)

    @classmethod
    def at(cls, ready: float) -> PublishingWatermark:
        """Return the watermark of a first look: what became ready since may have been created long before."""
        return cls(ready - LONGEST_INDEXING, ready)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        listed = {video: list(runs) for video, runs in self.listed.items()}
        return {"version": _VERSION, "created": self.created, "ready": self.ready, "listed": listed}

    @classmethod
    def from_json(cls, value: Any) -> PublishingWatermark:
        """Read what :meth:`as_json` wrote.

        :raises ValueError: it is something else.
        """
        try:
            if value["version"] != _VERSION:
                raise ValueError(f"it is of version {value['version']!r}")
            listed = {str(video): tuple(map(str, runs)) for video, runs in value["listed"].items()}
            return cls(float(value["created"]), float(value["ready"]), listed)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a watermark: {error!r}") from error


@dataclass(frozen=True)
class UnpublishedVideos:
    """What a look found.

    :param videos: ids of what is to be done, oldest first.
    :param more: how many there are besides.
    :param given_up: ids of what :data:`MOST_RUNS` runs have listed without a result.
    :param watermark: what the next look begins with.
    """

    videos: tuple[str, ...]
    more: int
    given_up: tuple[str, ...]
    watermark: PublishingWatermark


def unpublished_videos(
    entries: Iterable[IndexEntry],
    watermark: PublishingWatermark,
    run: str,
    now: float,
    is_done: Callable[[str], bool],
    most: int,
) -> UnpublishedVideos:
    """Return the videos that are ready and have no result.

    :param entries: the videos that were created since the watermark.
    :param run: names the run, so that a retry or a clear of it does not count twice.
    :param is_done: tells whether the result of a video is published.
    :param most: how many videos a run takes.
    """
    # A list that grows while it is read may return an entry twice.
    found = sorted({entry.video.video_id: entry for entry in entries}.values(), key=lambda entry: entry.created)
    since = [entry for entry in found if entry.created >= watermark.created]
    ready = [entry for entry in since if entry.phase is Phase.READY and entry.ready >= watermark.ready]
    open_ones = [entry for entry in ready if not is_done(entry.video.video_id)]
    given_up = [entry for entry in open_ones if _is_given_up(watermark.listed.get(entry.video.video_id, ()), run)]
    to_do = [entry for entry in open_ones if entry not in given_up]
    taken = to_do[:most]
    runs = {
        **watermark.listed,
        **{
            entry.video.video_id: (*(one for one in watermark.listed.get(entry.video.video_id, ()) if one != run), run)
            for entry in taken
        },
    }
    created = max(watermark.created, _held_back(since, to_do, watermark.created, now))
    remembered = [entry.video.video_id for entry in open_ones if entry.created >= created]
    kept = {video: runs[video] for video in remembered if video in runs}
    return UnpublishedVideos(
        tuple(entry.video.video_id for entry in taken),
        len(to_do) - len(taken),
        tuple(entry.video.video_id for entry in given_up),
        PublishingWatermark(created, watermark.ready, kept),
    )


def _is_given_up(runs: tuple[str, ...], run: str) -> bool:
    return len([one for one in runs if one != run]) >= MOST_RUNS


def _held_back(since: list[IndexEntry], to_do: list[IndexEntry], created: float, now: float) -> float:
    """Return the moment before which nothing is left to do."""
    running = [
        entry.created for entry in since if entry.phase is Phase.RUNNING and now - entry.created < LONGEST_INDEXING
    ]
    newest = max((entry.created for entry in since), default=created)
    return min([newest - OVERLAP, *running, *(entry.created for entry in to_do)])
