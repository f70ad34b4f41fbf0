"""Jobs of two Airflows, or of a run that was created again, that have the same names and one account."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Library
from tests.dags.conftest import Account, Connect
from tests.engine.suspended_worker import suspended_worker
from tests.task_context import TaskInstance, TaskStateStore
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsPartialFailureError
from twelvelabs_provider.jobs import indexing_submission
from twelvelabs_provider.jobs.bulk_indexing import steps
from twelvelabs_provider.jobs.deduplication import index_asset
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.batch import TwelveLabsAnalyzeBatchOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.operators.index_videos import TwelveLabsIndexVideosOperator
from twelvelabs_provider.version_compat import TaskDeferred

pytestmark = pytest.mark.engine


def airflow(run_id: str, *, store: bool) -> Any:
    """Return what one Airflow gives to the first try of a task."""
    names = {"dag_id": "nightly", "run_id": run_id, "task_id": "ask", "map_index": -1}
    context: dict[str, Any] = {"ti": TaskInstance(**names, max_tries=1, try_number=1)}
    if store:
        return {**context, "task_state_store": TaskStateStore()}
    due = datetime(2026, 11, 1, tzinfo=UTC)
    return {**context, "dag_run": SimpleNamespace(run_after=due, start_date=datetime.now(UTC))}


def submitted(task: Any, context: Any) -> str:
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    return str(deferred.value.trigger.pending["job"]["id"])


def dies_when_asked_to_index(monkeypatch: pytest.MonkeyPatch, execute: Any) -> None:
    """Let the worker die at once after the service took the request to index."""

    def sent(*arguments: Any) -> Any:
        index_asset(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(indexing_submission, "index_asset", sent)
        dying.setattr(steps, "index_asset", sent)
        with pytest.raises(KeyboardInterrupt):
            execute()


@pytest.mark.parametrize("many", [False, True], ids=["one video", "many videos"])
@pytest.mark.parametrize("store", [True, False], ids=["with a store", "without a store"])
def test_retry_with_if_indexed_fail_accepts_its_own_video(
    store: bool, many: bool, connect: Connect, account: Account, clip: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    index_id, context = account.create_index(f"own {uuid4()}"), airflow(f"manual {uuid4()}", store=store)
    usual: dict[str, Any] = {
        "task_id": "ask",
        "index_id": index_id,
        "if_indexed": "fail",
        "poll_interval": 0.2,
        "deferrable": False,
    }

    def task() -> Any:
        if many:
            return TwelveLabsIndexVideosOperator(videos=[str(clip)], output_path=str(tmp_path / "out"), **usual)
        return TwelveLabsIndexVideoOperator(source=str(clip), **usual)

    dies_when_asked_to_index(monkeypatch, lambda: task().execute(context))
    context["ti"].try_number = 2
    result = task().execute(context)
    assert (result["indexed"], result["failed"]) == (1, 0) if many else not result["reused"]
    assert account.get(f"/v1.3/indexes/{index_id}/indexed-assets")["page_info"]["total_results"] == 1
    other = airflow(f"manual {uuid4()}", store=store)
    with pytest.raises((TwelveLabsInputError, TwelveLabsPartialFailureError)):
        task().execute(other)


def test_two_airflows_use_separate_checkpoints(
    connect: Connect, account: Account, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both write below one output path; neither takes what the other has under way for its own."""
    index_id, run_id = account.create_index(f"journals {uuid4()}"), f"scheduled {uuid4()}"

    def task() -> Any:
        return TwelveLabsIndexVideosOperator(
            task_id="ask", videos=[str(clip)], index_id=index_id, output_path=str(tmp_path), poll_interval=0.2,
            deferrable=False,
        )  # fmt: skip

    dies_when_asked_to_index(monkeypatch, lambda: task().execute(airflow(run_id, store=False)))
    assert task().execute(airflow(run_id, store=False))["reused"] == 1
    assert len(list(tmp_path.rglob("*.checkpoint.json"))) == 2


@pytest.mark.parametrize("store", [True, False], ids=["with stores", "without stores"])
@pytest.mark.parametrize("kind", ["analysis", "batch"])
def test_two_airflows_with_one_account_use_separate_jobs(
    kind: str, store: bool, connect: Connect, account: Account, library: Library, tmp_path: Path
) -> None:
    def task() -> Any:
        usual: dict[str, Any] = {"task_id": "ask", "prompt": "What?", "output_path": str(tmp_path), "deferrable": True}
        if kind == "batch":
            return TwelveLabsAnalyzeBatchOperator(items=[library.asset_id], **usual)
        return TwelveLabsAnalyzeVideoOperator(asset_id=library.asset_id, mode="async", **usual)

    run_id, path = f"scheduled {uuid4()}", "batches" if kind == "batch" else "tasks"
    production, staging = task(), task()
    with suspended_worker(account.engine):
        ours = submitted(production, airflow(run_id, store=store))
        theirs = submitted(staging, airflow(run_id, store=store))
        assert ours != theirs
        staging.on_kill()
        assert account.get(f"/v1.3/analyze/{path}/{ours}")["status"] not in ("canceled", "canceling")
        assert account.get(f"/v1.3/analyze/{path}/{theirs}")["status"] in ("canceled", "canceling")
        production.on_kill()


def test_retry_finds_the_job_of_the_earlier_attempt(
    connect: Connect, account: Account, library: Library, tmp_path: Path
) -> None:
    def task() -> Any:
        return TwelveLabsAnalyzeVideoOperator(
            task_id="ask", asset_id=library.asset_id, prompt="What?", output_path=str(tmp_path), mode="async",
            deferrable=True,
        )  # fmt: skip

    context = airflow(f"scheduled {uuid4()}", store=False)
    with suspended_worker(account.engine):
        first, second = task(), task()
        job = submitted(first, context)
        context["ti"].try_number = 2
        assert submitted(second, context) == job
        first.on_kill()
