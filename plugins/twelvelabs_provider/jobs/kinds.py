"""How each kind of job is read and cancelled, and what its statuses mean; everything else is the same for all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.dialect import Dialect
from twelvelabs_provider.api.models import AnalysisTask, Asset, IndexingTask, Video
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, Phase

log = logging.getLogger(__name__)

_PHASES: Mapping[str, Phase] = {
    **dict.fromkeys(("uploading", "validating", "pending", "queued", "indexing", "processing"), Phase.RUNNING),
    "canceling": Phase.RUNNING,
    "ready": Phase.READY,
    "completed": Phase.READY,
    "failed": Phase.FAILED,
    "expired": Phase.FAILED,
    "canceled": Phase.CANCELED,
}


@dataclass(frozen=True)
class KindOfJob:
    """What differs between kinds.

    :param read: the call for where one job stands.
    :param cancel: the call that stops it; None where the service has none.
    """

    read: Callable[[Dialect, JobRef], Call[JobState]]
    cancel: Callable[[Dialect, JobRef], Call[None]] | None = None


def phase_of(status: str) -> Phase:
    """Return what a status means; one that is not known means that the job is still running."""
    phase = _PHASES.get(status.lower())
    return phase or _unknown(status)


def read_state(dialect: Dialect, job: JobRef) -> Call[JobState]:
    """Return the call for where a job stands."""
    return KINDS[job.kind].read(dialect, job)


def cancellation(dialect: Dialect, job: JobRef) -> Call[None] | None:
    """Return the call that stops a job, or None where the service cannot stop it."""
    cancel = KINDS[job.kind].cancel
    return cancel(dialect, job) if cancel else None


@lru_cache(maxsize=64)
def _unknown(status: str) -> Phase:
    """Say once what is not known; a line for every look would fill the log."""
    log.warning("unknown status %r of a remote job: taken as still running, until the deadline", status)
    return Phase.RUNNING


def _task_state(task: IndexingTask) -> JobState:
    return JobState(phase_of(task.status), task.status, task.error, task.video_id, task.duration, task.index_id)


def _asset_state(asset: Asset) -> JobState:
    return JobState(phase_of(asset.status), asset.status, asset.error, duration=asset.duration)


def _indexed_asset_state(video: Video) -> JobState:
    status = video.status or "ready"
    return JobState(phase_of(status), status, video.error, video.id, video.duration)


def _analysis_state(task: AnalysisTask) -> JobState:
    return JobState(phase_of(task.status), task.status, task.error, duration=task.duration)


KINDS: Mapping[JobKind, KindOfJob] = {
    JobKind.INDEXING_TASK: KindOfJob(lambda api, job: api.read_task(job.id).then(_task_state)),
    JobKind.ASSET: KindOfJob(lambda api, job: api.read_asset(job.id).then(_asset_state)),
    JobKind.INDEXED_ASSET: KindOfJob(
        lambda api, job: api.read_indexed_asset(job.index_id or "", job.id).then(_indexed_asset_state)
    ),
    JobKind.ANALYSIS_TASK: KindOfJob(
        lambda api, job: api.read_analysis_task(job.id).then(_analysis_state),
        cancel=lambda api, job: api.cancel_analysis_task(job.id),
    ),
}
