"""Runs that an event starts on a whole Airflow: a new video, a published result; and a question that times out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.site import CONNECTION_ID
from tests.chaos.stack import Stack
from tests.e2e.conftest import LONGEST, WATCHED_INDEX
from tests.engine.videos import padded_copy
from twelvelabs_provider.version_compat import AIRFLOW_V_3_3_PLUS

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("connected")]

DAG = "on_new_video"


@pytest.fixture(scope="module")
def connected(stack: Stack) -> None:
    """Point the default connection at v1.3 of the engine."""
    stack.connect(CONNECTION_ID)


def index_clip(stack: Stack, clip: Path, index_name: str = WATCHED_INDEX) -> str:
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


def test_new_video_starts_one_run_also_after_a_killed_triggerer(stack: Stack, clip: Path) -> None:
    stack.engine.create_index(WATCHED_INDEX)
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


def test_every_video_of_a_burst_is_processed(stack: Stack, clip: Path) -> None:
    before, billed = finished(stack), billed_analyses(stack)
    path = f"/indexes/{index_id(stack, WATCHED_INDEX)}/indexed-assets"
    copies = [stack.engine.asset(padded_copy(clip, stack.marks / f"burst {number}.mp4")) for number in range(5)]
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


def test_published_result_starts_the_dag_scheduled_on_its_asset(stack: Stack, published: str) -> None:
    wait(stack, lambda: runs(stack, "downstream") == ["success"], "scheduler")
    (extra,) = json.loads((stack.site.airflow_home / "extras.json").read_text())
    manifest = json.loads(Path(extra["manifest"].removeprefix("file://")).read_text())
    assert (extra["video_id"], extra["kind"], extra["rows"]) == (published, "text_in_video", manifest["rows"])
    assert extra["rows"] > 0


def test_published_result_is_reported_to_openlineage(stack: Stack, published: str) -> None:
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


def test_review_without_a_response_rejects_the_video(stack: Stack, clip: Path, tmp_path: Path) -> None:
    conf = {"sources": [str(clip)], "policy": "no text may be shown on the screen", "ask_from": "low"}
    run = stack.begin("compliance_review", {**conf, "output_path": str(tmp_path)})
    assert stack.finish("compliance_review", run, LONGEST) == "success", stack.tasks("compliance_review", run)
    (decision,) = tmp_path.glob("assets/*/compliance.decision.json")
    assert '"rejected"' in decision.read_text() and "timeout" in decision.read_text()
