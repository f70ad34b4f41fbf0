"""Submitting an analysis task once for all tries."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.analysis.request import AnalysisRequest, SourceKind
from twelvelabs_provider.api.errors import TwelveLabsConflictError
from twelvelabs_provider.api.models import AnalysisTask
from twelvelabs_provider.jobs.job import JobKind, JobRef, PendingJob, Phase
from twelvelabs_provider.operators.billing import TwelveLabsBillingOperator
from twelvelabs_provider.storage.failed_answers import keep_aside

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.storage.layout import Place

CUSTOM_ID_LENGTH = 32
_MOST_LOOKED_THROUGH = 200
_NEW = ("queued", "pending")


class TwelveLabsAnalysisTaskOperator(TwelveLabsBillingOperator):
    """Base of the operators that submit analysis tasks."""

    def mark(self, context: Context) -> str:
        """Return the mark that a task carries on the service: which task instance of Airflow asked for it."""
        return self.identity(context).key()[:CUSTOM_ID_LENGTH]

    def submit_analysis(self, context: Context, request: AnalysisRequest, **memo: Any) -> PendingJob:
        """Submit once for all tries: a task whose id was lost with its worker is found by its key, not paid for again.

        The key of a task that failed or was cancelled finds that one for ever, so it goes into the next key.
        """
        identity, question = self.identity(context), request.question_hash()
        ended: list[str] = []
        while True:
            task, existing = self._submitted(context, request, identity.submission_key(question, *ended))
            job = JobRef(JobKind.ANALYSIS_TASK, task.id)
            # A key with an origin is of this database alone: what it finds is what an earlier try submitted.
            noted = {"existing": True} if existing and not identity.origin else {}
            pending = self.pending(context, job, **memo, model=request.model, prompt_hash=question, **noted)
            state = self.poll(pending)
            if state.phase in (Phase.RUNNING, Phase.READY) or task.id in ended:
                return pending
            self.log.info("%s of an earlier try is %s: submitting anew", job, state.status)
            ended.append(task.id)

    def kept_aside(self, context: Context | None, output: str, place: Place, suffix: str, text: str) -> str:
        """Write a text beside the result and return a sentence that says where, or nothing for an empty text.

        A store that fails as well must not hide the first error.

        :param context: pushes the address as the field ``incomplete``; None where Airflow cannot be asked.
        """
        if not text:
            return ""
        try:
            kept = keep_aside(output, place, suffix, text)
        except Exception as error:
            self.log.error("what had arrived cannot be kept aside (%s): %s", error, text)
            return " What came is in the task's log, it could not be written."
        self.log.warning("%d characters that had arrived are kept in %s", len(text), kept)
        if context is not None:
            self.push_before_failure(context, {"incomplete": kept})
        return f" What came is kept in {kept}."

    def is_ours(self, pending: PendingJob) -> bool:
        """Return False for a task that existed already, unless its key proves that this task instance submitted it."""
        return super().is_ours(pending) and not pending.memo.get("existing")

    def _submitted(self, context: Context, request: AnalysisRequest, key: str) -> tuple[AnalysisTask, bool]:
        """Return the task, and whether it existed before this request."""
        try:
            task = self.hook.execute(self.hook.api.create_analysis_task(request, idempotency_key=key))
            # The service answers with the task of an earlier request that had the same key; a new one is not begun yet.
            return task, task.status.lower() not in _NEW
        except TwelveLabsConflictError:
            # The address of the video was signed anew since an earlier try: the same question in another body.
            mark = self.mark(context)
            found = self._find(request, mark) if request.custom_id == mark else None
            if found is None:
                raise
            return found, True

    def _find(self, request: AnalysisRequest, mark: str) -> AnalysisTask | None:
        """Return the task that carries our mark, among the newest ones."""
        source = request.source
        asset_id = source.value if source.kind is SourceKind.ASSET else None
        tasks = self.hook.items(lambda paging: self.hook.api.list_analysis_tasks(asset_id=asset_id, paging=paging))
        newest = islice(tasks, _MOST_LOOKED_THROUGH)
        return next((task for task in newest if task.custom_id == mark), None)
