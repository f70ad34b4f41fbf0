"""``kill -9`` of the triggerer while many wait: all finish, none is cancelled, nothing is paid for twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chaos.results import whole_manifest
from tests.engine.test_faults import Admin

if TYPE_CHECKING:
    from tests.chaos.stack import Stack

pytestmark = pytest.mark.e2e
WAITS = 30
# A busy machine starts a task in ten seconds, an idle one in two.
SECONDS = 300.0
SILENT = [
    {"method": "GET", "path": path, "action": "status", "status": 503}
    for path in ("/analyze/tasks", "/analyze/tasks/*")
]


def test_a_triggerer_dies_with_many_waits(stack: Stack, unseen: Callable[[], Path], tmp_path: Path) -> None:
    asset = stack.engine.asset(unseen())
    before = stack.account.get("/_local/billing")["totals"].get("analysis", {"events": 0})["events"]
    faults = Admin(stack.engine, "faults")
    # Nobody learns that anything is ready until all wait.
    faults.set({"rules": SILENT})
    run_id = stack.begin("many_waits", {"waits": WAITS, "asset": asset, "output": str(tmp_path)})

    def states() -> Counter[str]:
        tasks = stack.tasks("many_waits", run_id).values()
        return Counter(task.state for task in tasks if task.task_id == "wait")

    stack.until(lambda: states()["deferred"] == WAITS, "many_waits", run_id, SECONDS)
    stack.kill_component("triggerer")
    stack.start_component("triggerer")
    assert faults.send("DELETE").status_code == 204
    assert stack.finish("many_waits", run_id, SECONDS) == "success"
    tasks = [task for task in stack.tasks("many_waits", run_id).values() if task.task_id == "wait"]
    assert {task.try_number for task in tasks} == {1}, "no wait was tried again"
    found = stack.account.get("/v1.3/analyze/tasks", asset_id=asset, page_limit=50)
    assert [task["status"] for task in found["data"]] == ["ready"] * WAITS
    after = stack.account.get("/_local/billing")["totals"]["analysis"]["events"]
    assert after - before == WAITS
    manifests = list(tmp_path.rglob("*.manifest.json"))
    assert len(manifests) == WAITS
    assert all(whole_manifest(manifest) for manifest in manifests)
