"""Error of a failed task, read from its log."""

from __future__ import annotations

import json
from pathlib import Path

from demo.airflow_api import TaskState
from demo.failure import TaskLogs, last_error


def write_log(log: Path, *records: object) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(json.dumps(record) + "\n" for record in records) + "not JSON\n")


def error_record(kind: str, value: str) -> dict[str, object]:
    return {"level": "error", "event": "Task failed", "error_detail": [{"exc_type": kind, "exc_value": value}]}


def test_each_failed_task_is_shown_with_its_error_and_log(tmp_path: Path) -> None:
    failed = TaskState("index_video", 2, "failed", try_number=3)
    skipped = TaskState("extract", -1, "upstream_failed", try_number=0)
    logs = TaskLogs(tmp_path, "dag", "run")
    log = logs.log(failed)
    assert log.relative_to(tmp_path).parts == (
        *("dag_id=dag", "run_id=run", "task_id=index_video", "map_index=2", "attempt=3.log"),
    )
    write_log(log, {"level": "info", "event": "begun"}, error_record("ValueError", "too short"))
    assert list(logs.failures([skipped, failed])) == [
        "index_video[2] failed: ValueError: too short",
        f"its log: {log}",
    ]


def test_last_error_is_shown_and_a_message_replaces_a_missing_exception(tmp_path: Path) -> None:
    log = tmp_path / "attempt=1.log"
    write_log(log, error_record("KeyError", "first"), {"level": "error", "event": "the worker was killed"})
    assert last_error(log) == "the worker was killed"
    write_log(log, {"level": "info", "event": "all is well"})
    assert last_error(log) is None
    assert last_error(tmp_path / "missing.log") is None
