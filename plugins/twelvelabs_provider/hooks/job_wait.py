"""Wait of a hook for a job: the polls, the deadline, and the finished resource."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from twelvelabs_provider.api.errors import TwelveLabsTransientError
from twelvelabs_provider.api.generations import Dialect
from twelvelabs_provider.api.jobs import JobKind, Phase, pause_after, phase_of
from twelvelabs_provider.api.submitted_job import Job
from twelvelabs_provider.exceptions import (
    TwelveLabsInputError,
    TwelveLabsJobFailedError,
    TwelveLabsJobTimeoutError,
)

if TYPE_CHECKING:
    from twelvelabs_provider.api.call import Call
    from twelvelabs_provider.hooks.call_sender import CallSender

R = TypeVar("R")
log = logging.getLogger(__name__)

LONGEST_WAIT = 24 * 3600.0
"""Seconds, as for the operators."""
_SOON, _FIRST_PAUSE = 10.0, 1.0
"""Many assets are ready within seconds: during the first seconds of a wait, they are polled more often."""

_READ: Mapping[JobKind, Callable[[Dialect, Job[Any]], Call[Any]]] = {
    JobKind.ASSET: lambda api, job: api.read_asset(job.id),
    JobKind.INDEXED_ASSET: lambda api, job: api.read_indexed_asset(job.index_id or "", job.id),
    JobKind.INDEXING_TASK: lambda api, job: api.read_task(job.id),
    JobKind.ANALYSIS_TASK: lambda api, job: api.read_analysis_task(job.id),
    JobKind.EMBEDDING_TASK: lambda api, job: api.read_embedding_task(job.id),
}


def finished(hook: CallSender, job: Job[R], timeout: float, poll_interval: float | None) -> R:
    """Return what a job makes, when it is ready; see :meth:`VideoVerbs.wait_for`."""
    if job.kind not in _READ:
        raise TwelveLabsInputError(f"wait_for() does not know {job}: use the operator or the sensor of this kind.")
    begun_at = time.time()
    deadline = begun_at + timeout
    status = "unknown"
    while True:
        found = _polled(hook, job, deadline)
        if found is not None:
            status = found.status or "ready"
            phase = phase_of(status)
            if phase is Phase.READY:
                return cast("R", _resource(hook, job, found))
            if phase is not Phase.RUNNING:
                raise TwelveLabsJobFailedError(
                    f"{job} ended as {status!r}: {found.error or 'the service gives no reason'}"
                )
        now = time.time()
        if now >= deadline:
            raise TwelveLabsJobTimeoutError(
                f"{job} is still {status!r} after {timeout:.0f} s; it continues on the service. wait_for() it again"
            )
        interval = poll_interval or (_FIRST_PAUSE if now - begun_at < _SOON else None)
        time.sleep(min(pause_after(now - begun_at, interval, random.random()), deadline - now))


def _polled(hook: CallSender, job: Job[Any], deadline: float) -> Any:
    """Return the job's resource; None if the service does not answer for now."""
    try:
        return hook.execute(_READ[job.kind](hook.api, job), until=deadline)
    except TwelveLabsTransientError as error:
        if time.time() >= deadline:
            raise
        log.warning("Could not poll %s, polling again: %s", job, error)
        return None


def _resource(hook: CallSender, job: Job[Any], found: Any) -> Any:
    """Return what the finished job made: of an indexing task, the video."""
    if job.kind is JobKind.INDEXING_TASK:
        return hook.execute(hook.api.read_video(found.index_id or job.index_id or "", found.video_id))
    return found
