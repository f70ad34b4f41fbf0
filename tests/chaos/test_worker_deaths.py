"""``kill -9`` of the worker at each step, retried by Airflow: each job is billed once, and all files are complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from demo.airflow_api import TaskState
from tests.chaos.dags.steps import (
    ANALYSES,
    BATCHES,
    EMBEDDINGS,
    INDEXINGS,
    LEGACY,
    LOST_EMBEDDING,
    STEPS,
    SYNCHRONOUS,
    UPLOADS,
    Step,
)
from tests.chaos.results import whole
from tests.engine.multipart import CHUNK, padded

if TYPE_CHECKING:
    from tests.chaos.stack import Stack

pytestmark = pytest.mark.e2e
RUN_SECONDS = 900.0
PARTS = 24


@dataclass(frozen=True)
class Run:
    """The run in which every task died once."""

    stack: Stack
    run_id: str
    conf: dict[str, Any]
    tasks: dict[str, TaskState]
    billed: list[dict[str, Any]]

    def log(self, step: Step) -> str:
        """Return what all tries of a task logged."""
        return self.stack.log_of("killed", self.run_id, step.task_id)

    def billed_as(self, what: str) -> list[str]:
        """Return the ids of what was billed of a kind."""
        return [event["id"] for event in self.billed if event["what"] == what]

    def times_billed(self, *ids: str) -> int:
        """Return how often any of these was billed."""
        return sum(event["id"] in ids for event in self.billed)

    def analyses(self, step: Step) -> list[str]:
        """Return the analysis tasks that were made of a step's asset."""
        found = self.stack.account.get("/v1.3/analyze/tasks", asset_id=self.conf["assets"][step.task_id])
        return [task["task_id"] if "task_id" in task else task["_id"] for task in found["data"]]

    def videos(self, step: Step) -> list[str]:
        """Return the videos in a step's index."""
        path = f"/v1.3/indexes/{self.conf['indexes'][step.task_id]}/videos"
        return [video["_id"] for video in self.stack.account.get(path)["data"]]


