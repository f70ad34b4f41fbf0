"""Polling of finished jobs by the lists of the service, with as few pages as possible."""

from __future__ import annotations

import logging
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import TwelveLabsError, is_missing
from twelvelabs_provider.api.jobs import phase_of
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.paging import Pages
from twelvelabs_provider.api.resources import LARGEST_PAGE, Paging
from twelvelabs_provider.jobs.job import JobKind, JobRef, Phase
from twelvelabs_provider.jobs.job_lists import LISTS, ListedJob, Order
from twelvelabs_provider.jobs.kinds import read_state

if TYPE_CHECKING:
    from twelvelabs_provider.api.generations import Dialect

T = TypeVar("T")
log = logging.getLogger(__name__)

# Seconds before the newest item of the last poll from which a list is read again: items may appear a little late.
OVERLAP = 2.0
# Every so many seconds it is read again from further back, for items that appear very late.
DEEP_EVERY = 300.0
DEEP_OVERLAP = 120.0
# Seconds for which a finished job is kept for late subscribers.
KEPT = 7200.0
# Finished jobs that are kept at most, and pages that one poll reads at most: the service's numbers are not trusted.
MOST_KEPT = 50_000
MOST_PAGES = 1_000
# Jobs that a list should contain and does not: at most so many are read one by one in each poll.
MOST_MISSED = 10
# Status of a deleted job; the worker that resumes reads the job again.
_DELETED = "failed"


@dataclass(frozen=True)
class AwaitedJobs:
    """The jobs that triggers wait for.

    :param back_to: epoch seconds; jobs that ended before do not matter.
    :param created: by job id, epoch seconds before which the job was not created.
    """

    back_to: float
    created: Mapping[str, float]


class AsyncHook(Protocol):
    """The part of the asynchronous hook that is used."""

    @property
    def api(self) -> Dialect: ...
    async def execute(self, call: Call[T]) -> T: ...


@dataclass
class FinishedJobs:
    """The finished jobs of one kind and index.

    :param index_id: the index that the jobs belong to, None for the whole account.
    :param since: epoch seconds; jobs that ended before may be missing.
    :param found: the finished jobs, by id.
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

    async def poll(self, hook: AsyncHook, awaited: AwaitedJobs) -> Sequence[str]:
        """Poll once, and return the ids of the jobs that have ended since the last complete poll.

        :raises TwelveLabsError: as the list call does; jobs read so far are returned by the next poll.
        """
        order = LISTS[self.kind].order
        if order is Order.CHANGED:
            await self._read_changed(hook, awaited)
        else:
            unknown = {job_id: created for job_id, created in awaited.created.items() if job_id not in self.found}
            if order is Order.CREATED:
                await self._read_created(hook, unknown)
            else:
                await self._read_named(hook, unknown)
        self._forget_old()
        news, self._news = self._news, []
        return news

    async def _read_changed(self, hook: AsyncHook, awaited: AwaitedJobs) -> None:
        """Read from the newest change back to the newest one of the last poll.

        Changes meanwhile move items to later pages, so some are read twice and none is missed.
        """
        back_to = min(awaited.back_to, self.since)
        begin = self._cursor() if self._newest and back_to >= self.since else back_to
        pages, newest, oldest = Pages(MOST_PAGES), 0.0, float("inf")
        while pages.more and oldest >= begin:
            first = pages.number == 1
            page = await self._read_page(hook, begin, pages)
            moments = _moments(page)
            newest = max(newest, *moments) if moments and first else newest
            oldest = min(oldest, *moments) if moments else oldest
        if pages.cut:
            log.warning("Read only %d of %d pages of the list of %s", MOST_PAGES, pages.last, self.kind.value)
        self._newest, self.since = max(self._newest, newest), back_to

    async def _read_created(self, hook: AsyncHook, unknown: Mapping[str, float]) -> None:
        """Read from the newest job back to the oldest awaited one.

        Once fewer jobs are missing than pages were read, they are read one by one, because a few old jobs may lie
        behind many newer ones.
        """
        if not unknown:
            return
        created = sorted(unknown.values())
        pages, oldest, seen, deeper = Pages(MOST_PAGES), float("inf"), set[str](), len(created)
        while (pages.more and deeper >= pages.number) or pages.number == 1:
            page = await self._read_page(hook, created[0], pages)
            seen.update(job.id for job in page.items)
            oldest = min([oldest, *_moments(page)])
            deeper = bisect_left(created, oldest)
        unseen = [job_id for job_id in unknown if job_id not in seen]
        if pages.more or pages.cut:
            await self._read_each(hook, [job_id for job_id in unseen if unknown[job_id] < oldest])
            unseen = [job_id for job_id in unseen if unknown[job_id] >= oldest]
        if LISTS[self.kind].shows_running:
            await self._read_each(hook, unseen, MOST_MISSED)

    async def _read_named(self, hook: AsyncHook, unknown: Mapping[str, float]) -> None:
        seen = set[str]()
        for ids in _batched(unknown):
            page = await hook.execute(self._call(hook, 0.0, ids, Paging()))
            self._take(page)
            seen.update(job.id for job in page.items)
        await self._read_each(hook, [job_id for job_id in unknown if job_id not in seen], MOST_MISSED)

    async def _read_page(self, hook: AsyncHook, begin: float, pages: Pages) -> Page[ListedJob]:
        page = await hook.execute(self._call(hook, begin, (), Paging(page=pages.number)))
        self._take(page)
        pages.new_in(page)
        return page

    async def _read_each(self, hook: AsyncHook, job_ids: Sequence[str], most: int | None = None) -> None:
        """Read jobs one by one; a job whose reading fails is left to the next poll.

        :param most: how many at most, others in each poll; None for all.
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
        return LISTS[self.kind].page(hook.api, self.index_id, begin, ids, paging)

    def _cursor(self) -> float:
        if time.time() - self._deep_at < DEEP_EVERY:
            return self._newest - OVERLAP
        self._deep_at = time.time()
        return self._newest - DEEP_OVERLAP

    def _take(self, page: Page[ListedJob]) -> None:
        for job in page.items:
            self._note(job)

    def _note(self, job: ListedJob) -> None:
        if job.id not in self.found and phase_of(job.status) is not Phase.RUNNING:
            self.found[job.id] = job
            self._seen_at[job.id] = time.time()
            self._news.append(job.id)

    def _forget_old(self) -> None:
        """Drop old jobs to bound the memory; their subscribers have received them."""
        limit = time.time() - KEPT
        for job_id, seen_at in list(self._seen_at.items()):
            # Ordered by the time at which they were found.
            if seen_at >= limit and len(self.found) <= MOST_KEPT:
                break
            self.since = max(self.since, self.found[job_id].moment)
            del self.found[job_id], self._seen_at[job_id]


def _moments(page: Page[ListedJob]) -> list[float]:
    return [job.moment for job in page.items if job.moment > 0]


def _batched(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    rest = iter(ids)
    while batch := list(islice(rest, LARGEST_PAGE)):
        yield batch
