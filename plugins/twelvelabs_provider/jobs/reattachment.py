"""Attachment of an attempt to the remote job of an earlier one."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from twelvelabs_provider.api.errors import TwelveLabsError, is_missing
from twelvelabs_provider.jobs.job import NO_RESPONSE, JobState, PendingJob, Phase
from twelvelabs_provider.jobs.outage import is_final
from twelvelabs_provider.jobs.resume import EarlierSubmission, decide

if TYPE_CHECKING:
    from twelvelabs_provider.inputs.policies import Reuse
    from twelvelabs_provider.jobs.job_poller import JobPoller
    from twelvelabs_provider.jobs.task_state import TaskState

log = logging.getLogger(__name__)


def job_to_attach(task_state: TaskState, poller: JobPoller, reuse: Reuse) -> PendingJob | None:
    """Return the job of an earlier attempt if this one attaches to it; otherwise forget it and return None.

    After a clear its work begins now: the old deadline may have passed while the task was idle.

    :raises TwelveLabsError: the service refuses the poll of the job itself.
    """
    recorded = task_state.earlier_submission()
    decision = decide(recorded, _state_of(recorded, poller), reuse)
    if decision.why:
        log.info("%s: %s", decision.action.value, decision.why)
    if decision.job is None:
        if recorded and recorded.pending:
            task_state.clear()
        return None
    return decision.job if recorded and recorded.same_life else replace(decision.job, begun_at=time.time())


def _state_of(recorded: EarlierSubmission | None, poller: JobPoller) -> JobState | None:
    """Return the state of the recorded job, None if there is none; a job whose poll fails counts as running."""
    if recorded is None or recorded.pending is None:
        return None
    try:
        return poller.read(recorded.pending)
    except TwelveLabsError as error:
        if is_missing(error):
            return None
        if is_final(error):
            raise
        # A refusal says nothing about the job, and another submission would be billed.
        log.warning("Could not poll %s, waiting for it: %s", recorded.pending.job, error)
        return JobState(Phase.RUNNING, NO_RESPONSE)
