"""Stopping what nobody waits for any more: what that is, and the same words for worker and triggerer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twelvelabs_provider.api.errors import TwelveLabsConflictError, TwelveLabsNotFoundError
from twelvelabs_provider.jobs.batch_plan import PortionState, plan_in
from twelvelabs_provider.jobs.job import JobKind, JobRef, PendingJob


@dataclass(frozen=True)
class Stopped:
    """What became of a job that was to be stopped.

    :param cancelled: the service took the cancellation.
    :param words: the rest of a sentence that begins with the job.
    """

    job: JobRef
    cancelled: bool
    words: str

    def __str__(self) -> str:
        return f"{self.job} {self.words}"


def what_runs(pending: PendingJob) -> Sequence[JobRef]:
    """Return what a task has running: the job that it waits for, or all its batches, whichever it waits for."""
    if "plan" not in pending.memo:
        return [pending.job]
    active = plan_in(pending.memo).of(PortionState.ACTIVE)
    return [JobRef(JobKind.ANALYSIS_BATCH, portion.batch_id) for portion in active if portion.batch_id]


def was_cancelled(job: JobRef) -> Stopped:
    """Tell of a job that the service stops."""
    if job.kind is JobKind.ANALYSIS_BATCH:
        return Stopped(job, True, "was cancelled; items that are being processed are finished and billed")
    return Stopped(job, True, "was cancelled; a retry submits anew")


def cannot_be_stopped(job: JobRef) -> Stopped:
    """Tell of a job of a kind that the service does not stop."""
    return Stopped(job, False, "cannot be stopped: it goes on, and a retry attaches to it")


def was_not_cancelled(job: JobRef, error: Exception) -> Stopped:
    """Tell of a job whose cancellation was refused, or not answered."""
    if isinstance(error, TwelveLabsConflictError | TwelveLabsNotFoundError):
        return Stopped(job, False, "has ended already")
    return Stopped(job, False, f"could not be cancelled ({error}): it goes on, and a retry attaches to it")
