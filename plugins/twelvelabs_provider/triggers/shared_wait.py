"""Base of the triggers that wait for jobs: they share one poll."""

from __future__ import annotations

import asyncio
import random
import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.jobs.outage import Outage, ended_by, is_final
from twelvelabs_provider.jobs.polling import pause_before_look
from twelvelabs_provider.jobs.trigger_event import EventReason
from twelvelabs_provider.triggers.shared import PollKey, Snapshot, Wait, snapshots, taking_part
from twelvelabs_provider.version_compat import SharingTrigger

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

T = TypeVar("T")

# Seconds before a wait may end: a trigger that fires at once can overtake the executor's word that the deferring
# process has ended, and the scheduler would call that a failure.
SETTLED = 2.0
# Seconds after which a wait looks for itself as well: a job that was deleted is on no list of what has ended.
OWN_LOOK = 1800.0


class TwelveLabsSharingTrigger(SharingTrigger):
    """Base of the triggers that wait for jobs, alone or by a poll that serves others too."""

    # Airflow's own base of sharing triggers says no: it has asset watchers in mind, which have no queue.
    supports_triggerer_queue = True

    @abstractmethod
    def shared_stream_key(self) -> PollKey | None:
        """Return what its poll is known by; None for what cannot be listed."""

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Snapshot]:
        """Poll for all of one key; only what is part of the key is read of ``kwargs``."""
        key = cls(**kwargs).shared_stream_key()
        assert key is not None
        async for snapshot in snapshots(key):
            yield snapshot

    async def heard(
        self,
        shared_stream: AsyncIterator[Snapshot],
        listen: Callable[[AsyncIterator[Snapshot]], Awaitable[T]],
        wait: Wait,
    ) -> T:
        """Take part in the poll, and return what ``listen`` made of its snapshots.

        :param listen: reads the snapshots until it knows enough.
        """
        key = self.shared_stream_key()
        assert key is not None
        await asyncio.sleep(SETTLED * (1 + random.random()))
        # Left open, every stream would cost the loop a task of its own to close it.
        async with aclosing(cast("AsyncGenerator[Snapshot]", shared_stream)) as stream:
            with taking_part(key, wait):
                return await listen(stream)


class GivenUpError(Exception):
    """Polls ended for a reason; the message is the reason."""

    def __init__(self, reason: EventReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass
class LonePoll(Generic[T]):
    """A poll for one trigger only, for Airflows and jobs that cannot share one.

    :param look: asks the service once; returns None to poll again.
    :param over: returns what ends the wait without an answer: its deadline.
    :param what: what is polled, for the log.
    :param started_at: epoch seconds of the submission.
    :param running_at: epoch seconds at which all jobs were last seen running.
    :param deadline: epoch seconds beyond which no pause lasts.
    :param one_job: an answer that the job does not exist ends the wait.
    """

    twelvelabs_conn_id: str
    look: Callable[[TwelveLabsAsyncHook], Awaitable[T | None]]
    over: Callable[[], T | None]
    what: object
    started_at: float
    running_at: float
    deadline: float
    poll_interval: float | None
    one_job: bool = True

    async def run(self) -> T:
        """Poll until there is something to tell.

        After a failure the connection is read again, so that a rotated key goes unnoticed.

        :raises GivenUpError: the job does not exist, or the polls have failed for too long.
        """
        outage, hook = Outage(), None
        # The pause comes before the connection is even read: a trigger that fires at once can overtake the
        # executor's word that the deferring process has ended, and the scheduler would call that a failure.
        pause = max(self._pause(self.running_at), self._settling())
        try:
            while True:
                await asyncio.sleep(pause)
                looked_at, asked = time.time(), 0.0
                try:
                    hook = hook or await self._connected()
                    found = await self.look(hook)
                    outage.end()
                except TwelveLabsError as error:
                    await _closed(hook)
                    hook = None
                    self._bear(error, outage)
                    found, asked = None, error.retry_after or 0.0
                found = self.over() if found is None else found
                if found is not None:
                    return found
                left = max(0.0, self.deadline - time.time())
                pause = min(max(outage.pause(self._pause(looked_at)), asked), left)
        finally:
            await _closed(hook)

    def _bear(self, error: TwelveLabsError, outage: Outage) -> None:
        now = time.time()
        if outage.tolerates(error, self.what, now, now - self.started_at if self.one_job else None):
            return
        if self.one_job and is_final(error):
            raise GivenUpError(EventReason.REFUSED, str(error)) from error
        raise GivenUpError(EventReason.UNREACHABLE, ended_by(error, outage, now)) from error

    def _settling(self) -> float:
        shortest = SETTLED if not self.poll_interval or self.poll_interval <= 0 else min(SETTLED, self.poll_interval)
        return min(shortest, max(0.0, self.deadline - time.time()))

    def _pause(self, looked_at: float) -> float:
        jitter = random.random()
        return pause_before_look(
            time.time(), self.started_at, self.deadline, self.poll_interval, jitter, looked_at=looked_at
        )

    async def _connected(self) -> TwelveLabsAsyncHook:
        from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

        return await TwelveLabsAsyncHook(self.twelvelabs_conn_id).__aenter__()


async def _closed(hook: TwelveLabsAsyncHook | None) -> None:
    if hook is not None:
        await hook.__aexit__(None, None, None)
