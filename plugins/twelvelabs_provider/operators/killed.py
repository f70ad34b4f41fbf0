"""What a worker does for a remote job when its task is killed, or when its time is up."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.jobs.job import JobRef, PendingJob
from twelvelabs_provider.jobs.kinds import cancellation
from twelvelabs_provider.jobs.ledger import Ledger
from twelvelabs_provider.jobs.stopping import Stopped, cannot_be_stopped, was_cancelled, was_not_cancelled, what_runs

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

# Seconds that a task which is being killed has for its record; Airflow waits five before it kills harder.
_LONGEST_FORGETTING = 3.0


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
        hook.execute(call)
    except TwelveLabsError as error:
        return was_not_cancelled(job, error)
    return was_cancelled(job)
