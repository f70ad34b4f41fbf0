"""One life for every remote job: submit or attach, look, wait on the worker or in the triggerer, complete."""

from __future__ import annotations

import random
import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, cast

from twelvelabs_provider.api.errors import TwelveLabsError, is_missing
from twelvelabs_provider.exceptions import TwelveLabsJobFailedError, TwelveLabsJobTimeoutError
from twelvelabs_provider.jobs.durations import Duration, optional_seconds, seconds_of
from twelvelabs_provider.jobs.identity import Identity, fingerprint
from twelvelabs_provider.jobs.job import JobRef, JobState, PendingJob, Phase
from twelvelabs_provider.jobs.outage import is_final
from twelvelabs_provider.jobs.polling import BACKSTOP, clock_text, deadline_from, pause_before_poll
from twelvelabs_provider.jobs.resume import EarlierSubmission, Reuse, decide
from twelvelabs_provider.jobs.task_state import TaskState, origin_in
from twelvelabs_provider.jobs.trigger_event import JobEvent
from twelvelabs_provider.operators.killed import TwelveLabsKillableOperator
from twelvelabs_provider.task import NOT_ANSWERED, ends_without_worker, refusals_end_the_task
from twelvelabs_provider.triggers.job import TwelveLabsJobTrigger
from twelvelabs_provider.version_compat import conf

if TYPE_CHECKING:
    from airflow.sdk import Context

Result = dict[str, Any]
LONGEST_WAIT = 24 * 3600.0


