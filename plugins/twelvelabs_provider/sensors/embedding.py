"""Sensor for an embedding task that was created outside the task."""

from __future__ import annotations

from typing import Any

from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState
from twelvelabs_provider.sensors.job import TwelveLabsJobSensor
from twelvelabs_provider.task import COMMON_FIELDS, required


class TwelveLabsEmbeddingSensor(TwelveLabsJobSensor):
    """Waits until an embedding task is ready; the same outcome in poke, reschedule and deferrable mode.

    ``TwelveLabsEmbedOperator(embedding_task_id=...)`` then publishes what it found; the service keeps it for seven
    days.

    Service page: https://docs.twelvelabs.io/api-reference/create-embeddings-v2/retrieve-embeddings

    :param embedding_task_id: the embedding task (templated).
    :return: ``embedding_task_id``, ``duration`` in seconds (None if the service does not report it), ``status``.
    :raises TwelveLabsInputError: embedding_task_id is empty.
    """

    template_fields = (*COMMON_FIELDS, "embedding_task_id")

    def __init__(self, *, embedding_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.embedding_task_id = embedding_task_id

    def job(self) -> JobRef:
        """Return the embedding task."""
        required(self, embedding_task_id=self.embedding_task_id)
        return JobRef(JobKind.EMBEDDING_TASK, self.embedding_task_id)

    def result(self, state: JobState) -> dict[str, Any]:
        """Return the task and the length of its input."""
        return {"embedding_task_id": self.embedding_task_id, "duration": state.duration, "status": state.status}
