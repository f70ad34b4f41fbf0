"""Result of an analysis in batches: its counts, cost and manifest entries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from twelvelabs_provider.api.analysis.batch_models import ItemStatus
from twelvelabs_provider.jobs.batch_plan import BatchPlan
from twelvelabs_provider.jobs.cost import Bill
from twelvelabs_provider.results.batch_rows import BatchRows, unsuccessful

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
        """How many items have no result."""
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
