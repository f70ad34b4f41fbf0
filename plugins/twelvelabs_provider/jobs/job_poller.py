"""Polls of a job on the worker, through outages of the service."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from twelvelabs_provider.api.errors import TwelveLabsConfigurationError, TwelveLabsError
from twelvelabs_provider.exceptions import TwelveLabsUnreachableError
from twelvelabs_provider.jobs.job import NO_RESPONSE, JobState, PendingJob, Phase
from twelvelabs_provider.jobs.kinds import read_state
from twelvelabs_provider.jobs.outage import Outage, is_final
from twelvelabs_provider.jobs.trigger_event import unreachable

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook


class JobPoller:
    """Polls the jobs of one task; a job whose poll fails counts as running for a while.

    :param outage: the polls that failed in a row.
    """

    def __init__(self, hook: TwelveLabsHook) -> None:
        self._hook = hook
        self.outage = Outage()

    def poll(self, pending: PendingJob) -> JobState:
        """Poll a job once, and return its state; after a failed poll it counts as running for a while.

        After a failure the connection is read again; if it has changed, the job is polled again at once.

        :raises TwelveLabsPermanentError: the job does not exist, or the request is invalid.
        :raises TwelveLabsUnreachableError: the polls have failed for too long; the job continues.
        """
        try:
            state = self.read(pending)
        except TwelveLabsConfigurationError:
            raise
        except TwelveLabsError as error:
            now = time.time()
            if self.outage.tolerates(error, pending.job, now, now - pending.started_at):
                return JobState(Phase.RUNNING, NO_RESPONSE)
            if is_final(error):
                raise
            why = self.outage.reason(error, now)
            raise TwelveLabsUnreachableError(unreachable(pending.job, why)) from error
        self.outage.end()
        return state

    def read(self, pending: PendingJob) -> JobState:
        """Read the state of a job; after a failure once more if the connection has changed.

        :raises TwelveLabsError: both polls failed.
        """
        try:
            return self._hook.execute(read_state(self._hook.api, pending.job), until=pending.deadline)
        except TwelveLabsError:
            if not self._hook.reread():
                raise
        return self._hook.execute(read_state(self._hook.api, pending.job), until=pending.deadline)
