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
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, TypeVar, cast

from twelvelabs_provider.api.errors import (
    TwelveLabsBadRequestError,
    TwelveLabsError,
    TwelveLabsUnsupportedError,
)
from twelvelabs_provider.jobs.poll_subscribers import SHARDS, PollKey, Subscribers, Subscription
from twelvelabs_provider.jobs.polling import LONGEST_PAUSE, SHORTEST_PAUSE
from twelvelabs_provider.jobs.trigger_event import EventReason
from twelvelabs_provider.triggers.list_poll import Failure, ListPoll, ListRefusedError, Snapshot
from twelvelabs_provider.triggers.single_poll import EARLIEST_EVENT, PollFailedError
from twelvelabs_provider.version_compat import AIRFLOW_V_3_3_PLUS

if AIRFLOW_V_3_3_PLUS:
    # Triggers of this class can share one poll; older releases have no shared polls.
    from airflow.triggers.base import BaseEventTrigger as SharingTrigger
else:
    from airflow.triggers.base import BaseTrigger as SharingTrigger  # type: ignore[assignment, unused-ignore]

T = TypeVar("T")
log = logging.getLogger(__name__)

# Seconds after which a trigger also reads its job alone: no list contains a deleted job.
OWN_POLL_AFTER = 1800.0


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
        poll = ListPoll(key, _subscribers_of(key))
        try:
            async with aclosing(poll.run()) as snapshots:
                async for snapshot, shards in snapshots:
                    yield snapshot, shards
        except (TwelveLabsBadRequestError, TwelveLabsUnsupportedError, ListRefusedError) as error:
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
