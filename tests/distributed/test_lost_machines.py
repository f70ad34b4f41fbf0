"""Loss of a worker and a triggerer: every video is processed and billed once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.airflow_api import FINAL_RUN_STATES
from tests.chaos.results import whole_manifest
from tests.dags.conftest import read_rows
from tests.distributed.cluster import TRIGGERERS, WORKERS
from tests.distributed.videos import listed_in, make_videos, said_in

if TYPE_CHECKING:
    from tests.distributed.cluster import Cluster

pytestmark = pytest.mark.e2e
DAG_ID = "many_videos"
VIDEOS, ALONE, CHUNK = 300, 10, 58
WAITING = 8
# Upper bound of each step, for a busy machine; each is the setup of a test of its own, since no test may take
# ten minutes.
SECONDS = 540.0


@dataclass(frozen=True)
class Begun:
    """A run of the pipeline.

    :param videos: where the videos lie.
    """

    cluster: Cluster
    run_id: str
    videos: Path

    @property
    def output(self) -> Path:
        """Where the results go."""
        return self.videos / "output"

    def until(self, done: Callable[[], bool]) -> None:
        """Wait until something is so."""
        self.cluster.until(done, DAG_ID, self.run_id, SECONDS)

    def tasks(self) -> dict[str, tuple[str, int, str]]:
        """Return state, number of tries and machine of each task."""
        rows = self.cluster.query("SELECT task_id, map_index, state, try_number, hostname FROM task_instance")
        return {f"{task_id}[{index}]": (state, tries, machine) for task_id, index, state, tries, machine in rows}


@pytest.fixture(scope="module")
def begun(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """Start the pipeline."""
    folder = tmp_path_factory.mktemp("many")
    videos = [str(path) for path in make_videos(folder, VIDEOS)]
    many = listed_in(folder / "chunks", videos[ALONE:], CHUNK)
    conf = {"index": "many", "output": str(folder / "output"), "single": videos[:ALONE], "many": many}
    return Begun(cluster, cluster.begin(DAG_ID, conf), folder)


@pytest.fixture(scope="module")
def stranded(begun: Begun) -> list[str]:
    """Lose the triggerer that waits for the most tasks; return their labels."""

    def many_wait() -> bool:
        return sum(map(len, begun.cluster.waiting().values())) >= WAITING

    with begun.cluster.engine_asleep():
        begun.until(many_wait)
        held = begun.cluster.waiting()
        busiest = max(held, key=lambda name: len(held[name]))
        begun.cluster.lose(busiest)
    return held[busiest]


@pytest.fixture(scope="module")
def interrupted(begun: Begun, stranded: list[str]) -> list[str]:
    """Lose a worker in the midst of its tasks; return their labels."""
    lost: list[str] = []

    def is_lost() -> bool:
        if not lost and len(_billed(begun.cluster, "indexing")) >= VIDEOS // 10:
            lost.extend(begun.cluster.lose_worker(WORKERS[0]))
        return bool(lost)

    begun.until(is_lost)
    return lost


@pytest.fixture(scope="module")
def half_way(begun: Begun, interrupted: list[str]) -> Begun:
    """The run when half of its tasks have ended."""

    def is_half_way() -> bool:
        states = [state for state, _, _ in begun.tasks().values()]
        return sum(state in ("success", "failed", "upstream_failed") for state in states) * 2 >= len(states)

    begun.until(is_half_way)
    return begun


@pytest.fixture(scope="module")
def indexed(half_way: Begun) -> Begun:
    """The run when every video has been billed, or it has ended without that."""

    def is_done() -> bool:
        ended = half_way.cluster.run_state(DAG_ID, half_way.run_id) in FINAL_RUN_STATES
        return ended or len(_billed(half_way.cluster, "indexing")) >= VIDEOS

    half_way.until(is_done)
    return half_way


@pytest.fixture(scope="module")
def run(begun: Begun, indexed: Begun) -> Begun:
    """The run when it has ended."""
    begun.cluster.finish(DAG_ID, begun.run_id, SECONDS)
    return begun


def _billed(cluster: Cluster, what: str) -> Counter[str]:
    """Return how often each video or analysis was billed."""
    events = cluster.account.get("/_local/billing")["events"]
    return Counter(event["id"] for event in events if event["what"] == what)


def _number(name: str) -> int:
    """Return the number in a video's name."""
    return int(Path(name).stem.removeprefix("video-"))


