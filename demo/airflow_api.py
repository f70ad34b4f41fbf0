"""Client of Airflow's REST API for the demo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

REQUEST_SECONDS = 60.0
FINAL_RUN_STATES = frozenset({"success", "failed"})


@dataclass(frozen=True)
class TaskState:
    """The state of one task instance of a run."""

    task_id: str
    map_index: int
    state: str
    try_number: int

    @property
    def label(self) -> str:
        """The task's name, with its index if it is one of several."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"


@dataclass(frozen=True)
class ImportFailure:
    """A DAG file that could not be read."""

    filename: str
    at: datetime
    stack_trace: str


class AirflowApiError(Exception):
    """Airflow refused a request; the message says which and why."""


class AirflowApi:
    """A client of one API server.

    :param url: the server's address
    :param user: name of the user to log in as
    :param password: the user's password
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url
        self._login = {"username": user, "password": password}
        self._session = requests.Session()
        # Neither a proxy nor a .netrc of the user's is meant for this server.
        self._session.trust_env = False

    def is_up(self) -> bool:
        """Return whether the server responds, and log in.

        This also requests the API for tasks, which the server builds at the first request. That takes so long that the
        first task would retry and wait.
        """
        try:
            self._session.get(f"{self._url}/execution/health", timeout=REQUEST_SECONDS)
            answer = self._session.post(f"{self._url}/auth/token", json=self._login, timeout=REQUEST_SECONDS)
        except requests.RequestException:
            return False
        if not answer.ok:
            return False
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return True

    def dag_parsed_at(self, dag_id: str) -> list[datetime]:
        """Return when the DAG was last read from its file; empty while it is unknown."""
        answer = self._request("GET", f"/dags/{dag_id}", allowed=(404,))
        parsed_at = answer.get("last_parsed_time")
        return [datetime.fromisoformat(parsed_at)] if parsed_at else []

    def import_errors(self) -> list[ImportFailure]:
        """Return what is wrong with DAG files that cannot be read."""
        errors = self._request("GET", "/importErrors")["import_errors"]
        return [
            ImportFailure(error["filename"], datetime.fromisoformat(error["timestamp"]), error["stack_trace"])
            for error in errors
        ]

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run the DAG."""
        self._request("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run of the DAG and return its id.

        :param conf: the run's params
        """
        run = self._request("POST", f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf})
        return str(run["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        return str(self._request("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def task_states(self, dag_id: str, run_id: str) -> list[TaskState]:
        """Return the state of every task instance of a run."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100"
        return [
            TaskState(task["task_id"], task["map_index"], task["state"] or "none", task["try_number"])
            for task in self._request("GET", path)["task_instances"]
        ]

    def connection(self, connection_id: str) -> dict[str, Any] | None:
        """Return a connection without its password, or nothing if there is none."""
        return self._request("GET", f"/connections/{connection_id}", allowed=(404,)) or None

    def set_connection(self, connection_id: str, fields: dict[str, str]) -> None:
        """Write a connection, in place of one of that name."""
        known = self.connection(connection_id) is not None
        method, path = ("PATCH", f"/connections/{connection_id}") if known else ("POST", "/connections")
        self._request(method, path, json={"connection_id": connection_id, **fields})

    def get(self, path: str) -> dict[str, Any]:
        """Return whatever lies at a path of the REST API."""
        return self._request("GET", path)

    def _request(
        self, method: str, path: str, json: dict[str, Any] | None = None, allowed: tuple[int, ...] = ()
    ) -> dict[str, Any]:
        """Send one request.

        :param allowed: statuses that are answered with an empty dict instead of an error
        :raises AirflowApiError: if the answer is an error
        """
        try:
            answer = self._session.request(method, f"{self._url}/api/v2{path}", json=json, timeout=REQUEST_SECONDS)
        except requests.RequestException as error:
            raise AirflowApiError(f"{method} {path}: no answer from Airflow: {error}") from error
        if answer.status_code in allowed:
            return {}
        if not answer.ok:
            raise AirflowApiError(f"{method} {path}: Airflow answered {answer.status_code}: {answer.text[:500]}")
        body: dict[str, Any] = answer.json() if answer.content else {}
        return body
