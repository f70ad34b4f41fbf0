"""Trigger for one job: exactly one event, no exception, no stored secret."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import time
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent

from tests.unit.scripted_server import KEY, Hang, Lost, Reply, ScriptedServer, Unframed
from twelvelabs_provider.exceptions import TwelveLabsEventError, TwelveLabsUnreachableError
from twelvelabs_provider.jobs import outage
from twelvelabs_provider.jobs.job import JobKind, JobRef, PendingJob
from twelvelabs_provider.jobs.trigger_event import EventReason, JobEvent
from twelvelabs_provider.triggers import job as trigger_module
from twelvelabs_provider.triggers.job import TwelveLabsJobTrigger
from twelvelabs_provider.version_compat import AirflowFailException

JOB = JobRef(JobKind.INDEXED_ASSET, "v1", "i1")
LOOK = "GET /v1.3/indexes/i1/indexed-assets/v1"
AT_ONCE = 0.001
# Seconds after which a wait that should have ended long ago is given up.
LONGEST_TEST = 20.0
BROKEN = Reply({"code": "generic_error", "message": "oops"}, status=500)


def stands(status: str) -> Reply:
    return Reply({"_id": "v1", "status": status})


def pending(seconds: float = 3600.0, age: float = 0.0) -> PendingJob:
    now = time.time()
    return PendingJob(JOB, now - age, now - age, now + seconds, {"filename": "a.mp4"})


def trigger(job: PendingJob | None = None, poll_interval: Any = AT_ONCE) -> TwelveLabsJobTrigger:
    return TwelveLabsJobTrigger("twelvelabs_default", (job or pending()).as_json(), poll_interval)


def made_again(path: str, fields: dict[str, Any]) -> TwelveLabsJobTrigger:
    """Make a trigger of its stored row, as the triggerer does."""
    module, _, name = path.rpartition(".")
    made: TwelveLabsJobTrigger = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(fields)))
    return made


def events_of(*triggers: TwelveLabsJobTrigger) -> list[TriggerEvent]:
    """Run triggers in one loop, to the very end of each; return their events."""

    async def events(one: TwelveLabsJobTrigger) -> list[TriggerEvent]:
        return [event async for event in one.run()]

    async def all_events() -> list[TriggerEvent]:
        async with asyncio.timeout(LONGEST_TEST):
            return [event for found in await asyncio.gather(*map(events, triggers)) for event in found]

    return asyncio.run(all_events())


def wake_of(one: TwelveLabsJobTrigger) -> JobEvent:
    """Return the one event of a trigger, having seen that it is plain JSON without the key."""
    (event,) = events_of(one)
    text = json.dumps(event.payload, allow_nan=False)
    assert KEY not in text
    return JobEvent.from_payload(json.loads(text))


@pytest.mark.parametrize("status", ["ready", "failed", "canceled"])
def test_a_job_that_ends(server: ScriptedServer, status: str) -> None:
    server.script += [stands("pending"), stands("indexing"), stands(status)]
    job = pending()
    assert wake_of(trigger(job)) == JobEvent(EventReason.ENDED, job)
    assert server.asked == [LOOK] * 3
    assert {request.headers["x-api-key"] for request in server.requests} == {KEY}


@pytest.mark.parametrize(
    ("kind", "answer", "path"),
    [
        (JobKind.INDEXING_TASK, {"_id": "x", "status": "ready"}, "/v1.3/tasks/x"),
        (JobKind.ASSET, {"_id": "x", "status": "ready"}, "/v1.3/assets/x"),
        (JobKind.INDEXED_ASSET, {"_id": "x"}, "/v1.3/indexes/i1/indexed-assets/x"),
        (JobKind.ANALYSIS_TASK, {"task_id": "x", "status": "ready"}, "/v1.3/analyze/tasks/x"),
    ],
)
def test_every_kind_of_job(server: ScriptedServer, kind: JobKind, answer: dict[str, Any], path: str) -> None:
    server.script.append(Reply(answer))
    now = time.time()
    job = PendingJob(JobRef(kind, "x", "i1"), now, now, now + 60)
    assert wake_of(trigger(job)).reason is EventReason.ENDED
    assert server.asked == [f"GET {path}"]


GONE = Reply({"code": "resource_not_exist", "message": "no such video"}, status=404)
REFUSALS = {
    "key": Reply({"code": "api_key_invalid", "message": f"{KEY} is wrong"}, status=401),
    "plan": Reply({"code": "api_not_allowed", "message": "not in your plan"}, status=403),
    "firewall": Reply(b"<html>Forbidden</html>", status=403),
    "gateway": Reply(b"<html>Not Found</html>", status=404),
    "router": Reply({"code": "endpoint_not_exists", "message": "no such call"}, status=404),
    "redirect": Reply(status=302, headers={"Location": "https://elsewhere.invalid"}),
    "page": Reply(b"<html>Back soon</html>"),
    "list": Reply([]),
}


def test_a_missing_job_ends_the_wait(server: ScriptedServer) -> None:
    server.script += [stands("indexing"), GONE]
    wake = wake_of(trigger(pending(age=60.0)))
    assert wake.reason is EventReason.REFUSED
    assert "no such video" in wake.message
    assert len(server.requests) == 2


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_that_is_not_about_the_job_is_tolerated(server: ScriptedServer, refusal: Reply) -> None:
    server.script += [stands("indexing"), refusal, refusal, stands("ready")]
    assert wake_of(trigger(pending(age=60.0))).reason is EventReason.ENDED


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_long_refusal_fails_the_task_retryably(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, refusal: Reply
) -> None:
    monkeypatch.setattr(outage, "LONGEST_REFUSAL", 0.05)
    server.script += [stands("indexing")] + [refusal] * 10_000
    wake = wake_of(trigger(pending(age=60.0)))
    assert wake.reason is EventReason.UNREACHABLE
    assert "refused for" in wake.message
    with pytest.raises(TwelveLabsUnreachableError) as raised:
        wake.raise_for_reason()
    assert not isinstance(raised.value, AirflowFailException)


@pytest.mark.parametrize(
    "failure", [BROKEN, Reply(status=429), Lost(), Unframed(b'{"_id": "v1", "sta')], ids=["500", "429", "lost", "cut"]
)
def test_transient_errors_are_tolerated(server: ScriptedServer, failure: Any) -> None:
    server.script += [failure, failure, stands("ready")]
    assert wake_of(trigger()).reason is EventReason.ENDED
    assert len(server.requests) == 3


def test_a_new_job_that_is_not_found_is_polled_again(server: ScriptedServer) -> None:
    unknown = Reply({"code": "resource_not_exist", "message": "no such video"}, status=404)
    server.script += [unknown, stands("ready")]
    assert wake_of(trigger()).reason is EventReason.ENDED


def test_a_long_outage_ends_the_wait(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "LONGEST_SILENCE", -1.0)
    server.script.append(BROKEN)
    wake = wake_of(trigger())
    assert wake.reason is EventReason.UNREACHABLE
    assert "oops" in wake.message


def test_a_response_ends_the_outage(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only failures in a row count."""
    monkeypatch.setattr(outage, "LONGEST_SILENCE", 0.0)
    server.script += [BROKEN, stands("indexing")] * 5 + [stands("ready")]
    assert wake_of(trigger()).reason is EventReason.ENDED
    assert len(server.requests) == 11


