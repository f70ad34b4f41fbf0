"""Trigger for several jobs: one event when enough have ended."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from tests.unit.scripted_server import Lost, Reply, ScriptedServer
from twelvelabs_provider.jobs import outage
from twelvelabs_provider.jobs.job import JobKind
from twelvelabs_provider.triggers import jobs as trigger_module
from twelvelabs_provider.triggers import shared_poll
from twelvelabs_provider.triggers.job import TwelveLabsJobTrigger
from twelvelabs_provider.triggers.jobs import TwelveLabsJobsTrigger
from twelvelabs_provider.version_compat import AIRFLOW_V_3_3_PLUS

AT_ONCE = 0.001
LONGEST_TEST = 30.0
IDS = [f"t{number}" for number in range(25)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Subscribe without a pause, and to no poll of another test."""
    monkeypatch.setattr(shared_poll, "EARLIEST_EVENT", 0.0)
    monkeypatch.setattr(shared_poll, "_subscribers", {})


def task(job_id: str, status: str = "ready") -> dict[str, Any]:
    return {"_id": job_id, "status": status, "updated_at": "2030-01-01T00:00:00Z", "created_at": "2030-01-01T00:00:00Z"}


def page(*tasks: dict[str, Any]) -> Reply:
    return Reply({"data": list(tasks), "page_info": {"page": 1, "limit_per_page": 50, "total_page": 1}})


def trigger(
    enough: int = 13, *, kind: JobKind = JobKind.INDEXING_TASK, index_id: str | None = None, seconds: float = 3600.0
) -> TwelveLabsJobsTrigger:
    now = time.time()
    made = TwelveLabsJobsTrigger(
        "twelvelabs_default", kind.value, index_id, IDS, enough, now, now, now + seconds, AT_ONCE
    )
    path, fields = made.serialize()
    assert path == "twelvelabs_provider.triggers.jobs.TwelveLabsJobsTrigger"
    return TwelveLabsJobsTrigger(**json.loads(json.dumps(fields)))


def alone(one: TwelveLabsJobsTrigger) -> dict[str, Any]:
    """Run it as Airflow before 3.3 does; return the event."""

    async def events() -> list[Any]:
        async with asyncio.timeout(LONGEST_TEST):
            return [event async for event in one.run()]

    (event,) = asyncio.run(events())
    payload: dict[str, Any] = json.loads(json.dumps(event.payload))
    return payload


def together(*triggers: Any) -> list[dict[str, Any]]:
    """Run some as Airflow 3.3 does, under one manager."""
    from airflow.triggers.shared_stream import SharedStreamManager

    async def wait(manager: Any, number: int, one: Any) -> dict[str, Any]:
        stream = manager.subscribe(trigger_id=number, trigger=one, key=one.shared_stream_key())
        events = [event async for event in one.filter_shared_stream(stream)]
        await manager.unsubscribe(number, one.shared_stream_key())
        (event,) = events
        payload: dict[str, Any] = event.payload
        return payload

    async def all_events() -> list[dict[str, Any]]:
        manager = SharedStreamManager()
        async with asyncio.timeout(LONGEST_TEST):
            return await asyncio.gather(*(wait(manager, number, one) for number, one in enumerate(triggers)))

    return asyncio.run(all_events())


def test_the_stored_arguments_are_small() -> None:
    now = time.time()
    ids = [f"{number:024x}" for number in range(200)]
    made = TwelveLabsJobsTrigger("twelvelabs_default", "indexed_asset", "i1", ids, 100, now, now, now)
    assert len(json.dumps(made.serialize())) < 8_000


def test_trigger_fires_when_enough_jobs_have_ended_with_any_status(server: ScriptedServer) -> None:
    some = [task(job_id) for job_id in IDS[:12]]
    server.script += [page(*some), page(*some, task("other")), page(*some, task(IDS[20], "failed"))]
    assert alone(trigger()) == {"reason": "ended", "message": ""}
    assert [request.path for request in server.requests] == ["/v1.3/tasks"] * 3


