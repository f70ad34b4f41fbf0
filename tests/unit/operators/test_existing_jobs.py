"""Existing jobs returned by the service: cancelled only if their key proves the owner."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests.task_context import TaskInstance, TaskStateStore
from tests.unit.scripted_server import Reply, ScriptedServer
from twelvelabs_provider.jobs.task_state import TaskState
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.version_compat import TaskDeferred

ASSET = Reply({"_id": "a1", "status": "ready", "duration": 30.0, "filename": "a.mp4"})
RUNNING = Reply({"task_id": "t1", "status": "processing"})


def analysis(tmp_path: Path) -> Any:
    return TwelveLabsAnalyzeVideoOperator(
        task_id="t", asset_id="a1", prompt="What?", output_path=str(tmp_path), mode="async", deferrable=True
    )


def instance(try_number: int = 1) -> Any:
    return TaskInstance(dag_id="d", run_id="r", task_id="t", map_index=-1, max_tries=1, try_number=try_number)


@pytest.mark.parametrize(
    ("status", "cancelled"), [("pending", True), ("queued", True), ("processing", False)], ids=lambda value: str(value)
)
def test_without_a_state_store_only_a_new_job_is_cancelled(
    server: ScriptedServer, tmp_path: Path, status: str, cancelled: bool
) -> None:
    task = analysis(tmp_path)
    server.script += [ASSET, Reply({"task_id": "t1", "status": status}), RUNNING, RUNNING]
    with pytest.raises(TaskDeferred) as deferred:
        task.execute({"ti": instance()})
    trigger: Any = deferred.value.trigger
    assert trigger.pending["job"]["id"] == "t1" and trigger.cancel_on_kill is cancelled
    server.script.append(Reply({}))
    task.on_kill()
    assert (server.asked[-1] == "POST /v1.3/analyze/tasks/t1/cancel") is cancelled


def test_retry_owns_the_job_that_a_dead_worker_submitted(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = TaskStateStore()
    server.script += [ASSET, Reply({"task_id": "t1", "status": "pending"}), RUNNING]
    with monkeypatch.context() as dying, pytest.raises(KeyboardInterrupt):
        dying.setattr(TaskState, "record_job", Mock(side_effect=KeyboardInterrupt))
        analysis(tmp_path).execute({"ti": instance(), "task_state_store": memory})
    retry = analysis(tmp_path)
    server.script += [ASSET, RUNNING, RUNNING]
    with pytest.raises(TaskDeferred) as deferred:
        retry.execute({"ti": instance(2), "task_state_store": memory})
    trigger: Any = deferred.value.trigger
    assert trigger.cancel_on_kill and memory["twelvelabs_job"]["ours"]
    first, second = [request for request in server.requests if request.method == "POST"]
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    server.script.append(Reply({}))
    retry.on_kill()
    assert server.asked[-1] == "POST /v1.3/analyze/tasks/t1/cancel"