@pytest.mark.parametrize(
    ("status", "reason"),
    [("indexing", EventReason.DEADLINE), ("transmogrifying", EventReason.DEADLINE), ("ready", EventReason.ENDED)],
)
def test_there_is_one_last_poll_after_the_deadline(server: ScriptedServer, status: str, reason: EventReason) -> None:
    server.script.append(stands(status))
    assert wake_of(trigger(pending(-5.0), poll_interval=None)).reason is reason
    assert len(server.requests) == 1


def test_a_failed_poll_at_the_deadline_is_a_deadline_event(server: ScriptedServer) -> None:
    server.script.append(BROKEN)
    assert wake_of(trigger(pending(-5.0))).reason is EventReason.DEADLINE


def test_the_deadline_ends_a_wait(server: ScriptedServer) -> None:
    server.script += [stands("indexing")] * 10_000
    job = pending(0.1)
    assert wake_of(trigger(job)) == JobEvent(EventReason.DEADLINE, job)
    assert time.time() >= job.deadline
    assert len(server.requests) >= 1


def test_retry_after_is_obeyed_until_the_deadline(server: ScriptedServer) -> None:
    server.script += [Reply(status=429, headers={"Retry-After": "60"})] + [stands("indexing")] * 10_000
    assert wake_of(trigger(pending(0.2))).reason is EventReason.DEADLINE
    assert len(server.requests) == 2, "the one with Retry-After, and the last poll"


