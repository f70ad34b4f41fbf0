"""Jobs that end unexpectedly: outcome of the task and of its retry."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.chaos.results import whole
from tests.chaos.test_storms import POLL, Faults, analyze, paid_once, tasks_of
from tests.dags.conftest import Account
from tests.engine.client import Api
from tests.task_context import TaskStateStore, task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.exceptions import TwelveLabsJobFailedError, TwelveLabsJobTimeoutError, TwelveLabsRefusedError
from twelvelabs_provider.jobs import outage
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.version_compat import TaskDeferred

pytestmark = [pytest.mark.e2e, pytest.mark.engine, pytest.mark.usefixtures("connect")]


@pytest.fixture
def asset(account: Account, new_video: Callable[[], Path]) -> str:
    """An asset that nothing was asked about; reading it takes the engine a while."""
    return Api(account.engine).asset(new_video())


def deferral(operator: Any, context: dict[str, Any]) -> TaskDeferred:
    """Execute until the task defers."""
    with pytest.raises(TaskDeferred) as left:
        operator.execute(context)
    return left.value


def resumed(operator: Any, left: TaskDeferred, context: dict[str, Any]) -> Any:
    """Run the trigger to its event, and resume."""
    event = asyncio.run(anext(left.trigger.run()))
    return getattr(operator, left.method_name)(context, event=event.payload)


def send(account: Account, method: str, path: str) -> None:
    """Send a request without the provider."""
    url = f"{account.engine.base_url}/v1.3{path}"
    requests.request(method, url, headers=account.headers, timeout=30).raise_for_status()


def answered(task: dict[str, Any], **other: Any) -> dict[str, Any]:
    """Return the rule by which every read of a task returns other values."""
    return {"method": "GET", "path": POLL, "action": "status", "status": 200, "body": {**task, **other}}


def test_a_job_cancelled_elsewhere_fails_the_attempt_and_the_retry_submits_again(
    account: Account, asset: str, tmp_path: Path
) -> None:
    memory = TaskStateStore()
    operator = analyze(tmp_path, asset)
    left = deferral(operator, task_context(memory))
    (task,) = tasks_of(account, asset)
    send(account, "POST", f"/analyze/tasks/{task['task_id']}/cancel")
    with pytest.raises(TwelveLabsJobFailedError, match=f"{task['task_id']} ended as 'canceled'"):
        resumed(operator, left, task_context(memory))
    run_to_end(analyze(tmp_path, asset), task_context(memory))
    assert sorted(one["status"] for one in tasks_of(account, asset)) == ["canceled", "ready"]
    assert paid_once(account, asset, made=2) and whole(tmp_path)


def test_unknown_status_is_waited_out(faults: Faults, account: Account, asset: str, tmp_path: Path) -> None:
    """It counts as running, until the deadline; the next try attaches to the same job."""
    memory = TaskStateStore()
    operator = analyze(tmp_path, asset, timeout=3)
    left = deferral(operator, task_context(memory))
    (task,) = tasks_of(account, asset)
    faults(answered(account.get(f"/v1.3/analyze/tasks/{task['task_id']}"), status="pondering"))
    with pytest.raises(TwelveLabsJobTimeoutError, match="a retry attaches to it"):
        resumed(operator, left, task_context(memory))
    faults()
    run_to_end(analyze(tmp_path, asset), task_context(memory))
    assert paid_once(account, asset)


def test_a_warning_is_returned_with_the_result(
    faults: Faults, account: Account, asset: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context = task_context(TaskStateStore())
    operator = analyze(tmp_path, asset)
    left = deferral(operator, context)
    (task,) = tasks_of(account, asset)
    ended = Api(account.engine).finished(f"/analyze/tasks/{task['task_id']}")
    faults(answered(ended, error={"message": "the sound could not be read", "error_type": "media"}))
    result = resumed(operator, left, context)
    assert "the sound could not be read" in str(result["warning"]) and whole(tmp_path)
    assert len(tasks_of(account, asset)) == 1


def test_an_analysis_that_vanishes_fails_without_a_retry_and_a_clear_submits_again(
    account: Account, asset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "SETTLING", 0.5)
    memory = TaskStateStore()
    operator = analyze(tmp_path, asset)
    left = deferral(operator, task_context(memory))
    (task,) = tasks_of(account, asset)
    Api(account.engine).finished(f"/analyze/tasks/{task['task_id']}")
    send(account, "DELETE", f"/analyze/tasks/{task['task_id']}")
    time.sleep(0.5)
    with pytest.raises(TwelveLabsRefusedError, match="HTTP 404"):
        resumed(operator, left, task_context(memory))
    assert tasks_of(account, asset) == [], "nothing was submitted again automatically"
    run_to_end(analyze(tmp_path, asset), task_context(memory, max_tries=5))
    assert len(tasks_of(account, asset)) == 1 and whole(tmp_path)


def test_a_video_that_vanishes_fails_without_a_retry_and_a_clear_indexes_it_again(
    account: Account, new_video: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "SETTLING", 0.5)
    index_id, memory, video = account.create_index("vanishes"), TaskStateStore(), str(new_video())

    def index() -> TwelveLabsIndexVideoOperator:
        return TwelveLabsIndexVideoOperator(
            task_id="t", source=video, index_id=index_id, deferrable=True, poll_interval=0.5
        )

    operator = index()
    left = deferral(operator, task_context(memory))
    if left.trigger.pending["job"]["kind"] == "asset":
        # The asset is ready; what is waited for next is the video.
        with pytest.raises(TaskDeferred) as later:
            resumed(operator, left, task_context(memory))
        left = later.value
    send(account, "DELETE", f"/indexes/{index_id}/indexed-assets/{left.trigger.pending['job']['id']}")
    time.sleep(0.5)
    with pytest.raises(TwelveLabsRefusedError):
        resumed(operator, left, task_context(memory))
    result, _ = run_to_end(index(), task_context(memory, max_tries=5))
    assert account.get(f"/v1.3/indexes/{index_id}/videos")["data"][0]["_id"] == result["video_id"]
