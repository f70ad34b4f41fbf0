"""What only a whole Airflow shows: a video starts a run of its own accord, a published result does and is reported,
and a question that ends without an answer.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from demo.services import Services
from demo.site import AIRFLOW_USER, airflow_password, environment, with_connection
from demo.stack import AIRFLOW_COMMANDS, engine_is_ready, engine_service, prepare_database
from twelvelabs_provider.version_compat import AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING:
    from tests.chaos.stack import Stack

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
INDEX = "watched"
DAG = "on_new_video"
LONGEST = 600.0
SETTINGS = {
    "triggerer__job_heartbeat_sec": "1",
    # Seconds after which the triggers of one that died go to another.
    "triggerer__triggerer_health_check_threshold": "8",
    "core__dags_are_paused_at_creation": "False",
    # The DAG files do not change: reading them again would take most of a core.
    "dag_processor__min_file_process_interval": "3600",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An Airflow with two DAGs, a quick watcher and an impatient question, and an engine with an empty index."""
    from tests.chaos.hands import Hands
    from tests.chaos.stack import ChaosSite, Stack
    from tests.ports import free_port

    folder = tmp_path_factory.mktemp("events")
    (folder / "dags").mkdir()
    for file in (f"dags/{DAG}.py", "dags/compliance_review.py", "tests/e2e/dags/published.py"):
        shutil.copy(ROOT / file, folder / "dags")
    site = ChaosSite(ROOT, free_port(), free_port(), folder)
    settings = {**SETTINGS, "core__dags_folder": str(folder / "dags")}
    variables = with_connection(environment(site), site) | {
        **{f"AIRFLOW__{name.upper()}": value for name, value in settings.items()},
        "AIRFLOW_VAR_TWELVELABS_OUTPUT_PATH": str(folder / "out"),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": str(folder / "lineage.jsonl"), "append": True}
        ),
        "TWELVELABS_INDEX_NAME": INDEX,
        "TWELVELABS_POLL_SECONDS": "5",
        "TWELVELABS_VIDEOS_PER_RUN": "2",
        "TWELVELABS_REVIEW_HOURS": "0.001",
    }
    with Services() as services:
        services.start(engine_service(site, variables))
        prepare_database(site, services, variables)
        running = Stack(
            site, services, Hands(site.airflow_url, AIRFLOW_USER, airflow_password(site)), variables, folder
        )
        services.wait_until(lambda: engine_is_ready(site), "engine", LONGEST)
        for name in AIRFLOW_COMMANDS:
            running.start_component(name)
        services.wait_until(running.api.is_up, "api-server", LONGEST)
        yield running


def index_clip(stack: Stack, clip: Path, index_name: str = INDEX) -> str:
    """Index a video outside Airflow and return its id."""
    asset = {"asset_id": stack.engine.asset(clip)}
    video = stack.engine.expect(202, "POST", f"/indexes/{index_id(stack, index_name)}/indexed-assets", json=asset)
    return str(video["_id"])


def index_id(stack: Stack, index_name: str) -> str:
    (index,) = stack.engine.get("/indexes", index_name=index_name)["data"]
    return str(index["_id"])


def rows_in_database(stack: Stack, query: str) -> list[Any]:
    with sqlite3.connect(stack.site.airflow_home / "airflow.db", timeout=60) as database:
        rows = database.execute(query).fetchall()
    database.close()
    return rows


def wait(stack: Stack, done: Callable[[], bool], component: str) -> None:
    stack.services.wait_until(done, component, LONGEST)


def runs(stack: Stack, dag_id: str = DAG) -> list[str]:
    return [run["state"] for run in stack.api.get(f"/dags/{dag_id}/dagRuns")["dag_runs"]]


def event_videos(stack: Stack) -> list[str]:
    """Return the videos of all events there ever were."""
    return [event["extra"]["payload"]["video_id"] for event in stack.api.get("/assets/events")["asset_events"]]


def test_a_video_starts_one_run_also_across_a_killed_triggerer(stack: Stack, clip: Path) -> None:
    stack.engine.create_index(INDEX)
    kept = "SELECT * FROM asset_state_store" if AIRFLOW_V_3_3_PLUS else "SELECT * FROM variable"
    # It has looked, and an empty index is what it saw: only now is a video a new one.
    wait(stack, lambda: bool(rows_in_database(stack, kept)), "triggerer")
    first = index_clip(stack, clip)
    wait(stack, lambda: runs(stack) == ["success"], "triggerer")
    assert event_videos(stack) == [first]

    stack.kill_component("triggerer")
    second = index_clip(stack, clip)
    stack.start_component("triggerer")
    wait(stack, lambda: runs(stack) == ["success"] * 2, "triggerer")
    assert sorted(event_videos(stack)) == sorted([first, second])
    assert finished(stack) == {first, second}