def test_all_machines_are_running(cluster: Cluster) -> None:
    assert set(cluster.services.running) >= {*WORKERS, *TRIGGERERS}


def test_triggerer_is_killed_while_tasks_wait(stranded: list[str]) -> None:
    assert stranded


def test_worker_is_killed_during_tasks(interrupted: list[str]) -> None:
    assert interrupted


def test_run_continues_without_the_lost_machines(half_way: Begun) -> None:
    assert {state for state, _, _ in half_way.tasks().values()}.isdisjoint({"failed", "upstream_failed"})


def test_every_video_is_indexed(indexed: Begun) -> None:
    assert len(_billed(indexed.cluster, "indexing")) == VIDEOS


def test_run_succeeds_without_the_lost_machines(run: Begun) -> None:
    tasks = run.tasks()
    assert {state for state, _, _ in tasks.values()} == {"success"}, tasks


def test_tasks_of_the_lost_worker_ran_again_on_the_other(run: Begun, interrupted: list[str]) -> None:
    tasks = run.tasks()
    ended = {label: tasks[label][1:] for label in interrupted}
    assert all(tries > 1 and machine == WORKERS[1] for tries, machine in ended.values()), ended


def test_waits_of_the_lost_triggerer_ended_on_the_other(
    run: Begun, stranded: list[str], interrupted: list[str]
) -> None:
    """It was not tried again, except where the lost worker had it later."""
    tasks = run.tasks()
    assert {tasks[label][1] for label in stranded if label not in interrupted} <= {1}


def test_every_video_is_in_the_index_once_and_billed_once(run: Begun) -> None:
    (index,) = run.cluster.account.get("/v1.3/indexes", index_name="many")["data"]
    path = f"/v1.3/indexes/{index['_id']}/videos"
    pages = [run.cluster.account.get(path, page=number, page_limit=50) for number in range(1, VIDEOS // 50 + 2)]
    held = {video["_id"]: video["system_metadata"]["filename"] for page in pages for video in page["data"]}
    names = [_number(name) for name in held.values()]
    assert sorted(names) == list(range(VIDEOS))
    assert _billed(run.cluster, "indexing") == Counter(list(held))


def test_every_transcript_of_a_single_video_is_complete(run: Begun) -> None:
    manifests = list((run.output / "single").rglob("*.manifest.json"))
    found = {_number(whole_manifest(path)["source"]["uri"]): read_rows(path) for path in manifests}
    assert sorted(found) == list(range(ALONE)) and len(manifests) == ALONE
    assert all([row["value"] for row in rows] == [said_in(number)] for number, rows in found.items())


def test_every_outcome_of_a_chunk_is_complete(run: Begun) -> None:
    manifests = list((run.output / "indexed").rglob("*.manifest.json"))
    assert all(whole_manifest(path) for path in manifests)
    rows = [row for path in manifests for row in read_rows(path)]
    assert sorted(_number(row["uri"]) for row in rows) == list(range(ALONE, VIDEOS))
    assert {row["outcome"] for row in rows} <= {"indexed", "reused"}
    assert len({row["video_id"] for row in rows}) == VIDEOS - ALONE


def test_every_batch_answer_is_complete_and_billed_once(run: Begun) -> None:
    manifests = list((run.output / "chunks").rglob("answers-*.manifest.json"))
    assert all(whole_manifest(path) for path in manifests)
    rows = [row for path in manifests for row in read_rows(path)]
    assert sorted(_number(row["custom_id"]) for row in rows) == list(range(ALONE, VIDEOS))
    assert all(said_in(_number(row["custom_id"])) in row["data"] for row in rows)
    assert set(_billed(run.cluster, "analysis").values()) == {1}
    assert len(_billed(run.cluster, "analysis")) == VIDEOS - ALONE
