"""Which videos of an index became ready since the last look: no list is read whole, and none is told twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

import pendulum

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.filters import VideoFilter
from twelvelabs_provider.api.generations import Dialect
from twelvelabs_provider.api.models import IndexingTask, Page, Video
from twelvelabs_provider.api.paging import Pages
from twelvelabs_provider.api.resources import IndexingRoute, Paging
from twelvelabs_provider.jobs.finished_jobs import AsyncHook
from twelvelabs_provider.jobs.job import Phase
from twelvelabs_provider.jobs.kinds import phase_of

# Seconds before the newest video from which the list is read again: entries may appear late, and out of order.
OVERLAP = 300.0
# Seconds after which a video that is still being indexed is not waited for: it would hold back the watermark for ever.
LONGEST_INDEXING = 24 * 3600.0
MOST_PAGES = 2_000
_VERSION = 1
_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class ReadyVideo:
    """What is told of a video that is ready.

    :param duration: seconds.
    :param created_at: ISO time at which its indexing was asked for.
    """

    index_id: str
    video_id: str
    asset_id: str | None
    filename: str | None
    duration: float | None
    created_at: str | None

    def as_payload(self) -> dict[str, Any]:
        """Plain JSON, small and without a secret."""
        return asdict(self)


@dataclass(frozen=True)
class EventWatermark:
    """The watermark: what has been told.

    :param since: epoch seconds; whatever was created before has been told, or never will be.
    :param videos: the ids that were told of those created since, and the epoch seconds of their creation.
    """

    since: float
    videos: Mapping[str, float] = field(default_factory=lambda: _NOTHING)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"version": _VERSION, "since": self.since, "videos": dict(self.videos)}

    @classmethod
    def from_json(cls, value: Any) -> EventWatermark:
        """Read what :meth:`as_json` wrote.

        :raises ValueError: it is something else.
        """
        try:
            if value["version"] != _VERSION:
                raise ValueError(f"it is of version {value['version']!r}")
            return cls(float(value["since"]), {str(one): float(at) for one, at in value["videos"].items()})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a watermark of videos that were told: {error!r}") from error


@dataclass(frozen=True)
class NewVideos:
    """What a look found.

    :param ready: the videos that nobody was told of yet, oldest first.
    :param told: the watermark once they are told.
    """

    ready: tuple[ReadyVideo, ...]
    told: EventWatermark


@dataclass(frozen=True)
class IndexEntry:
    """A video of the list, ready or not.

    :param created: epoch seconds.
    :param ready: epoch seconds at which it became ready; those of its creation where the service does not say.
    """

    phase: Phase
    created: float
    ready: float
    video: ReadyVideo

    @property
    def id(self) -> str:
        """What tells entries of one list apart."""
        return self.video.video_id


async def read_new_videos(hook: AsyncHook, index_id: str, told: EventWatermark, now: float) -> NewVideos:
    """Read what was created since the watermark.

    The cost grows with what was created while the oldest video that is still being indexed has been waiting.

    :param now: epoch seconds.
    :raises TwelveLabsError: as the list call does.
    """
    # The service may count in coarser units than the watermark.
    entries = {
        entry.video.video_id: entry
        async for entry in _entries(hook, index_id, told.since, now)
        if entry.created >= told.since
    }
    ready = [entry for name, entry in entries.items() if entry.phase is Phase.READY and name not in told.videos]
    ready.sort(key=lambda entry: (entry.created, entry.video.video_id))
    since = max(told.since, _held_back(list(entries.values()), told.since, now))
    known = {**told.videos, **{entry.video.video_id: entry.created for entry in ready}}
    kept = {name: created for name, created in known.items() if created >= since}
    return NewVideos(tuple(entry.video for entry in ready), EventWatermark(since, kept))


def _held_back(entries: list[IndexEntry], since: float, now: float) -> float:
    """Return the moment before which there is nothing left to tell."""
    running = [
        entry.created for entry in entries if entry.phase is Phase.RUNNING and now - entry.created < LONGEST_INDEXING
    ]
    newest = max((entry.created for entry in entries), default=since)
    return min([newest - OVERLAP, *running])


async def _entries(hook: AsyncHook, index_id: str, since: float, now: float) -> AsyncIterator[IndexEntry]:
    """Read the list from its new end: what is added meanwhile moves entries to later pages, and none is missed."""
    pages = Pages(MOST_PAGES)
    while pages.more:
        call = entries_page(hook.api, index_id, pendulum.from_timestamp(since), now, Paging(page=pages.number))
        for entry in pages.new_in(await hook.execute(call)):
            if entry is not None:
                yield entry
        # With entries left out, the watermark would pass over them.
        pages.ensure_complete(call.name)


def entries_page(
    api: Dialect, index_id: str, since: pendulum.DateTime, now: float, paging: Paging
) -> Call[Page[IndexEntry | None]]:
    """Return the call for a page of the videos of an index, newest first, whatever their status.

    :param since: only what was created since.
    :param now: epoch seconds that stand for a moment which the service does not tell.
    """
    if api.indexing_route() is IndexingRoute.ASSET:
        call = api.list_indexed_assets(index_id, where=VideoFilter(created_since=since), paging=paging)
        return call.then(lambda page: page.map(lambda video: _of_video(index_id, video, now)))
    tasks = api.list_tasks(index_id=index_id, created_since=since, paging=paging)
    return tasks.then(lambda page: page.map(lambda task: _of_task(index_id, task, now)))


def _of_video(index_id: str, video: Video, now: float) -> IndexEntry:
    ready = ReadyVideo(index_id, video.id, video.asset_id, video.filename, video.duration, _written(video.created_at))
    created = _epoch(video.created_at, now)
    return IndexEntry(phase_of(video.status or ""), created, _stamp(video.raw.get("indexed_at"), created), ready)


def _of_task(index_id: str, task: IndexingTask, now: float) -> IndexEntry | None:
    """Return the video of a task; one that is being uploaded may have none yet, and is then known by its task."""
    phase = phase_of(task.status)
    if not task.video_id and phase is not Phase.RUNNING:
        return None
    filename = (task.raw.get("metadata") or {}).get("filename")
    ready = ReadyVideo(index_id, task.video_id or task.id, None, filename, task.duration, _written(task.created_at))
    created = _epoch(task.created_at, now)
    return IndexEntry(phase, created, _stamp(task.raw.get("updated_at"), created), ready)


def _epoch(moment: pendulum.DateTime | None, now: float) -> float:
    return moment.timestamp() if moment else now


def _stamp(value: Any, otherwise: float) -> float:
    try:
        moment = pendulum.parse(str(value)) if value else None
    except ValueError:
        moment = None
    return moment.timestamp() if isinstance(moment, pendulum.DateTime) else otherwise


def _written(moment: pendulum.DateTime | None) -> str | None:
    return moment.to_iso8601_string() if moment else None
