"""Trigger that waits for several remote jobs of one kind."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TriggerEvent

from twelvelabs_provider.api.errors import (
    TwelveLabsBadRequestError,
    TwelveLabsNotFoundError,
    TwelveLabsUnsupportedError,
    is_missing,
)
from twelvelabs_provider.jobs.durations import Duration, plain_number
from twelvelabs_provider.jobs.finished_jobs import AwaitedJobs, FinishedJobs
from twelvelabs_provider.jobs.job import JobKind, JobRef, Phase
from twelvelabs_provider.jobs.job_lists import can_be_listed
from twelvelabs_provider.jobs.kinds import read_state
from twelvelabs_provider.jobs.poll_subscribers import MARGIN, PollKey, Subscription, shard_of
from twelvelabs_provider.jobs.trigger_event import EventReason
from twelvelabs_provider.triggers.list_poll import Snapshot
from twelvelabs_provider.triggers.shared_poll import OWN_POLL_AFTER, TwelveLabsPollTrigger
from twelvelabs_provider.triggers.single_poll import PollFailedError, SinglePoll

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

log = logging.getLogger(__name__)


class TwelveLabsJobsTrigger(TwelveLabsPollTrigger):
    """Waits until enough jobs have ended, the deadline passes, or the polls have failed for too long; never raises.

    The jobs continue whatever the event. The event contains only its reason, so the operator reads the jobs again. It
    also fires from time to time without a finished job, because no list contains a deleted job.

    :param twelvelabs_conn_id: connection; only its id is stored.
    :param kind: the kind of all jobs, a :class:`JobKind`.
    :param index_id: the index, if the list of the jobs needs one.
    :param job_ids: the jobs, a few hundred at most.
    :param enough: how many have to end.
    :param started_at: epoch seconds at which the oldest was submitted.
    :param running_at: epoch seconds at which all were last seen running.
    :param deadline: epoch seconds.
    :param poll_interval: seconds between polls; None lets the pause grow from 5 to 60 seconds.
    """

    def __init__(
        self,
        twelvelabs_conn_id: str,
        kind: str,
        index_id: str | None,
        job_ids: Sequence[str],
        enough: int,
        started_at: float,
        running_at: float,
        deadline: float,
        poll_interval: Duration | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.twelvelabs_conn_id = twelvelabs_conn_id
        self.kind = JobKind(kind)
        self.index_id = index_id
        self.job_ids = list(job_ids)
        self.enough = enough
        self.started_at = started_at
        self.running_at = running_at
        self.deadline = deadline
        self.poll_interval = plain_number(poll_interval)
        self._ended: set[str] = set()
        self._until = min(deadline, running_at + OWN_POLL_AFTER * (1 + random.random()))

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments of this trigger."""
        fields = {
            "twelvelabs_conn_id": self.twelvelabs_conn_id,
            "kind": self.kind.value,
            "index_id": self.index_id,
            "job_ids": self.job_ids,
            "enough": self.enough,
            "started_at": self.started_at,
            "running_at": self.running_at,
            "deadline": self.deadline,
            "poll_interval": self.poll_interval,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", fields

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event."""
        yield await self._poll_alone(can_be_listed(self.kind))

    async def on_kill(self) -> None:
        """Log that the jobs continue; Airflow 3.3 calls this when a user ends the task."""
        log.warning(
            "%d jobs (%s) cannot be cancelled: they continue, and a retry attaches to them",
            len(self.job_ids),
            self.kind.value,
        )

    def shared_stream_key(self) -> PollKey | None:
        """Return the key of the shared poll; None for jobs that cannot be listed."""
        if not self.job_ids or not can_be_listed(self.kind):
            return None
        shard = shard_of(self.job_ids[0])
        return PollKey(self.twelvelabs_conn_id, self.kind, self.index_id, self.poll_interval, shard)

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Snapshot]) -> AsyncIterator[TriggerEvent]:
        """Yield one event: enough jobs have ended, the deadline has passed, or the poll has failed."""
        shard, created_at = shard_of(self.job_ids[0]), self.started_at - MARGIN
        subscription = Subscription(shard, frozenset(self.job_ids), self.running_at, self.running_at, created_at)
        try:
            event = await self.follow(shared_stream, self._wait, subscription)
        except Exception as error:
            event = self._failed(error)
        yield event

    async def _wait(self, shared_stream: AsyncIterator[Snapshot]) -> TriggerEvent:
        async for snapshot in shared_stream:
            self._ended |= snapshot.finished.keys() & set(self.job_ids)
            if event := self._event():
                return event
            if snapshot.failure:
                return _event_of(snapshot.failure.reason, snapshot.failure.message)
            if not snapshot.listed:
                return await self._poll_alone(listed=False)
        raise RuntimeError("the shared poll ended without a snapshot of its failure")

    async def _poll_alone(self, listed: bool) -> TriggerEvent:
        """Poll these jobs alone: by their list, or one by one if the service refuses the list."""
        jobs = FinishedJobs(self.kind, self.index_id, self.running_at - MARGIN)
        awaited = AwaitedJobs(self.running_at - MARGIN, dict.fromkeys(self.job_ids, self.started_at - MARGIN))

        async def poll(hook: TwelveLabsAsyncHook) -> TriggerEvent | None:
            nonlocal listed
            try:
                if listed:
                    await jobs.poll(hook, awaited)
                    self._ended |= jobs.found.keys() & set(self.job_ids)
                else:
                    await self._read_each(hook)
            except (TwelveLabsBadRequestError, TwelveLabsUnsupportedError):
                if not listed:
                    raise
                listed = False
                await self._read_each(hook)
            return self._event()

        single = SinglePoll(
            self.twelvelabs_conn_id,
            poll,
            self._event,
            f"{len(self.job_ids)} jobs",
            self.running_at,
            self.running_at,
            self._until,
            self.poll_interval,
            one_job=False,
        )
        try:
            return await single.run()
        except PollFailedError as error:
            return _event_of(error.reason, str(error))
        except Exception as error:
            return self._failed(error)

    async def _read_each(self, hook: TwelveLabsAsyncHook) -> None:
        for job_id in self.job_ids:
            if job_id in self._ended:
                continue
            job = JobRef(self.kind, job_id, self.index_id)
            try:
                state = await hook.execute(read_state(hook.api, job), until=self._until)
            except TwelveLabsNotFoundError as error:
                if not is_missing(error):
                    raise
                self._ended.add(job_id)
                continue
            if state.phase is not Phase.RUNNING:
                self._ended.add(job_id)

    def _event(self) -> TriggerEvent | None:
        """Return the event if enough jobs have ended or the time is up, else None."""
        if len(self._ended) >= min(self.enough, len(self.job_ids)):
            log.info("%d of %d jobs (%s) have ended", len(self._ended), len(self.job_ids), self.kind.value)
            return _event_of(EventReason.ENDED)
        if time.time() < self._until:
            return None
        return _event_of(EventReason.DEADLINE if time.time() >= self.deadline else EventReason.ENDED)

    def _failed(self, error: Exception) -> TriggerEvent:
        log.exception("The wait for %d jobs failed; the jobs continue", len(self.job_ids))
        return _event_of(EventReason.UNREACHABLE, f"{type(error).__name__}: {error}")


def _event_of(reason: EventReason, message: str = "") -> TriggerEvent:
    return TriggerEvent({"reason": reason.value, "message": message})  # type: ignore[no-untyped-call]
