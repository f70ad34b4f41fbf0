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
from tests.engine.rest import at_rest
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.batch import TwelveLabsAnalyzeBatchOperator
from twelvelabs_provider.version_compat import TaskDeferred

pytestmark = pytest.mark.engine


class Memory(dict[str, Any]):
    """A task state store."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value

    def delete(self, key: str) -> None:
        del self[key]


def airflow(run_id: str, *, store: bool) -> Any:
    """Return what one Airflow gives to the first try of a task."""
    names = {"dag_id": "nightly", "run_id": run_id, "task_id": "ask", "map_index": -1}
    context: dict[str, Any] = {"ti": SimpleNamespace(**names, max_tries=1, try_number=1)}
    if store:
        return {**context, "task_state_store": Memory()}
    due = datetime(2026, 11, 1, tzinfo=UTC)
    return {**context, "dag_run": SimpleNamespace(run_after=due, start_date=datetime.now(UTC))}


def submitted(task: Any, context: Any) -> str:
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    return str(deferred.value.trigger.pending["job"]["id"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("store", [True, False], ids=["with stores", "without stores"])
@pytest.mark.parametrize("kind", ["analysis", "batch"])
def test_two_airflows_with_one_account_have_jobs_of_their_own(
    kind: str, store: bool, connect: Connect, account: Account, library: Library, tmp_path: Path
) -> None:
    def task() -> Any:
        usual = {"task_id": "ask", "prompt": "What?", "output_path": str(tmp_path), "deferrable": True}
        if kind == "batch":
            return TwelveLabsAnalyzeBatchOperator(items=[library.asset_id], **usual)
        return TwelveLabsAnalyzeVideoOperator(asset_id=library.asset_id, mode="async", **usual)

    run_id, path = f"scheduled {uuid4()}", "batches" if kind == "batch" else "tasks"
    production, staging = task(), task()
    with at_rest(account.engine):
        ours = submitted(production, airflow(run_id, store=store))
        theirs = submitted(staging, airflow(run_id, store=store))
        assert ours != theirs
        staging.on_kill()
        assert account.get(f"/v1.3/analyze/{path}/{ours}")["status"] not in ("canceled", "canceling")
        assert account.get(f"/v1.3/analyze/{path}/{theirs}")["status"] in ("canceled", "canceling")
        production.on_kill()


def test_a_retry_has_the_job_of_the_try_before(
    connect: Connect, account: Account, library: Library, tmp_path: Path
) -> None:
    def task() -> Any:
        return TwelveLabsAnalyzeVideoOperator(
            task_id="ask", asset_id=library.asset_id, prompt="What?", output_path=str(tmp_path), mode="async",
            deferrable=True,
        )  # fmt: skip

    context = airflow(f"scheduled {uuid4()}", store=False)
    with at_rest(account.engine):
        first, second = task(), task()
        job = submitted(first, context)
        context["ti"].try_number = 2
        assert submitted(second, context) == job
        first.on_kill()
