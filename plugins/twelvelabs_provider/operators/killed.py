"""What a worker does for a remote job when its task is killed, or when its time is up."""

from __future__ import annotations

import sys
import time
from abc import abstractmethod
from threading import Thread
from typing import TYPE_CHECKING

from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.jobs.cancellation import (
    Stopped,
    cannot_be_stopped,
    was_cancelled,
    was_not_cancelled,
    what_runs,
)
from twelvelabs_provider.jobs.job import JobRef, PendingJob
from twelvelabs_provider.jobs.kinds import cancellation
from twelvelabs_provider.jobs.resume import Reuse
from twelvelabs_provider.jobs.task_state import Ledger
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.version_compat import AirflowTaskTimeout

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

# Seconds that a task which is being killed has for its record; Airflow waits five before it kills harder.
_LONGEST_FORGETTING = 3.0


class TwelveLabsKillableOperator(TwelveLabsOperator):
    """Base of the operators whose remote job is stopped when nobody wants it any more.

    :param reuse: set by the class that has it as its base, as are ``cancel_on_kill`` and ``cancel_on_timeout``.
    """

    reuse: Reuse
    cancel_on_kill: bool
    cancel_on_timeout: bool
    _book: Ledger | None = None
    _pending: PendingJob | None = None

    @abstractmethod
    def _ledger(self, context: Context) -> Ledger:
        """Return the memory of this task instance."""

    def is_ours(self, pending: PendingJob) -> bool:
        """Tell whether this task submitted the job; nothing else is ever stopped."""
        return True

    def on_kill(self) -> None:
        """Stop the remote job where the service can; say plainly where it cannot."""
        # Airflow calls this for an execution_timeout too.
        timed_out = isinstance(sys.exc_info()[1], AirflowTaskTimeout)
        if self._pending is None:
            return
        if self.cancel_on_timeout if timed_out else self._cancels_when_killed:
            self._stop(self._pending)
        else:
            self.log.warning("%s goes on, and a retry attaches to it", self._pending.job)

    @property
    def _cancels_when_killed(self) -> bool:
        # A clear cannot be told from the other ways in which a task is ended, and after one such a job is attached to.
        return self.cancel_on_kill and self.reuse is not Reuse.ALWAYS

    def _stop_superseded(self, context: Context) -> None:
        """Stop what an earlier try left running and nobody fetches any more.

        The triggerer stops the job of a task that is cleared, unless the next try is faster than it.
        """
        pending = self._ledger(context).superseded() if self._cancels_when_killed else None
        if pending is None:
            return
        for stopped in stop(self.hook, pending):
            if stopped.cancelled:
                self.log.warning("no try attaches any more to what an earlier one left: %s", stopped)

    def _stop(self, pending: PendingJob) -> list[Stopped]:
        if not self.is_ours(pending):
            self.log.warning("%s is somebody else's: it goes on", pending.job)
            return []
        told = stop(self.hook, pending)
        for stopped in told:
            self.log.warning("%s", stopped)
        # The record of batches tells which of their results are there, so it is kept.
        if self._book and any(stopped.cancelled for stopped in told) and "plan" not in pending.memo:
            forget(self._book)
        return told


def stop(hook: TwelveLabsHook, pending: PendingJob) -> list[Stopped]:
    """Cancel what a task has running, where the service can; return what became of it."""
    return [_stop_one(hook, job) for job in what_runs(pending)]


def forget(ledger: Ledger) -> None:
    """Let no retry attach to a job that was cancelled."""
    # A signal may have come in the middle of a word with Airflow, and then this thread would wait for itself.
    forgetting = Thread(target=ledger.forget, daemon=True)
    forgetting.start()
    forgetting.join(_LONGEST_FORGETTING)


def _stop_one(hook: TwelveLabsHook, job: JobRef) -> Stopped:
    try:
        call = cancellation(hook.api, job)
        if call is None:
            return cannot_be_stopped(job)
        # What is to be stopped costs money meanwhile: it takes no turn behind what is to be begun.
        hook.execute(call, until=time.time())
    except TwelveLabsError as error:
        return was_not_cancelled(job, error)
    return was_cancelled(job)
