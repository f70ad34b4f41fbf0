"""New videos of an index: those that became ready since a watermark."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pendulum

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.filters import VideoFilter
from twelvelabs_provider.api.jobs import phase_of
from twelvelabs_provider.api.models import IndexingTask, Page, Video
from twelvelabs_provider.api.paging import Pages
from twelvelabs_provider.api.resources import IndexingRoute, Paging
from twelvelabs_provider.jobs.finished_jobs import AsyncHook
from twelvelabs_provider.jobs.job import Phase

if TYPE_CHECKING:
    from twelvelabs_provider.api.generations import Dialect

# Seconds before the newest video from which the list is read again: videos may appear late and out of order.
OVERLAP = 300.0
# Seconds after which a video that is still being indexed is skipped, because it would hold back the watermark.
LONGEST_INDEXING = 24 * 3600.0
MOST_PAGES = 2_000
VERSION = 1
_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class ReadyVideo:
    """A ready video, as the trigger event contains it.

    :param duration: seconds.
    :param created_at: ISO time at which its indexing was requested.
    """

    index_id: str
    video_id: str
    asset_id: str | None
    filename: str | None
    duration: float | None
    created_at: str | None

    def as_payload(self) -> dict[str, Any]:
        """Return plain JSON."""
        return asdict(self)


@contextmanager
def watermark_of_version(value: Any) -> Iterator[None]:
    """Check the version of a stored watermark, and turn the errors of its reader into a ValueError."""
    try:
        if value["version"] != VERSION:
            raise ValueError(f"it is of version {value['version']!r}")
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a watermark: {error!r}") from error


@dataclass(frozen=True)
class EventWatermark:
    """Watermark of the events of an index.

    :param since: epoch seconds; videos that were created before have had their event, or never get one.
    :param videos: the videos created since that have had their event, and the epoch seconds of their creation.
    """

    since: float
    videos: Mapping[str, float] = field(default_factory=lambda: _NOTHING)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"version": VERSION, "since": self.since, "videos": dict(self.videos)}

    @classmethod
    def from_json(cls, value: Any) -> EventWatermark:
        """Read what :meth:`as_json` wrote.

        :raises ValueError: it is something else.
        """
        with watermark_of_version(value):
            return cls(float(value["since"]), {str(one): float(at) for one, at in value["videos"].items()})


@dataclass(frozen=True)
class NewVideos:
    """The result of one poll.

    :param ready: the videos without an event, oldest first.
    :param watermark: the watermark after their events.
    """

    ready: tuple[ReadyVideo, ...]
    watermark: EventWatermark


@dataclass(frozen=True)
class IndexEntry:
    """A video of an index, ready or not.

    :param created: epoch seconds.
    :param ready: epoch seconds at which it became ready; those of its creation if the service does not say.
    """

    phase: Phase
    created: float
    ready: float
    video: ReadyVideo

    @property
    def id(self) -> str:
        """The id of the video."""
        return self.video.video_id


async def read_new_videos(hook: AsyncHook, index_id: str, watermark: EventWatermark, now: float) -> NewVideos:
    """Read the videos that were created since a watermark.

    The number of requests grows with the videos that were created since the oldest one still being indexed.

    :param now: epoch seconds.
    :raises TwelveLabsError: as the list call does.
    """
    # The service's filter may be coarser than the watermark.
    entries = {
        entry.video.video_id: entry
        async for entry in _entries(hook, index_id, watermark.since, now)
        if entry.created >= watermark.since
    }
    ready = [entry for name, entry in entries.items() if entry.phase is Phase.READY and name not in watermark.videos]
    ready.sort(key=lambda entry: (entry.created, entry.video.video_id))
    since = max(watermark.since, watermark_limit(list(entries.values()), watermark.since, now))
    known = {**watermark.videos, **{entry.video.video_id: entry.created for entry in ready}}
    kept = {name: created for name, created in known.items() if created >= since}
    return NewVideos(tuple(entry.video for entry in ready), EventWatermark(since, kept))


def watermark_limit(entries: Iterable[IndexEntry], since: float, now: float) -> float:
    """Return the epoch seconds that a watermark cannot pass: before them no video is being indexed or may appear late.

    :param since: the watermark before.
    """
    entries = list(entries)
    running = [
        entry.created for entry in entries if entry.phase is Phase.RUNNING and now - entry.created < LONGEST_INDEXING
    ]
    newest = max((entry.created for entry in entries), default=since)
    return min([newest - OVERLAP, *running])


async def _entries(hook: AsyncHook, index_id: str, since: float, now: float) -> AsyncIterator[IndexEntry]:
    """Read the list from the newest video, so that videos added meanwhile hide none."""
    pages = Pages(MOST_PAGES)
    while pages.more:
        call = entries_page(hook.api, index_id, pendulum.from_timestamp(since), now, Paging(page=pages.number))
        for entry in pages.new_in(await hook.execute(call)):
            if entry is not None:
                yield entry
        # The watermark would pass videos that were not read.
        pages.ensure_complete(call.name)


def entries_page(
    api: Dialect, index_id: str, since: pendulum.DateTime, now: float, paging: Paging
) -> Call[Page[IndexEntry | None]]:
    """Return the call for a page of the videos of an index, newest first, whatever their status.

    :param since: creation time of the oldest video.
    :param now: epoch seconds, used for times that the service does not state.
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
    """Return the video of a task; a video that is being uploaded may only have the task's id."""
    phase = phase_of(task.status)
    if not task.video_id and phase is not Phase.RUNNING:
        return None
    filename = (task.raw.get("metadata") or {}).get("filename")
    ready = ReadyVideo(index_id, task.video_id or task.id, None, filename, task.duration, _written(task.created_at))
    created = _epoch(task.created_at, now)
    return IndexEntry(phase, created, _epoch(task.updated_at, created), ready)


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
