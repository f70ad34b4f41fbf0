"""The operator that analyses many videos at once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.analysis.batch_models import ItemStatus
from twelvelabs_provider.api.analysis.request import DEFAULT_MODEL, AnalysisMode
from twelvelabs_provider.api.errors import TwelveLabsNotFoundError, TwelveLabsPermanentError
from twelvelabs_provider.exceptions import (
    TwelveLabsInputError,
    TwelveLabsJobFailedError,
    TwelveLabsJobTimeoutError,
    TwelveLabsPartialFailureError,
)
from twelvelabs_provider.inputs.batch_items import GivenItems, items_of
from twelvelabs_provider.inputs.batch_rules import QUESTION, ItemRules, rules_from
from twelvelabs_provider.inputs.templated import texts_of
from twelvelabs_provider.jobs.batch_plan import BatchPlan, BatchState, ItemIds, plan_in
from twelvelabs_provider.jobs.cost import Bill, BilledKind
from twelvelabs_provider.jobs.durations import Duration
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, Memo, PendingJob, Phase, PlannedWork
from twelvelabs_provider.jobs.polling import clock_text, deadline_from
from twelvelabs_provider.jobs.resume import counts
from twelvelabs_provider.jobs.trigger_event import EventReason, JobEvent
from twelvelabs_provider.operators.batch_submission import Submission
from twelvelabs_provider.operators.billing import TwelveLabsBillingOperator
from twelvelabs_provider.operators.job import Result
from twelvelabs_provider.operators.published import TwelveLabsPublishedOperator, question_digest, stem_with
from twelvelabs_provider.results.batch_rows import BatchRows, unsuccessful
from twelvelabs_provider.results.kinds import ANALYSIS_BATCH
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import TablePlace
from twelvelabs_provider.storage.manifest import Origin, Provenance, Published
from twelvelabs_provider.storage.publish import check_output
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.storage.republish import republish_rows
from twelvelabs_provider.storage.source import meanings
from twelvelabs_provider.storage.tables import TableFacts, publish_rows, table_formats
from twelvelabs_provider.task import COMMON_FIELDS, refusals_end_the_task, required

if TYPE_CHECKING:
    from airflow.sdk import Context

LONGEST_WAIT = 26 * 3600.0
"""Seconds: a batch expires after 24 hours."""
MOST_IDS = 100
"""Batch ids that the task returns; the manifest has all of them."""
_CLOCKS = 3600.0
_LOOK_BACK = 48 * 3600.0
_TOLD = (ItemStatus.READY, ItemStatus.FAILED, ItemStatus.CANCELED)
_IF_NOT_READY = ("wait", "fail")


class TwelveLabsAnalyzeBatchOperator(TwelveLabsPublishedOperator, TwelveLabsBillingOperator):
    """Asks a model the same about many videos, and publishes one row for each.

    Any number of items is cut into batches of at most 1,000 items and 2,000 hours of video; at most 5 are active at a
    time. All items and their assets are checked before the first one is sent. ``{output_name}.jsonl`` has ``item`` (its
    number), ``custom_id``, ``asset_id``, ``status``, ``data`` (the answer), ``finish_reason``, ``input_tokens``,
    ``output_tokens``, ``error_code``, ``error_message``, ``task_id`` and ``batch_id``.

    On the service an item carries an id that names this task instance and the item's number before its own
    ``custom_id``: a batch whose creation was not confirmed is found by it and not paid for twice.

    Service page: https://docs.twelvelabs.io/api-reference/analyze-videos/batch-analysis/create-batch

    :param items: asset ids, or mappings of ``asset_id`` with ``custom_id``, ``duration`` (seconds) and what is asked
        differently (``prompt``, ``response_format``, ``temperature``, ``max_tokens``, ``start``, ``end``,
        ``min_segment_duration``, ``max_segment_duration``); or the path or URI of a file with one of them on each line,
        which is read as it is needed (templated).
    :param output_path: where results go: a local path or any URI of object storage (templated).
    :param prompt: the question; a mapping has ``input_text`` and ``media_sources`` (templated).
    :param response_format: the service's object: ``json_schema`` or ``segment_definitions`` (templated).
    :param analysis_mode: ``general`` or ``time_based_metadata`` (templated).
    :param model_name: batches need ``pegasus1.5`` (templated).
    :param temperature: 0 to 1 (templated).
    :param max_tokens: length of an answer at most (templated).
    :param start: seconds from which every video is analysed (templated).
    :param end: seconds up to which every video is analysed (templated).
    :param min_segment_duration: seconds, at least 2 (templated).
    :param max_segment_duration: seconds, at least 2 (templated).
    :param output_name: stem of the files. None takes ``analyses`` with a digest of the items and the question, so that
        mapped tasks, and runs with other items, have results of their own (templated).
    :param formats: any of ``jsonl``, ``json``, ``parquet`` (templated).
    :param if_not_ready: ``wait`` for assets that are still being prepared, or ``fail`` before anything is sent.
    :param fail_on_partial_error: fail, after everything was published, when an item has no result. A published result
        without all answers is reused (``if_published``) only where this is False.
    :param wait_for_completion: False ends the task as soon as all batches are submitted, which takes a while with more
        than 5.
    :param timeout: seconds (or a timedelta) to wait at most, for all batches together; None means 26 hours.
    :return: ``items``, ``ready``, ``failed``, ``canceled``, ``batches``, ``batch_ids`` (the first 100), ``manifest``
        (URI), ``files`` (format to URI), ``rows``, ``bytes``.
    :raises TwelveLabsInputError: for an item that the service would refuse, before anything is sent.
    :raises TwelveLabsPartialFailureError: if items have no result, and ``fail_on_partial_error`` is set.
    :raises TwelveLabsJobFailedError: if an asset failed that was waited for.
    :raises TwelveLabsJobTimeoutError: if batches were active at the deadline; a retry goes on with them.
    :raises TwelveLabsOutputError: if the files cannot be written; nothing half-written is visible.
    """

    template_fields: Sequence[str] = (
        *COMMON_FIELDS,
        "items",
        "output_path",
        *QUESTION,
        "output_name",
        "formats",
        "max_billable_minutes",
    )

    # What is planned while no batch is active.
    _planned: PlannedWork | None = None

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

    def begin(self, context: Context) -> PendingJob | Result:
        """Check every item, then send as many batches as may be active."""
        required(self, output_path=self.output_path)
        if self.output_name is not None:
            required(self, output_name=self.output_name)
        self._formats()
        if self.if_not_ready not in _IF_NOT_READY:
            raise TwelveLabsInputError(f"if_not_ready={self.if_not_ready!r} is not one of {', '.join(_IF_NOT_READY)}")
        self._rules.check_defaults()
        check_output(self.output_path)
        published = self._reused(context) if self.wait_for_completion else None
        if published is not None:
            return published
        now, begun_at = time.time(), self.clock.fixed_start(context)
        work = self._work(now if begun_at is None else begun_at, {"plan": [], "items": self._meaning})
        submission = self._submission(context, work, now - _LOOK_BACK)
        plan, unready, bill = submission.plan(wait_for_assets=self.if_not_ready == "wait")
        if not plan.portions:
            raise TwelveLabsInputError("items holds none: there is nothing to analyse")
        self.guard(f"analysing {plan.items} items", bill)
        work = work.with_memo(billed=bill.as_json())
        self.log.info("%d items in %d batches", plan.items, len(plan.portions))
        if self.may_have_sent_before(context):
            # There is no record of the earlier attempts (this Airflow may have no store for it); the service knows.
            plan = submission.reconciled(plan)
        if unready and not plan.batch_ids:
            return work.submitted_as(JobRef(JobKind.ASSET, unready), time.time(), plan=plan.as_json())
        return self._go_on(context, work, plan)

    def advance(self, context: Context, pending: PendingJob, state: JobState) -> PendingJob | Result:
        """Send more where batches have ended; publish when all have."""
        if pending.job.kind is JobKind.ASSET and state.phase is not Phase.READY:
            raise TwelveLabsJobFailedError(state.failure_of(pending.job))
        self._must_be_the_same(pending.memo)
        plan = plan_in(pending.memo)
        if plan.of(BatchState.PLANNED, BatchState.SENDING, BatchState.ACTIVE):
            return self._go_on(context, PlannedWork.of(pending), plan)
        return self._publish(context, plan, _billed(pending))

    def asked(self) -> tuple[Any, ...]:
        """The items and the question; output and formats may differ on a retry."""
        return (self._meaning, self._rules)

    def goes_on_after(self, pending: PendingJob, state: JobState) -> bool:
        """However a batch ended, there are results, or there is room for another one."""
        return state.phase is not Phase.RUNNING

    def poll(self, pending: PendingJob) -> JobState:
        """Return where a job stands; somebody else's batch that was deleted has left its place."""
        try:
            return super().poll(pending)
        except TwelveLabsNotFoundError:
            if not self._is_others(pending):
                raise
            return JobState(Phase.READY, "deleted")

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Result:
        """Resume from the triggerer; somebody else's batch may be gone."""
        wake = JobEvent.from_payload(event)
        if wake.reason is not EventReason.REFUSED or not self._is_others(wake.pending):
            return super().execute_complete(context, event)
        with refusals_end_the_task():
            return self._see_through(context, wake.pending)

    def quota_memo(self) -> dict[str, Any] | None:
        """Remember the plan too, where no batch is active: what was sent before is paid for."""
        return super().quota_memo() or (None if self._planned is None else self._planned.as_json())

    def run_within_quota(self, context: Context, memo: Mapping[str, Any] | None = None) -> Any:
        """Continue with the plan from before the quota was used up."""
        if not memo or memo.get("job") or not memo.get("memo"):
            return super().run_within_quota(context, memo)
        work = PlannedWork.from_json(memo)
        with refusals_end_the_task(), self.within_quota(context):
            self._must_be_the_same(work.memo)
            return self._see_through(context, self._go_on(context, work, plan_in(work.memo)))

    def recalled(self, context: Context) -> PendingJob | None:
        """Return what to wait for by the record of this task, which may be a plan of which nothing was sent."""
        return self._remembered(context)

    def hands_over(self, pending: PendingJob) -> bool:
        """A task that does not wait ends when everything has been sent."""
        return not plan_in(pending.memo).of(BatchState.PLANNED, BatchState.SENDING)

    def handed_over(self, pending: PendingJob) -> Result:
        """Which batches were left running; what they bill is counted now, since no operator follows them."""
        plan = plan_in(pending.memo)
        self.count(_billed(pending))
        ids = list(plan.batch_ids)
        return {
            "job_kind": JobKind.ANALYSIS_BATCH.value,
            "job_id": ids[0],
            "batch_ids": ids[:MOST_IDS],
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

    def _remembered(self, context: Context) -> PendingJob | None:
        """Return what an earlier attempt was waiting for, after reconciling requests without a response."""
        recorded = self._task_state(context).earlier_submission()
        if recorded is None or not counts(recorded, self.reuse):
            return None
        pending = recorded.pending
        if pending is None and (recorded.at is None or not recorded.memo):
            return None
        begun_at, memo = (pending.begun_at, pending.memo) if pending else (recorded.at or 0.0, recorded.memo)
        work = self._work(begun_at, memo)
        plan = plan_in(memo)
        self.log.info("An earlier attempt submitted %d of %d batches", len(plan.batch_ids), len(plan.portions))
        plan = self._submission(context, work).revived(plan)
        if pending is not None and pending.job.kind is JobKind.ASSET and not plan.batch_ids:
            return replace(pending, deadline=work.deadline)
        return self._go_on(context, work, plan)

    def _work(self, begun_at: float, memo: Memo) -> PlannedWork:
        return PlannedWork(begun_at, deadline_from(begun_at, self.timeout, self.execution_timeout), memo)

    def _go_on(self, context: Context, work: PlannedWork, plan: BatchPlan) -> PendingJob:
        """Send what may be sent, and return what is to be waited for: our oldest batch, or what is in the way."""
        submission = self._submission(context, work)
        plan = submission.refreshed(plan)
        try:
            plan, in_the_way = (plan, None) if self._is_late(work, plan) else submission.fill(plan)
        except TwelveLabsPermanentError:
            self.log.warning("the next batch was refused; what was submitted goes on: %s", ", ".join(plan.batch_ids))
            raise
        job = _oldest(plan) or in_the_way or JobRef(JobKind.ANALYSIS_BATCH, plan.batch_ids[-1])
        if in_the_way and job == in_the_way:
            self.log.info("nothing can be sent before %s has ended", job)
        return work.submitted_as(job, time.time(), plan=plan.as_json())

    def _is_late(self, work: PlannedWork, plan: BatchPlan) -> bool:
        """Tell whether the deadline forbids another batch, which nothing would wait for.

        :raises TwelveLabsJobTimeoutError: if no batch is active either.
        """
        left = len(plan.of(BatchState.PLANNED, BatchState.SENDING))
        if not left or time.time() < work.deadline:
            return False
        if not plan.of(BatchState.ACTIVE):
            raise TwelveLabsJobTimeoutError(
                f"{left} of {len(plan.portions)} batches were not sent before the deadline,"
                f" {clock_text(work.deadline)}: give the task longer with timeout (seconds)"
            )
        return True

    def _submission(self, context: Context, work: PlannedWork, since: float | None = None) -> Submission:
        def record(plan: BatchPlan) -> None:
            job, planned = _oldest(plan), work.with_memo(plan=plan.as_json())
            if job is not None:
                self._note(context, planned.submitted_as(job, time.time()))
            else:
                self._note_plan(context, planned)

        mark = self._mark(context)
        since = work.begun_at - _CLOCKS if since is None else since
        return Submission(self.hook, self._given, self._rules, mark, since, record)

    def _note_plan(self, context: Context, planned: PlannedWork) -> None:
        """Remember a plan of which no batch is active: there is no job to wait for or to stop."""
        self._pending, self._planned = None, planned
        self._task_state(context).record_intent(planned.begun_at, memo=planned.memo)

    def _mark(self, context: Context) -> ItemIds:
        return ItemIds(self.identity(context).key()[:16])

    def _must_be_the_same(self, memo: Memo) -> None:
        if memo.get("items") != self._meaning:
            raise TwelveLabsInputError(
                "the items have changed since they were sent, so their results cannot be told apart: clear the task to"
                " analyse the new ones"
            )

    def _is_others(self, pending: PendingJob) -> bool:
        return pending.job.kind is JobKind.ANALYSIS_BATCH and pending.job.id not in plan_in(pending.memo).batch_ids

    def _formats(self) -> tuple[Format, ...]:
        return table_formats(texts_of("formats", self.formats))

    def _publish(self, context: Context, plan: BatchPlan, planned: Bill) -> Result:
        defaults = self._rules.defaults.wire()
        structured = self._rules.defaults.response_format is not None
        rows = BatchRows(self.hook, self._given, plan, self._mark(context), structured=structured)

        def result() -> Result:
            return {
                "items": plan.items,
                **{status.value: rows.counts[status] for status in _TOLD},
                "batches": len(plan.batch_ids),
                "batch_ids": list(plan.batch_ids[:MOST_IDS]),
            }

        def facts() -> TableFacts:
            return TableFacts(
                Provenance.of(context["ti"]),
                Origin.GENERATED,
                model=self.model_name,
                options={"analysis_mode": self.analysis_mode, **defaults},
                details={
                    "items": dict(rows.counts),
                    "batch_ids": list(plan.batch_ids),
                    "billed": _settled(planned, rows).as_json(),
                },
                answer=self.answer_to(context, self._question, result()),
            )

        published = publish_rows(self.output_path, self._place, rows, ANALYSIS_BATCH, self._formats(), facts)
        self.count(_settled(planned, rows))
        bad = unsuccessful(rows.counts)
        self.log.info("published %d rows, %d without a result: %s", published.rows, bad, published.manifest_uri)
        told = {**result(), **published.as_xcom()}
        if bad and self.fail_on_partial_error:
            self.push_before_failure(context, told)
            raise TwelveLabsPartialFailureError(
                f"{bad} of {plan.items} items have no result; the rows say why: {published.manifest_uri}. Clear the"
                " task to analyse all again, or take what there is with fail_on_partial_error=False"
            )
        return told

    @cached_property
    def _question(self) -> str:
        rules = {"defaults": self._rules.defaults.wire(), "mode": self._rules.mode.value, "model": self._rules.model}
        return question_digest(self.hook.endpoint, kind="analysis_batch", items=self._meaning, **meanings(rules))

    @property
    def _place(self) -> TablePlace:
        name = stem_with("analyses", self._question) if self.output_name is None else self.output_name
        return TablePlace(("batches",), name, "analysis_batch")

    def _reused(self, context: Context) -> Result | None:
        formats = self._formats()

        def render(saved: SavedResult) -> Published | None:
            return republish_rows(self.output_path, saved, formats, ANALYSIS_BATCH, Provenance.of(context["ti"]))

        def counts(saved: SavedResult) -> bool:
            return not self.fail_on_partial_error or saved.result.get("ready") == saved.document["rows"]

        return self.reuse_published(
            context, self.output_path, self._place, self._question, formats, render, counts=counts
        )


def _billed(pending: PendingJob) -> Bill:
    """Return what was said beforehand; a release that did not say it leaves it unknown."""
    told = pending.memo.get("billed")
    return Bill.from_json(told) if told else Bill(BilledKind.ANALYSIS, unknown=plan_in(pending.memo).items)


def _settled(planned: Bill, rows: BatchRows) -> Bill:
    """Return what was billed; items without a result are not, and which minutes were theirs is not looked up."""
    bill = planned.with_tokens(rows.tokens["input_tokens"], rows.tokens["output_tokens"])
    return replace(bill, at_most=unsuccessful(rows.counts) > 0)


def _oldest(plan: BatchPlan) -> JobRef | None:
    active = plan.of(BatchState.ACTIVE)
    return JobRef(JobKind.ANALYSIS_BATCH, active[0].batch_id or "") if active else None
