"""Jobs of one kind that have ended, read from the lists of the service, page by page."""

from __future__ import annotations

import logging
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Protocol, TypeVar

import pendulum

from twelvelabs_provider.api.analysis.batches import list_batches
from twelvelabs_provider.api.assets import list_assets
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import TwelveLabsError, is_missing
from twelvelabs_provider.api.filters import VideoFilter
from twelvelabs_provider.api.generations import Dialect
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.paging import Pages
from twelvelabs_provider.api.resources import LARGEST_PAGE, Paging
from twelvelabs_provider.jobs.job import JobKind, JobRef, Phase
from twelvelabs_provider.jobs.kinds import phase_of, read_state

T = TypeVar("T")
log = logging.getLogger(__name__)

# Seconds by which a list is read again before the newest entry of the last look: entries may appear a little late.
OVERLAP = 2.0
# Now and then it is read again by more, for entries that appeared very late; both in seconds.
DEEP_EVERY = 300.0
DEEP_OVERLAP = 120.0
# Seconds for which an ended job is kept for those who join late.
KEPT = 7200.0
# Ended jobs that are kept at most, and pages that one look reads at most: what the service lists is not trusted.
MOST_KEPT = 50_000
MOST_PAGES = 1_000
_ENDED = ("ready", "failed")
# Jobs that a list should have shown and did not: at most so many are read one by one in each look.
MOST_MISSED = 10
# The status under which a deleted job is kept: the worker that it wakes reads what became of it.
_DELETED = "failed"


@dataclass(frozen=True)
class ListedJob:
    """An entry of a list.

    :param moment: epoch seconds of its last change or of its creation, whichever the list is ordered by.
    """

    id: str
    status: str
    moment: float = 0.0


@dataclass(frozen=True)
class AwaitedJobs:
    """The jobs that are waited for.

    :param back_to: epoch seconds; jobs that ended before are not asked for.
    :param created: by job id, epoch seconds before which the job was not created.
    """

    back_to: float
    created: Mapping[str, float]


class Order(StrEnum):
    """How a list can be read without reading all of it."""

    CHANGED = "changed"
    """By the last change, so that a cursor parts what is new from what is known."""
    CREATED = "created"
    """By creation: from the newest to the oldest that is waited for, as far as that is cheaper than reading each."""
    NAMED = "named"
    """The jobs that are waited for, by their ids."""


class AsyncHook(Protocol):
    """The part of the asynchronous hook that is used."""

    @property
    def api(self) -> Dialect: ...
    async def execute(self, call: Call[T]) -> T: ...


@dataclass(frozen=True)
class JobList:
    """A list of the service, and how it is read.

    :param page: the call for one page: of an index (None for the account's), since a moment (epoch seconds), of ids.
    :param shows_running: the list holds jobs in every status, so that a job that is not on it is deleted or missed.
    """

    order: Order
    page: Callable[[Dialect, str | None, float, Sequence[str], Paging], Call[Page[ListedJob]]]
    shows_running: bool = False


def can_be_listed(kind: JobKind) -> bool:
    """Tell whether the service lists jobs of a kind."""
    return kind in _LISTS


