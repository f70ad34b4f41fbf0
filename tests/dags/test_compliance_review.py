"""``dags/compliance_review.py``: harmless videos are approved, and a person decides about the others."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import Connect, load_dag
from tests.dags.test_dags import states
from twelvelabs_provider.version_compat import AIRFLOW_V_3_3_PLUS

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("airflow_database")]

SHOWN = "no text may be shown on the screen"
SAID = "no one may speak of money in the speech"


def answer_all(client: Any, choice: str, note: str, done: threading.Event, answered: list[str]) -> None:
    """Be the person: answer whatever is asked, over the API of Airflow itself."""
    listed = "/api/v2/dags/compliance_review/dagRuns/~/hitlDetails"
    while not done.wait(0.5):
        for asked in client.get(listed).json().get("hitl_details", []):
            if asked["responded_at"] or asked["task_instance"]["id"] in answered:
                continue
            ti = asked["task_instance"]
            path = f"/api/v2/dags/{ti['dag_id']}/dagRuns/{ti['dag_run_id']}/taskInstances/{ti['task_id']}"
            reply = client.patch(
                f"{path}/{ti['map_index']}/hitlDetails",
                json={"chosen_options": [choice], "params_input": {"note": note}},
            )
            assert reply.status_code == 200, reply.text
            answered.append(ti["id"])


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A person who answers in a thread, as long as a ``with`` lasts."""
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "True")

    @contextmanager
    def answering(choice: str, note: str = "") -> Iterator[list[str]]:
        done, answered = threading.Event(), list[str]()
        with TestClient(create_app(apps="core")) as client:
            token = client.get("/auth/token").json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            thread = threading.Thread(target=answer_all, args=(client, choice, note, done, answered))
            thread.start()
            try:
                yield answered
            finally:
                done.set()
                thread.join(30)

    return answering


def review(output: Path, *sources: Path, policy: str, ask_from: str = "low") -> Any:
    conf = {"sources": [str(one) for one in sources], "policy": policy, "ask_from": ask_from}
    return load_dag("compliance_review").test(run_conf={**conf, "output_path": str(output)})


def documents(output: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(output.glob(f"assets/*/{name}"))]


def test_video_without_findings_is_approved_automatically(
    connect: Connect, person: Callable[..., Any], clip: Path, tmp_path: Path
) -> None:
    with person("Reject") as answered:
        run = review(tmp_path, clip, policy=SAID)
    assert answered == []
    assert str(run.state) == "success", states(run)
    assert states(run)["review.ask_a_person[0]"] == "skipped"
    (findings,), (decision,) = documents(tmp_path, "compliance.json"), documents(tmp_path, "compliance.decision.json")
    assert findings["findings"] == []
    assert (decision["decision"], decision["decided_by"]) == ("approved", "automatic")


def test_finding_below_the_threshold_is_approved_automatically(
    connect: Connect, person: Callable[..., Any], clip: Path, tmp_path: Path
) -> None:
    with person("Reject") as answered:
        run = review(tmp_path, clip, policy=SHOWN, ask_from="high")
    assert answered == []
    assert str(run.state) == "success", states(run)
    assert documents(tmp_path, "compliance.json")[0]["findings"]
    assert documents(tmp_path, "compliance.decision.json")[0]["decision"] == "approved"


@pytest.mark.skipif(
    not AIRFLOW_V_3_3_PLUS, reason="NOT PROVEN HERE: before Airflow 3.3 dag.test() cannot wait for a person's answer"
)
@pytest.mark.parametrize(("choice", "decision"), [("Approve", "approved"), ("Reject", "rejected")])
def test_person_decides_about_findings(
    connect: Connect, person: Callable[..., Any], clip: Path, tmp_path: Path, choice: str, decision: str
) -> None:
    with person(choice, "seen it") as answered:
        run = review(tmp_path, clip, policy=SHOWN)
    assert str(run.state) == "success", states(run)
    assert len(answered) == 1
    (found,), (written,) = documents(tmp_path, "compliance.json"), documents(tmp_path, "compliance.decision.json")
    first = found["findings"][0]
    assert set(first) == {"rule", "start", "end", "severity", "reason"} and 0 <= first["start"] < first["end"] <= 6.5
    assert written["decision"] == decision
    assert written["decided_by"] and written["decided_at"] and written["note"] == "seen it"
    manifest = Path(written["findings"].removeprefix("file://"))
    assert json.loads(manifest.read_text())["kind"] == "analysis"
    assert manifest.parent == next(tmp_path.glob("assets/*/compliance.decision.json")).parent
