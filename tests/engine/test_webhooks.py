"""Webhooks: signed events, retries and delivery reports."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Library
from tests.engine.client import Api, until
from tests.engine_process import running_engine
from twelvelabs_provider.api.webhooks import AnalysisEnded, BatchEnded, verify_webhook

SECRET = "whsec_local"
PROMPT = "Which words are shown?"


@dataclass
class Receiver:
    """An endpoint that fails the first requests."""

    failures: int = 0
    received: list[tuple[str, bytes]] = field(default_factory=list)
    url: str = ""

    def events(self) -> list[dict[str, Any]]:
        """Return the received events; check every signature as the service documents it."""
        for header, body in list(self.received):
            parts = dict(part.split("=", 1) for part in header.split(","))
            mac = hmac.new(SECRET.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
            assert hmac.compare_digest(mac, parts["v1"])
        return [json.loads(body) for _, body in list(self.received)]

    def of(self, subject: str) -> list[dict[str, Any]]:
        return [event for event in self.events() if event["data"]["id"] == subject]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.received.append((self.headers["TL-Signature"], body))
            self.send_response(500 if len(found.received) <= found.failures else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


def register(api: Api, *webhooks: dict[str, Any], status: int = 200) -> Any:
    answer = requests.put(
        f"{api.engine.base_url}/_local/webhooks",
        headers={"x-api-key": api.engine.api_key},
        json={"webhooks": list(webhooks)},
        timeout=30,
    )
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture
def registered(api: Api, receiver: Receiver) -> Iterator[Receiver]:
    """The receiver, registered until the test has ended."""
    shown = register(api, {"url": receiver.url, "secret": SECRET, "retry_seconds": 0.05})
    assert shown["webhooks"] == [
        {"url": receiver.url, "secret": "***", "copies": 1, "attempts": 5, "retry_seconds": 0.05}
    ]
    yield receiver
    key = {"x-api-key": api.engine.api_key}
    assert requests.delete(f"{api.engine.base_url}/_local/webhooks", headers=key, timeout=30).status_code == 204


def analysed(api: Api, library: Library, **fields: Any) -> str:
    video = {"type": "asset_id", "asset_id": library.asset_id}
    return str(api.analysis({"model_name": "pegasus1.5", "video": video, "prompt": PROMPT, **fields})["task_id"])


def test_an_analysis_sends_an_event_and_reports_the_delivery(api: Api, library: Library, registered: Receiver) -> None:
    task_id = analysed(api, library, custom_id="events")
    (event,) = until(lambda: registered.of(task_id))
    assert event["type"] == "analyze.task.ready" and event["id"].startswith("whe_") and event["created_at"]
    assert event["data"]["custom_id"] == "events" and event["data"]["video_source"]["system_metadata"]["duration"] > 30
    assert not {"result", "request_params", "completed_at"} & set(event["data"])
    taken = [verify_webhook(header, body, SECRET) for header, body in registered.received]
    assert task_id in [event.subject.task_id for event in taken if isinstance(event.subject, AnalysisEnded)]
    body = until(lambda: found if "webhooks" in (found := api.get(f"/analyze/tasks/{task_id}")) else None)
    assert body["webhooks"] == [{"url": registered.url, "delivered": True, "attempts": 1}]


def test_a_failed_delivery_is_retried_as_the_same_event(api: Api, library: Library, registered: Receiver) -> None:
    registered.failures = 2
    task_id = analysed(api, library)
    until(lambda: len(registered.of(task_id)) == 3)
    assert len({event["id"] for event in registered.of(task_id)}) == 1
    path = f"/analyze/tasks/{task_id}"
    done = until(lambda: found if (found := api.get(path)["webhooks"])[0]["delivered"] else None)
    assert done == [{"url": registered.url, "delivered": True, "attempts": 3}]


def test_a_delivery_ends_after_the_last_attempt(api: Api, library: Library, registered: Receiver) -> None:
    registered.failures = 1000
    register(api, {"url": registered.url, "secret": SECRET, "attempts": 2, "retry_seconds": 0})
    path = f"/analyze/tasks/{analysed(api, library)}"
    reports = until(lambda: found if (found := api.get(path).get("webhooks")) and found[0]["attempts"] == 2 else None)
    assert reports == [
        {"url": registered.url, "delivered": False, "attempts": 2, "last_error": "The endpoint answered 500."}
    ]


def test_an_event_can_be_sent_twice(api: Api, library: Library, registered: Receiver) -> None:
    register(api, {"url": registered.url, "secret": SECRET, "copies": 2})
    task_id = analysed(api, library)
    until(lambda: len(registered.of(task_id)) == 2)
    first, second = registered.of(task_id)
    assert first == second


def test_a_canceled_analysis_and_indexing_send_events(
    api: Api, clip: Path, registered: Receiver, library: Library
) -> None:
    index_id = api.create_index("events")
    task_id = api.task(index_id, clip)["_id"]
    video = {"type": "asset_id", "asset_id": library.asset_id}
    request = {"model_name": "pegasus1.5", "video": video, "prompt": PROMPT}
    analysis = api.expect(202, "POST", "/analyze/tasks", json=request)["task_id"]
    api.send("POST", f"/analyze/tasks/{analysis}/cancel")
    until(lambda: registered.of(task_id) and registered.of(analysis))
    (event,) = registered.of(task_id)
    assert event["type"] == "index.task.ready" and event["data"]["metadata"]["duration"] == pytest.approx(6, abs=0.2)
    assert event["data"]["models"] == [{"name": "marengo3.0", "options": ["visual", "audio"]}]
    assert registered.of(analysis)[0]["type"] in ("analyze.task.canceled", "analyze.task.ready")


def test_a_batch_sends_one_event_and_its_items_none(api: Api, library: Library, registered: Receiver) -> None:
    video = {"type": "asset_id", "asset_id": library.asset_id}
    request = {"model_name": "pegasus1.5", "analysis_mode": "general", "defaults": {"prompt": {"input_text": PROMPT}}}
    created = api.expect(201, "POST", "/analyze/batches", json={**request, "requests": [{"video": video}] * 2})
    (event,) = until(lambda: registered.of(created["batch_id"]))
    assert event["type"] == "analyze.batch.completed" and event["data"]["ready_items"] == 2
    taken = [verify_webhook(header, body, SECRET).subject for header, body in registered.received]
    assert BatchEnded(batch_id=created["batch_id"], status="completed") in taken
    assert not registered.of(created["items"][0]["task_id"])
    body = until(lambda: api.get(f"/analyze/batches/{created['batch_id']}").get("webhooks"))
    assert body == [{"url": registered.url, "delivered": True, "attempts": 1}]


def test_a_pending_delivery_is_sent_after_a_restart(tmp_path: Path, clip: Path, receiver: Receiver) -> None:
    receiver.failures = 10**6
    with running_engine(tmp_path / "data") as engine:
        api = Api(engine)
        register(api, {"url": receiver.url, "secret": SECRET, "retry_seconds": 1, "attempts": 100})
        task_id = api.task(api.create_index("pending events"), clip)["_id"]
        until(lambda: receiver.of(task_id))
    refused = len(receiver.received)
    receiver.failures = 0
    with running_engine(tmp_path / "data"):
        until(lambda: len(receiver.received) > refused)
    assert len({event["id"] for event in receiver.of(task_id)}) == 1


@pytest.mark.parametrize(
    ("webhook", "code"),
    [
        ({"url": "http://127.0.0.1:9"}, "parameter_not_provided"),
        ({"url": "ftp://x", "secret": "s"}, "parameter_invalid"),
        ({"url": "http://127.0.0.1:9", "secret": "s", "copies": 0}, "parameter_invalid"),
        ({"url": "http://127.0.0.1:9", "secret": "s", "events": []}, "parameter_unknown"),
    ],
)
def test_an_invalid_registration(webhook: dict[str, Any], code: str, api: Api) -> None:
    assert register(api, webhook, status=400)["code"] == code
