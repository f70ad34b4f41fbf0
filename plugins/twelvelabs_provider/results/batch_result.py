"""Result of an analysis in batches: its counts, cost and manifest entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.analysis.batch_models import ItemStatus
from twelvelabs_provider.jobs.batch_plan import BatchPlan
from twelvelabs_provider.jobs.cost import Bill
from twelvelabs_provider.jobs.result_deduplication import Deduplicator
from twelvelabs_provider.results.batch_rows import BatchRows, unsuccessful
from twelvelabs_provider.results.kinds import ANALYSIS_BATCH
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.manifest import Origin, Provenance, Published
from twelvelabs_provider.storage.publish import ResultFacts, publish_rows
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.storage.republish import republish_rows

if TYPE_CHECKING:
    from airflow.sdk import Context

MAX_IDS = 100
"""Batch ids that a task returns; the manifest has all of them."""
_COUNTED = (ItemStatus.READY, ItemStatus.FAILED, ItemStatus.CANCELED)


@dataclass(frozen=True)
class BatchResult:
    """The result of a plan, complete when all its rows have been read.

    :param estimate: the cost as it was estimated before the submission.
    """

    rows: BatchRows
    plan: BatchPlan
    estimate: Bill

    @property
    def without_result(self) -> int:
        """Number of items without a result."""
        return unsuccessful(self.rows.counts)

    def fields(self) -> dict[str, Any]:
        """Return what the task returns besides the files."""
        return {
            "items": self.plan.items,
            **{status.value: self.rows.counts[status] for status in _COUNTED},
            "batches": len(self.plan.batch_ids),
            "batch_ids": list(self.plan.batch_ids[:MAX_IDS]),
        }

    def bill(self) -> Bill:
        """Return what was billed at most: items without a result are not billed, and their length is not looked up."""
        tokens = self.rows.tokens
        bill = self.estimate.with_tokens(tokens["input_tokens"], tokens["output_tokens"])
        return replace(bill, at_most=self.without_result > 0)

    def manifest_details(self) -> dict[str, Any]:
        """Return what the manifest says about the batches."""
        return {
            "items": dict(self.rows.counts),
            "batch_ids": list(self.plan.batch_ids),
            "billed": self.bill().as_json(),
        }


@dataclass(frozen=True)
class BatchPublisher:
    """Publication of the result of batches.

    :param output: local path or object storage URI.
    :param name: stem of the files.
    """

    context: Context
    output: str
    name: str
    formats: Sequence[Format]
    deduplicator: Deduplicator

    @property
    def place(self) -> ResultPath:
        """Path of the result."""
        return ResultPath(("batches",), self.name, "analysis_batch")

    def find(self, *, complete_only: bool) -> dict[str, Any] | None:
        """Return the task result that is published for the same question; None if there is none.

        :param complete_only: skip a result in which an item has no answer.
        """

        def render(saved: SavedResult) -> Published | None:
            return republish_rows(self.output, saved, self.formats, ANALYSIS_BATCH, Provenance.of(self.context["ti"]))

        def is_complete(saved: SavedResult) -> bool:
            return not complete_only or saved.result.get("ready") == saved.document["rows"]

        return self.deduplicator.find(self.place, self.formats, render, is_complete=is_complete)

    def publish(self, result: BatchResult, model: str, options: Mapping[str, Any]) -> Published:
        """Write one row per item, then the manifest.

        :param options: what was asked for, for the manifest.
        """

        def facts() -> ResultFacts:
            return ResultFacts(
                Provenance.of(self.context["ti"]),
                Origin.GENERATED,
                model=model,
                options=options,
                details=result.manifest_details(),
                answer=self.deduplicator.answer(result.fields()),
            )

        return publish_rows(self.output, self.place, result.rows, ANALYSIS_BATCH, self.formats, facts)
