"""Sensor for indexing that was started outside the task."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.index_resolution import resolve_index
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState
from twelvelabs_provider.links import index_url, video_url
from twelvelabs_provider.sensors.job import TwelveLabsJobSensor
from twelvelabs_provider.task import COMMON_FIELDS


class TwelveLabsIndexingSensor(TwelveLabsJobSensor):
    """Waits until a video is indexed; the same outcome in poke, reschedule and deferrable mode.

    Give ``indexing_task_id`` (returned by ``POST /tasks``, every generation), or ``video_id`` and its index (an
    indexed asset, v1.3).

    Service pages: https://docs.twelvelabs.io/api-reference/tasks/retrieve and
    https://docs.twelvelabs.io/api-reference/indexed-assets/retrieve

    :param indexing_task_id: the indexing task (templated).
    :param index_id: the index of the video (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :param video_id: the video, which is the indexed asset (templated).
    :return: ``index_id``, ``video_id``, ``duration`` in seconds, ``status``.
    """

    template_fields = (*COMMON_FIELDS, "indexing_task_id", "index_id", "index_name", "video_id")

    def __init__(
        self,
        *,
        indexing_task_id: str | None = None,
        index_id: str | None = None,
        index_name: str | None = None,
        video_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.indexing_task_id = indexing_task_id
        self.index_id = index_id
        self.index_name = index_name
        self.video_id = video_id

    def job(self) -> JobRef:
        """Return the indexing task or the indexed asset."""
        if self.indexing_task_id:
            return JobRef(JobKind.INDEXING_TASK, self.indexing_task_id)
        if self.video_id and (self.index_id or self.index_name):
            return JobRef(JobKind.INDEXED_ASSET, self.video_id, self._found_index)
        raise TwelveLabsInputError(
            f"Nothing to wait for (indexing_task_id={self.indexing_task_id!r}, index_id={self.index_id!r},"
            f" index_name={self.index_name!r}, video_id={self.video_id!r}). Give indexing_task_id, or video_id and its"
            " index."
        )

    @cached_property
    def _found_index(self) -> str:
        return resolve_index(self.hook, self.index_id, self.index_name)

    def result(self, state: JobState) -> dict[str, Any]:
        """Return the video, its index and its length."""
        return {
            "index_id": self._index_of(state),
            "video_id": state.video_id,
            "duration": state.duration,
            "status": state.status,
        }

    def playground_page(self, state: JobState) -> str | None:
        """Return the page of the video, or of its index."""
        index_id = self._index_of(state)
        if not index_id:
            return None
        return video_url(index_id, state.video_id) if state.video_id else index_url(index_id)

    def _index_of(self, state: JobState) -> str | None:
        by_video = self.video_id and not self.indexing_task_id
        return self._found_index if by_video else self.index_id or state.index_id
