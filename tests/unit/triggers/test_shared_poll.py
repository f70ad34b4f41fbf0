"""Shared poll: its requests, its snapshots, and its failures."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.job_server import Job, JobServer
from tests.unit.scripted_server import (
    KEY,
    CutShort,
    Lost,
    Reply,
    ScriptedServer,
    Step,
    connection_text,
    forget_proxies,
)
from twelvelabs_provider.jobs import finished_jobs, outage
from twelvelabs_provider.jobs.job import JobKind, JobRef, PendingJob
from twelvelabs_provider.jobs.poll_subscribers import MARGIN, shard_of
from twelvelabs_provider.jobs.trigger_event import EventReason, JobEvent
from twelvelabs_provider.triggers import job as trigger_module
from twelvelabs_provider.triggers import list_poll, shared_poll
from twelvelabs_provider.triggers.job import TwelveLabsJobTrigger
from twelvelabs_provider.version_compat import AIRFLOW_V_3_3_PLUS

pytestmark = pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="Airflow shares polls from 3.3 on")

AT_ONCE = 0.001
LONGEST_TEST = 20.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Subscribe without a pause, and to no poll of another test."""
    monkeypatch.setattr(shared_poll, "EARLIEST_EVENT", 0.0)
    monkeypatch.setattr(shared_poll, "_subscribers", {})
    monkeypatch.setattr(shared_poll, "_broadcasts", {})


def task(job_id: str, status: str = "ready", changed: float | None = None) -> dict[str, Any]:
    moment = datetime.fromtimestamp(changed or time.time(), UTC).isoformat()
    return {"_id": job_id, "status": status, "updated_at": moment}


def page(*tasks: dict[str, Any], number: int = 1, of: int = 1) -> Reply:
    info = {"page": number, "limit_per_page": 50, "total_page": of, "total_results": 50 * of}
    return Reply({"data": list(tasks), "page_info": info})


def trigger(
    job_id: str,
    *,
    deadline: float = 3600.0,
    running_at: float | None = None,
    kind: JobKind = JobKind.INDEXING_TASK,
) -> TwelveLabsJobTrigger:
    now = time.time()
    pending = PendingJob(JobRef(kind, job_id, "k1"), now, now, now + deadline)
    return TwelveLabsJobTrigger("twelvelabs_default", pending.as_json(), AT_ONCE, running_at)


async def wait(manager: Any, number: int, one: TwelveLabsJobTrigger) -> JobEvent:
    """Do what the triggerer does with a trigger that shares."""
    key = one.shared_stream_key()
    assert key is not None
    stream = manager.subscribe(trigger_id=number, trigger=one, key=key)
    events = [event async for event in one.filter_shared_stream(stream)]
    await manager.unsubscribe(number, key)
    (event,) = events
    return JobEvent.from_payload(json.loads(json.dumps(event.payload)))


def wakes(triggers: Sequence[TwelveLabsJobTrigger]) -> list[JobEvent]:
    """Run all triggers in one loop under one manager."""
    from airflow.triggers.shared_stream import SharedStreamManager

    async def all_wakes() -> list[JobEvent]:
        manager = SharedStreamManager()
        async with asyncio.timeout(LONGEST_TEST):
            return await asyncio.gather(*(wait(manager, number, one) for number, one in enumerate(triggers)))

    return asyncio.run(all_wakes())


def reasons(*triggers: TwelveLabsJobTrigger) -> list[EventReason]:
    return [wake.reason for wake in wakes(triggers)]


def test_two_hundred_waits_cost_as_many_requests_as_there_are_pages(server: ScriptedServer) -> None:
    ids = [f"t{number}" for number in range(200)]
    pages = [ids[begin : begin + 50] for begin in range(0, 200, 50)]
    server.script += [page(*map(task, found), number=at + 1, of=4) for at, found in enumerate(pages)]
    assert reasons(*map(trigger, ids)) == [EventReason.ENDED] * 200
    assert [request.path for request in server.requests] == ["/v1.3/tasks"] * 4


def test_the_list_request_asks_for_ended_jobs_newest_first(server: ScriptedServer) -> None:
    server.script += [page(task("t1"))]
    before = time.time()
    assert reasons(trigger("t1", running_at=before)) == [EventReason.ENDED]
    query = server.requests[0].query
    assert [value for name, value in query if name == "status"] == ["ready", "failed"]
    rest = dict(query)
    since = datetime.fromisoformat(rest["updated_at"]).timestamp()
    assert before - 2 * MARGIN < since <= before
    assert (rest["sort_by"], rest["sort_option"], rest["page_limit"]) == ("updated_at", "desc", "50")


@pytest.mark.parametrize("status", ["ready", "failed"])
def test_a_finished_job_resumes_its_own_task_only(server: ScriptedServer, status: str) -> None:
    server.script += [page(task("other"), task("t1", status)), page(), page(), page(task("t2"))]
    first, second = wakes([trigger("t1"), trigger("t2")])
    assert (first.pending.job.id, second.pending.job.id) == ("t1", "t2")
    assert [first.reason, second.reason] == [EventReason.ENDED] * 2
    assert len(server.asked) == 4


