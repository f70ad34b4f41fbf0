"""Sensor for a batch of analyses that was submitted outside the task."""

from __future__ import annotations

from typing import Any

from twelvelabs_provider.api.analysis.batches import read_batch
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, Phase
from twelvelabs_provider.sensors.job import TwelveLabsJobSensor
from twelvelabs_provider.task import COMMON_FIELDS


class TwelveLabsAnalyzeBatchSensor(TwelveLabsJobSensor):
    """Waits until every item of an analysis batch has ended; the same outcome in poke, reschedule and deferrable mode.

    That a batch is completed does not say that its items succeeded: look at the counts.

    Service page: https://docs.twelvelabs.io/api-reference/analyze-videos/batch-analysis/retrieve-batch-status

    :param batch_id: the batch (templated).
    :return: ``batch_id``, ``status``, ``items``, ``ready``, ``failed``, ``canceled``.
    :raises TwelveLabsWatchedJobFailedError: the batch was canceled or has expired.
    """

    template_fields = (*COMMON_FIELDS, "batch_id")
    has_nothing_to_fetch = False

    def __init__(self, *, batch_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_id = batch_id

    def job(self) -> JobRef:
        """Return the batch."""
        if not self.batch_id or self.batch_id == "None":
            raise TwelveLabsInputError(f"batch_id={self.batch_id!r} is empty: nothing to wait for")
        return JobRef(JobKind.ANALYSIS_BATCH, self.batch_id)

    def result(self, state: JobState) -> dict[str, Any]:
        """Return how many items are ready, failed or canceled."""
        if state.phase is not Phase.READY:
            return {}
        batch = self.hook.execute(read_batch(self.batch_id))
        return {
            "batch_id": batch.id,
            "status": batch.status,
            "items": batch.total_items,
            "ready": batch.ready_items,
            "failed": batch.failed_items,
            "canceled": batch.canceled_items,
        }
