"""Base of the operators that cancel their remote job when the task is killed or times out."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from twelvelabs_provider.jobs.cancellation import Cancellation, RemoteJobCanceller
from twelvelabs_provider.jobs.job import PendingJob
from twelvelabs_provider.jobs.resume import Reuse
from twelvelabs_provider.jobs.task_state import TaskState
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.version_compat import AirflowTaskTimeout

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsKillableOperator(TwelveLabsOperator):
    """Base of the operators whose remote job is stopped when nobody wants it any more.

    :param reuse: set by the class that has it as its base, as are ``cancel_on_kill`` and ``cancel_on_timeout``.
    """

    reuse: Reuse
    cancel_on_kill: bool
    cancel_on_timeout: bool
    _book: TaskState | None = None
    _pending: PendingJob | None = None

    @abstractmethod
    def _task_state(self, context: Context) -> TaskState:
        """Return the memory of this task instance."""

    def is_ours(self, pending: PendingJob) -> bool:
        """Return whether this task submitted the job; other jobs are never cancelled."""
        return True

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

    def _cancel_superseded(self, context: Context) -> None:
        """Cancel the job of an earlier attempt that no attempt attaches to.

        The triggerer cancels the job of a cleared task, unless the next attempt starts first.
        """
        pending = self._task_state(context).superseded() if self._cancels_when_killed else None
        if pending is None:
            return
        for done in RemoteJobCanceller(pending).cancel(self.hook):
            if done.cancelled:
                self.log.warning("Job of an earlier attempt: %s", done)

    def _cancel(self, pending: PendingJob) -> Sequence[Cancellation]:
        if not self.is_ours(pending):
            self.log.warning("%s belongs to another task and continues", pending.job)
            return []
        cancellations = RemoteJobCanceller(pending, self._book).cancel(self.hook)
        for done in cancellations:
            self.log.warning("%s", done)
        return cancellations
