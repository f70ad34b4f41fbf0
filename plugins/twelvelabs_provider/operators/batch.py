"""Operator that analyzes many videos in batches."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from twelvelabs_provider.api.analysis.request import DEFAULT_MODEL, AnalysisMode
from twelvelabs_provider.api.errors import TwelveLabsNotFoundError
from twelvelabs_provider.exceptions import (
    TwelveLabsInputError,
    TwelveLabsJobFailedError,
    TwelveLabsPartialFailureError,
)
from twelvelabs_provider.inputs.batch_items import GivenItems, items_of
from twelvelabs_provider.inputs.batch_rules import QUESTION, ItemRules, rules_from
from twelvelabs_provider.inputs.policies import IfPublished
from twelvelabs_provider.inputs.typed_arguments import choice_of, texts_of
from twelvelabs_provider.jobs.batch_plan import BatchPlan, BatchState, ItemIds, plan_in
from twelvelabs_provider.jobs.batch_submission import BatchSubmission
from twelvelabs_provider.jobs.cost import Bill, BilledKind
from twelvelabs_provider.jobs.durations import Duration
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, Memo, PendingJob, Phase, PlannedWork
from twelvelabs_provider.jobs.result_deduplication import Deduplicator, question_digest, stem_with
from twelvelabs_provider.jobs.resume import counts
from twelvelabs_provider.jobs.trigger_event import EventReason, JobEvent
from twelvelabs_provider.operators.billing import count_bill, guard_cost
from twelvelabs_provider.operators.job import Result, TwelveLabsJobOperator
from twelvelabs_provider.results.batch_result import MAX_IDS, BatchPublisher, BatchResult
from twelvelabs_provider.results.batch_rows import BatchRows
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.locations import without_signatures
from twelvelabs_provider.storage.publish import check_output, table_formats
from twelvelabs_provider.task import BILLED_COLOR, COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context

LONGEST_WAIT = 26 * 3600.0
"""Seconds: a batch expires after 24 hours."""
_CLOCK_DIFFERENCE = 3600.0
_LOOK_BACK = 48 * 3600.0
_IF_NOT_READY = ("wait", "fail")
_UNSENT = (BatchState.PLANNED, BatchState.SENDING)


class TwelveLabsAnalyzeBatchOperator(TwelveLabsJobOperator):
    """Runs one analysis over many videos, and publishes one row per video.

    Any number of items is split into batches of at most 1,000 items and 2,000 hours of video; at most 5 are active at a
    time. All items and their assets are checked before the first batch is sent. ``{output_name}.jsonl`` has ``item``
    (its number), ``custom_id``, ``asset_id``, ``status``, ``data`` (the answer), ``finish_reason``, ``input_tokens``,
    ``output_tokens``, ``error_code``, ``error_message``, ``task_id`` and ``batch_id``.

    On the service the ``custom_id`` of an item is prefixed with the task instance and the item's number. By it, a batch
    whose creation was not confirmed is found and not paid for twice.

    Service page: https://docs.twelvelabs.io/api-reference/analyze-videos/batch-analysis/create-batch

    :param items: asset ids, or mappings of ``asset_id`` with ``custom_id``, ``duration`` (seconds) and what differs for
        the item (``prompt``, ``response_format``, ``temperature``, ``max_tokens``, ``start``, ``end``,
        ``min_segment_duration``, ``max_segment_duration``); or the path or URI of a file with one of them per line,
        which is read as it is needed (templated).
    :param output_path: local path or URI of object storage for the results (templated).
    :param prompt: the question; a mapping has ``input_text`` and ``media_sources`` (templated).
    :param response_format: the service's object: ``json_schema`` or ``segment_definitions`` (templated).
    :param analysis_mode: ``general`` or ``time_based_metadata`` (templated).
    :param model_name: batches need ``pegasus1.5`` (templated).
    :param temperature: 0 to 1 (templated).
    :param max_tokens: maximum length of an answer (templated).
    :param start: seconds from which every video is analyzed (templated).
    :param end: seconds up to which every video is analyzed (templated).
    :param min_segment_duration: seconds, at least 2 (templated).
    :param max_segment_duration: seconds, at least 2 (templated).
    :param output_name: stem of the files. None uses ``analyses`` with a digest of the items and the question, so that
        mapped tasks, and runs with other items, have results of their own (templated).
    :param formats: any of ``jsonl``, ``json``, ``parquet`` (templated).
    :param if_not_ready: ``wait`` for assets that are still being prepared, or ``fail`` before any batch is sent.
    :param fail_on_partial_error: fail, after everything is published, if an item has no result. A published result
        without all answers is reused (``if_published``) only if this is False.
    :param if_published: ``skip`` returns a result of the same request that is published in the same place, at no cost,
        and renders missing formats from its files; ``replace`` sends the request again, which is billed, except in a
        retry of the attempt that published.
    :param max_billable_minutes: minutes that the task may bill; items that would bill more, or an unknown number, fail
        the task before any batch is sent. None sets no limit (templated).
    :param wait_for_completion: False ends the task as soon as all batches are submitted, which takes a while with more
        than 5.
    :param timeout: seconds (or a timedelta) to wait at most, for all batches together; None means 26 hours.
    :return: ``items``, ``ready``, ``failed``, ``canceled``, ``batches``, ``batch_ids`` (the first 100), ``manifest``
        (URI), ``files`` (format to URI), ``rows``, ``bytes``.
    :raises TwelveLabsInputError: an item has impossible options or no asset; raised before any batch is sent.
    :raises TwelveLabsPartialFailureError: items have no result, and ``fail_on_partial_error`` is set.
    :raises TwelveLabsJobFailedError: an asset failed that the task waited for.
    :raises TwelveLabsJobTimeoutError: batches were active at the deadline; a retry continues with them.
    :raises TwelveLabsOutputError: the files could not be written; no partial file is visible.
    """

    template_fields: Sequence[str] = (
        *COMMON_FIELDS, "items", "output_path", *QUESTION, "output_name", "formats", "max_billable_minutes",
    )  # fmt: skip

    # The work while no batch is active.
    _planned: PlannedWork | None = None
    ui_color = BILLED_COLOR

    def __init__(
        self,
        *,
        items: Sequence[str | Mapping[str, Any]] | str,
        output_path: str,
        prompt: str | Mapping[str, Any] | None = None,
        response_format: Mapping[str, Any] | str | None = None,
        analysis_mode: str = AnalysisMode.GENERAL,
        model_name: str = DEFAULT_MODEL,
        temperature: float | str | None = None,
        max_tokens: int | str | None = None,
        start: float | str | None = None,
        end: float | str | None = None,
        min_segment_duration: float | str | None = None,
        max_segment_duration: float | str | None = None,
        output_name: str | None = None,
        formats: Sequence[str] | str = ("jsonl",),
        if_not_ready: str = "wait",
        fail_on_partial_error: bool = True,
        if_published: Literal["skip", "replace"] = "skip",
        max_billable_minutes: float | str | None = None,
        timeout: Duration | None = LONGEST_WAIT,
        **kwargs: Any,
    ) -> None:
        super().__init__(timeout=LONGEST_WAIT if timeout is None else timeout, **kwargs)
        self.items = items
        self.output_path = output_path
        self.prompt = prompt
        self.response_format = response_format
        self.analysis_mode = analysis_mode
        self.model_name = model_name
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.start = start
        self.end = end
        self.min_segment_duration = min_segment_duration
        self.max_segment_duration = max_segment_duration
        self.output_name = output_name
        self.formats = formats
        self.if_not_ready = if_not_ready
        self.fail_on_partial_error = fail_on_partial_error
        self.if_published = IfPublished.parse(if_published)
        self.max_billable_minutes = max_billable_minutes

    def submit(self, context: Context) -> PendingJob | Result:
        """Check every item, then send as many batches as may be active."""
        self._check()
        if self.wait_for_completion:
            published = self._publisher(context).find(complete_only=self.fail_on_partial_error)
            if published is not None:
                return published
        now, start = time.time(), self.clock.fixed_start(context)
        work = self._work(now if start is None else start, {"plan": [], "items": self._meaning})
        submission = self._submission(context, work, now - _LOOK_BACK)
        plan, unready, bill = submission.plan(wait_for_assets=self.if_not_ready == "wait")
        if not plan.batches:
            raise TwelveLabsInputError("items is empty: there is nothing to analyze")
        guard_cost(f"analyzing {plan.items} items", bill, self.max_billable_minutes)
        work = work.with_memo(billed=bill.as_json())
        self.log.info("Analyzing %d items in %d batches", plan.items, len(plan.batches))
        if self.may_have_sent_before(context):
            # There is no record of the earlier attempts (this Airflow may have no store for it); the service knows.
            plan = submission.reconciled(plan)
        submission = self._submission(context, work)
        if unready and not plan.batch_ids:
            return submission.waiting_for(JobRef(JobKind.ASSET, unready), plan)
        return submission.send(plan)

    def complete(self, context: Context, pending: PendingJob, state: JobState) -> PendingJob | Result:
        """Send more batches after others have ended; publish after all have."""
        if pending.job.kind is JobKind.ASSET and state.phase is not Phase.READY:
            raise TwelveLabsJobFailedError(state.failure_of(pending.job))
        self._ensure_same_items(pending.memo)
        plan = plan_in(pending.memo)
        if plan.of(*_UNSENT, BatchState.ACTIVE):
            return self._submission(context, PlannedWork.of(pending)).send(plan)
        return self._publish(context, plan, _estimate(pending))

    def request_values(self) -> tuple[Any, ...]:
        """Return the items and the question; output and formats may differ on a retry."""
        return (self._meaning, self._rules)

    def can_complete(self, pending: PendingJob, state: JobState) -> bool:
        """Continue after any end of a batch: there are results, or there is room for another batch."""
        return state.phase is not Phase.RUNNING

    def poll(self, pending: PendingJob) -> JobState:
        """Return the state of a job; a batch of another task that was deleted has left its place."""
        try:
            return super().poll(pending)
        except TwelveLabsNotFoundError:
            if not self._is_foreign(pending):
                raise
            return JobState(Phase.READY, "deleted")

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Result:
        """Resume after the triggerer; a batch of another task may be deleted."""
        received = JobEvent.from_payload(event)
        if received.reason is not EventReason.REFUSED or not self._is_foreign(received.pending):
            return super().execute_complete(context, event)
        with self.refusals_end_the_task():
            return self._run_jobs(context, received.pending)

    def quota_memo(self) -> dict[str, Any] | None:
        """Keep the plan, also while no batch is active: what was sent before is paid for."""
        return super().quota_memo() or (None if self._planned is None else self._planned.as_json())

    def run_within_quota(self, context: Context, memo: Mapping[str, Any] | None = None) -> Any:
        """Continue with the plan from before the wait for a quota."""
        if not memo or memo.get("job") or not memo.get("memo"):
            return super().run_within_quota(context, memo)
        work = PlannedWork.from_json(memo)
        with self.refusals_end_the_task(), self.within_quota(context):
            self._ensure_same_items(work.memo)
            return self._run_jobs(context, self._submission(context, work).send(plan_in(work.memo)))

    def recorded_job(self, context: Context) -> PendingJob | None:
        """Return the job to wait for by the record of this task, which may be a plan of which nothing was sent."""
        return self._attached(context)

    def can_detach(self, pending: PendingJob) -> bool:
        """Return whether every batch has been sent; a task that does not wait ends then."""
        return not plan_in(pending.memo).of(*_UNSENT)

    def detached_result(self, pending: PendingJob) -> Result:
        """Return the batches that are left running; their cost is counted now, since no operator follows them."""
        plan = plan_in(pending.memo)
        count_bill(self, _estimate(pending))
        ids = list(plan.batch_ids)
        return {
            "job_kind": JobKind.ANALYSIS_BATCH.value,
            "job_id": ids[0],
            "batch_ids": ids[:MAX_IDS],
            "batches": len(ids),
            "items": plan.items,
        }

    @cached_property
    def _given(self) -> GivenItems:
        return items_of(self.items)

    @cached_property
    def _meaning(self) -> str:
        return self._given.meaning

    @cached_property
    def _rules(self) -> ItemRules:
        return rules_from({name: getattr(self, name) for name in QUESTION})

    @cached_property
    def _question(self) -> str:
        rules = {"defaults": self._rules.defaults.wire(), "mode": self._rules.mode.value, "model": self._rules.model}
        return question_digest(
            self.hook.endpoint, kind="analysis_batch", items=self._meaning, **without_signatures(rules)
        )

    def _check(self) -> None:
        """Refuse arguments that are invalid for every item."""
        required(self, output_path=self.output_path)
        if self.output_name is not None:
            required(self, output_name=self.output_name)
        self._formats()
        self.if_not_ready = choice_of("if_not_ready", self.if_not_ready, _IF_NOT_READY)
        self._rules.check_defaults()
        check_output(self.output_path)

    def _attached(self, context: Context) -> PendingJob | None:
        """Return the job of an earlier attempt, after reconciling requests without a response."""
        recorded = self._task_state(context).earlier_submission()
        if recorded is None or not counts(recorded, self.reuse):
            return None
        pending = recorded.pending
        if pending is None and (recorded.at is None or not recorded.memo):
            return None
        start, memo = (pending.begun_at, pending.memo) if pending else (recorded.at or 0.0, recorded.memo)
        work, plan = self._work(start, memo), plan_in(memo)
        self.log.info("An earlier attempt submitted %d of %d batches", len(plan.batch_ids), len(plan.batches))
        submission = self._submission(context, work)
        plan = submission.revived(plan)
        if pending is not None and pending.job.kind is JobKind.ASSET and not plan.batch_ids:
            return replace(pending, deadline=work.deadline)
        return submission.send(plan)

    def _work(self, start: float, memo: Memo) -> PlannedWork:
        return PlannedWork(start, self._deadline_from(start), memo)

    def _submission(self, context: Context, work: PlannedWork, since: float | None = None) -> BatchSubmission:
        def record(step: PendingJob | PlannedWork) -> None:
            if isinstance(step, PendingJob):
                self._note(context, step)
                return
            # No batch is active: there is no job to wait for or to cancel.
            self._pending, self._planned = None, step
            self._task_state(context).record_intent(step.begun_at, memo=step.memo)

        since = work.begun_at - _CLOCK_DIFFERENCE if since is None else since
        return BatchSubmission(self.hook, self._given, self._rules, self._item_ids(context), work, since, record)

    def _item_ids(self, context: Context) -> ItemIds:
        return ItemIds(self.identity(context).key()[:16])

    def _ensure_same_items(self, memo: Memo) -> None:
        if memo.get("items") != self._meaning:
            raise TwelveLabsInputError(
                "items changed since they were sent, so results cannot be assigned to them: clear the task to analyze"
                " the new ones"
            )

    def _is_foreign(self, pending: PendingJob) -> bool:
        return pending.job.kind is JobKind.ANALYSIS_BATCH and pending.job.id not in plan_in(pending.memo).batch_ids

    def _formats(self) -> tuple[Format, ...]:
        return table_formats(texts_of("formats", self.formats))

    def _publisher(self, context: Context) -> BatchPublisher:
        name = stem_with("analyses", self._question) if self.output_name is None else self.output_name
        deduplicator = Deduplicator.of(context, self.output_path, self._question, self.if_published)
        return BatchPublisher(context, self.output_path, name, self._formats(), deduplicator)

    def _publish(self, context: Context, plan: BatchPlan, estimate: Bill) -> Result:
        defaults = self._rules.defaults
        structured = defaults.response_format is not None
        rows = BatchRows(self.hook, self._given, plan, self._item_ids(context), structured=structured)
        result = BatchResult(rows, plan, estimate)
        options = {"analysis_mode": self._rules.mode.value, **defaults.wire()}
        published = self._publisher(context).publish(result, self.model_name, options)
        count_bill(self, result.bill())
        failed, uri = result.without_result, published.manifest_uri
        self.log.info("Published %d rows, %d of them without a result, to %s", published.rows, failed, uri)
        fields = {**result.fields(), **published.as_xcom()}
        if failed and self.fail_on_partial_error:
            self.push_before_failure(context, fields)
            raise TwelveLabsPartialFailureError(
                f"{failed} of {plan.items} items have no result; the rows say why: {uri}. Clear the task to analyze all"
                " again, or accept the partial result with fail_on_partial_error=False"
            )
        return fields


def _estimate(pending: PendingJob) -> Bill:
    """Return the cost that was estimated before the submission; unknown in a record of an older release."""
    billed = pending.memo.get("billed")
    return Bill.from_json(billed) if billed else Bill(BilledKind.ANALYSIS, unknown=plan_in(pending.memo).items)
