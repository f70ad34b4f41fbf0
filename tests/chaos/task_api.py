"""API client that changes task instances, as a user does in the UI."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from demo.airflow_api import AirflowApi, AirflowApiError

_ATTEMPTS = 6
_DONE_ALREADY = 409


class TaskApi(AirflowApi):
    """A client of the API server that also changes task instances."""

    def set_state(self, dag_id: str, run_id: str, task_id: str, state: str, map_index: int = -1) -> None:
        """Mark a task instance as success or failed."""
        mapped = "" if map_index < 0 else f"/{map_index}"
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}{mapped}"
        self._request("PATCH", path, json={"new_state": state})

    def clear(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> None:
        """Clear a task instance."""
        which = task_id if map_index < 0 else [task_id, map_index]
        what = {"dry_run": False, "dag_run_id": run_id, "task_ids": [which], "only_failed": False}
        self._request("POST", f"/dags/{dag_id}/clearTaskInstances", json=what)

    def _request(
        self, method: str, path: str, json: dict[str, Any] | None = None, allowed: tuple[int, ...] = ()
    ) -> dict[str, Any]:
        """Send one request; repeat a GET or PATCH that Airflow could not answer.

        Without PostgreSQL many processes write to one SQLite file, and a timeout ends a deadlock between two of them.
        A clear is not repeated: a second one would clear the new attempt.
        """
        for _ in range(_ATTEMPTS - 1 if method in ("GET", "PATCH") else 0):
            try:
                return super()._request(method, path, json, allowed)
            except AirflowApiError as error:
                if "no answer" not in str(error) and "answered 500" not in str(error):
                    raise
                allowed = (*allowed, _DONE_ALREADY)
        return super()._request(method, path, json, allowed)
