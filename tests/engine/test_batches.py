"""Batches: whole or not at all at their creation, item by item afterwards."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from tests.conftest import Library
from tests.engine.client import Api, until
from tests.engine.rest import at_rest, suspend

NOWHERE = "0" * 24
WORD = {"input_text": "Which words are shown?"}


@dataclass(frozen=True)
class Halted:
    """The engine with an asset, while its worker does nothing until it is told to go on."""

    api: Api
    asset_id: str
    worker: psutil.Process


@pytest.fixture
def halted(api: Api, library: Library) -> Iterator[Halted]:
    with at_rest(api.engine) as worker:
        yield Halted(api, library.asset_id, worker)
        for one in api.get("/analyze/batches", status=["pending", "processing"])["data"]:
            api.expect(202, "POST", f"/analyze/batches/{one['batch_id']}/cancel")


def batch(*items: Any, **fields: Any) -> dict[str, Any]:
    """Return a request; an item that is a text is an asset."""
    requests = [{"video": {"type": "asset_id", "asset_id": item}} if isinstance(item, str) else item for item in items]
    return {
        "model_name": "pegasus1.5",
        "analysis_mode": "general",
        "defaults": {"prompt": WORD},
        "requests": requests,
        **fields,
    }


def item(asset_id: str, **fields: Any) -> dict[str, Any]:
    return {"video": {"type": "asset_id", "asset_id": asset_id}, **fields}


def ended(api: Api, batch_id: str) -> Any:
    path = f"/analyze/batches/{batch_id}"
    return until(
        lambda: found if (found := api.get(path))["status"] not in ("pending", "processing", "canceling") else None
    )


def lines(api: Api, batch_id: str) -> list[dict[str, Any]]:
    answer = api.send("GET", f"/analyze/batches/{batch_id}/results")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/jsonl")
    return [json.loads(line) for line in answer.text.splitlines()]


def refused(api: Api, status: int, code: str, body: Any) -> str:
    return api.refused(status, code, "POST", "/analyze/batches", wrapped=True, json=body)


def test_a_batch_from_its_request_to_its_results(api: Api, library: Library) -> None:
    own = {"prompt": {"input_text": "What is said?"}, "max_tokens": 600, "temperature": 0}
    asked = batch(
        item(library.asset_id, custom_id="one"), item(library.asset_id, custom_id="two", **own), library.asset_id
    )
    created = api.expect(201, "POST", "/analyze/batches", json=asked)
    assert created["status"] == "pending" and created["total_items"] == 3
    assert [entry["custom_id"] for entry in created["items"]] == ["one", "two", None]
    done = ended(api, created["batch_id"])
    assert (done["status"], done["ready_items"], done["completed_at"] > done["created_at"]) == ("completed", 3, True)
    found = lines(api, created["batch_id"])
    assert [(line["custom_id"], line["status"]) for line in found] == [
        ("one", "ready"),
        ("two", "ready"),
        (None, "ready"),
    ]
    assert [line["task_id"] for line in found] == [entry["task_id"] for entry in created["items"]]
    assert found[0]["data"]["finish_reason"] == "stop" and found[0]["data"]["data"]
    task = api.get(f"/analyze/tasks/{found[1]['task_id']}")
    assert task["request_params"]["prompt_v2"] == own["prompt"] and task["request_params"]["max_tokens"] == 600
    assert task["result"]["data"] == found[1]["data"]["data"]
    listed = api.get("/analyze/batches", status=["completed", "canceled"], analysis_mode="general")
    assert created["batch_id"] in [entry["batch_id"] for entry in listed["data"]]
    assert not api.get("/analyze/batches", analysis_mode="time_based_metadata", status="completed")["data"]
    api.expect(204, "DELETE", f"/analyze/batches/{created['batch_id']}")
    api.refused(404, "resource_not_exist", "GET", f"/analyze/batches/{created['batch_id']}", wrapped=True)
    assert api.send("GET", f"/analyze/tasks/{found[0]['task_id']}").status_code == 404


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"model_name": "pegasus1.2"}, "parameter_invalid", "pegasus1.5"),
        ({"analysis_mode": "sometimes"}, "parameter_invalid", "sometimes"),
        ({"analysis_mode": None}, "parameter_not_provided", "analysis_mode"),
        ({"requests": []}, "parameter_invalid", "1,000"),
        ({"requests": [1]}, "parameter_invalid", "requests[0]"),
        ({"defaults": {}}, "parameter_not_provided", "requests[0]"),
        ({"defaults": {"prompt": WORD, "stream": True}}, "parameter_unknown", "defaults.stream"),
        ({"defaults": {"prompt": "text"}}, "parameter_not_provided", "input_text"),
        ({"defaults": {"prompt": WORD, "temperature": 7}}, "parameter_invalid", "temperature"),
        ({"requests": [item(NOWHERE, url="x")]}, "parameter_unknown", "requests[0].url"),
        ({"requests": [{"video": {"type": "url", "url": "http://x"}}]}, "parameter_invalid", "asset_id"),
        ({"requests": [item(NOWHERE, custom_id="a b")]}, "parameter_invalid", "custom_id"),
        ({"requests": [item(NOWHERE, custom_id="a")] * 2}, "parameter_invalid", "'a' is given twice"),
        ({"requests": [item(NOWHERE)] * 1001}, "parameter_invalid", "1,000"),
        ({"more": 1}, "parameter_unknown", "more"),
    ],
)
def test_a_request_that_is_wrong(change: dict[str, Any], code: str, said: str, api: Api, library: Library) -> None:
    before = api.get("/analyze/tasks")["page_info"]["total_results"]
    assert said in refused(api, 400, code, batch(library.asset_id, **change))
    assert api.get("/analyze/tasks")["page_info"]["total_results"] == before


def test_an_unknown_asset_keeps_the_others_from_being_analysed(api: Api, library: Library) -> None:
    before = api.get("/analyze/tasks")["page_info"]["total_results"]
    assert NOWHERE in refused(api, 404, "resource_not_exist", batch(library.asset_id, NOWHERE))
    assert api.get("/analyze/tasks")["page_info"]["total_results"] == before


def test_a_batch_while_nothing_is_done(halted: Halted, clip: Path) -> None:
    """What is refused and cancelled while items wait: the worker of this engine is stopped."""
    api, asset_id = halted.api, halted.asset_id
    unready = api.upload(clip)["_id"]
    assert unready in refused(api, 409, "asset_not_ready", batch(asset_id, unready))
    created = api.expect(201, "POST", "/analyze/batches", json=batch(asset_id, asset_id))
    path = f"/analyze/batches/{created['batch_id']}"
    assert api.get(path)["status"] == "pending" and api.get(path)["queued_items"] == 2
    assert [line["status"] for line in lines(api, created["batch_id"])] == ["queued", "queued"]
    api.refused(409, "batch_not_terminal", "DELETE", path, wrapped=True)
    member = created["items"][0]["task_id"]
    said = api.refused(409, "task_cannot_be_canceled", "POST", f"/analyze/tasks/{member}/cancel", wrapped=True)
    assert created["batch_id"] in said
    canceled = api.expect(202, "POST", f"{path}/cancel")
    assert (canceled["status"], canceled["canceled_items"]) == ("canceled", 2) and canceled["canceled_at"]
    assert [line["status"] for line in lines(api, created["batch_id"])] == ["canceled", "canceled"]
    api.refused(409, "batch_canceled", "POST", f"{path}/cancel", wrapped=True)
    api.expect(204, "DELETE", path)


def test_five_batches_and_no_more(halted: Halted) -> None:
    api, asset_id = halted.api, halted.asset_id
    active = [api.expect(201, "POST", "/analyze/batches", json=batch(asset_id))["batch_id"] for _ in range(5)]
    assert "5 active" in refused(api, 429, "too_many_requests", batch(asset_id))
    api.expect(202, "POST", f"/analyze/batches/{active[2]}/cancel")
    api.expect(201, "POST", "/analyze/batches", json=batch(asset_id))
    listed = api.get("/analyze/batches", status="pending")
    assert listed["page_info"]["total_results"] == 5 and listed["data"][-1]["batch_id"] == active[0]


def test_what_one_item_is_does_not_matter_to_the_others(halted: Halted, clip: Path) -> None:
    api = halted.api
    halted.worker.resume()
    second = api.asset(clip)
    suspend(halted.worker, api.engine)
    created = api.expect(201, "POST", "/analyze/batches", json=batch(halted.asset_id, second))
    api.expect(204, "DELETE", f"/assets/{second}", params={"force": "true"})
    halted.worker.resume()
    done = ended(api, created["batch_id"])
    assert (done["status"], done["ready_items"], done["failed_items"]) == ("completed", 1, 1)
    good, bad = lines(api, created["batch_id"])
    assert good["status"] == "ready" and "error" not in good
    assert bad["error"]["code"] == "asset_unavailable" and bad["error"]["message"] and "data" not in bad
    api.refused(409, "batch_completed", "POST", f"/analyze/batches/{created['batch_id']}/cancel", wrapped=True)


def test_a_batch_that_is_too_old_ends_with_what_it_has(halted: Halted) -> None:
    api = halted.api
    created = api.expect(201, "POST", "/analyze/batches", json=batch(halted.asset_id))
    with contextlib.closing(sqlite3.connect(api.engine.data_dir / "engine.sqlite3", timeout=30)) as db:
        db.execute("UPDATE batches SET expires_at = created_at")
        db.commit()
    done = api.get(f"/analyze/batches/{created['batch_id']}")
    assert (done["status"], done["canceled_items"]) == ("expired", 1) and done["expired_at"]
    api.refused(409, "batch_expired", "POST", f"/analyze/batches/{created['batch_id']}/cancel", wrapped=True)


def test_what_is_billed(halted: Halted) -> None:
    api = halted.api
    created = api.expect(201, "POST", "/analyze/batches", json=batch(halted.asset_id, halted.asset_id))
    canceled = api.expect(201, "POST", "/analyze/batches", json=batch(halted.asset_id))
    api.expect(202, "POST", f"/analyze/batches/{canceled['batch_id']}/cancel")
    halted.worker.resume()
    ended(api, created["batch_id"])
    headers = {"x-api-key": api.engine.api_key}
    billed = requests.get(f"{api.engine.base_url}/_local/billing", headers=headers, timeout=30).json()
    events = {event["id"] for event in billed["events"] if event["what"] == "analysis"}
    assert {entry["task_id"] for entry in created["items"]} <= events
    assert canceled["items"][0]["task_id"] not in events


def test_an_unknown_batch(api: Api) -> None:
    for method, path in (("GET", ""), ("GET", "/results"), ("POST", "/cancel"), ("DELETE", "")):
        api.refused(404, "resource_not_exist", method, f"/analyze/batches/{NOWHERE}{path}", wrapped=True)
    api.refused(400, "parameter_invalid", "GET", "/analyze/batches/short", wrapped=True)
    api.refused(400, "parameter_invalid", "GET", "/analyze/batches", wrapped=True, params={"status": "lost"})
