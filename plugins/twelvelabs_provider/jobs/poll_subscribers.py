"""Subscribers of a shared poll: when the next poll is due, how far back it reads, and which shards it notifies."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from zlib import crc32

from twelvelabs_provider.jobs.finished_jobs import AwaitedJobs
from twelvelabs_provider.jobs.job import JobKind
from twelvelabs_provider.jobs.polling import pause_after

# Seconds by which a poll reads back before the moment at which a job was last seen running: clocks differ.
MARGIN = 60.0
# Subscribers are split into so many shards. Airflow passes a snapshot to all subscribers of a stream at once, and ten
# thousand would block its event loop for a second.
SHARDS = 64
# Seconds by which a new subscriber must need its poll earlier to move the poll forward: thousands subscribe at once.
_RESCHEDULE_STEP = 0.1
_NEVER = float("inf")


@dataclass(frozen=True)
class PollKey:
    """Key of a shared poll.

    :param poll_interval: seconds between polls; None lets the pause grow from 5 to 60 seconds.
    :param shard: see :func:`shard_of`; one poll serves all shards.
    """

    twelvelabs_conn_id: str
    kind: JobKind
    index_id: str | None
    poll_interval: float | None
    shard: int = 0

    @property
    def poll(self) -> PollKey:
        """The key of the poll that serves all shards."""
        return replace(self, shard=0)


def shard_of(job_id: str) -> int:
    """Return the shard of the subscribers to a job."""
    return crc32(job_id.encode()) % SHARDS


@dataclass(frozen=True, eq=False)
class Subscription:
    """One trigger that takes part in a poll.

    :param shard: the shard of its first job.
    :param job_ids: the jobs that it waits for.
    :param started_at: epoch seconds at which the youngest of them was submitted.
    :param running_at: epoch seconds at which all were last seen running.
    :param created_at: epoch seconds before which none of them was created, by the clock of the service.
    """

    shard: int
    job_ids: Collection[str]
    started_at: float
    running_at: float
    created_at: float


@dataclass
class Subscribers:
    """The triggers that take part in one poll.

    :param read_back_to: epoch seconds; how far back the next poll has to read.
    :param due: epoch seconds at which a trigger that subscribed since the last poll needs the next one.
    :param new_shards: shards that have received no snapshot yet.
    """

    poll_interval: float | None
    read_back_to: float = _NEVER
    due: float = _NEVER
    new_shards: set[int] = field(default_factory=set)
    _subscriptions: dict[Subscription, None] = field(default_factory=dict)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def __bool__(self) -> bool:
        return bool(self._subscriptions)

    def add(self, subscription: Subscription) -> None:
        """Add a trigger, and move the next poll forward if its jobs need that."""
        self._subscriptions[subscription] = None
        self.read_back_to = min(self.read_back_to, subscription.running_at - MARGIN)
        self.new_shards.add(subscription.shard)
        waited = subscription.running_at - subscription.started_at
        due = subscription.running_at + pause_after(waited, self.poll_interval, random.random())
        if due < self.due - _RESCHEDULE_STEP:
            self.due = due
            self._moved.set()

    def remove(self, subscription: Subscription) -> None:
        """Remove a trigger; others may still wait for its jobs."""
        self._subscriptions.pop(subscription, None)

    async def sleep(self, seconds: float) -> None:
        """Sleep, but wake up if the next poll is moved forward."""
        self._moved.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._moved.wait()

    def shards_of(self, job_ids: Collection[str]) -> set[int]:
        """Return the shards whose subscribers wait for any of some jobs."""
        if not job_ids:
            return set()
        jobs, shards = set(job_ids), {shard_of(job_id) for job_id in job_ids}
        several = (one for one in self._subscriptions if len(one.job_ids) > 1)
        return shards | {one.shard for one in several if jobs & set(one.job_ids)}

    def youngest(self) -> float:
        """Return the epoch seconds at which the youngest job was submitted."""
        return max((one.started_at for one in self._subscriptions), default=0.0)

    def read_all_again(self) -> None:
        """Have the next poll read back as far as any trigger needs; for a new poll, which knows no job yet."""
        self.read_back_to = min([self.read_back_to, *(one.running_at - MARGIN for one in self._subscriptions)])

    def take_awaited(self) -> AwaitedJobs:
        """Return the jobs that the next poll has to find; later calls assume that it read them."""
        back_to, self.read_back_to, self.due = self.read_back_to, _NEVER, _NEVER
        created: dict[str, float] = {}
        for one in self._subscriptions:
            for job_id in one.job_ids:
                created[job_id] = min(created.get(job_id, _NEVER), one.created_at)
        return AwaitedJobs(back_to, created)
