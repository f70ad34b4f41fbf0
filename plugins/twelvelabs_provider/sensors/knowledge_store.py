"""Sensor for an item that was added to a knowledge store outside the task."""

from __future__ import annotations

from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState
from twelvelabs_provider.sensors.job import TwelveLabsJobSensor
from twelvelabs_provider.task import COMMON_FIELDS


class TwelveLabsKnowledgeStoreItemSensor(TwelveLabsJobSensor):
    """Waits until an item of a knowledge store is ready for questions; the same outcome in every mode.

    Service page: https://docs.twelvelabs.io/api-reference/knowledge-store-items/retrieve

    :param knowledge_store_id: the store (templated).
    :param item_id: the item (templated).
    :return: ``knowledge_store_id``, ``item_id``, ``duration`` in seconds (None for images), ``status``.
    :raises TwelveLabsInputError: an id is empty.
    :raises TwelveLabsWatchedJobFailedError: the service could not process the item.
    :raises AirflowSensorTimeout: the item is not ready after ``timeout`` seconds.
    """

    template_fields = (*COMMON_FIELDS, "knowledge_store_id", "item_id")

    def __init__(self, *, knowledge_store_id: str, item_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.knowledge_store_id = knowledge_store_id
        self.item_id = item_id

    def job(self) -> JobRef:
        """Return the item."""
        if not self.knowledge_store_id or not self.item_id:
            raise TwelveLabsInputError(
                f"Nothing to wait for: give knowledge_store_id and item_id (got {self.knowledge_store_id!r},"
                f" {self.item_id!r})"
            )
        return JobRef(JobKind.KNOWLEDGE_STORE_ITEM, self.item_id, self.knowledge_store_id)

    def result(self, state: JobState) -> dict[str, Any]:
        """Return the item and its length."""
        return {
            "knowledge_store_id": self.knowledge_store_id,
            "item_id": self.item_id,
            "duration": state.duration,
            "status": state.status,
        }