def finished(stack: Stack) -> set[str]:
    """Return the videos whose chapters are published."""
    return {path.parent.name for path in (stack.marks / "out").glob("*/*/chapters.manifest.json")}


def test_no_video_of_a_burst_is_left_behind(stack: Stack, clip: Path) -> None:
    before, billed = finished(stack), billed_analyses(stack)
    path = f"/indexes/{index_id(stack, INDEX)}/indexed-assets"
    copies = [stack.engine.asset(copy_of(clip, stack.marks, number)) for number in range(5)]
    burst = {str(stack.engine.expect(202, "POST", path, json={"asset_id": one})["_id"]) for one in copies}
    wait(stack, lambda: burst <= finished(stack), "scheduler")
    assert finished(stack) == before | burst
    # A run takes two videos and starts the next one, until no video is left.
    wait(stack, lambda: is_quiet(stack), "scheduler")
    assert "failed" not in runs(stack)
    assert billed_analyses(stack) - billed == len(burst), "each video is billed once"


def is_quiet(stack: Stack) -> bool:
    """Return whether no run of the watching DAG is queued, running or about to be created."""
    asked = rows_in_database(stack, f"SELECT * FROM asset_dag_run_queue WHERE target_dag_id = '{DAG}'")
    return not asked and not {"queued", "running"} & set(runs(stack))


def billed_analyses(stack: Stack) -> int:
    """Return how many analyses the engine billed."""
    return sum(event["what"] == "analysis" for event in stack.account.get("/_local/billing")["events"])


def copy_of(clip: Path, folder: Path, number: int) -> Path:
    """Return a copy with bytes of its own."""
    copy = folder / f"burst {number}.mp4"
    copy.write_bytes(clip.read_bytes() + (12).to_bytes(4, "big") + b"free" + number.to_bytes(4, "big"))
    return copy


@pytest.fixture(scope="module")
def published(stack: Stack, clip: Path) -> str:
    """A video whose on-screen text a DAG has published."""
    stack.engine.create_index("published")
    video_id = index_clip(stack, clip, "published")
    address = f"/indexes/{index_id(stack, 'published')}/indexed-assets/{video_id}"
    wait(stack, lambda: stack.engine.get(address)["status"] == "ready", "engine")
    run = stack.begin("publishing", {"index_id": index_id(stack, "published"), "video_id": video_id})
    assert stack.finish("publishing", run, LONGEST) == "success", stack.tasks("publishing", run)
    return video_id


def test_a_published_result_starts_the_dag_that_waits_for_it(stack: Stack, published: str) -> None:
    wait(stack, lambda: runs(stack, "downstream") == ["success"], "scheduler")
    (extra,) = json.loads((stack.site.airflow_home / "extras.json").read_text())
    manifest = json.loads(Path(extra["manifest"].removeprefix("file://")).read_text())
    assert (extra["video_id"], extra["kind"], extra["rows"]) == (published, "text_in_video", manifest["rows"])
    assert extra["rows"] > 0


def test_a_published_result_is_reported_to_openlineage(stack: Stack, published: str) -> None:
    pytest.importorskip("airflow.providers.openlineage", reason="NOT PROVEN HERE: no openlineage provider")

    def reported() -> list[dict[str, Any]]:
        path = stack.marks / "lineage.jsonl"
        events = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
        return [one for one in events if one["job"]["name"] == "publishing.text" and one["outputs"]]

    wait(stack, lambda: bool(reported()), "scheduler")
    event = reported()[-1]
    assert event["eventType"] == "COMPLETE"
    assert published in [one["name"].rpartition("/")[2] for one in event["inputs"]]
    (output,) = event["outputs"]
    assert (output["namespace"], Path(output["name"]).name) == ("file", "text_in_video.jsonl")
    assert output["outputFacets"]["outputStatistics"]["rowCount"] > 0


def test_a_question_without_an_answer_counts_as_no(stack: Stack, clip: Path, tmp_path: Path) -> None:
    conf = {"sources": [str(clip)], "policy": "no text may be shown on the screen", "ask_from": "low"}
    run = stack.begin("compliance_review", {**conf, "output_path": str(tmp_path)})
    assert stack.finish("compliance_review", run, LONGEST) == "success", stack.tasks("compliance_review", run)
    (decision,) = tmp_path.glob("assets/*/compliance.decision.json")
    assert '"rejected"' in decision.read_text() and "timeout" in decision.read_text()