def test_only_the_affected_shards_receive_a_snapshot(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand that are woken for every job that ends would keep the loop from everything else."""
    woken: list[str] = []
    woken_by = trigger_module._event_in

    def counted(snapshot: list_poll.Snapshot, pending: PendingJob) -> JobEvent | None:
        woken.append(pending.job.id)
        return woken_by(snapshot, pending)

    monkeypatch.setattr(trigger_module, "_event_in", counted)
    assert shard_of("t1") != shard_of("t2")
    server.script += [page(), page(), *(page(task(f"other{number}")) for number in range(9))]
    server.script += [page(task("t1")), page(), page(task("t2"))]
    assert reasons(trigger("t1"), trigger("t2")) == [EventReason.ENDED] * 2
    assert sorted(woken) == ["t1", "t1", "t2", "t2"], "each when it joins, and when its job has ended"


def test_nothing_is_lost_when_jobs_end_while_the_pages_are_read(server: ScriptedServer) -> None:
    """Fifty that end between two pages push a whole page of known ones between the reader and what is still unread."""
    server.script += [page(task("a"), task("b"), number=1, of=3)]
    server.script += [page(task("a"), task("b"), number=2, of=3), page(task("t1"), number=3, of=3)]
    assert reasons(trigger("t1")) == [EventReason.ENDED]
    assert [dict(request.query)["page"] for request in server.requests] == ["1", "2", "3"]


def test_the_next_poll_reads_back_to_the_newest_known_change(server: ScriptedServer) -> None:
    newest = time.time() - 30
    server.script += [
        page(task("a", changed=newest), number=1, of=2),
        page(task("b", changed=newest - 9), number=2, of=2),
    ]
    server.script += [page(task("t1"))]
    assert reasons(trigger("t1")) == [EventReason.ENDED]
    since = datetime.fromisoformat(dict(server.requests[2].query)["updated_at"]).timestamp()
    assert since == pytest.approx(newest - finished_jobs.OVERLAP, abs=0.01)


def test_a_late_subscriber_gets_jobs_that_ended_before(server: ScriptedServer) -> None:
    server.script += [page(task("t1"), task("late"))] + [page()] * 50

    async def both() -> tuple[JobEvent, JobEvent]:
        from airflow.triggers.shared_stream import SharedStreamManager

        manager = SharedStreamManager()
        async with asyncio.timeout(LONGEST_TEST):
            stays = asyncio.create_task(wait(manager, 0, trigger("never", deadline=LONGEST_TEST * 2)))
            first = await wait(manager, 1, trigger("t1"))
            second = await wait(manager, 2, trigger("late"))
            stays.cancel()
            return first, second

    first, second = asyncio.run(both())
    assert (first.reason, second.reason) == (EventReason.ENDED, EventReason.ENDED)


def test_a_job_seen_long_ago_makes_the_poll_read_further_back(server: ScriptedServer) -> None:
    server.script += [page()] * 400
    long_ago = time.time() - 5 * 3600

    async def joined() -> JobEvent:
        from airflow.triggers.shared_stream import SharedStreamManager

        manager = SharedStreamManager()
        async with asyncio.timeout(LONGEST_TEST):
            stays = asyncio.create_task(wait(manager, 0, trigger("never", deadline=LONGEST_TEST * 2)))
            while len(server.requests) < 2:
                await asyncio.sleep(AT_ONCE)
            server.script[:] = [page()] * 2 + [page(task("old", changed=long_ago + 60))] * 50
            found = await wait(manager, 1, trigger("old", running_at=long_ago))
            stays.cancel()
            return found

    assert asyncio.run(joined()).reason is EventReason.ENDED
    asked_since = [datetime.fromisoformat(dict(request.query)["updated_at"]).timestamp() for request in server.requests]
    assert min(asked_since) <= long_ago
    assert asked_since[0] > long_ago + 3600


BAD: list[Step] = [
    Reply({"code": "generic_error", "message": "oops"}, status=500),
    Reply({"code": "too_many_requests", "message": "slow down"}, status=429, headers={"Retry-After": "0"}),
    Reply(b"<html>gateway</html>", status=502),
    CutShort(page(task("t1")), 10),
    Lost(),
]


@pytest.mark.parametrize("bad", BAD, ids=["500", "429", "502", "cut", "lost"])
def test_a_bad_response_ends_no_wait(server: ScriptedServer, bad: Any) -> None:
    server.script += [bad, bad, page(task("t1"), task("t2"))]
    assert reasons(trigger("t1"), trigger("t2")) == [EventReason.ENDED] * 2


REFUSALS = [
    Reply({"code": "api_key_invalid", "message": "The key is wrong."}, status=401),
    Reply(b"<html>The key is wrong.</html>", status=403),
    Reply({"code": "resource_not_exist", "message": "The key is wrong."}, status=404),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=["401", "403", "404"])
def test_one_refusal_ends_no_wait(server: ScriptedServer, refusal: Reply) -> None:
    server.script += [refusal, refusal, page(task("t1"), task("t2"))]
    assert reasons(trigger("t1"), trigger("t2")) == [EventReason.ENDED] * 2


def test_a_long_refusal_resumes_all_tasks_with_its_reason(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "LONGEST_REFUSAL", 0.05)
    server.script += [REFUSALS[0]] * 10_000
    first, second = wakes([trigger("t1"), trigger("t2")])
    assert first.reason is second.reason is EventReason.UNREACHABLE
    assert "The key is wrong." in first.message


def test_if_only_the_list_is_refused_each_trigger_polls_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key can be allowed to read jobs, but not to list them."""
    monkeypatch.setattr(outage, "LONGEST_REFUSAL", 0.05)
    forget_proxies(monkeypatch)
    with JobServer() as jobs:
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(jobs.origin, max_attempts=1))
        forbidden = Reply({"code": "api_not_allowed", "message": "no lists"}, status=403)
        jobs.always = lambda request: forbidden if request.path == "/v1.3/tasks" else None
        jobs.add(JobKind.INDEXING_TASK, Job("t1", time.time(), ends=time.time() + 0.2))
        assert reasons(trigger("t1")) == [EventReason.ENDED]


