"""Poll of one trigger alone, for Airflow versions and jobs that cannot share a poll."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.jobs.outage import Outage, is_final
from twelvelabs_provider.jobs.polling import pause_before_poll
from twelvelabs_provider.jobs.trigger_event import EventReason

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

T = TypeVar("T")

# Seconds before a trigger may fire. An event that overtakes the executor's report about the deferring process looks to
# the scheduler like a task that failed.
EARLIEST_EVENT = 2.0


class PollFailedError(Exception):
    """A poll that cannot continue; the message is the reason."""

    def __init__(self, reason: EventReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class PollingHook:
    """The asynchronous hook of a poll, closed after a failure so that a changed connection takes effect."""

    def __init__(self, twelvelabs_conn_id: str) -> None:
        self._conn_id = twelvelabs_conn_id
        self._hook: TwelveLabsAsyncHook | None = None

    async def open(self) -> TwelveLabsAsyncHook:
        """Return the open hook."""
        from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

        if self._hook is None:
            self._hook = await TwelveLabsAsyncHook(self._conn_id).__aenter__()
        return self._hook

    async def close(self) -> None:
        """Close the hook; the next one reads the connection again."""
        if self._hook is not None:
            hook, self._hook = self._hook, None
            await hook.__aexit__(None, None, None)


@dataclass
class SinglePoll(Generic[T]):
    """A poll of one trigger alone.

    :param poll: sends one request; returns None to poll again.
    :param expired: returns the event of a wait whose time is up, else None.
    :param what: what is polled, for the log.
    :param started_at: epoch seconds of the submission.
    :param running_at: epoch seconds at which all jobs were last seen running.
    :param deadline: epoch seconds beyond which no pause lasts.
    :param one_job: a response that the job does not exist ends the wait.
    """

    twelvelabs_conn_id: str
    poll: Callable[[TwelveLabsAsyncHook], Awaitable[T | None]]
    expired: Callable[[], T | None]
    what: object
    started_at: float
    running_at: float
    deadline: float
    poll_interval: float | None
    one_job: bool = True

    async def run(self) -> T:
        """Poll until there is an event.

        :raises PollFailedError: the job does not exist, or the polls have failed for too long.
        """
        outage, hook = Outage(), PollingHook(self.twelvelabs_conn_id)
        # The first pause precedes even the reading of the connection, see EARLIEST_EVENT.
        pause = max(self._pause(self.running_at), self._first_pause())
        try:
            while True:
                await asyncio.sleep(pause)
                polled_at, retry_after = time.time(), 0.0
                try:
                    event = await self.poll(await hook.open())
                    outage.end()
                except TwelveLabsError as error:
                    await hook.close()
                    self._tolerate(error, outage)
                    event, retry_after = None, error.retry_after or 0.0
                event = self.expired() if event is None else event
                if event is not None:
                    return event
                left = max(0.0, self.deadline - time.time())
                pause = min(max(outage.pause(self._pause(polled_at)), retry_after), left)
        finally:
            await hook.close()

    def _tolerate(self, error: TwelveLabsError, outage: Outage) -> None:
        now = time.time()
        if outage.tolerates(error, self.what, now, now - self.started_at if self.one_job else None):
            return
        if self.one_job and is_final(error):
            raise PollFailedError(EventReason.REFUSED, str(error)) from error
        raise PollFailedError(EventReason.UNREACHABLE, outage.reason(error, now)) from error

    def _first_pause(self) -> float:
        interval = self.poll_interval
        shortest = EARLIEST_EVENT if not interval or interval <= 0 else min(EARLIEST_EVENT, interval)
        return min(shortest, max(0.0, self.deadline - time.time()))

    def _pause(self, polled_at: float) -> float:
        return pause_before_poll(
            time.time(), self.started_at, self.deadline, self.poll_interval, random.random(), polled_at=polled_at
        )