def test_there_is_a_pause_before_the_first_poll(server: ScriptedServer) -> None:
    """A trigger that fires at once can overtake the word that the deferring process has ended."""

    async def begin() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(aiter(trigger(poll_interval=30.0).run())), 0.1)

    asyncio.run(begin())
    assert server.requests == []


def test_a_restarted_trigger_keeps_its_deadline(server: ScriptedServer) -> None:
    server.script += [stands("indexing")] * 10_000
    job = pending(0.1)
    assert wake_of(made_again(*trigger(job).serialize())) == JobEvent(EventReason.DEADLINE, job)


def test_many_waits_share_one_loop(server: ScriptedServer) -> None:
    server.script += [stands("indexing")] * 20 + [stands("ready")] * 20
    events = events_of(*(trigger() for _ in range(20)))
    assert [event.payload["reason"] for event in events] == ["ended"] * 20


def test_a_cancelled_trigger_ends(server: ScriptedServer) -> None:
    server.script.append(Hang())

    async def cancel() -> None:
        wait = asyncio.ensure_future(anext(aiter(trigger().run())))
        while not server.requests:
            await asyncio.sleep(0.001)
        wait.cancel()
        await wait

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())


@pytest.mark.parametrize("garbage", [{}, {"job": {}}, {"job": {"kind": "embedding", "id": "x"}}, None, "x"])
def test_a_row_of_another_release_is_an_event_that_the_operator_refuses(server: ScriptedServer, garbage: Any) -> None:
    (event,) = events_of(TwelveLabsJobTrigger("twelvelabs_default", garbage))
    json.dumps(event.payload)
    with pytest.raises(TwelveLabsEventError):
        JobEvent.from_payload(event.payload)
    assert server.requests == []


def test_a_missing_connection_is_an_event(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_TWELVELABS_DEFAULT")
    monkeypatch.setattr(outage, "LONGEST_REFUSAL", 0.0)
    wake = wake_of(trigger())
    assert wake.reason is EventReason.UNREACHABLE
    assert "twelvelabs_default" in wake.message


def test_an_invalid_connection_is_an_event(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", json.dumps({"conn_type": "twelvelabs", "host": "h"}))
    monkeypatch.setattr(outage, "LONGEST_REFUSAL", 0.0)
    wake = wake_of(trigger())
    assert wake.reason is EventReason.UNREACHABLE
    assert "has no API key" in wake.message


def test_an_invalid_interval_is_an_event(server: ScriptedServer) -> None:
    assert wake_of(trigger(poll_interval="soon")).reason is EventReason.UNREACHABLE


def test_an_unexpected_error_is_an_event(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(trigger_module, "read_state", broken)
    wake = wake_of(trigger())
    assert wake.reason is EventReason.UNREACHABLE
    assert wake.message == "RuntimeError: a bug of ours"


def test_the_stored_arguments_are_plain_json(server: ScriptedServer) -> None:
    made = trigger()
    path, fields = made.serialize()
    assert type(made_again(path, fields)) is TwelveLabsJobTrigger
    assert set(fields) == set(inspect.signature(TwelveLabsJobTrigger.__init__).parameters) - {"self"}
    text = json.dumps(fields, allow_nan=False)
    assert json.loads(text) == fields
    assert KEY not in text
    assert server.origin not in text
    assert made_again(path, fields).serialize() == (path, fields)


def test_the_constructor_accepts_every_row(server: ScriptedServer) -> None:
    """An exception here would take the triggerer's whole loop down."""
    values: tuple[Any, ...] = (None, "x", 5, {}, [])
    for value in values:
        TwelveLabsJobTrigger(value, value, value)
    required = [
        name
        for name, parameter in inspect.signature(TwelveLabsJobTrigger.__init__).parameters.items()
        if parameter.default is inspect.Parameter.empty
    ]
    assert required == ["self", "twelvelabs_conn_id", "pending"], "a row of an older release must still fit"
