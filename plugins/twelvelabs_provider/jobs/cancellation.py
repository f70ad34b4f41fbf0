"""Cancellation of the remote jobs of a task that is killed, times out or is ended by a user."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.errors import TwelveLabsConflictError, TwelveLabsError, TwelveLabsNotFoundError
from twelvelabs_provider.jobs.batch_plan import BatchState, plan_in
from twelvelabs_provider.jobs.job import JobKind, JobRef, PendingJob
from twelvelabs_provider.jobs.kinds import cancellation
from twelvelabs_provider.version_compat import map_index_of

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
    from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook
    from twelvelabs_provider.jobs.task_state import TaskState

log = logging.getLogger(__name__)

# Seconds in which a killed task clears its state; Airflow kills the process after five.
_STATE_TIMEOUT = 3.0
# Seconds in which Airflow states whether the task is deferred; a triggerer that shuts down gets no response.
_QUESTION_TIMEOUT = 20.0
# Seconds for a trigger's whole cancellation; Airflow gives up after 30.
_TRIGGER_TIMEOUT = 28.0
_DEFERRED = "deferred"


@dataclass(frozen=True)
class Cancellation:
    """Outcome of a request to cancel a job.

    :param cancelled: whether the service accepted it.
    :param outcome: the rest of a sentence that begins with the job.
    """

    job: JobRef
    cancelled: bool
    outcome: str

    def __str__(self) -> str:
        return f"{self.job} {self.outcome}"


@dataclass(frozen=True)
class RemoteJobCanceller:
    """Cancels the remote jobs of one task, from a worker or from the triggerer.

    :param pending: the job that the task waits for.
    :param task_state: the record by which a retry attaches to the job; cleared after a cancellation.
    """

    pending: PendingJob
    task_state: TaskState | None = None

    @property
    def jobs(self) -> Sequence[JobRef]:
        """The jobs that may be running: the one that the task waits for, or all its batches."""
        if not self._is_plan:
            return [self.pending.job]
        active = plan_in(self.pending.memo).of(BatchState.ACTIVE)
        return [JobRef(JobKind.ANALYSIS_BATCH, batch.batch_id) for batch in active if batch.batch_id]

    def cancel(self, hook: TwelveLabsHook) -> Sequence[Cancellation]:
        """Cancel the jobs from a worker, and clear the task's state if one was cancelled."""
        done: list[Cancellation] = []
        for job in self.jobs:
            try:
                call = cancellation(hook.api, job)
                if call:
                    # The job costs money meanwhile, so the request waits for no rate limit.
                    hook.execute(call, until=time.time())
                done.append(_accepted(job) if call else _unsupported(job))
            except TwelveLabsError as error:
                done.append(_refused(job, error))
        if any(one.cancelled for one in done):
            self._clear_task_state()
        return done

    async def cancel_async(self, hook: TwelveLabsAsyncHook) -> Sequence[Cancellation]:
        """Cancel the jobs from the triggerer, and log the outcome."""
        done: list[Cancellation] = []
        for job in self.jobs:
            try:
                call = cancellation(hook.api, job)
                if call:
                    await hook.execute(call, until=time.time())
                done.append(_accepted(job) if call else _unsupported(job))
            except TwelveLabsError as error:
                done.append(_refused(job, error))
            log.warning("Deferred task was ended by a user: %s", done[-1])
        return done

    async def cancel_if_ended(self, twelvelabs_conn_id: str, task_instance: Any) -> None:
        """Cancel the jobs from the triggerer unless the task is still deferred.

        Airflow also stops a trigger that moves to another triggerer. It repeats the stop every second, so the work is
        shielded from it.

        :param task_instance: the triggerer's task instance, None outside a triggerer.
        """
        await _shielded(self._cancel_if_ended(twelvelabs_conn_id, task_instance))

    async def _cancel_if_ended(self, twelvelabs_conn_id: str, task_instance: Any) -> None:
        from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

        if await _is_deferred(task_instance):
            log.info("The task still waits for %s; another triggerer continues the wait", self.pending.job)
            return
        async with TwelveLabsAsyncHook(twelvelabs_conn_id) as hook:
            await self.cancel_async(hook)

    @property
    def _is_plan(self) -> bool:
        return "plan" in self.pending.memo

    def _clear_task_state(self) -> None:
        # The record of batches names the results that exist already, so it is kept.
        if self.task_state is None or self._is_plan:
            return
        # A signal can interrupt a call to Airflow in this thread, which would then wait for itself.
        clearing = Thread(target=self.task_state.clear, daemon=True)
        clearing.start()
        clearing.join(_STATE_TIMEOUT)


def _accepted(job: JobRef) -> Cancellation:
    if job.kind is JobKind.ANALYSIS_BATCH:
        return Cancellation(job, True, "was cancelled; items in progress finish and are billed")
    return Cancellation(job, True, "was cancelled; a retry submits a new job")


def _unsupported(job: JobRef) -> Cancellation:
    return Cancellation(job, False, "cannot be cancelled: it continues, and a retry attaches to it")


def _refused(job: JobRef, error: TwelveLabsError) -> Cancellation:
    if isinstance(error, TwelveLabsConflictError | TwelveLabsNotFoundError):
        return Cancellation(job, False, "has already ended")
    return Cancellation(job, False, f"could not be cancelled ({error}): it continues, and a retry attaches to it")


async def _shielded(work: Coroutine[Any, Any, None]) -> None:
    """Finish some work within a time limit, although the trigger is cancelled meanwhile."""
    task = asyncio.create_task(_limited(work))
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()


async def _limited(work: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.timeout(_TRIGGER_TIMEOUT):
            await work
    except TimeoutError:
        log.warning("Cancelling the remote job took over %.0f s; it may continue", _TRIGGER_TIMEOUT)


async def _is_deferred(task_instance: Any) -> bool:
    """Return whether the task is still deferred; also if Airflow does not say."""
    if task_instance is None:
        return True
    try:
        async with asyncio.timeout(_QUESTION_TIMEOUT):
            return await _task_status(task_instance) == _DEFERRED
    except Exception as error:
        log.warning("Could not read the task's status (%r): its remote job continues", error)
        return True


async def _task_status(task_instance: Any) -> str | None:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    from asgiref.sync import sync_to_async

    map_index = map_index_of(task_instance)
    states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
        dag_id=task_instance.dag_id,
        map_index=map_index,
        task_ids=[task_instance.task_id],
        run_ids=[task_instance.run_id],
    )
    key = task_instance.task_id if map_index < 0 else f"{task_instance.task_id}_{map_index}"
    state = states.get(task_instance.run_id, {}).get(key)
    return None if state is None else str(getattr(state, "value", state))
