"""Base class of the operators that process many videos in one task."""

from __future__ import annotations

import random
import time
from abc import abstractmethod
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from twelvelabs_provider.exceptions import (
    TwelveLabsJobTimeoutError,
    TwelveLabsRecordError,
    TwelveLabsRefusedError,
    TwelveLabsUnreachableError,
)
from twelvelabs_provider.jobs.durations import Duration, optional_seconds, seconds_of
from twelvelabs_provider.jobs.identity import fingerprint
from twelvelabs_provider.jobs.polling import BACKSTOP, clock_text, deadline_from, pause_before_poll
from twelvelabs_provider.jobs.trigger_event import EventReason
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.version_compat import AirflowException, conf, map_index_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.jobs.bulk_pipeline import BulkPipeline
    from twelvelabs_provider.jobs.bulk_state import BulkState, PendingJobs
    from twelvelabs_provider.jobs.identity import Identity
    from twelvelabs_provider.results.bulk_outcome import BulkOutcome

LONGEST_WAIT = 72 * 3600.0


S = TypeVar("S", bound="BulkState[Any]")
P = TypeVar("P", bound="BulkPipeline[Any]")


class TwelveLabsBulkOperator(TwelveLabsOperator, Generic[P]):
    """Base of the operators that process many videos in one task, with a checkpoint and one row per video.

    :param max_failed: videos that may fail without failing the task: a number, a share (``5%``), or None for any
        number. It is checked at the end, after the outcome is published (templated).
    :param deferrable: wait in the triggerer, without a worker.
    :param poll_interval: seconds (or a timedelta) between polls; None means 5 seconds, growing to 60.
    :param timeout: seconds (or a timedelta) for one attempt; None means 72 hours. ``execution_timeout`` counts too,
        also while deferred.
    :raises TwelveLabsVideosFailedError: more than ``max_failed`` videos failed, some of them for now: a retry processes
        only those again.
    :raises TwelveLabsPartialFailureError: more than ``max_failed`` videos failed, all of them permanently.
    :raises TwelveLabsJobTimeoutError: the deadline passed; a retry continues from there.
    :raises TwelveLabsUnreachableError: the service cannot be reached; a retry continues from there.
    """

    _work: P | None = None

    def __init__(
        self,
        *,
        max_failed: int | str | None = 0,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: Duration | None = None,
        timeout: Duration | None = LONGEST_WAIT,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_failed = max_failed
        self.deferrable = deferrable
        self.poll_interval = optional_seconds("poll_interval", poll_interval)
        self.timeout = LONGEST_WAIT if timeout is None else seconds_of("timeout", timeout)

    @abstractmethod
    def resume(self, context: Context) -> dict[str, Any]:
        """Continue from the checkpoint after a wait."""

    @abstractmethod
    def publish_outcome(self, context: Context, work: P) -> BulkOutcome:
        """Publish the outcome of every video."""

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Resume after the triggerer; the event only starts it, the state of the jobs is read again."""
        reason, message = (event or {}).get("reason"), str((event or {}).get("message") or "")
        if reason == EventReason.REFUSED:
            raise TwelveLabsRefusedError(message)
        if reason == EventReason.UNREACHABLE:
            raise TwelveLabsUnreachableError(
                f"Polls of the jobs failed for too long ({message}); they continue, and a retry polls again"
            )
        with self.refusals_end_the_task():
            return self.resume(context)

    def ensure_time_left(self, context: Context) -> None:
        """Accept a deadline that has passed: the outcome so far is published, and nothing more is sent."""

    def deadline(self, context: Context) -> float | None:
        """Return the epoch seconds of the deadline, which a wait for a quota does not move."""
        if self._work is not None:
            return float(self._work.state.deadline)
        return deadline_from(self.clock.fix(context), self.timeout, self.execution_timeout)

    def attempt_state(
        self, context: Context, identity: Identity, earlier: S | None, begin: Callable[[str, int, float, float], S]
    ) -> S:
        """Return the state with which an attempt begins, or begins again after a wait for a quota.

        :param earlier: the state in the checkpoint.
        :param begin: makes the first state of identity, number of the attempt, its begin and its deadline.
        """
        now, key, number = time.time(), identity.key(), identity.try_number
        begun_at = self.clock.fixed_start(context)
        deadline = deadline_from(now if begun_at is None else begun_at, self.timeout, self.execution_timeout)
        if earlier is None:
            return begin(key, number, now, deadline)
        if (earlier.identity, earlier.try_number) == (key, number):
            # The same attempt after a wait for a quota, which does not move the deadline.
            deadline = earlier.deadline
        resumed = earlier.for_attempt(key, number, now, deadline)
        self.log.info("Continuing with %d entries of an earlier attempt", len(resumed.entries))
        return resumed

    def checkpoint_stem(self, stem: str, identity: Identity) -> str:
        """Return the path of the checkpoint below the output: beside the outcome, another one for each run."""
        instance = identity.instance()
        return f"{stem}-{instance}" if instance else stem

    def outcome_name(self, context: Context) -> str:
        """Return the name of the outcome, another one for each task instance."""
        ti = context["ti"]
        return f"{ti.task_id}-{fingerprint(ti.dag_id, ti.run_id, ti.task_id, map_index_of(ti))[:16]}"

    def required_state(self, state: S | None) -> S:
        """Return the state in the checkpoint of a task that resumes.

        :raises TwelveLabsRecordError: there is none.
        """
        if state is None:
            raise TwelveLabsRecordError(
                "Checkpoint of the task is missing below output_path. Clear the task: it finds what was done before"
            )
        return state

    def process(self, context: Context, work: P) -> dict[str, Any]:
        """Do all work; return the result, or leave the worker and wait in the triggerer."""
        logged = ""
        try:
            while True:
                wait = work.advance()
                if (summary := work.summary()) != logged:
                    self.log.info("%s", summary)
                    logged = summary
                late = wait is not None and time.time() >= work.state.deadline
                if wait is None or late:
                    return self._finish(context, work, late=late)
                self._wait(work, wait)
        finally:
            work.stop()

    def _wait(self, work: P, wait: PendingJobs) -> None:
        """Sleep until the next poll, or leave the worker."""
        now, deadline = time.time(), work.state.deadline
        if not self.deferrable:
            pause = pause_before_poll(now, wait.youngest_at, deadline, self.poll_interval, random.random())
            time.sleep(pause if wait.job_ids else min(max(pause, work.refused_until - now), max(0.0, deadline - now)))
            return
        from twelvelabs_provider.triggers.jobs import TwelveLabsJobsTrigger
        from twelvelabs_provider.triggers.timer import TwelveLabsTimerTrigger

        trigger: Any
        if wait.job_ids:
            self.log.info("Waiting for %d of %d jobs in the triggerer", wait.enough, len(wait.job_ids))
            trigger = TwelveLabsJobsTrigger(
                self.twelvelabs_conn_id, wait.kind.value, wait.index_id, wait.job_ids, wait.enough, wait.started_at,
                now, deadline, self.poll_interval,
            )  # fmt: skip
        else:
            self.log.info("Waiting in the triggerer: the service accepts no more requests now")
            trigger = TwelveLabsTimerTrigger(min(max(work.refused_until, now), deadline))
        self.defer(
            trigger=trigger,
            method_name="execute_complete",
            timeout=timedelta(seconds=max(0.0, deadline - now) + BACKSTOP),
        )

    def _finish(self, context: Context, work: P, *, late: bool) -> dict[str, Any]:
        """Publish the outcome of every video; then fail if too many failed, or if the time is up."""
        from twelvelabs_provider.inputs.video_sources import allowed_failures
        from twelvelabs_provider.results.bulk_outcome import ensure_few_failures

        outcome = self.publish_outcome(context, work)
        self.log.info("Published the outcome of %s to %s", outcome, outcome.uri)
        try:
            if late:
                raise TwelveLabsJobTimeoutError(
                    f"{work.summary()} at the deadline, {clock_text(work.state.deadline)}; jobs continue, and a retry"
                    f" continues from there: give it more time with timeout (seconds). Outcome so far: {outcome.uri}"
                )
            ensure_few_failures(outcome, allowed_failures(self.max_failed, outcome.videos))
        except AirflowException:
            self.push_before_failure(context, outcome.as_result())
            raise
        return outcome.as_result()