def test_a_transient_error_is_tolerated(server: ScriptedServer) -> None:
    server.script += [Lost(), Reply({"code": "x", "message": "oops"}, status=500), page(*map(task, IDS))]
    assert alone(trigger())["reason"] == "ended"


REFUSED = Reply({"code": "api_key_invalid", "message": "no"}, status=401)


def test_a_refusal_is_tolerated(server: ScriptedServer) -> None:
    server.script += [REFUSED, REFUSED, page(*map(task, IDS))]
    assert alone(trigger())["reason"] == "ended"


def test_a_long_refusal_is_an_event(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "LONGEST_REFUSAL", 0.05)
    server.script += [REFUSED] * 10_000
    event = alone(trigger())
    assert event["reason"] == "unreachable" and "no" in event["message"]


def test_the_deadline_is_an_event(server: ScriptedServer) -> None:
    server.script += [page()] * 3
    assert alone(trigger(seconds=-1.0))["reason"] == "deadline"


GONE = Reply({"code": "resource_not_exist", "message": "?"}, status=404)


def test_after_a_refused_list_each_job_is_polled(server: ScriptedServer) -> None:
    server.script += [Reply({"code": "parameter_unknown", "message": "no such filter"}, status=400)]
    server.script += [Reply(task(job_id)) for job_id in IDS[:24]] + [GONE]
    assert alone(trigger(25))["reason"] == "ended"
    assert len(server.requests) == 26


def test_trigger_fires_periodically_without_a_finished_job(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigger_module, "OWN_POLL_AFTER", 0.0)
    server.script += [page()] * 3
    assert alone(trigger())["reason"] == "ended"


def test_jobs_that_cannot_be_listed_are_polled_one_by_one(server: ScriptedServer) -> None:
    ready = {"asset_type": "video", "status": "ready"}
    server.script += [Reply({"_id": job_id, **ready}) for job_id in IDS]
    assert trigger(kind=JobKind.KNOWLEDGE_STORE_ITEM, index_id="k1").shared_stream_key() is None
    assert alone(trigger(25, kind=JobKind.KNOWLEDGE_STORE_ITEM, index_id="k1"))["reason"] == "ended"


@pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="Airflow shares polls from 3.3 on")
def test_many_waits_and_a_single_one_share_a_poll(server: ScriptedServer) -> None:
    now = time.time()
    pending = {
        "job": {"kind": "indexing_task", "id": "t7", "index_id": None},
        "begun_at": now, "started_at": now, "deadline": now + 3600, "memo": {},
    }  # fmt: skip
    single = TwelveLabsJobTrigger("twelvelabs_default", pending, AT_ONCE)
    server.script += [page(*map(task, IDS[:13]))] * 3
    events = together(trigger(), trigger(), single)
    assert [event["reason"] for event in events] == ["ended"] * 3
    assert {request.path for request in server.requests} == {"/v1.3/tasks"}


@pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="Airflow shares polls from 3.3 on")
def test_a_failed_shared_poll_is_an_event(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "LONGEST_REFUSAL", 0.05)
    server.script += [REFUSED] * 10_000
    (event,) = together(trigger())
    assert event["reason"] == "unreachable"


@pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="Airflow shares polls from 3.3 on")
def test_a_shared_poll_without_a_list_lets_each_trigger_poll(server: ScriptedServer) -> None:
    server.script += [Reply({"code": "parameter_unknown", "message": "no such filter"}, status=400)]
    server.script += [Reply(task(job_id)) for job_id in IDS]
    (event,) = together(trigger(25))
    assert event["reason"] == "ended"
    assert len(server.requests) == 26


def test_on_kill_logs_that_the_jobs_continue(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(trigger().on_kill())
    assert "25 jobs (indexing_task) cannot be cancelled" in caplog.text