@dataclass
class FinishedJobs:
    """The jobs of one kind and scope that have ended, found with as few requests as their lists have pages.

    :param index_id: the index that the jobs belong to, None for those of the whole account.
    :param since: epoch seconds; what ended before may be missing.
    :param found: those that have ended, by id.
    """

    kind: JobKind
    index_id: str | None
    since: float
    found: dict[str, ListedJob] = field(default_factory=dict)
    _newest: float = 0.0
    _deep_at: float = field(default_factory=time.time)
    _seen_at: dict[str, float] = field(default_factory=dict)
    _news: list[str] = field(default_factory=list)
    _missed_at: int = 0

    async def poll(self, hook: AsyncHook, wanted: AwaitedJobs) -> Sequence[str]:
        """Read what is new, and return the ids of the jobs that have ended since the last look that came to its end.

        :raises TwelveLabsError: as the list call does; what was read up to there is kept, and told by the next look.
        """
        order = _LISTS[self.kind].order
        if order is Order.CHANGED:
            await self._read_changed(hook, wanted)
        else:
            unknown = {job_id: created for job_id, created in wanted.created.items() if job_id not in self.found}
            if order is Order.CREATED:
                await self._read_created(hook, unknown)
            else:
                await self._read_named(hook, unknown)
        self._forget_old()
        news, self._news = self._news, []
        return news

    async def _read_changed(self, hook: AsyncHook, wanted: AwaitedJobs) -> None:
        """Read from the newest change back to the newest of the last look.

        What happens meanwhile moves entries to later pages: some are read twice, none is missed.
        """
        back_to = min(wanted.back_to, self.since)
        begin = self._cursor() if self._newest and back_to >= self.since else back_to
        pages, newest, oldest = Pages(MOST_PAGES), 0.0, float("inf")
        while pages.more and oldest >= begin:
            first = pages.number == 1
            page = await self._read_page(hook, begin, pages)
            moments = _moments(page)
            newest = max(newest, *moments) if moments and first else newest
            oldest = min(oldest, *moments) if moments else oldest
        if pages.cut:
            log.warning("only %d of %d pages of the %s list are read at once", MOST_PAGES, pages.last, self.kind.value)
        self._newest, self.since = max(self._newest, newest), back_to

    async def _read_created(self, hook: AsyncHook, unknown: Mapping[str, float]) -> None:
        """Read from the newest job towards the oldest that is waited for.

        Where no more jobs are left than pages were read, those are read one by one: a few old jobs do not cost the
        list of everything that was created after them.
        """
        if not unknown:
            return
        created = sorted(unknown.values())
        pages, oldest, seen, deeper = Pages(MOST_PAGES), float("inf"), set[str](), len(created)
        while (pages.more and deeper >= pages.number) or pages.number == 1:
            page = await self._read_page(hook, created[0], pages)
            seen.update(sighting.id for sighting in page.items)
            oldest = min([oldest, *_moments(page)])
            deeper = bisect_left(created, oldest)
        unseen = [job_id for job_id in unknown if job_id not in seen]
        if pages.more or pages.cut:
            await self._read_each(hook, [job_id for job_id in unseen if unknown[job_id] < oldest])
            unseen = [job_id for job_id in unseen if unknown[job_id] >= oldest]
        if _LISTS[self.kind].shows_running:
            await self._read_each(hook, unseen, MOST_MISSED)

    async def _read_named(self, hook: AsyncHook, unknown: Mapping[str, float]) -> None:
        seen = set[str]()
        for ids in _portions(unknown):
            page = await hook.execute(self._call(hook, 0.0, ids, Paging()))
            self._take(page)
            seen.update(sighting.id for sighting in page.items)
        await self._read_each(hook, [job_id for job_id in unknown if job_id not in seen], MOST_MISSED)

    async def _read_page(self, hook: AsyncHook, begin: float, pages: Pages) -> Page[ListedJob]:
        page = await hook.execute(self._call(hook, begin, (), Paging(page=pages.number)))
        self._take(page)
        pages.new_in(page)
        return page

    async def _read_each(self, hook: AsyncHook, job_ids: Sequence[str], most: int | None = None) -> None:
        """Read jobs one by one; an error about one of them leaves it to the next look.

        :param most: how many at most, another choice in each look; None for all.
        """
        if most is not None and len(job_ids) > most:
            begin = self._missed_at = self._missed_at % len(job_ids)
            job_ids = [*job_ids[begin:], *job_ids[:begin]][:most]
            self._missed_at += most
        for job_id in job_ids:
            try:
                state = await hook.execute(read_state(hook.api, JobRef(self.kind, job_id, self.index_id)))
            except TwelveLabsError as error:
                if is_missing(error):
                    self._note(ListedJob(job_id, _DELETED))
                else:
                    log.warning("Could not read %s %s: %s", self.kind.value, job_id, error)
                continue
            self._note(ListedJob(job_id, state.status, state.created_at or 0.0))

    def _call(self, hook: AsyncHook, begin: float, ids: Sequence[str], paging: Paging) -> Call[Page[ListedJob]]:
        return _LISTS[self.kind].page(hook.api, self.index_id, begin, ids, paging)

    def _cursor(self) -> float:
        if time.time() - self._deep_at < DEEP_EVERY:
            return self._newest - OVERLAP
        self._deep_at = time.time()
        return self._newest - DEEP_OVERLAP

    def _take(self, page: Page[ListedJob]) -> None:
        for sighting in page.items:
            self._note(sighting)

    def _note(self, sighting: ListedJob) -> None:
        if sighting.id not in self.found and phase_of(sighting.status) is not Phase.RUNNING:
            self.found[sighting.id] = sighting
            self._seen_at[sighting.id] = time.time()
            self._news.append(sighting.id)

    def _forget_old(self) -> None:
        """Keep memory bounded: those who waited for an old one have been told long ago."""
        limit = time.time() - KEPT
        for job_id, seen_at in list(self._seen_at.items()):
            # Entries were put in the order of their time.
            if seen_at >= limit and len(self.found) <= MOST_KEPT:
                break
            self.since = max(self.since, self.found[job_id].moment)
            del self.found[job_id], self._seen_at[job_id]


