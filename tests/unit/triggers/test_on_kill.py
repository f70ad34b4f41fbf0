"""Cancellation when a user ends a deferred task, but not when its trigger moves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from tests.unit.scripted_server import Reply, ScriptedServer
from twelvelabs_provider.jobs import cancellation
from twelvelabs_provider.jobs.batch_plan import BatchPlan, BatchState, PlannedBatch
from twelvelabs_provider.jobs.job import JobKind, JobRef, PendingJob
from twelvelabs_provider.jobs.job_lists import ListedJob
from twelvelabs_provider.jobs.trigger_event import EventReason, JobEvent
from twelvelabs_provider.triggers import job as trigger_module
from twelvelabs_provider.triggers import shared_poll
from twelvelabs_provider.triggers.job import TwelveLabsJobTrigger
from twelvelabs_provider.triggers.list_poll import Snapshot

ANALYSIS = JobRef(JobKind.ANALYSIS_TASK, "t1")
INDEXING = JobRef(JobKind.INDEXED_ASSET, "v1", "i1")
CANCEL = "POST /v1.3/analyze/tasks/t1/cancel"
LOOK = "GET /v1.3/indexes/i1/indexed-assets/v1"
LONGEST_TEST = 20.0
Stand = Callable[[str | None], list[dict[str, Any]]]


def pending(job: JobRef = ANALYSIS, **memo: Any) -> PendingJob:
    now = time.time()
    return PendingJob(job, now, now, now + 3600, memo)


def trigger(waits_for: PendingJob, map_index: int = -1, **fields: Any) -> TwelveLabsJobTrigger:
    """Return a trigger as a triggerer makes it of its stored row."""
    usual: dict[str, Any] = {"poll_interval": 0.001, "cancel_on_kill": True}
    stored = TwelveLabsJobTrigger("twelvelabs_default", waits_for.as_json(), **{**usual, **fields})
    made = TwelveLabsJobTrigger(**json.loads(json.dumps(stored.serialize()[1])))
    ti: Any = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=map_index)
    made.task_instance = ti
    return made


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Return a function that says what Airflow answers when it is asked where the task stands."""

    def answer(state: str | None) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []

        def states(**question: Any) -> dict[str, Any]:
            asked.append(question)
            index = question["map_index"]
            return {"r": {"t" if index < 0 else f"t_{index}": state, "other": "deferred"}}

        monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(states))
        return asked

    return answer


@pytest.mark.parametrize("map_index", [-1, 0, 7])
@pytest.mark.parametrize("state", ["failed", "success", "queued", "skipped", None])
def test_task_ended_by_a_user_cancels_its_analysis(
    server: ScriptedServer, stand: Stand, state: str | None, map_index: int
) -> None:
    asked = stand(state)
    server.script.append(Reply({}))
    asyncio.run(trigger(pending(), map_index).on_kill())
    assert server.asked == [CANCEL]
    assert asked == [{"dag_id": "d", "map_index": map_index, "task_ids": ["t"], "run_ids": ["r"]}]


@pytest.mark.parametrize("map_index", [-1, 3])
def test_a_trigger_that_moves_cancels_nothing(server: ScriptedServer, stand: Stand, map_index: int) -> None:
    stand("deferred")
    asyncio.run(trigger(pending(), map_index).on_kill())
    assert server.asked == []


def test_an_unknown_task_status_cancels_nothing(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def silent(**question: Any) -> None:
        raise OSError("the supervisor is gone")

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(silent))
    asyncio.run(trigger(pending()).on_kill())
    assert server.asked == []
    assert "remote job continues" in caplog.text


