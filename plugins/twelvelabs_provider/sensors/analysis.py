"""Sensor for an analysis task that was started outside the task."""

from __future__ import annotations

from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState
from twelvelabs_provider.sensors.job import TwelveLabsJobSensor
from twelvelabs_provider.task import COMMON_FIELDS


class TwelveLabsAnalysisSensor(TwelveLabsJobSensor):
    """Waits until an analysis task is ready; the same outcome in poke, reschedule and deferrable mode.

    ``TwelveLabsAnalyzeVideoOperator(analysis_task_id=...)`` publishes its answer afterwards.

    Service page: https://docs.twelvelabs.io/api-reference/analyze-videos/retrieve-analysis-task-status-results

    :param analysis_task_id: the analysis task (templated).
    :return: ``analysis_task_id``, ``duration`` of the video in seconds, ``status``, ``warning``.
    """

    template_fields = (*COMMON_FIELDS, "analysis_task_id")

    def __init__(self, *, analysis_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.analysis_task_id = analysis_task_id

    def job(self) -> JobRef:
        """Return the analysis task."""
        if not self.analysis_task_id or self.analysis_task_id == "None":
            raise TwelveLabsInputError(f"analysis_task_id={self.analysis_task_id!r} is empty: nothing to wait for")
        return JobRef(JobKind.ANALYSIS_TASK, self.analysis_task_id)

    def result(self, state: JobState) -> dict[str, Any]:
        """Return the task and the length of its video."""
        return {
            "analysis_task_id": self.analysis_task_id,
            "duration": state.duration,
            "status": state.status,
            "warning": state.detail,
        }
