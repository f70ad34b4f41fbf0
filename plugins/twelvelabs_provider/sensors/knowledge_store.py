"""The sensor for an item of a knowledge store that somebody else added."""

from __future__ import annotations

from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState
from twelvelabs_provider.sensors.job import TwelveLabsJobSensor
from twelvelabs_provider.task import COMMON_FIELDS


class TwelveLabsKnowledgeStoreItemSensor(TwelveLabsJobSensor):
    """Waits until an item of a knowledge store can be asked about; the same outcome in every mode.

    Service page: https://docs.twelvelabs.io/api-reference/knowledge-store-items/retrieve

    :param knowledge_store_id: the store (templated).
    :param item_id: the item (templated).
    :return: ``knowledge_store_id``, ``item_id``, ``duration`` in seconds (None for images), ``status``.
    :raises TwelveLabsInputError: if an id is missing.
    :raises TwelveLabsWatchedJobFailedError: if the service could not take the item in.
    :raises AirflowSensorTimeout: if it is not ready after ``timeout`` seconds.
    """

    template_fields = (*COMMON_FIELDS, "knowledge_store_id", "item_id")

    def __init__(self, *, knowledge_store_id: str, item_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.knowledge_store_id = knowledge_store_id
        self.item_id = item_id

    def job(self) -> JobRef:
        """The item."""
        if not self.knowledge_store_id or not self.item_id:
            raise TwelveLabsInputError(
                f"nothing to wait for: give knowledge_store_id and item_id (got {self.knowledge_store_id!r},"
                f" {self.item_id!r})"
            )
        return JobRef(JobKind.KNOWLEDGE_STORE_ITEM, self.item_id, self.knowledge_store_id)

    def result(self, state: JobState) -> dict[str, Any]:
        """Which item it was, and how long."""
        return {
            "knowledge_store_id": self.knowledge_store_id,
            "item_id": self.item_id,
            "duration": state.duration,
            "status": state.status,
        }
