"""Base class of the operators that submit a remote job and wait for it."""

from __future__ import annotations

import random
import sys
import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, cast

from twelvelabs_provider.exceptions import TwelveLabsJobFailedError, TwelveLabsJobTimeoutError
from twelvelabs_provider.inputs.policies import Reuse
from twelvelabs_provider.jobs.durations import Duration, optional_seconds, seconds_of
from twelvelabs_provider.jobs.job import JobRef, JobState, PendingJob, Phase
from twelvelabs_provider.jobs.polling import BACKSTOP, clock_text, deadline_from, pause_before_poll
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.task import ends_without_worker
from twelvelabs_provider.version_compat import AirflowTaskTimeout, conf

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.jobs.identity import Identity
    from twelvelabs_provider.jobs.task_state import TaskState

Result = dict[str, Any]
LONGEST_WAIT = 24 * 3600.0


class TwelveLabsJobOperator(TwelveLabsOperator):
    """Base of the operators that submit a remote job and wait for it.

    :param wait_for_completion: False ends the task once the job is submitted; the result names the job, for a sensor.
    :param deferrable: wait in the triggerer, without a worker.
    :param poll_interval: seconds (or a timedelta) between polls; None lets the pause grow from 5 to 60 seconds.
    :param timeout: seconds (or a timedelta) to wait at most; None means 24 hours. ``execution_timeout`` counts too,
        also while deferred.
    :param reuse: when the task attaches to the job of an earlier attempt: ``retry`` (on a retry; a clear submits a new
        job), ``always`` (after a clear too, so that no action of a user cancels the job) or ``never``.
    :param cancel_on_kill: cancel the remote job, where the service can, when a user marks the task or clears it, also
        while it is deferred. Analyses and batches can be cancelled, indexing cannot. An attempt that submits a new job
        cancels the one that an earlier attempt left running.
    :param cancel_on_timeout: cancel the remote job, where the service can, at the deadline; otherwise it continues, and
        a retry attaches to it.
    :param end_in_triggerer: end a deferred task that has nothing to fetch without another worker; the result has what
        was known before the wait, other fields are None. Not for tasks with outlets, nor for tasks whose result another
        task expands over. Operators that fetch a result ignore it.
    """

    # The result is known when the job is submitted.
    has_nothing_to_fetch: ClassVar[bool] = False

    # The job that the task waits for, and its record for the next attempt.
    _pending: PendingJob | None = None
    _recorded_in: TaskState | None = None
    _announced: JobRef | None = None

    def __init__(
        self,
        *,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: Duration | None = None,
        timeout: Duration | None = LONGEST_WAIT,
        reuse: Literal["always", "retry", "never"] = "retry",
        cancel_on_kill: bool = True,
        cancel_on_timeout: bool = False,
        end_in_triggerer: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = optional_seconds("poll_interval", poll_interval)
        self.timeout = LONGEST_WAIT if timeout is None else seconds_of("timeout", timeout)
        self.reuse = Reuse(reuse)
        self.cancel_on_kill = cancel_on_kill
        self.cancel_on_timeout = cancel_on_timeout
        self.end_in_triggerer = end_in_triggerer
        # The state store of the running task and the origin in it, read once per process.
        self._origin: tuple[Any, str] | None = None

    @abstractmethod
    def submit(self, context: Context) -> PendingJob | Result:
        """Check all arguments, then submit; return the job, or the result if no job is needed."""

    @abstractmethod
    def complete(self, context: Context, pending: PendingJob, state: JobState) -> PendingJob | Result:
        """Continue after a job that has ended: return the next job, or the result."""

    @abstractmethod
    def request_values(self) -> tuple[Any, ...]:
        """Return the values that identify the request; a retry attaches only to a job of the same request."""

    def playground_page(self, pending: PendingJob) -> str | None:
        """Return the playground page of a job, if there is one."""
        return None

    def can_detach(self, pending: PendingJob) -> bool:
        """Tell whether a task that does not wait may end here; False while another job has to follow."""
        return True

    def detached_result(self, pending: PendingJob) -> Result:
        """Return the result of a task that does not wait: the job that it leaves running."""
        return {"job_kind": pending.job.kind.value, "job_id": pending.job.id, "index_id": pending.job.index_id}

    def can_complete(self, pending: PendingJob, state: JobState) -> bool:
        """Tell whether :meth:`complete` accepts a job in this state; otherwise it is waited for, or fails the task."""
        return state.phase is Phase.READY

    def owns(self, pending: PendingJob) -> bool:
        """Tell whether this task submitted the job; other jobs are never cancelled."""
        return True

    def clean_up(self, pending: PendingJob) -> None:
        """Remove what a failed job leaves on the service."""

    def discard(self, context: Context, pending: PendingJob) -> None:
        """Forget a job, and remove what it left on the service."""
        self._task_state(context).clear()
        self._pending = None
        self.clean_up(pending)

    def run_operator(self, context: Context) -> Result:
        """Attach to the job of an earlier attempt, or submit one; then wait for it and complete."""
        self._cancel_superseded(context)
        return self._run_jobs(context, self._attached(context) or self.submit(context))

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Result:
        """Resume after the triggerer; the event only starts it, the job's state is read again."""
        from twelvelabs_provider.jobs.trigger_event import JobEvent

        received = JobEvent.from_payload(event)
        received.raise_for_reason()
        with self.refusals_end_the_task():
            return self._run_jobs(context, received.pending)

    def resume_without_event(self, context: Context) -> Any:
        """Poll the recorded job, or continue after a wait for a quota whose trigger event is missing."""
        self._without_event = True
        with self.refusals_end_the_task():
            pending = self.recorded_job(context)
            if pending is not None:
                return self._run_jobs(context, pending)
        start = self.clock.known_start(context)
        if start is None or time.time() >= self._deadline_from(start):
            raise TwelveLabsJobTimeoutError(
                "No trigger event before the deadline (is a triggerer running?), and no record of a remote job. A job"
                " that was submitted continues on the service"
            )
        return super().resume_without_event(context)

    def quota_memo(self) -> dict[str, Any] | None:
        """Keep the job whose successor hit a quota: it is paid for."""
        return None if self._pending is None else self._pending.as_json()

    def run_within_quota(self, context: Context, memo: Mapping[str, Any] | None = None) -> Any:
        """Continue with the job from before the wait for a quota, or run from the start."""
        if not (memo and memo.get("job")):
            return super().run_within_quota(context, memo)
        with self.refusals_end_the_task(), self.within_quota(context):
            return self._run_jobs(context, PendingJob.from_json(memo))

    def deadline(self, context: Context) -> float | None:
        """Return the epoch seconds of the deadline, which a wait for a quota does not move."""
        return self._pending.deadline if self._pending else self._deadline_from(self.clock.fix(context))

    def recorded_job(self, context: Context) -> PendingJob | None:
        """Return the job that this task submitted before it was deferred, if Airflow keeps a record of it."""
        return self._task_state(context).earlier_job()

    def pending(self, context: Context, job: JobRef, **memo: Any) -> PendingJob:
        """Return a job that was just submitted, under this task's deadline."""
        now, start = time.time(), self.clock.fixed_start(context)
        start = now if start is None else start
        return PendingJob(job, start, now, self._deadline_from(start), memo)

    def next_job(self, pending: PendingJob, job: JobRef, **memo: Any) -> PendingJob:
        """Return a job that was just submitted after another one, under the same deadline."""
        return pending.followed_by(job, time.time(), **memo)

    def identity(self, context: Context) -> Identity:
        """Return the identity of this task instance and its request, the same on a retry."""
        from twelvelabs_provider.jobs.identity import Identity, fingerprint
        from twelvelabs_provider.jobs.task_state import origin_in

        request = fingerprint(type(self).__name__, self.twelvelabs_conn_id, *self.request_values())
        store: Any = context.get("task_state_store")
        if self._origin is None or self._origin[0] is not store:
            self._origin = (store, origin_in(store))
        return Identity.of(cast(Mapping[str, Any], context), request, self._origin[1], self.reuse)

    def on_kill(self) -> None:
        """Cancel the remote job if the service can, else log that it continues."""
        # Airflow calls this for an execution_timeout too.
        timed_out = isinstance(sys.exc_info()[1], AirflowTaskTimeout)
        if self._pending is None:
            return
        if self.cancel_on_timeout if timed_out else self._cancels_when_killed:
            self._cancel(self._pending)
        else:
            self.log.warning("%s continues, and a retry attaches to it", self._pending.job)

    @property
    def _cancels_when_killed(self) -> bool:
        # With reuse="always" a clear attaches to the job, and Airflow does not say that the task is being cleared.
        return self.cancel_on_kill and self.reuse is not Reuse.ALWAYS

    def _cancel(self, pending: PendingJob) -> str:
        """Cancel the jobs of this task, and return what became of them as text."""
        if not self.owns(pending):
            self.log.warning("%s belongs to another task and continues", pending.job)
            return ""
        from twelvelabs_provider.jobs.cancellation import RemoteJobCanceller

        cancellations = RemoteJobCanceller(pending, self._recorded_in).cancel(self.hook)
        for cancellation in cancellations:
            self.log.warning("%s", cancellation)
        return "; ".join(map(str, cancellations))

    def _cancel_superseded(self, context: Context) -> None:
        """Cancel the job of an earlier attempt to which no attempt attaches.

        The triggerer cancels the job of a cleared task, unless the next attempt starts first.
        """
        pending = self._task_state(context).superseded() if self._cancels_when_killed else None
        if pending is None:
            return
        from twelvelabs_provider.jobs.cancellation import RemoteJobCanceller

        for cancellation in RemoteJobCanceller(pending).cancel(self.hook):
            if cancellation.cancelled:
                self.log.warning("Job of an earlier attempt: %s", cancellation)

    def _attached(self, context: Context) -> PendingJob | None:
        """Return the job of an earlier attempt if this one attaches to it."""
        from twelvelabs_provider.jobs.reattachment import job_to_attach

        pending = job_to_attach(self._task_state(context), self._poller, self.reuse)
        return pending and replace(pending, deadline=self._deadline_from(pending.begun_at))

    def _task_state(self, context: Context) -> TaskState:
        from twelvelabs_provider.jobs.task_state import TaskState

        store: Any = context.get("task_state_store")
        return TaskState(store, self.identity(context))

    def _deadline_from(self, start: float) -> float:
        return deadline_from(start, self.timeout, self.execution_timeout)

    def _run_jobs(self, context: Context, step: PendingJob | Result) -> Result:
        """Wait for each job and continue after it, until there is a result."""
        while isinstance(step, PendingJob):
            self._note(context, step)
            if not self.wait_for_completion and self.can_detach(step):
                self.log.info("Submitted %s; the task does not wait for it", step.job)
                return self.detached_result(step)
            state = self.poll(step)
            if self.can_complete(step, state):
                step = self.complete(context, step, state)
            elif state.phase is Phase.RUNNING:
                self._wait(context, step, state)
            else:
                self._fail(context, step, state)
        return step

    def _note(self, context: Context, pending: PendingJob) -> None:
        """Record the job, so that a retry attaches to it."""
        if pending == self._pending:
            return
        self._pending = pending
        self.playground_url = self.playground_page(pending)
        self._recorded_in = self._task_state(context)
        self._recorded_in.record_job(pending, self.owns(pending))

    def _wait(self, context: Context, pending: PendingJob, state: JobState) -> None:
        """Sleep until the next poll, or leave the worker; raise after the deadline."""
        now = time.time()
        if now >= pending.deadline:
            self._raise_timeout(pending)
        # One line per job, not one per poll.
        if pending.job != self._announced:
            self._announced = pending.job
            where = "in the triggerer" if self.deferrable else "on the worker"
            filename = pending.memo.get("filename")
            job = f"{pending.job} ({filename})" if filename else pending.job
            self.log.info("Waiting for %s %s, until %s", job, where, clock_text(pending.deadline))
        if not self.deferrable:
            started_at, deadline, jitter = pending.started_at, pending.deadline, random.random()
            pause = pause_before_poll(now, started_at, deadline, self.poll_interval, jitter)
            time.sleep(self._poller.outage.pause(pause))
            return
        from twelvelabs_provider.triggers.job import TwelveLabsJobTrigger

        trigger = TwelveLabsJobTrigger(
            self.twelvelabs_conn_id,
            pending.as_read(state).as_json(),
            self.poll_interval,
            running_at=state.running_at(now),
            cancel_on_kill=self._cancels_when_killed and self.owns(pending),
            end_in_triggerer=self._ends_without_worker(context, pending),
        )
        self.defer(
            trigger=trigger,
            method_name="execute_complete",
            timeout=timedelta(seconds=pending.deadline - now + BACKSTOP),
        )

    def _ends_without_worker(self, context: Context, pending: PendingJob) -> bool:
        if not self.end_in_triggerer:
            return False
        known = self.detached_result(pending) if self.has_nothing_to_fetch else None
        return ends_without_worker(self, context, known)

    def _raise_timeout(self, pending: PendingJob) -> NoReturn:
        late = f"{pending.job} was still running at its deadline, {clock_text(pending.deadline)}"
        if self.cancel_on_timeout:
            raise TwelveLabsJobTimeoutError(f"{late}: {self._cancel(pending) or 'it continues'}")
        raise TwelveLabsJobTimeoutError(
            f"{late}; it continues, and a retry attaches to it: give it longer with timeout (seconds)"
        )

    def _fail(self, context: Context, pending: PendingJob, state: JobState) -> NoReturn:
        self.discard(context, pending)
        raise TwelveLabsJobFailedError(state.failure_of(pending.job))