class TwelveLabsJobOperator(TwelveLabsKillableOperator):
    """Base of the operators that submit remote work and wait for it.

    :param wait_for_completion: False hands the job over as soon as it is submitted: the result names it, for a sensor.
    :param deferrable: wait in the triggerer, without a worker.
    :param poll_interval: seconds (or a timedelta) between looks; None lets the pause grow from 5 to 60 seconds.
    :param timeout: seconds (or a timedelta) to wait at most; None means 24 hours. ``execution_timeout`` counts too,
        also while deferred.
    :param reuse: when the job of an earlier try of this task is attached to: ``retry`` (on a retry; a clear starts
        afresh), ``always`` (after a clear as well, so that nothing which a user does to the task stops the job) or
        ``never``.
    :param cancel_on_kill: stop the remote job, where the service can, when a user marks the task or clears it, also
        while it is deferred; analyses and batches can be stopped, indexing cannot. A try that starts afresh stops what
        an earlier one left running.
    :param cancel_on_timeout: stop the remote job, where the service can, when its time is up; otherwise it goes on, and
        a retry attaches to it.
    :param end_in_triggerer: end a deferred task that has nothing to fetch without another worker; the result is what
        was known before the wait, other fields are None. Not for tasks with outlets, nor for tasks whose result another
        one expands over; operators that fetch something take no notice.
    """

    # The result is all known when the job is submitted.
    has_nothing_to_fetch: ClassVar[bool] = False

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
        self._announced: JobRef | None = None
        # The state store of the running task and the origin that it holds, read once per process.
        self._origin: tuple[Any, str] | None = None

    @abstractmethod
    def begin(self, context: Context) -> PendingJob | Result:
        """Check everything that can be checked, then submit; return the job, or the result where none is needed."""

    @abstractmethod
    def advance(self, context: Context, pending: PendingJob, state: JobState) -> PendingJob | Result:
        """Go on after a job that is ready: return the next one, or the result."""

    @abstractmethod
    def asked(self) -> tuple[Any, ...]:
        """Return what is asked for; a retry attaches to a job only if it was asked the same."""

    def describe(self, pending: PendingJob) -> str | None:
        """Return the playground's page for a job, if there is one."""
        return None

    def hands_over(self, pending: PendingJob) -> bool:
        """Tell whether a task that does not wait may end here; a job that another one follows has to be waited for."""
        return True

    def goes_on_after(self, pending: PendingJob, state: JobState) -> bool:
        """Tell whether :meth:`advance` can take a job in this state; another one is waited for, or fails the task."""
        return state.phase is Phase.READY

    def handed_over(self, pending: PendingJob) -> Result:
        """Return the result of a task that does not wait: which job it left running."""
        return {"job_kind": pending.job.kind.value, "job_id": pending.job.id, "index_id": pending.job.index_id}

    def discard(self, pending: PendingJob) -> None:
        """Remove what a failed job leaves behind on the service."""

    def run_operator(self, context: Context) -> Result:
        """Attach to the job of an earlier try, or begin; then see it through."""
        self._cancel_superseded(context)
        return self._see_through(context, self._remembered(context) or self.begin(context))

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Result:
        """Resume from the triggerer; the job's state is read afresh, the event only says that it is time."""
        wake = JobEvent.from_payload(event)
        wake.raise_for_reason()
        with refusals_end_the_task():
            return self._see_through(context, wake.pending)

    def resume_without_event(self, context: Context) -> Any:
        """Read the job's state, or continue after a wait for a quota whose trigger event is missing."""
        self._without_event = True
        with refusals_end_the_task():
            pending = self.recalled(context)
            if pending is not None:
                return self._see_through(context, pending)
        known = self.clock.known_start(context)
        if known is None or time.time() >= deadline_from(known, self.timeout, self.execution_timeout):
            raise TwelveLabsJobTimeoutError(
                "no trigger event before the deadline (is a triggerer running?), and no record of a remote job; a job"
                " that was submitted continues on the service"
            )
        return super().resume_without_event(context)

    def quota_memo(self) -> dict[str, Any] | None:
        """Remember the job whose successor is refused: what it did is paid for."""
        return None if self._pending is None else self._pending.as_json()

    def run_within_quota(self, context: Context, memo: Mapping[str, Any] | None = None) -> Any:
        """Continue with the job from before the quota was used up, or from the beginning where there was none."""
        if not (memo and memo.get("job")):
            return super().run_within_quota(context, memo)
        with refusals_end_the_task(), self.within_quota(context):
            return self._see_through(context, PendingJob.from_json(memo))

    def deadline(self, context: Context) -> float | None:
        """Return the epoch seconds of the deadline, which a wait for a quota does not move."""
        if self._pending is not None:
            return self._pending.deadline
        return deadline_from(self.clock.fix(context), self.timeout, self.execution_timeout)

    def recalled(self, context: Context) -> PendingJob | None:
        """Return the job that this task submitted before it was deferred, if Airflow keeps a record of it."""
        return self._task_state(context).earlier_job()

    def pending(self, context: Context, job: JobRef, **memo: Any) -> PendingJob:
        """Return a job that was submitted just now, under this task's deadline."""
        now, begun_at = time.time(), self.clock.fixed_start(context)
        begun_at = now if begun_at is None else begun_at
        return PendingJob(job, begun_at, now, deadline_from(begun_at, self.timeout, self.execution_timeout), memo)

    def next_job(self, pending: PendingJob, job: JobRef, **memo: Any) -> PendingJob:
        """Return the next job of the same undertaking, submitted just now, under the same deadline."""
        return pending.followed_by(job, time.time(), **memo)

    def identity(self, context: Context) -> Identity:
        """Return what tells this task instance from every other, the same on a retry."""
        asked = fingerprint(type(self).__name__, self.twelvelabs_conn_id, *self.asked())
        store: Any = context.get("task_state_store")
        if self._origin is None or self._origin[0] is not store:
            self._origin = (store, origin_in(store))
        return Identity.of(cast(Mapping[str, Any], context), asked, self._origin[1], self.reuse)

    def _remembered(self, context: Context) -> PendingJob | None:
        """Return the job of an earlier try, if it is still worth waiting for."""
        task_state = self._task_state(context)
        recorded = task_state.earlier_submission()
        decision = decide(recorded, self._known_state(recorded), self.reuse)
        if decision.why:
            self.log.info("%s: %s", decision.action.value, decision.why)
        pending = decision.job
        if pending is None:
            if recorded and recorded.pending:
                task_state.clear()
            return None
        # A job is not to miss a deadline that passed while its task lay idle, until somebody cleared it.
        begun_at = pending.begun_at if recorded and recorded.same_life else time.time()
        deadline = deadline_from(begun_at, self.timeout, self.execution_timeout)
        return replace(pending, begun_at=begun_at, deadline=deadline)

    def _known_state(self, recorded: EarlierSubmission | None) -> JobState | None:
        """Return where the job of an earlier try stands; None where there is none any more.

        One that cannot be looked at now is attached to: the wait for it is patient.
        """
        if recorded is None or recorded.pending is None:
            return None
        pending = recorded.pending
        try:
            return self._polled(pending)
        except TwelveLabsError as error:
            if is_missing(error):
                return None
            if is_final(error):
                raise
            # A refusal says nothing about the job, and another submission would be billed.
            self.log.warning("Could not poll %s, waiting for it: %s", pending.job, error)
            return JobState(Phase.RUNNING, NOT_ANSWERED)

    def _task_state(self, context: Context) -> TaskState:
        store: Any = context.get("task_state_store")
        return TaskState(store, self.identity(context))

    def _see_through(self, context: Context, step: PendingJob | Result) -> Result:
        while isinstance(step, PendingJob):
            self._note(context, step)
            if not self.wait_for_completion and self.hands_over(step):
                self.log.info("%s goes on by itself", step.job)
                return self.handed_over(step)
            state = self.poll(step)
            if self.goes_on_after(step, state):
                step = self.advance(context, step, state)
            elif state.phase is Phase.RUNNING:
                self._wait(context, step, state)
            else:
                self._give_up(context, step, state)
        return step

    def _note(self, context: Context, pending: PendingJob) -> None:
        if pending == self._pending:
            return
        self._pending = pending
        self.playground_url = self.describe(pending)
        self._book = self._task_state(context)
        self._book.record_job(pending, self.is_ours(pending))

    def _wait(self, context: Context, pending: PendingJob, state: JobState) -> None:
        """Sleep until the next look, or leave the worker; raise once the deadline has passed."""
        now = time.time()
        if now >= pending.deadline:
            self._time_is_up(pending)
        if not self.deferrable:
            self._announce(pending, "on the worker")
            started_at, deadline, jitter = pending.started_at, pending.deadline, random.random()
            time.sleep(self._outage.pause(pause_before_poll(now, started_at, deadline, self.poll_interval, jitter)))
            return
        self._announce(pending, "without a worker")
        trigger = TwelveLabsJobTrigger(
            self.twelvelabs_conn_id,
            pending.as_read(state).as_json(),
            self.poll_interval,
            running_at=state.running_at(now),
            cancel_on_kill=self._cancels_when_killed and self.is_ours(pending),
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
        known = self.handed_over(pending) if self.has_nothing_to_fetch else None
        return ends_without_worker(self, context, known)

    def _time_is_up(self, pending: PendingJob) -> NoReturn:
        late = f"{pending.job} was still running at its deadline, {clock_text(pending.deadline)}"
        if self.cancel_on_timeout:
            cancelled = self._cancel(pending)
            raise TwelveLabsJobTimeoutError(f"{late}: {'; '.join(map(str, cancelled)) or 'it continues'}")
        raise TwelveLabsJobTimeoutError(
            f"{late}; it continues, and a retry attaches to it: give it longer with timeout (seconds)"
        )

    def _announce(self, pending: PendingJob, how: str) -> None:
        """Say once what is waited for; a line for every look would bury the rest."""
        if pending.job != self._announced:
            self._announced = pending.job
            self.log.info("waiting for %s %s until %s", pending.job, how, clock_text(pending.deadline))

    def _give_up(self, context: Context, pending: PendingJob, state: JobState) -> NoReturn:
        self._task_state(context).clear()
        self._pending = None
        self.discard(pending)
        raise TwelveLabsJobFailedError(state.failure_of(pending.job))
