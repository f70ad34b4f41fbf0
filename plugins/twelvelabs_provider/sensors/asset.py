"""Sensor for an asset that is uploaded outside the task."""

from __future__ import annotations

from typing import Any

from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState
from twelvelabs_provider.sensors.job import TwelveLabsJobSensor
from twelvelabs_provider.task import COMMON_FIELDS, required


class TwelveLabsAssetSensor(TwelveLabsJobSensor):
    """Waits until an asset is ready; the same outcome in poke, reschedule and deferrable mode.

    Service page: https://docs.twelvelabs.io/api-reference/upload-content/direct-uploads/retrieve

    :param asset_id: the asset (templated).
    :return: ``asset_id``, ``status``, ``duration`` in seconds (None for an image).
    :raises TwelveLabsInputError: asset_id is empty.
    """

    template_fields = (*COMMON_FIELDS, "asset_id")

    def __init__(self, *, asset_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.asset_id = asset_id

    def job(self) -> JobRef:
        """Return the asset."""
        required(self, asset_id=self.asset_id)
        return JobRef(JobKind.ASSET, self.asset_id)

    def result(self, state: JobState) -> dict[str, Any]:
        """Return the asset and its length."""
        return {"asset_id": self.asset_id, "status": state.status, "duration": state.duration}
