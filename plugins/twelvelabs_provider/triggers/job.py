"""The trigger that waits for a remote job of any kind."""

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
from twelvelabs_provider.jobs.cancellation import RemoteJobCanceller
from twelvelabs_provider.jobs.durations import Duration, plain_number
from twelvelabs_provider.jobs.finished_jobs import can_be_listed
from twelvelabs_provider.jobs.job import PendingJob, Phase
from twelvelabs_provider.jobs.kinds import phase_of, read_state
from twelvelabs_provider.jobs.outage import is_final
from twelvelabs_provider.jobs.trigger_event import EventReason, JobEvent
from twelvelabs_provider.triggers.shared import MARGIN, PollKey, Snapshot, Wait, part_of
from twelvelabs_provider.triggers.shared_wait import OWN_LOOK, GivenUpError, LonePoll, TwelveLabsSharingTrigger
from twelvelabs_provider.version_compat import AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

log = logging.getLogger(__name__)


class TwelveLabsJobTrigger(TwelveLabsSharingTrigger):
    """Waits until a remote job ends, its deadline passes, or the service can no longer be asked; it never raises.

    :param twelvelabs_conn_id: connection; only its id is stored.
    :param pending: the job as :meth:`PendingJob.as_json` writes it, deadline included; plain JSON, no secret.
    :param poll_interval: seconds between looks; None lets the pause grow from 5 to 60 seconds.
    :param running_at: epoch seconds at which the job was last seen running, by the earlier clock where the clock of the
        service differs; None for its submission.
    :param cancel_on_kill: stop the remote job when a user acts on the deferred task.
    :param end_in_triggerer: a job that is ready ends the task here, without a worker; whoever deferred the task has
        pushed its result already.
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

    @property
    def _running_at(self) -> float:
        return self.running_at or self._waited_for.started_at

    @cached_property
    def _waited_for(self) -> PendingJob:
        return PendingJob.from_json(self.pending)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to make this trigger again."""
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
        """Yield one event, whatever happens."""
        try:
            pending = self._waited_for
        except ValueError as error:
            # A row of another release; the operator refuses such an event in words.
            yield TriggerEvent({"reason": EventReason.UNREACHABLE.value, "message": str(error)})  # type: ignore[no-untyped-call]
            return
        try:
            wake = await self._wake(pending)
        except asyncio.CancelledError:
            # Before 3.3 this is all that a trigger hears of a user; a wait whose time is up is the operator's.
            if not AIRFLOW_V_3_3_PLUS and time.time() < pending.deadline:
                await self.on_kill()
            raise
        yield self._event(wake)

    async def on_kill(self) -> None:
        """Cancel the remote job unless the task is still deferred; Airflow 3.3 calls this when a user ends the task."""
        if self.cancel_on_kill:
            await RemoteJobCanceller(self._waited_for).cancel_if_ended(self.twelvelabs_conn_id, self.task_instance)

    def shared_stream_key(self) -> PollKey | None:
        """Waits of one connection, kind, scope and rhythm share one poll; None for what cannot be listed."""
        try:
            job = self._waited_for.job
        except ValueError:
            return None
        if not can_be_listed(job.kind):
            return None
        return PollKey(self.twelvelabs_conn_id, job.kind, job.index_id, self.poll_interval, part_of(job.id))

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Snapshot]) -> AsyncIterator[TriggerEvent]:
        """Yield one event as soon as a snapshot holds this job, its deadline has passed, or nobody can tell."""
        pending = self._waited_for
        job_id = pending.job.id
        created_at = pending.started_at if pending.created_at is None else pending.created_at
        wait = Wait(part_of(job_id), (job_id,), pending.started_at, self._running_at, created_at - MARGIN)
        try:
            wake = await self.heard(shared_stream, self._told, wait)
        except Exception as error:
            log.exception("the wait for %s broke off; the job itself goes on", pending.job)
            wake = JobEvent(EventReason.UNREACHABLE, pending, f"{type(error).__name__}: {error}")
        yield self._event(wake)

    async def _told(self, shared_stream: AsyncIterator[Snapshot]) -> JobEvent:
        pending, looked_at = self._waited_for, time.time()
        async for snapshot in shared_stream:
            wake = _woken_by(snapshot, pending)
            if wake is None and (not snapshot.listed or time.time() - looked_at > OWN_LOOK * (1 + random.random())):
                looked_at = time.time()
                wake = await self._alone(pending, snapshot.listed)
            if wake:
                return wake
        raise RuntimeError("the shared poll ended by itself")

    async def _alone(self, pending: PendingJob, listed: bool) -> JobEvent | None:
        """Look without the others: to the end where there is no list, else once, for a job that is on no list."""
        if not listed:
            return await self._wake(pending)
        from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

        try:
            async with TwelveLabsAsyncHook(self.twelvelabs_conn_id) as hook:
                return await self._look(hook, pending)
        except TwelveLabsError as error:
            if is_final(error):
                return JobEvent(EventReason.REFUSED, pending, str(error))
            log.warning("Could not poll %s, polling again: %s", pending.job, error)
            return None

    async def _wake(self, pending: PendingJob) -> JobEvent:
        """Poll this job alone."""
        try:
            return await LonePoll(
                self.twelvelabs_conn_id,
                lambda hook: self._look(hook, pending),
                lambda: JobEvent(EventReason.DEADLINE, pending) if time.time() >= pending.deadline else None,
                pending.job,
                pending.started_at,
                self._running_at,
                pending.deadline,
                self.poll_interval,
            ).run()
        except GivenUpError as error:
            return JobEvent(error.reason, pending, str(error))
        except Exception as error:
            log.exception("The wait for %s failed; the job itself continues", pending.job)
            return JobEvent(EventReason.UNREACHABLE, pending, f"{type(error).__name__}: {error}")

    async def _look(self, hook: TwelveLabsAsyncHook, pending: PendingJob) -> JobEvent | None:
        state = await hook.execute(read_state(hook.api, pending.job), until=pending.deadline)
        return None if state.phase is Phase.RUNNING else _ended(pending, state.phase)

    def _event(self, wake: JobEvent) -> TriggerEvent:
        # Where no triggerer runs it (dag.test), a trigger knows no task, and somebody has to go on.
        if self.end_in_triggerer and wake.ready and self.task_instance is not None:
            return TaskSuccessEvent()
        return TriggerEvent(wake.as_payload())  # type: ignore[no-untyped-call]


def _ended(pending: PendingJob, phase: Phase) -> JobEvent:
    return JobEvent(EventReason.ENDED, pending, ready=phase is Phase.READY)


def _woken_by(snapshot: Snapshot, pending: PendingJob) -> JobEvent | None:
    if pending.job.id in snapshot.ended:
        return _ended(pending, phase_of(snapshot.ended[pending.job.id].status))
    if snapshot.trouble:
        return JobEvent(snapshot.trouble.reason, pending, snapshot.trouble.message)
    return JobEvent(EventReason.DEADLINE, pending) if time.time() >= pending.deadline else None