@pytest.mark.parametrize("shares", [True, False], ids=["shared", "alone"])
def test_a_rotated_key_ends_no_wait(monkeypatch: pytest.MonkeyPatch, shares: bool) -> None:
    forget_proxies(monkeypatch)
    with JobServer() as jobs, JobServer() as moved:
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(jobs.origin, max_attempts=1))
        kind = JobKind.INDEXING_TASK if shares else JobKind.KNOWLEDGE_STORE_ITEM
        one = trigger("t1", kind=kind)
        for server in (jobs, moved):
            server.add(kind, Job("t1", time.time()))
        jobs.keys = {KEY, "tlk_next"}

        def rotate(host: JobServer, key: str) -> None:
            monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(host.origin, key=key, max_attempts=1))
            jobs.keys, moved.keys = {key} if host is jobs else set(), {key}

        async def rotated() -> JobEvent:
            from airflow.triggers.shared_stream import SharedStreamManager

            manager = SharedStreamManager()
            async with asyncio.timeout(LONGEST_TEST):
                waiting = asyncio.create_task(wait(manager, 0, one) if shares else first_of(one))
                for host, key in ((jobs, "tlk_next"), (moved, "tlk_last")):
                    asked = len(jobs.requests)
                    while len(jobs.requests) < asked + 2:
                        await asyncio.sleep(AT_ONCE)
                    rotate(host, key)
                while not moved.requests:
                    await asyncio.sleep(AT_ONCE)
                moved.jobs[kind]["t1"].ends = time.time()
                return await waiting

        assert asyncio.run(rotated()).reason is EventReason.ENDED
        assert moved.requests[-1].headers["x-api-key"] == "tlk_last"


async def first_of(one: TwelveLabsJobTrigger) -> JobEvent:
    return JobEvent.from_payload((await anext(aiter(one.run()))).payload)


def test_after_a_refused_list_each_trigger_polls_alone(server: ScriptedServer) -> None:
    refused = Reply({"code": "parameter_unknown", "message": "updated_at"}, status=400)
    server.script += [refused, Reply(task("t1", "indexing")), Reply(task("t1"))]
    assert reasons(trigger("t1")) == [EventReason.ENDED]
    assert server.requests[-1].path == "/v1.3/tasks/t1"


def test_silence_ends_the_wait_after_a_while(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "LONGEST_SILENCE", -1.0)
    server.script += [BAD[0]] * 50
    assert reasons(trigger("t1")) == [EventReason.UNREACHABLE]


def test_each_wait_has_its_own_deadline(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_poll, "TICK", 0.0)
    server.script += [page()] * 3 + [page(task("t2"))] * 50
    assert reasons(trigger("t1", deadline=-1.0), trigger("t2")) == [EventReason.DEADLINE, EventReason.ENDED]


def test_a_deleted_job_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_poll, "TICK", 0.0)
    monkeypatch.setattr(trigger_module, "OWN_POLL_AFTER", -1.0)
    forget_proxies(monkeypatch)
    with JobServer() as jobs:
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(jobs.origin, max_attempts=1))
        (wake,) = wakes([trigger("t1")])
    assert wake.reason is EventReason.REFUSED
    assert "t1 does not exist" in wake.message


def test_triggers_of_one_key_share_a_poll() -> None:
    def key(kind: JobKind, interval: float | None = None, conn_id: str = "a") -> Any:
        pending = PendingJob(JobRef(kind, "x", "i1"), 0, 0, 0)
        return TwelveLabsJobTrigger(conn_id, pending.as_json(), interval).shared_stream_key()

    assert key(JobKind.INDEXING_TASK) == key(JobKind.INDEXING_TASK)
    assert key(JobKind.INDEXING_TASK) != key(JobKind.INDEXING_TASK, conn_id="b")
    assert key(JobKind.INDEXING_TASK) != key(JobKind.INDEXING_TASK, interval=5.0)
    assert TwelveLabsJobTrigger("a", {"of": "another release"}).shared_stream_key() is None
