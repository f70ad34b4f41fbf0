"""``kill -9`` of triggerers during many waits: all finish, none is cancelled, nothing is billed twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.results import whole_manifest
from tests.chaos.stack import TRIGGERER_CAPACITY, UNASSIGNED
from tests.engine.suspended_worker import suspended_worker

if TYPE_CHECKING:
    from demo.airflow_api import TaskState
    from tests.chaos.stack import Stack

pytestmark = pytest.mark.e2e
DAG_ID = "many_waits"
# Twice what the first triggerer takes, and more than one page of analyses.
WAITS = 2 * TRIGGERER_CAPACITY
PUBLISHED = 6
ASKED = WAITS - PUBLISHED
# A busy machine starts a task in ten seconds, an idle one in one.
SECONDS = 1200.0
SECOND = "second triggerer"


@dataclass(frozen=True)
class Deaths:
    """A run that two triggerers did not survive.

    :param shares: how many waits each triggerer had when both lived, and after the first death.
    :param tries: the tries that waited, by the labels of their tasks.
    :param billed: what the run cost.
    """

    stack: Stack
    run_id: str
    asset: str
    output: Path
    shares: tuple[Counter[int], Counter[int]]
    tries: dict[str, int]
    ended: str
    billed: list[dict[str, Any]]

    @property
    def waits(self) -> list[TaskState]:
        """The tasks that waited."""
        tasks = self.stack.tasks(DAG_ID, self.run_id).values()
        return [task for task in tasks if task.task_id in ("asked", "published")]

    @property
    def analyses(self) -> list[dict[str, Any]]:
        """The analyses that the run made."""
        pages = [
            self.stack.account.get("/v1.3/analyze/tasks", asset_id=self.asset, page_limit=50, page=page)["data"]
            for page in range(1, WAITS // 50 + 2)
        ]
        return [task for page in pages for task in page]


@pytest.fixture(scope="module")
def deaths(stack: Stack, new_video: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deaths]:
    """One of two triggerers dies, then the other one; a third one finds all waits."""
    asset, output = stack.engine.asset(new_video()), tmp_path_factory.mktemp("many")
    before = len(stack.account.get("/_local/billing")["events"])
    # No analysis comes to its end before both are dead.
    with suspended_worker(stack.account.engine):
        conf = {"published": PUBLISHED, "asked": ASKED, "asset": asset, "output": str(output)}
        run_id = stack.begin(DAG_ID, conf)
        shares: list[Counter[int]] = []

        def held_by(triggerers: int) -> bool:
            holders = stack.holders(DAG_ID, run_id)
            held = holders.total() == WAITS and len(holders) == triggerers and UNASSIGNED not in holders
            if held:
                # A busy triggerer that falls silent may lose its waits the next moment.
                shares.append(holders)
            return held

        stack.until(lambda: stack.holders(DAG_ID, run_id).total() == WAITS, DAG_ID, run_id, SECONDS)
        stack.start_component(SECOND, "--capacity", str(WAITS), kind="triggerer")
        stack.until(lambda: held_by(2), DAG_ID, run_id, SECONDS)
        tries = {label: task.try_number for label, task in stack.tasks(DAG_ID, run_id).items()}
        stack.kill_component("triggerer")
        # The one that was started first has the lower number.
        stack.until(lambda: held_by(1) and min(shares[0]) not in shares[-1], DAG_ID, run_id, SECONDS)
        stack.kill_component(SECOND)
        stack.start_component("triggerer", "--capacity", str(WAITS))
    ended = stack.finish(DAG_ID, run_id, SECONDS)
    billed = stack.account.get("/_local/billing")["events"][before:]
    yield Deaths(stack, run_id, asset, output, (shares[0], shares[-1]), tries, ended, billed)


def test_other_triggerer_takes_over(deaths: Deaths) -> None:
    both, left = deaths.shares
    (heir,) = left
    assert left[heir] == WAITS and 0 < both[heir] < WAITS


def test_all_tasks_finish_in_the_attempt_that_deferred(deaths: Deaths) -> None:
    assert deaths.ended == "success"
    assert Counter(task.state for task in deaths.waits) == {"success": WAITS}
    assert all(task.try_number == deaths.tries[task.label] for task in deaths.waits)
    manifests = list(deaths.output.rglob("*.manifest.json"))
    assert len(manifests) == PUBLISHED
    assert all(whole_manifest(manifest) for manifest in manifests)


def test_no_analysis_is_cancelled_or_billed_twice(deaths: Deaths) -> None:
    assert Counter(task["status"] for task in deaths.analyses) == {"ready": WAITS}
    paid = Counter(event["id"] for event in deaths.billed if event["what"] == "analysis")
    assert paid == Counter(task["task_id"] for task in deaths.analyses)