def test_repeated_stops_do_not_interrupt_the_cancellation(
    server: ScriptedServer, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow cancels a trigger once a second until it has ended, its on_kill included."""
    stand("failed")
    server.script.append(Reply({}))
    at_once = cancellation._is_deferred

    async def after_a_while(task_instance: Any) -> bool:
        for _ in range(20):
            await asyncio.sleep(0.005)
        return await at_once(task_instance)

    monkeypatch.setattr(cancellation, "_is_deferred", after_a_while)

    async def repeated_events() -> None:
        stopping = asyncio.create_task(asyncio.wait_for(trigger(pending()).on_kill(), timeout=LONGEST_TEST))
        while server.asked == []:
            await asyncio.sleep(0.01)
            stopping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await stopping

    asyncio.run(asyncio.wait_for(repeated_events(), LONGEST_TEST))
    assert server.asked == [CANCEL]


def test_without_cancel_on_kill_nothing_is_cancelled(server: ScriptedServer, stand: Stand) -> None:
    asked = stand("failed")
    asyncio.run(trigger(pending(), cancel_on_kill=False).on_kill())
    assert (server.asked, asked) == ([], [])


def test_indexing_continues_and_a_log_line_says_so(
    server: ScriptedServer, stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    stand("failed")
    asyncio.run(trigger(pending(INDEXING)).on_kill())
    assert server.asked == []
    assert "indexed asset v1 cannot be cancelled: it continues, and a retry attaches to it" in caplog.text


def test_all_batches_of_the_task_are_cancelled_and_no_others(
    server: ScriptedServer, stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    stand("failed")
    gone = Reply({"code": "conflict", "message": "it is completed"}, status=409)
    server.script += [gone, Reply({"batch_id": "b3", "status": "canceling"})]
    portions = [
        PlannedBatch(0, 2, state=BatchState.ENDED, batch_id="b1"),
        PlannedBatch(2, 2, state=BatchState.ACTIVE, batch_id="b2"),
        PlannedBatch(4, 2, state=BatchState.ACTIVE, batch_id="b3"),
        PlannedBatch(6, 2, state=BatchState.PLANNED),
    ]
    theirs = JobRef(JobKind.ANALYSIS_BATCH, "b9")
    asyncio.run(trigger(pending(theirs, plan=BatchPlan(tuple(portions)).as_json())).on_kill())
    assert [line.split("/")[-2] for line in server.asked] == ["b2", "b3"]
    assert "analysis batch b2 has already ended" in caplog.text


def test_a_row_of_an_older_release_cancels_nothing(server: ScriptedServer, stand: Stand) -> None:
    stand("failed")
    row: dict[str, Any] = {"twelvelabs_conn_id": "twelvelabs_default", "pending": pending().as_json()}
    asyncio.run(TwelveLabsJobTrigger(**row).on_kill())
    assert server.asked == []


@pytest.mark.parametrize(("newer", "requests"), [(False, [CANCEL]), (True, [])])
@pytest.mark.parametrize("state", ["failed", "deferred"])
def test_before_airflow_3_3_a_cancelled_wait_cancels_the_job(
    server: ScriptedServer,
    stand: Stand,
    monkeypatch: pytest.MonkeyPatch,
    newer: bool,
    requests: list[str],
    state: str,
) -> None:
    stand(state)
    monkeypatch.setattr(trigger_module, "AIRFLOW_V_3_3_PLUS", newer)
    server.script.append(Reply({}))

    async def killed() -> None:
        waiting = asyncio.ensure_future(anext(trigger(pending(), poll_interval=3600.0).run()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(killed())
    assert server.asked == (requests if state == "failed" else [])


def first_event(of: AsyncIterator[TriggerEvent]) -> TriggerEvent:
    async def event() -> TriggerEvent:
        async with asyncio.timeout(LONGEST_TEST):
            return await anext(of)

    return asyncio.run(event())


def test_a_job_that_is_ready_ends_the_task_in_the_triggerer(server: ScriptedServer) -> None:
    server.script += [Reply({"_id": "v1", "status": "ready"})]
    event = first_event(trigger(pending(INDEXING), end_in_triggerer=True).run())
    assert event == TaskSuccessEvent()
    assert server.asked == [LOOK]


def test_a_failed_job_resumes_the_task(server: ScriptedServer) -> None:
    server.script += [Reply({"_id": "v1", "status": "failed"})]
    event = first_event(trigger(pending(INDEXING), end_in_triggerer=True).run())
    assert JobEvent.from_payload(event.payload).reason is EventReason.ENDED


def test_outside_a_triggerer_the_task_is_resumed(server: ScriptedServer) -> None:
    server.script += [Reply({"_id": "v1", "status": "ready"})]
    alone = trigger(pending(INDEXING), end_in_triggerer=True)
    alone.task_instance = None
    assert JobEvent.from_payload(first_event(alone.run()).payload).reason is EventReason.ENDED


@pytest.mark.parametrize(("status", "ends"), [("ready", True), ("failed", False)])
def test_the_shared_poll_ends_tasks_too(monkeypatch: pytest.MonkeyPatch, status: str, ends: bool) -> None:
    monkeypatch.setattr(shared_poll, "EARLIEST_EVENT", 0.0)

    async def stream() -> AsyncIterator[Snapshot]:
        yield Snapshot({"v1": ListedJob("v1", status)})

    event = first_event(trigger(pending(INDEXING), end_in_triggerer=True).filter_shared_stream(stream()))
    assert (event == TaskSuccessEvent()) == ends
