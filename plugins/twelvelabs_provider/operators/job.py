"""One life for every remote job: submit or attach, look, wait on the worker or in the triggerer, complete."""

from __future__ import annotations

import random
import time
from abc import abstractmethod
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from twelvelabs_provider.api.errors import TwelveLabsNotFoundError
from twelvelabs_provider.exceptions import TwelveLabsJobFailedError, TwelveLabsJobTimeoutError
from twelvelabs_provider.jobs.job import JobRef, JobState, PendingJob, Phase
from twelvelabs_provider.jobs.kinds import cancellation, read_state
from twelvelabs_provider.jobs.ledger import Identity, Ledger, fingerprint
from twelvelabs_provider.jobs.waiting import BACKSTOP, clock_text, deadline_from, pause_before_look
from twelvelabs_provider.jobs.wake import Wake
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.task import refusals_end_the_task
from twelvelabs_provider.triggers.job import TwelveLabsJobTrigger
from twelvelabs_provider.version_compat import conf

if TYPE_CHECKING:
    from airflow.sdk import Context

Result = dict[str, Any]


class TwelveLabsJobOperator(TwelveLabsOperator):
    """Base of the operators that submit remote work and wait for it.

    :param wait: False hands the job over as soon as it is submitted: the result names it, for a sensor.
    :param deferrable: wait in the triggerer, without a worker.
    :param poll_interval: seconds between looks; None lets the pause grow from 5 to 60 seconds.
    :param timeout: seconds to wait at most; ``execution_timeout`` counts too, also while deferred.
    """

    def __init__(
        self,
        *,
        wait: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | None = None,
        timeout: float = 24 * 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, seconds in (("timeout", timeout), ("poll_interval", poll_interval)):
            if seconds is not None and seconds <= 0:
                raise ValueError(f"{name}={seconds!r} must be above 0 (seconds)")
        self.wait = wait
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self._pending: PendingJob | None = None
        self._announced: JobRef | None = None

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
        return self._see_through(context, self._remembered(context) or self.begin(context))

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Result:
        """Wake up from the triggerer; the job's state is read afresh, the event only says that it is time."""
        wake = Wake.from_payload(event)
        wake.must_be_answered()
        with refusals_end_the_task():
            return self._see_through(context, wake.pending)

    def on_kill(self) -> None:
        """Stop the remote job where the service can; say plainly where it cannot."""
        pending = self._pending
        if pending is None:
            return
        call = cancellation(self.hook.api, pending.job)
        if call is None:
            self.log.warning("%s cannot be stopped: it goes on, and a retry attaches to it", pending.job)
            return
        self.hook.execute(call)
        self.log.warning("%s was cancelled", pending.job)

    def pending(self, context: Context, job: JobRef, **memo: Any) -> PendingJob:
        """Return a job that was submitted just now, under this task's deadline."""
        now = time.time()
        return PendingJob(job, now, now, deadline_from(now, self.timeout, self.execution_timeout), memo)

    def next_job(self, pending: PendingJob, job: JobRef, **memo: Any) -> PendingJob:
        """Return the next job of the same undertaking, submitted just now, under the same deadline."""
        return pending.followed_by(job, time.time(), **memo)

    def identity(self, context: Context) -> Identity:
        """Return what tells this task instance from every other, the same on a retry."""
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else ti.map_index
        asked = fingerprint(type(self).__name__, self.twelvelabs_conn_id, *self.asked())
        return Identity(ti.dag_id, ti.run_id, ti.task_id, map_index, ti.max_tries, asked)

    def _remembered(self, context: Context) -> PendingJob | None:
        """Return the job of an earlier try, if it is still worth waiting for."""
        ledger = self._ledger(context)
        pending = ledger.recall()
        if pending is None:
            return None
        try:
            state = self.hook.execute(read_state(self.hook.api, pending.job))
        except TwelveLabsNotFoundError:
            state = JobState(Phase.CANCELED, "forgotten by the service")
        if state.phase in (Phase.FAILED, Phase.CANCELED):
            self.log.info("an earlier try submitted %s, which is %s: submitting anew", pending.job, state.status)
            ledger.forget()
            return None
        self.log.info("an earlier try submitted %s: attaching to it", pending.job)
        return replace(pending, deadline=deadline_from(pending.begun_at, self.timeout, self.execution_timeout))

    def _ledger(self, context: Context) -> Ledger:
        store: Any = context.get("task_state_store")
        return Ledger(store, self.identity(context))

    def _see_through(self, context: Context, step: PendingJob | Result) -> Result:
        while isinstance(step, PendingJob):
            self._note(context, step)
            if not self.wait and self.hands_over(step):
                self.log.info("%s goes on by itself", step.job)
                return self.handed_over(step)
            state = self.look(step)
            if self.goes_on_after(step, state):
                step = self.advance(context, step, state)
            elif state.phase is Phase.RUNNING:
                self._wait(step)
            else:
                self._give_up(context, step, state)
        return step

    def _note(self, context: Context, pending: PendingJob) -> None:
        if pending == self._pending:
            return
        self._pending = pending
        self.playground_url = self.describe(pending)
        self._ledger(context).record(pending)

    def _wait(self, pending: PendingJob) -> None:
        """Sleep until the next look, or leave the worker; raise once the deadline has passed."""
        now = time.time()
        if now >= pending.deadline:
            raise TwelveLabsJobTimeoutError(
                f"{pending.job} was still running at its deadline, {clock_text(pending.deadline)}; it goes on, and a"
                " retry attaches to it: give it longer with timeout (seconds)"
            )
        if not self.deferrable:
            self._announce(pending, "on the worker")
            pause = pause_before_look(now, pending.started_at, pending.deadline, self.poll_interval, random.random())
            time.sleep(pause)
            return
        self._announce(pending, "without a worker")
        self.defer(
            trigger=TwelveLabsJobTrigger(self.twelvelabs_conn_id, pending.as_json(), self.poll_interval, now),
            method_name="execute_complete",
            timeout=timedelta(seconds=pending.deadline - now + BACKSTOP),
        )

    def _announce(self, pending: PendingJob, how: str) -> None:
        """Say once what is waited for; a line for every look would bury the rest."""
        if pending.job != self._announced:
            self._announced = pending.job
            self.log.info("waiting for %s %s until %s", pending.job, how, clock_text(pending.deadline))

    def _give_up(self, context: Context, pending: PendingJob, state: JobState) -> NoReturn:
        self._ledger(context).forget()
        self._pending = None
        self.discard(pending)
        raise TwelveLabsJobFailedError(state.told_of(pending.job))
