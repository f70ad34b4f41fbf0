"""What a user does to tasks, and what is seen of many of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from demo.airflow_api import AirflowApi, AirflowApiError, TaskState

_PAGE = 100
_ATTEMPTS = 6
_DONE_ALREADY = 409
UNASSIGNED = 0


class Hands(AirflowApi):
    """A client of the API server that also acts on tasks."""

    def mark(self, dag_id: str, run_id: str, task_id: str, state: str, map_index: int = -1) -> None:
        """Give a task instance another state."""
        mapped = "" if map_index < 0 else f"/{map_index}"
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}{mapped}"
        self._request("PATCH", path, json={"new_state": state})

    def clear(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> None:
        """Let a task instance begin again."""
        which = task_id if map_index < 0 else [task_id, map_index]
        what = {"dry_run": False, "dag_run_id": run_id, "task_ids": [which], "only_failed": False}
        self._request("POST", f"/dags/{dag_id}/clearTaskInstances", json=what)

    def tasks_of(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return all task instances of a run, however many there are."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances?order_by=id&limit={_PAGE}"
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(f"{path}&offset={len(found)}")
            found += page["task_instances"]
            if not page["task_instances"] or len(found) >= page["total_entries"]:
                return found

    def task_states(self, dag_id: str, run_id: str) -> list[TaskState]:
        """Return the state of every task instance of a run, however many there are."""
        return [
            TaskState(task["task_id"], task["map_index"], task["state"] or "none", task["try_number"])
            for task in self.tasks_of(dag_id, run_id)
        ]

    def holder(self, task: dict[str, Any]) -> int:
        """Return the id of the triggerer's job that holds a task instance."""
        return int((task.get("triggerer_job") or {}).get("id") or UNASSIGNED)

    def _request(
        self, method: str, path: str, json: dict[str, Any] | None = None, allowed: tuple[int, ...] = ()
    ) -> dict[str, Any]:
        """Send one request; again where Airflow stood in its own way.

        Where there is no PostgreSQL, many processes write to one SQLite file, and two that wait for each other are only
        distinguished by a timeout.
        A clear is not repeated: done twice, it would be two.
        """
        for _ in range(_ATTEMPTS - 1 if method in ("GET", "PATCH") else 0):
            try:
                return super()._request(method, path, json, allowed)
            except AirflowApiError as error:
                if "no answer" not in str(error) and "answered 500" not in str(error):
                    raise
                allowed = (*allowed, _DONE_ALREADY)
        return super()._request(method, path, json, allowed)