@pytest.fixture(scope="module")
def run(
    stack: Stack, new_video: Callable[[], Path], site: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    """All steps in one run, side by side: each has a video and an index of its own."""
    asked = [*ANALYSES, SYNCHRONOUS]
    indexed = [*INDEXINGS, LEGACY]
    large = tmp_path_factory.mktemp("large")
    videos = {step: new_video() for step in indexed}
    videos |= {step: padded(new_video(), large / f"{step.task_id}.mp4", PARTS * CHUNK) for step in UPLOADS}
    media = {step.task_id: site(new_video()) for step in EMBEDDINGS}
    conf = {
        "output": str(tmp_path_factory.mktemp("killed")),
        "assets": {step.task_id: stack.engine.asset(new_video()) for step in asked},
        "items": {step.task_id: [stack.engine.asset(new_video()) for _ in range(2)] for step in BATCHES},
        "media": {**media, LOST_EMBEDDING.task_id: stack.engine.asset(new_video())},
        "videos": {step.task_id: str(video) for step, video in videos.items()},
        "indexes": {step.task_id: stack.account.create_index(step.task_id) for step in videos},
    }
    before = len(stack.account.get("/_local/billing")["events"])
    run_id = stack.begin("killed", conf)
    stack.finish("killed", run_id, RUN_SECONDS)
    billed = stack.account.get("/_local/billing")["events"][before:]
    yield Run(stack, run_id, conf, stack.tasks("killed", run_id), billed)


def ids(step: Step) -> str:
    return step.task_id


@pytest.mark.parametrize("step", STEPS, ids=ids)
def test_every_task_died_once_and_was_retried(step: Step, run: Run) -> None:
    assert (run.stack.marks / step.task_id).exists(), "it never came to where it was to die"
    assert run.tasks[step.task_id].try_number == 2, run.log(step)


@pytest.mark.parametrize("step", ANALYSES, ids=ids)
def test_analysis_is_billed_once_and_its_files_are_complete(step: Step, run: Run) -> None:
    assert run.tasks[step.task_id].state == "success", run.log(step)
    made = run.analyses(step)
    assert len(made) == 1 and run.times_billed(*made) == 1, made
    facts = whole(Path(run.conf["output"]) / step.task_id)
    assert {file["format"] for file in facts["files"]} == {"json", "jsonl"} and facts["rows"] > 0


@pytest.mark.parametrize("step", INDEXINGS, ids=ids)
def test_video_is_uploaded_and_indexed_once(step: Step, run: Run) -> None:
    assert run.tasks[step.task_id].state == "success", run.log(step)
    videos = run.videos(step)
    assert len(videos) == 1 and run.times_billed(*videos) == 1
    name = Path(run.conf["videos"][step.task_id]).name
    assert run.stack.account.get("/v1.3/assets", filename=name)["page_info"]["total_results"] == 1


@pytest.mark.parametrize("step", UPLOADS, ids=ids)
def test_video_uploaded_in_parts_is_indexed_once(step: Step, run: Run) -> None:
    assert run.tasks[step.task_id].state == "success", run.log(step)
    (video,) = run.videos(step)
    assert run.times_billed(video) == 1
    name = Path(run.conf["videos"][step.task_id]).name
    assets = run.stack.account.get("/v1.3/assets", filename=name)["data"]
    assert [asset["method"] for asset in assets if asset["status"] == "ready"] == ["multipart"]


def test_uploaded_parts_are_not_sent_again(run: Run) -> None:
    assert f"10 parts sent, {PARTS - 10} missing" in run.log(UPLOADS[1])


@pytest.mark.parametrize("step", BATCHES, ids=ids)
def test_batch_is_submitted_once_and_its_items_are_billed_once(step: Step, run: Run) -> None:
    assert run.tasks[step.task_id].state == "success", run.log(step)
    facts = whole(Path(run.conf["output"]) / step.task_id)
    assert (facts["rows"], len(facts["batch_ids"])) == (2, 1)


def test_no_batch_exists_twice(run: Run) -> None:
    batches = run.stack.account.get("/v1.3/analyze/batches", page_limit=50)["data"]
    assert len(batches) == len(BATCHES)
    singly = {one for step in [*ANALYSES, SYNCHRONOUS] for one in run.analyses(step)}
    in_batches = [one for one in run.billed_as("analysis") if one not in singly]
    # One is the answer at once, of which nothing but the bill remains.
    assert len(in_batches) == len(set(in_batches)) == 2 * len(BATCHES) + 1


@pytest.mark.parametrize("step", EMBEDDINGS, ids=ids)
def test_embedding_task_is_attached_to(step: Step, run: Run) -> None:
    assert run.tasks[step.task_id].state == "success", run.log(step)
    assert whole(Path(run.conf["output"]) / step.task_id)["rows"] > 0


def test_unidentifiable_embedding_task_is_not_submitted_again(run: Run) -> None:
    """The service does not say of which file a task is."""
    assert run.tasks[LOST_EMBEDDING.task_id].state == "failed"
    assert "Pass the right one as embedding_task_id, or clear the task to submit it again" in run.log(LOST_EMBEDDING)
    billed = run.billed_as("embedding")
    assert len(billed) == len(set(billed)) == len(EMBEDDINGS) + 1


def test_video_of_an_older_generation_is_billed_once(run: Run) -> None:
    assert run.tasks[LEGACY.task_id].state == "success", run.log(LEGACY)
    videos = run.videos(LEGACY)
    assert len(videos) == 1 and run.times_billed(*videos) == 1, run.log(LEGACY)


def test_lost_response_that_cannot_be_found_is_not_requested_again(run: Run) -> None:
    """A synchronous answer leaves nothing on the service: the retry says what to do instead of paying again."""
    assert run.tasks[SYNCHRONOUS.task_id].state == "failed"
    assert "It may have been billed. Clear the task to ask again, or set resubmit_lost=True" in run.log(SYNCHRONOUS)
