"""Sensor for an import that was started outside the task."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.index_resolution import resolve_index
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState
from twelvelabs_provider.sensors.job import TwelveLabsJobSensor
from twelvelabs_provider.task import COMMON_FIELDS


class TwelveLabsImportSensor(TwelveLabsJobSensor):
    """Waits until an import has processed all its files. Some of them may have failed.

    Give ``connection_id`` and ``import_id`` (v1.3), or ``integration_id`` and its index (v1.2).

    Service page: https://docs.twelvelabs.io/api-reference/data-connectors/imports/retrieve-an-import

    :param connection_id: the connection that the files are imported through (templated).
    :param import_id: the import (templated).
    :param integration_id: the integration that the files are imported from (templated).
    :param index_id: the index that the files of an integration go to (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :return: the given ids, and ``status``.
    :raises TwelveLabsInputError: neither pair of ids is given.
    :raises AirflowSensorTimeout: files are still in progress after ``timeout`` seconds.
    """

    template_fields = (*COMMON_FIELDS, "connection_id", "import_id", "integration_id", "index_id", "index_name")

    def __init__(
        self,
        *,
        connection_id: str | None = None,
        import_id: str | None = None,
        integration_id: str | None = None,
        index_id: str | None = None,
        index_name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.connection_id = connection_id
        self.import_id = import_id
        self.integration_id = integration_id
        self.index_id = index_id
        self.index_name = index_name

    def job(self) -> JobRef:
        """Return the import, or the transfer from an integration to an index."""
        if self.connection_id and self.import_id:
            return JobRef(JobKind.IMPORT, self.import_id, self.connection_id)
        if self.integration_id and (self.index_id or self.index_name):
            return JobRef(JobKind.TRANSFER, self.integration_id, self._found_index)
        raise TwelveLabsInputError(
            "Nothing to wait for: give connection_id and import_id, or integration_id and its index"
            f" (connection_id={self.connection_id!r}, import_id={self.import_id!r},"
            f" integration_id={self.integration_id!r}, index_id={self.index_id!r}, index_name={self.index_name!r})"
        )

    def result(self, state: JobState) -> dict[str, Any]:
        """Return the given ids and the status."""
        of_integration = self.integration_id and not (self.connection_id and self.import_id)
        given = {
            "connection_id": self.connection_id,
            "import_id": self.import_id,
            "integration_id": self.integration_id,
            "index_id": self._found_index if of_integration else self.index_id,
        }
        return {**{name: value for name, value in given.items() if value}, "status": state.status}

    @cached_property
    def _found_index(self) -> str:
        return resolve_index(self.hook, self.index_id, self.index_name)
