"""What the triggers that wait for jobs have in common: they share one poll."""

from __future__ import annotations

import asyncio
import random
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection
from contextlib import aclosing
from typing import Any, TypeVar, cast

from twelvelabs_provider.triggers.shared import PollKey, Snapshot, snapshots, taking_part
from twelvelabs_provider.version_compat import SharingTrigger

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
        job_ids: Collection[str],
        started_at: float,
        running_at: float,
    ) -> T:
        """Take part in the poll with some jobs, and return what was made of its snapshots.

        :param listen: reads the snapshots until it knows enough.
        :param started_at: epoch seconds at which the oldest of them was submitted.
        :param running_at: epoch seconds at which all were last seen running.
        """
        key = self.shared_stream_key()
        assert key is not None
        await asyncio.sleep(SETTLED * (1 + random.random()))
        # Left open, every stream would cost the loop a task of its own to close it.
        async with aclosing(cast("AsyncGenerator[Snapshot]", shared_stream)) as stream:
            with taking_part(key, job_ids, started_at, running_at):
                return await listen(stream)