def _moments(page: Page[ListedJob]) -> list[float]:
    return [sighting.moment for sighting in page.items if sighting.moment > 0]


def _portions(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    rest = iter(ids)
    while portion := list(islice(rest, LARGEST_PAGE)):
        yield portion


def _at(epoch: float) -> pendulum.DateTime:
    return pendulum.from_timestamp(max(0.0, epoch))


def _epoch(moment: pendulum.DateTime | None) -> float:
    return moment.timestamp() if moment else 0.0


def _tasks(api: Dialect, index_id: str | None, begin: float, _: Sequence[str], paging: Paging) -> Call[Page[ListedJob]]:
    newest_first = Paging(paging.page, paging.limit, "updated_at")
    call = api.list_tasks(index_id=index_id, status=_ENDED, updated_since=_at(begin), paging=newest_first)
    return call.then(lambda page: page.map(lambda task: ListedJob(task.id, task.status, _epoch(task.updated_at))))


def _indexed_assets(
    api: Dialect, index_id: str | None, begin: float, _: Sequence[str], paging: Paging
) -> Call[Page[ListedJob]]:
    # The filter by the last change knows only changes that a user made, so that creation is what is left.
    where = VideoFilter(created_since=_at(begin))
    call = api.list_indexed_assets(index_id or "", status=_ENDED, where=where, paging=paging)
    return call.then(lambda page: page.map(lambda one: ListedJob(one.id, one.status or "", _epoch(one.created_at))))


def _assets(_: Dialect, __: str | None, ___: float, ids: Sequence[str], paging: Paging) -> Call[Page[ListedJob]]:
    call = list_assets(asset_ids=ids, paging=paging)
    return call.then(lambda page: page.map(lambda asset: ListedJob(asset.id, asset.status)))


def _analyses(api: Dialect, _: str | None, __: float, ___: Sequence[str], paging: Paging) -> Call[Page[ListedJob]]:
    call = api.list_analysis_tasks(paging=paging)
    return call.then(lambda page: page.map(lambda task: ListedJob(task.id, task.status, _epoch(task.created_at))))


def _batches(_: Dialect, __: str | None, ___: float, ____: Sequence[str], paging: Paging) -> Call[Page[ListedJob]]:
    call = list_batches(paging=paging)
    return call.then(lambda page: page.map(lambda batch: ListedJob(batch.id, batch.status, _epoch(batch.created_at))))


def _embeddings(api: Dialect, _: str | None, begin: float, __: Sequence[str], paging: Paging) -> Call[Page[ListedJob]]:
    call = api.list_embedding_tasks(since=_at(begin), paging=paging)
    return call.then(lambda page: page.map(lambda task: ListedJob(task.id, task.status, _epoch(task.created_at))))


_LISTS: Mapping[JobKind, JobList] = {
    JobKind.INDEXING_TASK: JobList(Order.CHANGED, _tasks),
    JobKind.INDEXED_ASSET: JobList(Order.CREATED, _indexed_assets),
    JobKind.ASSET: JobList(Order.NAMED, _assets, shows_running=True),
    JobKind.ANALYSIS_TASK: JobList(Order.CREATED, _analyses, shows_running=True),
    JobKind.ANALYSIS_BATCH: JobList(Order.CREATED, _batches, shows_running=True),
    JobKind.EMBEDDING_TASK: JobList(Order.CREATED, _embeddings, shows_running=True),
}
