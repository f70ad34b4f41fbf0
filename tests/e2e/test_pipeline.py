"""The DAGs on a whole Airflow: scheduler, DAG processor, triggerer and API server as separate processes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from demo.airflow_api import FINAL_RUN_STATES, AirflowApiError
from demo.site import CONNECTION_ID, engine_key
from tests.chaos.stack import Stack

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "data" / "sample.mp4"
SUBTITLES = ROOT / "tests" / "data" / "sample.srt"
INDEX_VIDEO = "understand.index_video"
RUN_SECONDS = 240.0


@dataclass(frozen=True)
class Observation:
    """The states of a run's tasks and the slots in use, at one time."""

    states: dict[str, str]
    busy_slots: int
    deferred_slots: int
    link: str


def observe(stack: Stack, dag_id: str, run_id: str) -> Observation:
    """Return the tasks' states and the workers' slots in use, as close together as two requests are."""
    states = {task.task_id: task.state for task in stack.tasks(dag_id, run_id).values()}
    pool = stack.api.get("/pools/default_pool")
    link = ""
    if states.get(INDEX_VIDEO) == "deferred":
        run = f"/dags/{dag_id}/dagRuns/{quote(run_id)}"
        links = stack.api.get(f"{run}/taskInstances/{INDEX_VIDEO}/links?map_index=0")["extra_links"]
        link = links["TwelveLabs playground"] or ""
    return Observation(states, pool["running_slots"] + pool["queued_slots"], pool["deferred_slots"], link)


def run(stack: Stack, dag_id: str, conf: dict[str, Any], observations: list[Observation] | None = None) -> str:
    """Run a DAG to its end and return the run's state.

    :param observations: takes what is observed while the run is under way.
    """
    run_id = stack.begin(dag_id, conf)

    def has_ended() -> bool:
        if observations is not None:
            observations.append(observe(stack, dag_id, run_id))
        return stack.run_state(dag_id, run_id) in FINAL_RUN_STATES

    stack.until(has_ended, dag_id, run_id, RUN_SECONDS)
    state = stack.run_state(dag_id, run_id)
    if state != "success":
        print(stack.tasks(dag_id, run_id), stack.log_of_all(dag_id, run_id), sep="\n")
    return state


def rows_of(output: Path, kind: str) -> list[dict[str, Any]]:
    """Return the rows of the single result of a kind, its files checked against its manifest."""
    (manifest,) = output.glob(f"*/*/{kind}.manifest.json")
    facts = json.loads(manifest.read_text())
    for file in facts["files"]:
        assert (manifest.parent / file["name"]).stat().st_size == file["bytes"]
    return [json.loads(line) for line in (manifest.parent / f"{kind}.jsonl").read_text().splitlines()]


def test_indexing_is_deferred_and_transcript_and_text_are_published(stack: Stack, tmp_path: Path) -> None:
    """First in this file: the engine has not read the sample yet, so that indexing takes some time."""
    stack.connect(CONNECTION_ID)
    seen: list[Observation] = []
    conf = {"sources": [str(SAMPLE)], "index_name": "e2e", "output_path": str(tmp_path)}
    assert run(stack, "video_understanding", conf, seen) == "success"
    assert stack.api.import_errors() == []
    waiting = [look for look in seen if look.states.get(INDEX_VIDEO) == "deferred"]
    assert waiting, [look.states for look in seen]
    assert any(look.busy_slots == 0 and look.deferred_slots == 1 for look in waiting), waiting
    assert not any(look.link for look in waiting), "the playground does not know the engine's videos"
    spoken = " ".join(row["value"] for row in rows_of(tmp_path, "transcription")).lower()
    assert "garden" in spoken and "window" in spoken
    shown = " ".join(row["value"] for row in rows_of(tmp_path, "text_in_video"))
    assert "TELESCOPE" in shown and "COMET" in shown


def test_older_generation_publishes_rows_of_the_same_shape(stack: Stack, tmp_path: Path) -> None:
    stack.connect(CONNECTION_ID, api_version="v1.2")
    conf = {"sources": [str(SAMPLE)], "index_name": "e2e-legacy", "output_path": str(tmp_path)}
    assert run(stack, "video_understanding", conf) == "success"
    for kind in ("transcription", "text_in_video"):
        assert {frozenset(row) for row in rows_of(tmp_path, kind)} == {frozenset({"start", "end", "value"})}


def test_provided_transcript_is_published(stack: Stack, tmp_path: Path) -> None:
    stack.connect(CONNECTION_ID, api_version="v1.2")
    conf = {"video": str(SAMPLE), "transcription": str(SUBTITLES), "index_name": "e2e-given"}
    assert run(stack, "provide_transcription", {**conf, "output_path": str(tmp_path)}) == "success"
    assert rows_of(tmp_path, "transcription")[0]["value"].strip() in SUBTITLES.read_text()


def test_anonymous_requests_get_no_token_and_connection_tests_are_disabled(stack: Stack) -> None:
    url = stack.site.airflow_url
    assert requests.get(f"{url}/auth/token").status_code == 403
    assert requests.get(f"{url}/auth/token/login", allow_redirects=False).status_code == 403
    assert requests.get(f"{url}/api/v2/connections").status_code == 401
    wrong = {"username": "admin", "password": "admin"}
    assert requests.post(f"{url}/auth/token", json=wrong).status_code == 401
    with pytest.raises(AirflowApiError, match="answered 403"):
        stack.api._request(
            "POST", "/connections/test", json={"connection_id": CONNECTION_ID, "conn_type": "twelvelabs"}
        )


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", ""])
@pytest.mark.parametrize("path", ["/", "/auth/token", "/api/v2/version", "/execution/health"])
def test_foreign_host_header_is_refused(stack: Stack, host: str, path: str) -> None:
    assert requests.get(f"{stack.site.airflow_url}{path}", headers={"Host": host}).status_code == 400


def test_api_key_is_in_no_file(stack: Stack) -> None:
    """Last of this file: logs, database and configuration of all that ran before."""
    key = engine_key(stack.site).encode()
    files = [path for path in stack.site.airflow_home.rglob("*") if path.is_file()]
    logs = [path for path in stack.site.logs.iterdir() if path.is_file()]
    assert len(files) > 10
    assert [path for path in files + logs if key in path.read_bytes()] == []
