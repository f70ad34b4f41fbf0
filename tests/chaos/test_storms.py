"""Failing responses of every kind: a task succeeds or names the fix, and the job is billed once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.results import whole
from tests.dags.conftest import Account, Connect, billed
from tests.engine_process import running_engine
from tests.task_context import TaskStateStore, task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.api.analysis import generation_v1_3
from twelvelabs_provider.exceptions import (
    TwelveLabsJobTimeoutError,
    TwelveLabsUnknownOutcomeError,
)
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator

pytestmark = [pytest.mark.e2e, pytest.mark.engine]

Faults = Callable[..., Any]
TASKS, POLL = "/analyze/tasks", "/analyze/tasks/*"


@pytest.fixture
def tolerant(connect: Connect) -> None:
    """A connection with many attempts and short timeouts."""
    connect(extra={"api_version": "v1.3", "max_attempts": 8, "read_timeout": 2})


def analyze(output: Path, asset_id: str, **fields: Any) -> TwelveLabsAnalyzeVideoOperator:
    """Return an operator that asks about an asset."""
    usual = {"prompt": "What is it about?", "deferrable": True, "poll_interval": 0.2, "timeout": 60}
    return TwelveLabsAnalyzeVideoOperator(
        task_id="t", asset_id=asset_id, output_path=str(output), **{**usual, **fields}
    )


def tasks_of(account: Account, asset_id: str) -> list[dict[str, Any]]:
    """Return the analysis tasks that were made of an asset."""
    found: list[dict[str, Any]] = account.get("/v1.3/analyze/tasks", asset_id=asset_id)["data"]
    return found


def paid_once(account: Account, asset_id: str, made: int = 1) -> bool:
    """Return whether all analysis tasks of an asset were billed once in total.

    :param made: how many there are.
    """
    ids = [task["task_id"] for task in tasks_of(account, asset_id)]
    events = [event for event in account.get("/_local/billing")["events"] if event["id"] in ids]
    assert (len(ids), len(events)) == (made, 1)
    return True


@pytest.fixture
def asset(account: Account, new_video: Callable[[], Path]) -> str:
    """An asset that nothing was asked about."""
    from tests.engine.client import Api

    return Api(account.engine).asset(new_video())


STORMS: dict[str, list[dict[str, Any]]] = {
    "429s on the submission": [
        {"method": "POST", "path": TASKS, "times": 3, "action": "status", "status": 429, "body": None, "retry_after": 1}
    ],
    "429s on every second look": [
        {"path": POLL, "every": 2, "times": 10, "action": "status", "status": 429, "retry_after": 1}
    ],
    "a third of all answers is 500": [
        {"path": "/a*", "probability": 0.3, "seed": 7, "action": "status", "status": 500}
    ],
    "a third of all answers is 503": [
        {"path": "/a*", "probability": 0.3, "seed": 11, "action": "status", "status": 503}
    ],
    "resets": [{"path": "/a*", "probability": 0.3, "seed": 3, "action": "reset"}],
    "the answer to the submission is lost": [{"method": "POST", "path": TASKS, "times": 2, "action": "lose_answer"}],
    "the answer to the submission is cut": [
        {"method": "POST", "path": TASKS, "times": 1, "action": "cut_body", "length": "whole"}
    ],
    "the JSON of the answer to the submission is cut": [
        {"method": "POST", "path": TASKS, "times": 1, "action": "cut_body", "length": "cut"}
    ],
    "the answers to looks are lost": [{"path": POLL, "every": 2, "times": 6, "action": "lose_answer"}],
    "the answers to looks break off": [{"path": POLL, "every": 2, "times": 6, "action": "cut_body", "length": "whole"}],
    "a hang beyond the read timeout": [
        {"method": "POST", "path": TASKS, "times": 1, "action": "hang"},
        {"path": POLL, "times": 1, "action": "hang"},
    ],
}


@pytest.mark.parametrize("storm", STORMS)
@pytest.mark.usefixtures("tolerant")
def test_analysis_succeeds_despite_failing_requests(
    storm: str, faults: Faults, account: Account, asset: str, tmp_path: Path
) -> None:
    faults(*STORMS[storm])
    result, _ = run_to_end(analyze(tmp_path, asset), task_context(TaskStateStore()))
    faults()
    assert result["mode"] == "async" and whole(tmp_path)
    assert paid_once(account, asset)


@pytest.mark.parametrize("storm", ["lose_answer", "reset", "cut_body", "hang"])
@pytest.mark.usefixtures("tolerant")
def test_indexing_is_billed_once_after_a_failed_response(
    storm: str, faults: Faults, account: Account, new_video: Callable[[], Path]
) -> None:
    """The provider searches for the video; if it does not exist, the attempt fails and the next one continues."""
    index_id = account.create_index(f"storm-{storm}")
    before = billed(account)
    faults({"method": "POST", "path": "/indexes/*/indexed-assets", "times": 1, "action": storm})
    video, memory = str(new_video()), TaskStateStore()

    def attempt() -> Any:
        operator = TwelveLabsIndexVideoOperator(
            task_id="t", source=video, index_id=index_id, deferrable=True, poll_interval=0.2
        )
        return run_to_end(operator, task_context(memory))[0]

    result = first_that_succeeds(attempt)
    assert result["video_id"] and billed(account) == before + 1
    assert account.get(f"/v1.3/indexes/{index_id}/videos")["page_info"]["total_results"] == 1


def first_that_succeeds(attempt: Callable[[], Any]) -> Any:
    """Try three times, as Airflow does with ``retries=2``; an error that forbids retries is raised."""
    from airflow.sdk.exceptions import AirflowFailException

    for _ in range(2):
        try:
            return attempt()
        except AirflowFailException:
            raise
        except Exception as error:
            print("a try failed:", error)
    return attempt()


@pytest.mark.parametrize(
    ("mode", "action"),
    [*product(["sync", "stream"], ["lose_answer", "hang", "cut_body"]), ("stream", "cut_stream")],
)
@pytest.mark.usefixtures("tolerant")
def test_a_lost_response_that_cannot_be_found_is_never_requested_again(
    mode: str,
    action: str,
    faults: Faults,
    account: Account,
    asset: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # An answer at once may take minutes; here it is given up after seconds.
    monkeypatch.setattr(generation_v1_3, "LONGEST_ANSWER", 1.0)
    before = billed(account, "analysis")
    faults({"method": "POST", "path": "/analyze", "action": action})
    memory = TaskStateStore()
    fields = {"mode": mode, "deferrable": False}
    with pytest.raises(TwelveLabsUnknownOutcomeError, match=r"Clear the task to ask again, or set resubmit_lost=True"):
        analyze(tmp_path, asset, **fields).execute(task_context(memory))
    faults()
    with pytest.raises(TwelveLabsUnknownOutcomeError, match="An earlier attempt sent this question"):
        analyze(tmp_path, asset, **fields).execute(task_context(memory))
    assert billed(account, "analysis") <= before + 1
    assert not list(tmp_path.rglob("*.manifest.json"))


@pytest.mark.usefixtures("tolerant")
def test_endless_failures_stop_at_the_deadline(faults: Faults, account: Account, asset: str, tmp_path: Path) -> None:
    """The message names the state of the job; a retry attaches to it."""
    memory = TaskStateStore()
    faults({"path": POLL, "action": "status", "status": 429, "retry_after": 0})
    with pytest.raises(TwelveLabsJobTimeoutError, match=r"it continues, and a retry attaches to it"):
        run_to_end(analyze(tmp_path, asset, timeout=2), task_context(memory))
    faults()
    run_to_end(analyze(tmp_path, asset), task_context(memory))
    assert paid_once(account, asset)


@pytest.mark.parametrize("deferrable", [True, False])
def test_wait_continues_after_a_restart_of_the_service(
    deferrable: bool, new_video: Callable[[], Path], connect: Connect, tmp_path: Path
) -> None:
    """The wait tolerates the outage, and the service continues the job."""
    data = tmp_path / "engine"
    with running_engine(data) as first:
        port = int(first.base_url.rpartition(":")[2])
        account = Account(first)
        index_id = account.create_index("restart")
        connect(host=first.base_url)
        operator = TwelveLabsIndexVideoOperator(
            task_id="t",
            source=str(new_video()),
            index_id=index_id,
            deferrable=deferrable,
            poll_interval=0.3,
            timeout=60,
        )
        outcome: list[Any] = []
        waiting = threading.Thread(target=lambda: outcome.append(run_to_end(operator, task_context(TaskStateStore()))))
        waiting.start()
        deadline = time.monotonic() + 30
        while not account.get(f"/v1.3/indexes/{index_id}/indexed-assets")["data"] and time.monotonic() < deadline:
            time.sleep(0.05)
        first.process.kill()
        first.process.wait()
    with running_engine(data, port=port) as second:
        waiting.join(60)
        assert outcome and outcome[0][0]["video_id"]
        assert billed(Account(second)) == 1
