"""Submission of an analysis task, once for all attempts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.analysis.request import AnalysisRequest, SourceKind
from twelvelabs_provider.api.errors import TwelveLabsConflictError
from twelvelabs_provider.api.models import AnalysisTask
from twelvelabs_provider.jobs.identity import Identity
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob, Phase

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)

CUSTOM_ID_LENGTH = 32
_MAX_LISTED = 200
_NEW = ("queued", "pending")


def task_mark(identity: Identity) -> str:
    """Return the ``custom_id`` by which an analysis task names the task instance that submitted it."""
    return identity.key()[:CUSTOM_ID_LENGTH]


@dataclass(frozen=True)
class AnalysisSubmission:
    """Submission of analysis tasks for one task instance.

    :param pending: makes a job of this task instance of a job reference and a memo.
    :param poll: returns the state of a job.
    """

    hook: TwelveLabsHook
    identity: Identity
    pending: Callable[..., PendingJob]
    poll: Callable[[PendingJob], JobState]

    def submit(self, request: AnalysisRequest, **memo: Any) -> PendingJob:
        """Submit once for all attempts: the idempotency key finds a task whose id was lost with its worker.

        The key of a task that failed or was cancelled always finds that task, so its id becomes part of the next key.
        """
        question = request.question_hash()
        ended: list[str] = []
        while True:
            task, existing = self._submit(request, self.identity.submission_key(question, *ended))
            job = JobRef(JobKind.ANALYSIS_TASK, task.id)
            # A key with an origin is unique to this database: an existing task is one of an earlier attempt.
            foreign = {"existing": True} if existing and not self.identity.origin else {}
            pending = self.pending(job, **memo, model=request.model, prompt_hash=question, **foreign)
            state = self.poll(pending)
            if state.phase in (Phase.RUNNING, Phase.READY) or task.id in ended:
                return pending
            log.info("%s of an earlier attempt is %s: submitting again", job, state.status)
            ended.append(task.id)

    def _submit(self, request: AnalysisRequest, key: str) -> tuple[AnalysisTask, bool]:
        """Return the task, and whether it existed before this request."""
        try:
            task = self.hook.execute(self.hook.api.create_analysis_task(request, idempotency_key=key))
            # The service returns the task of an earlier request with the same key; a new task has not started yet.
            return task, task.status.lower() not in _NEW
        except TwelveLabsConflictError:
            # The URL of the video has another signature than in an earlier attempt: same question, other body.
            found = self._find(request) if request.custom_id == task_mark(self.identity) else None
            if found is None:
                raise
            return found, True

    def _find(self, request: AnalysisRequest) -> AnalysisTask | None:
        """Return the task with this request's ``custom_id``, among the newest ones."""
        source = request.source
        asset_id = source.value if source.kind is SourceKind.ASSET else None
        tasks = self.hook.items(lambda paging: self.hook.api.list_analysis_tasks(asset_id=asset_id, paging=paging))
        newest = islice(tasks, _MAX_LISTED)
        return next((task for task in newest if task.custom_id == request.custom_id), None)


def owns_analysis(pending: PendingJob) -> bool:
    """Return False for an analysis task that existed before, unless its key proves who submitted it."""
    return not pending.memo.get("existing")
