"""Waiting for an import that somebody else started."""

from __future__ import annotations

from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState
from twelvelabs_provider.sensors.job import TwelveLabsJobSensor
from twelvelabs_provider.task import COMMON_FIELDS


class TwelveLabsImportSensor(TwelveLabsJobSensor):
    """Waits until no file of an import is on its way any more; files may have failed.

    Give ``connection_id`` and ``import_id`` (v1.3), or ``integration_id`` and ``index_id`` (v1.2).

    Service page: https://docs.twelvelabs.io/api-reference/data-connectors/imports/retrieve-an-import

    :param connection_id: the connection that the files come through (templated).
    :param import_id: the import (templated).
    :param integration_id: the integration that the files come from (templated).
    :param index_id: the index that they go to (templated).
    :return: the ids that were given, and ``status``.
    :raises TwelveLabsInputError: if neither pair of ids is given.
    :raises AirflowSensorTimeout: if files are still on their way after ``timeout`` seconds.
    """

    template_fields = (*COMMON_FIELDS, "connection_id", "import_id", "integration_id", "index_id")

    def __init__(
        self,
        *,
        connection_id: str | None = None,
        import_id: str | None = None,
        integration_id: str | None = None,
        index_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.connection_id = connection_id
        self.import_id = import_id
        self.integration_id = integration_id
        self.index_id = index_id

    def job(self) -> JobRef:
        """The import, or the integration's files in an index."""
        if self.connection_id and self.import_id:
            return JobRef(JobKind.IMPORT, self.import_id, self.connection_id)
        if self.integration_id and self.index_id:
            return JobRef(JobKind.TRANSFER, self.integration_id, self.index_id)
        raise TwelveLabsInputError(
            f"connection_id={self.connection_id!r}, import_id={self.import_id!r},"
            f" integration_id={self.integration_id!r}, index_id={self.index_id!r}: give connection_id and import_id, or"
            " integration_id and index_id"
        )

    def result(self, state: JobState) -> dict[str, Any]:
        """Which import it was."""
        given = {
            "connection_id": self.connection_id,
            "import_id": self.import_id,
            "integration_id": self.integration_id,
            "index_id": self.index_id,
        }
        return {**{name: value for name, value in given.items() if value}, "status": state.status}
