"""One poll in the triggerer for all triggers that wait for the same kind of job over the same connection.

Airflow 3.3 opens one stream per :class:`PollKey`. Each stream is one shard of the subscribers, and all shards of a poll
receive their snapshots from one :class:`_Broadcast`.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from twelvelabs_provider.api.errors import (
    TwelveLabsBadRequestError,
    TwelveLabsError,
    TwelveLabsPermanentError,
    TwelveLabsUnsupportedError,
    is_missing,
)
from twelvelabs_provider.jobs.finished_jobs import AwaitedJobs, FinishedJobs
from twelvelabs_provider.jobs.job import JobRef
from twelvelabs_provider.jobs.job_lists import ListedJob
from twelvelabs_provider.jobs.kinds import read_state
from twelvelabs_provider.jobs.outage import Outage
from twelvelabs_provider.jobs.poll_subscribers import SHARDS, PollKey, Subscribers, Subscription
from twelvelabs_provider.jobs.polling import LONGEST_PAUSE, SHORTEST_PAUSE, pause_after
from twelvelabs_provider.jobs.trigger_event import EventReason
from twelvelabs_provider.triggers.single_poll import EARLIEST_EVENT, PollFailedError, PollingHook
from twelvelabs_provider.version_compat import AIRFLOW_V_3_3_PLUS

if AIRFLOW_V_3_3_PLUS:
    # Triggers of this class can share one poll; older releases have no shared polls.
    from airflow.triggers.base import BaseEventTrigger as SharingTrigger
else:
    from airflow.triggers.base import BaseTrigger as SharingTrigger  # type: ignore[assignment, unused-ignore]

T = TypeVar("T")
log = logging.getLogger(__name__)

# Seconds after which every subscriber receives a snapshot to compare its deadline with the clock.
TICK = 30.0
# Seconds between two polls at least, however many triggers subscribe meanwhile.
SPACING = 2.0
# Seconds for which the service can delay a poll with Retry-After; each wait has its own deadline.
LONGEST_DELAY = 3600.0
# Seconds after which a trigger also reads its job alone: no list contains a deleted job.
OWN_POLL_AFTER = 1800.0


@dataclass(frozen=True)
class Failure:
    """Why the poll has stopped."""

    reason: EventReason
    message: str


@dataclass(frozen=True)
class Snapshot:
    """Everything that the poll knows, so that late subscribers miss nothing.

    :param finished: the jobs that have ended, by id.
    :param failure: why the poll has stopped, if it has.
    :param listed: False if the service refuses the list: every subscriber polls its own job.
    """

    finished: Mapping[str, ListedJob] = field(repr=False)
    failure: Failure | None = None
    listed: bool = True


_subscribers: dict[PollKey, Subscribers] = {}
_broadcasts: dict[PollKey, _Broadcast] = {}


class TwelveLabsPollTrigger(SharingTrigger):
    """Base of the triggers that wait for jobs and can share a poll."""

    # Airflow's own base says no, because asset watchers have no queue.
    supports_triggerer_queue = True

    @abstractmethod
    def shared_stream_key(self) -> PollKey | None:
        """Return the key of the poll; None for jobs that cannot be listed."""

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Snapshot]:
        """Poll for all triggers of one key.

        :param kwargs: the arguments of one of the triggers; only those in the key are used.
        """
        key = cls(**kwargs).shared_stream_key()
        assert key is not None
        async for snapshot in _snapshots(key):
            yield snapshot

    async def follow(
        self,
        shared_stream: AsyncIterator[Snapshot],
        wait: Callable[[AsyncIterator[Snapshot]], Awaitable[T]],
        subscription: Subscription,
    ) -> T:
        """Subscribe to the poll, and return the result of a function that reads its snapshots."""
        key = self.shared_stream_key()
        assert key is not None
        await asyncio.sleep(EARLIEST_EVENT * (1 + random.random()))
        # An open stream would cost the event loop one more task to close it.
        async with aclosing(cast("AsyncGenerator[Snapshot]", shared_stream)) as stream:
            with _subscribed(key, subscription):
                return await wait(stream)


@contextmanager
def _subscribed(key: PollKey, subscription: Subscription) -> Iterator[None]:
    # Airflow passes only one trigger's arguments to the stream, so every trigger registers its own here.
    subscribers = _subscribers_of(key)
    subscribers.add(subscription)
    try:
        yield
    finally:
        subscribers.remove(subscription)
        _drop_unused(key)


def _subscribers_of(key: PollKey) -> Subscribers:
    return _subscribers.setdefault(key.poll, Subscribers(key.poll_interval))


def _drop_unused(key: PollKey) -> None:
    if not _subscribers.get(key.poll) and key.poll not in _broadcasts:
        _subscribers.pop(key.poll, None)


async def _snapshots(key: PollKey) -> AsyncIterator[Snapshot]:
    """Yield the snapshots of a poll, which starts with its first shard and stops with its last one.

    Errors are part of a snapshot; nothing is raised.
    """
    broadcast = _broadcasts.get(key.poll)
    if broadcast is None or broadcast.ended:
        broadcast = _broadcasts[key.poll] = _Broadcast(key.poll)
    queue = broadcast.join(key.shard)
    # A trigger may subscribe before its shard's stream is open.
    _subscribers_of(key).new_shards.add(key.shard)
    try:
        while True:
            yield await queue.get()
    finally:
        broadcast.leave(key.shard, queue)
        if broadcast.ended and _broadcasts.get(key.poll) is broadcast:
            del _broadcasts[key.poll]
        _drop_unused(key)


class _Broadcast:
    """One poll and the queues of the shards that receive its snapshots."""

    def __init__(self, key: PollKey) -> None:
        self._queues: dict[int, asyncio.Queue[Snapshot]] = {}
        self._left = False
        self._sending = asyncio.create_task(self._send(key))

    @property
    def ended(self) -> bool:
        """Whether no more snapshots follow."""
        return self._left or self._sending.done()

    def join(self, shard: int) -> asyncio.Queue[Snapshot]:
        """Return the queue of a shard."""
        queue = self._queues[shard] = asyncio.Queue()
        return queue

    def leave(self, shard: int, queue: asyncio.Queue[Snapshot]) -> None:
        """Remove the queue of a shard, unless the shard has joined again."""
        if self._queues.get(shard) is queue:
            del self._queues[shard]
        if not self._queues:
            self._left = True
            self._sending.cancel()

    async def _send(self, key: PollKey) -> None:
        async for snapshot, shards in _poll_forever(key):
            for shard in shards:
                if queue := self._queues.get(shard):
                    queue.put_nowait(snapshot)
                    await asyncio.sleep(0)


async def _poll_forever(key: PollKey) -> AsyncIterator[tuple[Snapshot, Iterable[int]]]:
    """Poll, and yield snapshots with the shards that need them; start a new poll after a failure."""
    while True:
        poll = _Poll(key)
        try:
            async with aclosing(poll.run()) as snapshots:
                async for snapshot, shards in snapshots:
                    yield snapshot, shards
        except (TwelveLabsBadRequestError, TwelveLabsUnsupportedError, _ListRefusedError) as error:
            log.warning("Cannot list %s, every trigger polls its own job: %s", key.kind.value, error)
            async for snapshot, shards in _repeat(_subscribers_of(key), Snapshot({}, listed=False)):
                yield snapshot, shards
            continue
        except (TwelveLabsError, PollFailedError) as error:
            failure = Failure(EventReason.UNREACHABLE, str(error))
        except Exception as error:
            log.exception("The poll of %s failed; the jobs continue", key.kind.value)
            failure = Failure(EventReason.UNREACHABLE, f"{type(error).__name__}: {error}")
        yield Snapshot({}, failure), range(SHARDS)
        # Triggers that subscribe from now on get a new poll.
        await asyncio.sleep(min(SHORTEST_PAUSE, key.poll_interval or SHORTEST_PAUSE))


async def _repeat(subscribers: Subscribers, snapshot: Snapshot) -> AsyncIterator[tuple[Snapshot, Iterable[int]]]:
    """Yield a snapshot for all shards, then for those with new subscribers, for a minute."""
    until, shards = time.time() + LONGEST_PAUSE, set(range(SHARDS))
    while (left := until - time.time()) > 0:
        if shards:
            yield snapshot, shards
        await subscribers.sleep(left)
        shards, subscribers.new_shards, subscribers.due = subscribers.new_shards, set(), float("inf")


class _ListRefusedError(Exception):
    """The service refuses the list, but not the reading of a single job."""


class _Poll:
    """The requests of one poll: when they are sent, and what follows a failure."""

    def __init__(self, key: PollKey) -> None:
        self._key = key
        self._subscribers = _subscribers_of(key)
        self._subscribers.read_all_again()
        self._jobs = FinishedJobs(key.kind, key.index_id, time.time())
        self._outage = Outage()
        self._hook = PollingHook(key.twelvelabs_conn_id)
        self._polled_at = 0.0
        self._next_poll = float("inf")
        self._not_before = 0.0

    async def run(self) -> AsyncGenerator[tuple[Snapshot, Iterable[int]]]:
        """Poll whenever a job may have ended; yield snapshots with the shards that need them."""
        ticked_at = time.time()
        try:
            while True:
                shards: set[int] = set()
                if time.time() >= self._due():
                    shards = await self._poll()
                if time.time() - ticked_at >= TICK:
                    ticked_at = time.time()
                    shards.update(range(SHARDS))
                if shards:
                    yield Snapshot(self._jobs.found), shards
                await self._subscribers.sleep(min(self._due(), ticked_at + TICK) - time.time())
        finally:
            await self._hook.close()

    def _due(self) -> float:
        """Return the epoch seconds of the next poll."""
        if not self._subscribers:
            return float("inf")
        interval = self._key.poll_interval
        spacing = SPACING if not interval or interval <= 0 else min(SPACING, interval / 2)
        return max(min(self._next_poll, self._subscribers.due), self._polled_at + spacing, self._not_before)

    async def _poll(self) -> set[int]:
        """Poll once, and return the shards that need a snapshot."""
        subscribers = self._subscribers
        shards, subscribers.new_shards = subscribers.new_shards, set()
        youngest, awaited = subscribers.youngest(), subscribers.take_awaited()
        self._polled_at = time.time()
        pause = pause_after(self._polled_at - youngest, self._key.poll_interval, random.random())
        try:
            shards |= subscribers.shards_of(await self._jobs.poll(await self._hook.open(), awaited))
            self._outage.end()
        except TwelveLabsError as error:
            subscribers.read_back_to = min(awaited.back_to, subscribers.read_back_to)
            subscribers.new_shards |= shards
            shards = set()
            await self._hook.close()
            await self._tolerate(error, awaited)
            pause = self._outage.pause(pause)
        self._next_poll = self._polled_at + pause
        return shards

    async def _tolerate(self, error: TwelveLabsError, awaited: AwaitedJobs) -> None:
        """Return if the next poll may succeed.

        :raises PollFailedError: the polls have failed for too long.
        """
        if isinstance(error, TwelveLabsBadRequestError | TwelveLabsUnsupportedError):
            raise error
        now = time.time()
        if self._outage.tolerates(error, f"the list of {self._key.kind.value}", now):
            # Without it the loop would not pause after a 429.
            self._not_before = now + min(error.retry_after or 0.0, LONGEST_DELAY)
            return
        if isinstance(error, TwelveLabsPermanentError) and await self._can_read_one(awaited):
            raise _ListRefusedError(str(error)) from error
        raise PollFailedError(EventReason.UNREACHABLE, self._outage.reason(error, now)) from error

    async def _can_read_one(self, awaited: AwaitedJobs) -> bool:
        """Return whether the service still answers about a single job."""
        job_id = next(iter(awaited.created), None)
        if job_id is None:
            return False
        try:
            hook = await self._hook.open()
            await hook.execute(read_state(hook.api, JobRef(self._key.kind, job_id, self._key.index_id)))
        except TwelveLabsError as error:
            return is_missing(error)
        return True
