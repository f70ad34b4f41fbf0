"""Trigger that waits for one remote job."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.api.jobs import phase_of
from twelvelabs_provider.api.redaction import clean_text
from twelvelabs_provider.jobs.cancellation import RemoteJobCanceller
from twelvelabs_provider.jobs.durations import Duration, plain_number
from twelvelabs_provider.jobs.job import PendingJob, Phase
from twelvelabs_provider.jobs.job_lists import can_be_listed
from twelvelabs_provider.jobs.kinds import read_state
from twelvelabs_provider.jobs.outage import is_final
from twelvelabs_provider.jobs.poll_subscribers import MARGIN, PollKey, Subscription, shard_of
from twelvelabs_provider.jobs.polling import duration_text
from twelvelabs_provider.jobs.trigger_event import EventReason, JobEvent
from twelvelabs_provider.triggers.list_poll import Snapshot
from twelvelabs_provider.triggers.shared_poll import OWN_POLL_AFTER, TwelveLabsPollTrigger
from twelvelabs_provider.triggers.single_poll import PollFailedError, SinglePoll
from twelvelabs_provider.version_compat import AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

log = logging.getLogger(__name__)

# Seconds after which the log says that a job is still running; each further line comes after twice the time.
FIRST_PROGRESS = 600.0


class TwelveLabsJobTrigger(TwelveLabsPollTrigger):
    """Waits until a remote job ends, its deadline passes, or the polls have failed for too long; never raises.

    :param twelvelabs_conn_id: connection; only its id is stored.
    :param pending: the job as :meth:`PendingJob.as_json` writes it, deadline included; plain JSON, no secret.
    :param poll_interval: seconds between polls; None lets the pause grow from 5 to 60 seconds.
    :param running_at: epoch seconds at which the job was last seen running, by the earlier clock if the clock of the
        service differs; None for its submission.
    :param cancel_on_kill: cancel the remote job when a user ends the deferred task.
    :param end_in_triggerer: a job that is ready ends the task here, without a worker; the result has been pushed.
    """

    def __init__(
        self,
        twelvelabs_conn_id: str,
        pending: dict[str, Any],
        poll_interval: Duration | None = None,
        running_at: float | None = None,
        cancel_on_kill: bool = False,
        end_in_triggerer: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.twelvelabs_conn_id = twelvelabs_conn_id
        self.pending = pending
        self.poll_interval = plain_number(poll_interval)
        self.running_at = running_at
        self.cancel_on_kill = cancel_on_kill
        self.end_in_triggerer = end_in_triggerer
        self._next_progress = FIRST_PROGRESS

    @property
    def _running_at(self) -> float:
        return self.running_at or self._waited_for.started_at

    @cached_property
    def _waited_for(self) -> PendingJob:
        return PendingJob.from_json(self.pending)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments of this trigger."""
        fields = {
            "twelvelabs_conn_id": self.twelvelabs_conn_id,
            "pending": self.pending,
            "poll_interval": self.poll_interval,
            "running_at": self.running_at,
            "cancel_on_kill": self.cancel_on_kill,
            "end_in_triggerer": self.end_in_triggerer,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", fields

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event."""
        try:
            pending = self._waited_for
        except ValueError as error:
            # A row of another release; the operator refuses the event with a message.
            yield TriggerEvent({"reason": EventReason.UNREACHABLE.value, "message": str(error)})  # type: ignore[no-untyped-call]
            return
        try:
            event = await self._poll_alone(pending)
        except asyncio.CancelledError:
            # Before 3.3 a trigger gets no other signal of a user's action. After the deadline the operator acts.
            if not AIRFLOW_V_3_3_PLUS and time.time() < pending.deadline:
                await self.on_kill()
            raise
        yield self._trigger_event(event)

    async def on_kill(self) -> None:
        """Cancel the remote job unless the task is still deferred; Airflow 3.3 calls this when a user ends the task."""
        if self.cancel_on_kill:
            await RemoteJobCanceller(self._waited_for).cancel_if_ended(self.twelvelabs_conn_id, self.task_instance)

    def shared_stream_key(self) -> PollKey | None:
        """Return the key of the shared poll; None for jobs that cannot be listed."""
        try:
            job = self._waited_for.job
        except ValueError:
            return None
        if not can_be_listed(job.kind):
            return None
        return PollKey(self.twelvelabs_conn_id, job.kind, job.index_id, self.poll_interval, shard_of(job.id))

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Snapshot]) -> AsyncIterator[TriggerEvent]:
        """Yield one event: a snapshot contains this job, its deadline has passed, or the poll has failed."""
        pending = self._waited_for
        job_id = pending.job.id
        created_at = pending.started_at if pending.created_at is None else pending.created_at
        subscription = Subscription(
            shard_of(job_id), (job_id,), pending.started_at, self._running_at, created_at - MARGIN
        )
        try:
            event = await self.follow(shared_stream, self._wait, subscription)
        except Exception as error:
            event = _failed(pending, error)
        yield self._trigger_event(event)

    async def _wait(self, shared_stream: AsyncIterator[Snapshot]) -> JobEvent:
        pending, polled_at = self._waited_for, time.time()
        async for snapshot in shared_stream:
            event = _event_in(snapshot, pending)
            if event is None and not snapshot.listed:
                event = await self._poll_alone(pending)
            elif event is None and time.time() - polled_at > OWN_POLL_AFTER * (1 + random.random()):
                polled_at = time.time()
                event = await self._poll_once(pending)
            if event:
                return event
            self._log_progress()
        raise RuntimeError("the shared poll ended without a snapshot of its failure")

    async def _poll_once(self, pending: PendingJob) -> JobEvent | None:
        """Read this job alone; a deleted job is on no list."""
        from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

        try:
            async with TwelveLabsAsyncHook(self.twelvelabs_conn_id) as hook:
                return await self._read(hook, pending)
        except TwelveLabsError as error:
            if is_final(error):
                return JobEvent(EventReason.REFUSED, pending, str(error))
            log.warning("Could not poll %s, polling again: %s", pending.job, error)
            return None

    async def _poll_alone(self, pending: PendingJob) -> JobEvent:
        """Poll this job alone until there is an event."""
        try:
            return await SinglePoll(
                self.twelvelabs_conn_id,
                lambda hook: self._read(hook, pending),
                lambda: JobEvent(EventReason.DEADLINE, pending) if time.time() >= pending.deadline else None,
                pending.job,
                pending.started_at,
                self._running_at,
                pending.deadline,
                self.poll_interval,
            ).run()
        except PollFailedError as error:
            return JobEvent(error.reason, pending, str(error))
        except Exception as error:
            return _failed(pending, error)

    async def _read(self, hook: TwelveLabsAsyncHook, pending: PendingJob) -> JobEvent | None:
        state = await hook.execute(read_state(hook.api, pending.job), until=pending.deadline)
        if state.phase is Phase.RUNNING:
            self._log_progress()
            return None
        return _ended(pending, state.status)

    def _log_progress(self) -> None:
        waited = time.time() - self._waited_for.started_at
        if waited >= self._next_progress:
            self._next_progress = 2 * waited
            log.info("%s is still running after %s", self._waited_for.job, duration_text(waited))

    def _trigger_event(self, event: JobEvent) -> TriggerEvent:
        # Outside a triggerer (dag.test) there is no task instance, and the task must be resumed.
        if self.end_in_triggerer and event.ready and self.task_instance is not None:
            return TaskSuccessEvent()
        return TriggerEvent(event.as_payload())  # type: ignore[no-untyped-call]


def _event_in(snapshot: Snapshot, pending: PendingJob) -> JobEvent | None:
    if pending.job.id in snapshot.finished:
        return _ended(pending, snapshot.finished[pending.job.id].status)
    if snapshot.failure:
        return JobEvent(snapshot.failure.reason, pending, snapshot.failure.message)
    return JobEvent(EventReason.DEADLINE, pending) if time.time() >= pending.deadline else None


def _ended(pending: PendingJob, status: str) -> JobEvent:
    log.info("%s: %s after %s", pending.job, clean_text(status), duration_text(time.time() - pending.started_at))
    return JobEvent(EventReason.ENDED, pending, ready=phase_of(status) is Phase.READY)


def _failed(pending: PendingJob, error: Exception) -> JobEvent:
    log.exception("The wait for %s failed; the job itself continues", pending.job)
    return JobEvent(EventReason.UNREACHABLE, pending, f"{type(error).__name__}: {error}")
