"""Airflow's task context and its state stores of tasks and assets, in memory."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any


class TaskStateStore(dict[str, Any]):
    """Task state store of one task instance; values take the way through JSON, as in Airflow."""

    def set(self, key: str, value: Any) -> None:
        self[key] = json.loads(json.dumps(value))

    def delete(self, key: str) -> None:
        del self[key]

    def jobs(self) -> dict[str, Any]:
        """Return the records of remote jobs, without the text that names the database."""
        return {key: value for key, value in self.items() if key != "twelvelabs_origin"}


class AssetStateStore:
    """State store of one asset; values take the way through JSON, as in Airflow.

    :param value: the stored value, as JSON.
    """

    def __init__(self, value: str | None = None) -> None:
        self.value = value
        self.saved: list[Any] = []
        self.failures = 0
        """Number of writes that fail first."""

    async def aget(self, key: str, default: Any = None) -> Any:
        """Return the stored value."""
        return default if self.value is None else json.loads(self.value)

    async def aset(self, key: str, value: Any) -> None:
        """Store a value."""
        if self.failures:
            self.failures -= 1
            raise RuntimeError("no supervisor")
        self.value = json.dumps(value)
        self.saved.append(value)


class TaskInstance(SimpleNamespace):
    """Task instance as the operators see it; it keeps what is pushed."""

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep a value under its key."""
        vars(self).setdefault("pushed", {})[key] = value


def task_context(
    store: TaskStateStore | None = None, *, max_tries: int = 0, try_number: int = 1, run_id: str = "r"
) -> Any:
    """Return the part of Airflow's context that the operators read.

    :param store: task state store of the task instance; without one, the context is that of Airflow 3.2.
    """
    now = datetime.now(UTC)
    ti = TaskInstance(dag_id="d", run_id=run_id, task_id="t", map_index=-1, max_tries=max_tries)
    ti.try_number, ti.start_date, ti.pushed = try_number, now, {}
    ti.get_first_reschedule_date = lambda context: now
    return {"ti": ti} if store is None else {"ti": ti, "task_state_store": store}


def pushed(context: Any) -> dict[str, Any]:
    """Return the result that a failed task pushed, after its way through JSON, as in XCom."""
    result = json.loads(json.dumps(context["ti"].pushed["return_value"]))
    chained = {name: value for name, value in context["ti"].pushed.items() if name != "return_value"}
    assert chained == {name: result[name] for name in chained}, "fields that are pushed beside it are equal"
    return dict(result)
