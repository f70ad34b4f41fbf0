"""A job that the service returned as already existing: its result counts, and this task never cancels it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.scripted_server import Reply, ScriptedServer
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.version_compat import TaskDeferred

ASSET = Reply({"_id": "a1", "status": "ready", "duration": 30.0, "filename": "a.mp4"})
RUNNING = Reply({"task_id": "t1", "status": "processing"})


@pytest.mark.parametrize(
    ("status", "cancelled"), [("pending", True), ("queued", True), ("processing", False)], ids=lambda value: str(value)
)
def test_only_a_task_that_is_new_is_cancelled(
    server: ScriptedServer, tmp_path: Path, status: str, cancelled: bool
) -> None:
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, max_tries=0, try_number=1)
    task: Any = TwelveLabsAnalyzeVideoOperator(
        task_id="t", asset_id="a1", prompt="What?", output_path=str(tmp_path), mode="async", deferrable=True
    )
    server.script += [ASSET, Reply({"task_id": "t1", "status": status}), RUNNING, RUNNING]
    with pytest.raises(TaskDeferred) as deferred:
        task.execute({"ti": ti})
    trigger: Any = deferred.value.trigger
    assert trigger.pending["job"]["id"] == "t1" and trigger.cancel_on_kill is cancelled
    server.script.append(Reply({}))
    task.on_kill()
    assert (server.asked[-1] == "POST /v1.3/analyze/tasks/t1/cancel") is cancelled
