"""Cancellation of remote analyses when a user ends tasks, or when a run times out; other analyses continue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chaos.stack import UNASSIGNED
from tests.engine.suspended_worker import suspended_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.stack import Stack

pytestmark = pytest.mark.e2e
SECONDS = 300.0
GIVEN_UP = ("failed", "succeeded", "mapped-failed", "mapped-succeeded")
CLEARED = ("cleared", "mapped-cleared")
LEFT_ALONE = ("kept", "mapped-untouched")
OUT_OF_TIME = ("deferred", "mapped_deferred-0", "mapped_deferred-1", "running", "mapped_running-0", "mapped_running-1")
ACTS = {
    ("failed", -1): ("failed", "failed"),
    ("succeeded", -1): ("success", "succeeded"),
    ("cleared", -1): ("clear", "cleared"),
    ("kept", -1): ("failed", "kept"),
    ("mapped", 0): ("failed", "mapped-failed"),
    ("mapped", 1): ("success", "mapped-succeeded"),
    ("mapped", 2): ("clear", "mapped-cleared"),
}
ENDS = {
    ("failed", -1): "failed",
    ("succeeded", -1): "success",
    ("cleared", -1): "success",
    ("kept", -1): "failed",
    ("mapped", 0): "failed",
    ("mapped", 1): "success",
    ("mapped", 2): "success",
    ("mapped", 3): "success",
}


def each(names: Iterable[str], *statuses: str) -> dict[str, list[str]]:
    """Return the same statuses for every name."""
    return {name: list(statuses) for name in names}


@dataclass(frozen=True)
class Waiting:
    """A run whose tasks wait for analyses that do not end."""

    stack: Stack
    dag_id: str
    run_id: str
    asset: str

    def analyses(self) -> dict[str, list[str]]:
        """Return the statuses of the analyses, sorted, by what follows the kind of the run in their names."""
        found: dict[str, list[str]] = {}
        for task in self.stack.account.get("/v1.3/analyze/tasks", asset_id=self.asset, page_limit=50)["data"]:
            status = "waits" if task["status"] in ("pending", "queued", "processing") else task["status"]
            found.setdefault(task["custom_id"].partition("-")[2], []).append(status)
        return {name: sorted(statuses) for name, statuses in found.items()}

    def states(self) -> dict[tuple[str, int], str]:
        """Return the states of the task instances."""
        tasks = self.stack.tasks(self.dag_id, self.run_id).values()
        return {(task.task_id, task.map_index): task.state for task in tasks}

    def held(self) -> int:
        """Return how many waits a triggerer holds: only a held wait notices what a user does."""
        return self.stack.log_of_all(self.dag_id, self.run_id).count(') starting"')

    def until(self, done: Callable[[], bool]) -> None:
        """Wait until something is so."""
        self.stack.until(done, self.dag_id, self.run_id, SECONDS)

    def give_up(self) -> None:
        """Do to the tasks what their names say, one by one: a worker that ends a process gives it five seconds."""
        for (task_id, index), (act, name) in ACTS.items():
            if act == "clear":
                self.stack.api.clear(self.dag_id, self.run_id, task_id, index)
            else:
                self.stack.api.set_state(self.dag_id, self.run_id, task_id, act, index)
            if name in LEFT_ALONE:
                continue
            left = ["canceled", "waits"] if act == "clear" else ["canceled"]
            self.until(lambda name=name, left=left: self.analyses()[name] == left)  # type: ignore[misc]


@contextmanager
def waiting(stack: Stack, dag_id: str, asset: str, output: Path) -> Iterator[Waiting]:
    """A run in mid-wait: no analysis comes to its end before the context is left."""
    with suspended_worker(stack.account.engine):
        run_id = stack.begin(dag_id, {"asset": asset, "output": str(output)})
        yield Waiting(stack, dag_id, run_id, asset)


@pytest.fixture
def asset(stack: Stack, new_video: Callable[[], Path]) -> str:
    """An asset that nothing was asked about."""
    return stack.engine.asset(new_video())


@pytest.mark.parametrize("where", ["deferred", "running"])
def test_only_the_jobs_of_ended_tasks_are_cancelled(where: str, stack: Stack, asset: str, tmp_path: Path) -> None:
    with waiting(stack, f"given_up_while_{where}", asset, tmp_path) as run:
        all_wait = each((*GIVEN_UP, *CLEARED, *LEFT_ALONE), "waits")
        run.until(lambda: run.analyses() == all_wait and set(run.states().values()) == {where})
        run.until(lambda: where == "running" or run.held() == len(all_wait))
        run.give_up()
        assert all(run.analyses()[name] == ["waits"] for name in LEFT_ALONE)
    stack.finish(run.dag_id, run.run_id, SECONDS)
    assert run.states() == ENDS
    run.until(lambda: run.analyses()["kept"] == ["ready"])
    ends = run.analyses()
    assert {name: ends.pop(name) for name in CLEARED} == each(CLEARED, "canceled", "ready")
    assert ends == {**each(GIVEN_UP, "canceled"), **each(LEFT_ALONE, "ready")}


def test_dagrun_timeout_cancels_the_analyses(stack: Stack, asset: str, tmp_path: Path) -> None:
    with waiting(stack, "out_of_time", asset, tmp_path) as run:
        all_wait = each(OUT_OF_TIME, "waits")
        run.until(
            lambda: (
                run.analyses() == all_wait
                and all(state == name.removeprefix("mapped_") for (name, _), state in run.states().items())
            )
        )
        run.until(lambda: run.held() == 3)
        stack.set_start(run.dag_id, run.run_id, hours_ago=2)
        assert stack.finish(run.dag_id, run.run_id, SECONDS) == "failed"
        run.until(lambda: run.analyses() == each(OUT_OF_TIME, "canceled"))
        assert set(run.states().values()) == {"skipped"}


def test_analyses_stay_when_their_waits_move_to_another_triggerer(stack: Stack, asset: str, tmp_path: Path) -> None:
    """A triggerer that was out of touch drops its waits as if a user had acted; one that is shut down does too."""
    with waiting(stack, "given_up_while_deferred", asset, tmp_path) as run:
        all_wait = each((*GIVEN_UP, *CLEARED, *LEFT_ALONE), "waits")

        def held_by_one() -> int:
            holders = stack.holders(run.dag_id, run.run_id)
            return next(iter(holders)) if len(holders) == 1 and holders.total() == len(all_wait) else UNASSIGNED

        run.until(lambda: run.analyses() == all_wait and held_by_one() != UNASSIGNED)
        first = held_by_one()
        # A triggerer's first request makes it load Airflow's API, which on a busy machine takes longer than it may be
        # silent.
        run.until(lambda: stack.is_connected_to_engine("triggerer"))
        stack.start_component("second triggerer", kind="triggerer")
        family = stack.family("triggerer")
        for process in family:
            process.suspend()
        try:
            run.until(lambda: held_by_one() not in (UNASSIGNED, first))
            second = held_by_one()
            run.until(lambda: stack.is_connected_to_engine("second triggerer"))
        finally:
            for process in family:
                process.resume()
        moved = "another triggerer continues the wait"
        run.until(lambda: stack.log_of_all(run.dag_id, run.run_id).count(moved) >= len(all_wait) - 1)
        run.until(lambda: held_by_one() == second)
        stack.end_component("second triggerer")
        run.until(lambda: held_by_one() == first)
        assert run.analyses() == all_wait
    assert stack.finish(run.dag_id, run.run_id, SECONDS) == "success"
    assert run.analyses() == each(all_wait, "ready")
