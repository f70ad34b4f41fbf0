"""Sensor for an entity that was created outside the task."""

from __future__ import annotations

from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState
from twelvelabs_provider.sensors.job import TwelveLabsJobSensor
from twelvelabs_provider.task import COMMON_FIELDS


class TwelveLabsEntitySensor(TwelveLabsJobSensor):
    """Waits until an entity can be used in searches; the same outcome in poke, reschedule and deferrable mode.

    Service page: https://docs.twelvelabs.io/api-reference/entities/entity-collections/entities/retrieve

    :param entity_collection_id: the collection (templated).
    :param entity_id: the entity (templated).
    :return: ``entity_collection_id``, ``entity_id``, ``status``.
    :raises TwelveLabsInputError: an id is empty.
    :raises AirflowSensorTimeout: the entity is not ready after ``timeout`` seconds.
    """

    template_fields = (*COMMON_FIELDS, "entity_collection_id", "entity_id")

    def __init__(self, *, entity_collection_id: str, entity_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.entity_collection_id = entity_collection_id
        self.entity_id = entity_id

    def job(self) -> JobRef:
        """Return the entity."""
        if not self.entity_collection_id or not self.entity_id:
            raise TwelveLabsInputError(
                f"Nothing to wait for: give entity_collection_id and entity_id (got {self.entity_collection_id!r},"
                f" {self.entity_id!r})"
            )
        return JobRef(JobKind.ENTITY, self.entity_id, self.entity_collection_id)

    def result(self, state: JobState) -> dict[str, Any]:
        """Return the entity and its status."""
        return {
            "entity_collection_id": self.entity_collection_id,
            "entity_id": self.entity_id,
            "status": state.status,
        }
