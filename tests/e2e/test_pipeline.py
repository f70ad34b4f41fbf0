"""The DAGs on a whole Airflow: scheduler, DAG processor, triggerer and API server as processes of their own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from demo.airflow_api import FINAL_RUN_STATES, AirflowApi, AirflowApiError
from demo.services import Services
from demo.site import CONNECTION_ID, Site, connection, engine_key
from demo.stack import start_stack, wait_for_dag
from tests.chaos.stack import ChaosSite
from tests.ports import free_port

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "data" / "sample.mp4"
SUBTITLES = ROOT / "tests" / "data" / "sample.srt"
INDEX_VIDEO = "understand.index_video"
RUN_SECONDS = 240.0


@dataclass
class Stack:
    """A running Airflow with its engine."""

    site: Site
    services: Services
    api: AirflowApi

    def connect(self, api_version: str) -> None:
        """Point the default connection at the engine, in one generation of the API."""
        extra = json.dumps({"api_version": api_version})
        self.api.set_connection(CONNECTION_ID, {**connection(self.site), "extra": extra})

    def run(self, dag_id: str, conf: dict[str, Any], watch: list[Observation] | None = None) -> str:
        """Run a DAG to its end and return the run's state; note what is seen on the way."""
        self.api.unpause(dag_id)
        run_id = self.api.trigger(dag_id, conf)
        deadline = time.monotonic() + RUN_SECONDS
        while (state := self.api.run_state(dag_id, run_id)) not in FINAL_RUN_STATES:
            self.services.check()
            assert time.monotonic() < deadline, self.api.task_states(dag_id, run_id)
            if watch is not None:
                watch.append(self.observe(dag_id, run_id))
            time.sleep(0.5)
        if state != "success":
            print(self.api.task_states(dag_id, run_id), *self.task_logs(run_id), sep="\n")
        return state

    def observe(self, dag_id: str, run_id: str) -> Observation:
        """Return the tasks' states and the workers' slots in use, as close together as two requests are."""
        states = {task.task_id: task.state for task in self.api.task_states(dag_id, run_id)}
        pool = self.api.get("/pools/default_pool")
        link = ""
        if states.get(INDEX_VIDEO) == "deferred":
            run = f"/dags/{dag_id}/dagRuns/{quote(run_id)}"
            links = self.api.get(f"{run}/taskInstances/{INDEX_VIDEO}/links?map_index=0")["extra_links"]
            link = links["TwelveLabs playground"] or ""
        return Observation(states, pool["running_slots"] + pool["queued_slots"], pool["deferred_slots"], link)

    def task_logs(self, run_id: str) -> list[str]:
        """Return the logs of a run's tasks."""
        return [path.read_text() for path in self.site.airflow_home.glob(f"logs/dag_id=*/run_id={run_id}/**/*.log")]


@dataclass(frozen=True)
class Observation:
    """One look at a run."""

    states: dict[str, str]
    busy_slots: int
    deferred_slots: int
    link: str


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An Airflow with an empty database and an engine that has seen nothing yet."""
    site = ChaosSite(ROOT, free_port(), free_port(), tmp_path_factory.mktemp("airflow"))
    with Services() as services:
        since = datetime.now(UTC)
        api = start_stack(site, services, connection_in_environment=False)
        wait_for_dag(api, services, since)
        assert api.import_errors() == []
        yield Stack(site, services, api)


def rows_of(output: Path, kind: str) -> list[dict[str, Any]]:
    """Return the rows of the single result of a kind, its files checked against its manifest."""
    (manifest,) = output.glob(f"*/*/{kind}.manifest.json")
    facts = json.loads(manifest.read_text())
    for file in facts["files"]:
        assert (manifest.parent / file["name"]).stat().st_size == file["bytes"]
    return [json.loads(line) for line in (manifest.parent / f"{kind}.jsonl").read_text().splitlines()]


def test_indexing_is_deferred_and_the_files_hold_what_was_said_and_shown(stack: Stack, tmp_path: Path) -> None:
    """First of this file: the engine knows the sample not yet, so that indexing takes its time."""
    stack.connect("v1.3")
    seen: list[Observation] = []
    conf = {"sources": [str(SAMPLE)], "index_name": "e2e", "output_path": str(tmp_path)}
    assert stack.run("video_understanding", conf, seen) == "success"
    waiting = [look for look in seen if look.states.get(INDEX_VIDEO) == "deferred"]
    assert waiting, [look.states for look in seen]
    assert any(look.busy_slots == 0 and look.deferred_slots == 1 for look in waiting), waiting
    assert not any(look.link for look in waiting), "the playground does not know the engine's videos"
    spoken = " ".join(row["value"] for row in rows_of(tmp_path, "transcription")).lower()
    assert "garden" in spoken and "window" in spoken
    shown = " ".join(row["value"] for row in rows_of(tmp_path, "text_in_video"))
    assert "TELESCOPE" in shown and "COMET" in shown


def test_the_older_generation_gives_rows_of_the_same_shape(stack: Stack, tmp_path: Path) -> None:
    stack.connect("v1.2")
    conf = {"sources": [str(SAMPLE)], "index_name": "e2e-legacy", "output_path": str(tmp_path)}
    assert stack.run("video_understanding", conf) == "success"
    for kind in ("transcription", "text_in_video"):
        assert {frozenset(row) for row in rows_of(tmp_path, kind)} == {frozenset({"start", "end", "value"})}


def test_a_given_transcript_goes_with_the_video(stack: Stack, tmp_path: Path) -> None:
    stack.connect("v1.2")
    wait_for_dag_named(stack, "provide_transcription")
    conf = {"video": str(SAMPLE), "transcription": str(SUBTITLES), "index_name": "e2e-given"}
    assert stack.run("provide_transcription", {**conf, "output_path": str(tmp_path)}) == "success"
    assert rows_of(tmp_path, "transcription")[0]["value"].strip() in SUBTITLES.read_text()


def test_a_stranger_gets_no_token_and_no_connection_test(stack: Stack) -> None:
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
def test_a_foreign_host_is_refused(stack: Stack, host: str, path: str) -> None:
    assert requests.get(f"{stack.site.airflow_url}{path}", headers={"Host": host}).status_code == 400


def test_the_key_is_nowhere(stack: Stack) -> None:
    """Last of this file: logs, database and configuration of all that ran before."""
    key = engine_key(stack.site).encode()
    files = [path for path in stack.site.airflow_home.rglob("*") if path.is_file()]
    logs = [path for path in stack.site.logs.iterdir() if path.is_file()]
    assert len(files) > 10
    assert [path for path in files + logs if key in path.read_bytes()] == []


def wait_for_dag_named(stack: Stack, dag_id: str) -> None:
    """Wait until a DAG has been read from its file."""
    stack.services.wait_until(lambda: bool(stack.api.dag_parsed_at(dag_id)), "dag-processor", 60)
