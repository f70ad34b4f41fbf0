"""Videos of an index without published results, and the watermark that no unpublished video passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from twelvelabs_provider.jobs.job import Phase
from twelvelabs_provider.jobs.new_videos import (
    LONGEST_INDEXING,
    VERSION,
    IndexEntry,
    watermark_limit,
    watermark_of_version,
)

MOST_RUNS = 3
"""Runs that list a video before it is given up; each may be billed."""
_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True)
class PublishingWatermark:
    """Watermark of the published results of an index.

    :param created: epoch seconds; every video that was created before has results, or is given up.
    :param ready: epoch seconds; videos that became ready before are ignored.
    :param listed: the runs that have listed a video, for the videos created since.
    """

    created: float
    ready: float
    listed: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOTHING)

    @classmethod
    def at(cls, ready: float) -> PublishingWatermark:
        """Return the first watermark; videos that become ready now may have been created long before."""
        return cls(ready - LONGEST_INDEXING, ready)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        listed = {video: list(runs) for video, runs in self.listed.items()}
        return {"version": VERSION, "created": self.created, "ready": self.ready, "listed": listed}

    @classmethod
    def from_json(cls, value: Any) -> PublishingWatermark:
        """Read what :meth:`as_json` wrote.

        :raises ValueError: it is something else.
        """
        with watermark_of_version(value):
            listed = {str(video): tuple(map(str, runs)) for video, runs in value["listed"].items()}
            return cls(float(value["created"]), float(value["ready"]), listed)


@dataclass(frozen=True)
class UnpublishedVideos:
    """The unpublished videos of one run.

    :param videos: their ids, oldest first.
    :param more: how many are left for the next run.
    :param given_up: ids of the videos that :data:`MOST_RUNS` runs have listed without a result.
    :param watermark: the watermark of the next run.
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
    """Return the ready videos without results.

    :param entries: the videos that were created since the watermark.
    :param run: id of the run, so that its retries count once.
    :param is_done: returns whether the results of a video are published.
    :param most: how many videos a run takes.
    """
    # A list that grows while it is read may contain a video twice.
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
    limit = watermark_limit(since, watermark.created, now)
    created = max(watermark.created, min([limit, *(entry.created for entry in to_do)]))
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
