"""Reasons of failed tasks, read from their logs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.airflow_api import TaskState


@dataclass(frozen=True)
class TaskLogs:
    """The logs of one run's tasks.

    :param folder: Airflow's log folder
    """

    folder: Path
    dag_id: str
    run_id: str

    def log(self, task: TaskState) -> Path:
        """Return the path of the log of a task's last attempt (Airflow's default layout)."""
        parts = [f"dag_id={self.dag_id}", f"run_id={self.run_id}", f"task_id={task.task_id}"]
        if task.map_index >= 0:
            parts.append(f"map_index={task.map_index}")
        return self.folder.joinpath(*parts, f"attempt={task.try_number}.log")

    def reason(self, task: TaskState) -> str:
        """Return why a task failed."""
        return last_error(self.log(task)) or "its log names no error"

    def failures(self, tasks: Iterable[TaskState]) -> Iterator[str]:
        """Yield the error and the log path of each task that failed, without tasks skipped by another failure."""
        for task in tasks:
            if task.state == "failed":
                yield f"{task.label} failed: {self.reason(task)}"
                yield f"its log: {self.log(task)}"


def last_error(log: Path) -> str | None:
    """Return the last exception in a task's log, or its last error message."""
    if not log.exists():
        return None
    message = None
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        record = parsed(line)
        if record.get("error_detail"):
            detail = record["error_detail"][0]
            message = f"{detail['exc_type']}: {detail['exc_value']}"
        elif record.get("level") in ("error", "critical"):
            message = str(record.get("event"))
    return message


def parsed(line: str) -> dict[str, Any]:
    """Return a log line as the record that it is, or an empty one if it is something else."""
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
