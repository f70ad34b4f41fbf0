"""Polls of the service's lists for all triggers that share them, and the snapshots of what they found."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field

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
from twelvelabs_provider.jobs.poll_subscribers import SHARDS, PollKey, Subscribers
from twelvelabs_provider.jobs.polling import pause_after
from twelvelabs_provider.jobs.trigger_event import EventReason
from twelvelabs_provider.triggers.single_poll import PollFailedError, PollingHook

# Seconds after which every subscriber receives a snapshot to compare its deadline with the clock.
TICK = 30.0
# Seconds between two polls at least, however many triggers subscribe meanwhile.
SPACING = 2.0
# Seconds for which the service can delay a poll with Retry-After; each wait has its own deadline.
LONGEST_DELAY = 3600.0


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


class ListRefusedError(Exception):
    """The service refuses the list, but not the reading of a single job."""


class ListPoll:
    """The requests of one poll: when they are sent, and what follows a failure."""

    def __init__(self, key: PollKey, subscribers: Subscribers) -> None:
        self._key = key
        self._subscribers = subscribers
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
            raise ListRefusedError(str(error)) from error
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
