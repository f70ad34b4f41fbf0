"""Waits for jobs that are much older than the wait, in an account with many newer jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.task_context import TaskInstance
from tests.unit.job_server import Job, JobServer
from tests.unit.scripted_server import connection_text, forget_proxies
from twelvelabs_provider.jobs.job import JobKind
from twelvelabs_provider.sensors.analysis import TwelveLabsAnalysisSensor
from twelvelabs_provider.sensors.asset import TwelveLabsAssetSensor
from twelvelabs_provider.sensors.batch import TwelveLabsAnalyzeBatchSensor
from twelvelabs_provider.sensors.embedding import TwelveLabsEmbeddingSensor
from twelvelabs_provider.sensors.entity import TwelveLabsEntitySensor
from twelvelabs_provider.sensors.indexing import TwelveLabsIndexingSensor
from twelvelabs_provider.sensors.job import TwelveLabsJobSensor
from twelvelabs_provider.sensors.knowledge_store import TwelveLabsKnowledgeStoreItemSensor
from twelvelabs_provider.triggers import list_poll, shared_poll
from twelvelabs_provider.version_compat import AIRFLOW_V_3_3_PLUS, TaskDeferred

OLD = 6 * 3600.0
POLL = 0.05
# Seconds after which a wait that should have ended long ago is given up.
LONGEST_TEST = 20.0
X = "665012345678901234567890"

SENSORS: dict[JobKind, Callable[..., TwelveLabsJobSensor]] = {
    JobKind.INDEXING_TASK: lambda **kw: TwelveLabsIndexingSensor(indexing_task_id=X, **kw),
    JobKind.INDEXED_ASSET: lambda **kw: TwelveLabsIndexingSensor(index_id="i1", video_id=X, **kw),
    JobKind.ASSET: lambda **kw: TwelveLabsAssetSensor(asset_id=X, **kw),
    JobKind.ANALYSIS_TASK: lambda **kw: TwelveLabsAnalysisSensor(analysis_task_id=X, **kw),
    JobKind.ANALYSIS_BATCH: lambda **kw: TwelveLabsAnalyzeBatchSensor(batch_id=X, **kw),
    JobKind.EMBEDDING_TASK: lambda **kw: TwelveLabsEmbeddingSensor(embedding_task_id=X, **kw),
    JobKind.ENTITY: lambda **kw: TwelveLabsEntitySensor(entity_collection_id="c1", entity_id=X, **kw),
    JobKind.KNOWLEDGE_STORE_ITEM: lambda **kw: TwelveLabsKnowledgeStoreItemSensor(
        knowledge_store_id="k1", item_id=X, **kw
    ),
}


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[JobServer]:
    monkeypatch.setattr(shared_poll, "EARLIEST_EVENT", 0.0)
    monkeypatch.setattr(list_poll, "TICK", 0.5)
    monkeypatch.setattr(shared_poll, "_subscribers", {})
    monkeypatch.setattr(shared_poll, "_broadcasts", {})
    forget_proxies(monkeypatch)
    with JobServer() as server:
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(server.origin, max_attempts=1))
        yield server


def deferred(sensor: TwelveLabsJobSensor) -> Any:
    """Return the trigger of a sensor that defers."""
    ti = TaskInstance(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1)
    with pytest.raises(TaskDeferred) as raised:
        sensor.execute({"ti": ti, "task_instance": ti})  # type: ignore[typeddict-item]
    return raised.value.trigger


async def reason(number: int, trigger: Any, manager: Any) -> str:
    """Run a trigger as the triggerer does, and return the reason of its event."""
    key = trigger.shared_stream_key() if manager else None
    if key is None:
        events = trigger.run()
    else:
        events = trigger.filter_shared_stream(manager.subscribe(trigger_id=number, trigger=trigger, key=key))
    found = [event.payload["reason"] async for event in events]
    if key is not None:
        await manager.unsubscribe(number, key)
    return str(found[0])


def reasons(*triggers: Any) -> list[str]:
    async def all_reasons() -> list[str]:
        manager = None
        if AIRFLOW_V_3_3_PLUS:
            from airflow.triggers.shared_stream import SharedStreamManager

            manager = SharedStreamManager()
        async with asyncio.timeout(LONGEST_TEST):
            return await asyncio.gather(*(reason(at, one, manager) for at, one in enumerate(triggers)))

    return asyncio.run(all_reasons())


@pytest.mark.parametrize("kind", SENSORS)
def test_an_old_job_is_noticed_among_hundreds_of_newer_ones(jobs: JobServer, kind: JobKind) -> None:
    now = time.time()
    jobs.add(kind, *(Job(f"{at:024x}", now - OLD + 10 * at, ends=now - 1) for at in range(1, 400)))
    jobs.add(kind, Job(X, now - OLD))
    trigger = deferred(SENSORS[kind](task_id="t", deferrable=True, poke_interval=POLL))
    jobs.jobs[kind][X].ends = time.time() + 3 * POLL
    before = len(jobs.requests)
    assert reasons(trigger) == ["ended"]
    assert len(jobs.requests) - before < 100, "a few requests for each of the few polls"


@pytest.mark.parametrize("kind", SENSORS)
@pytest.mark.parametrize("ahead", [-7200.0, 7200.0], ids=["the service is behind", "the service is ahead"])
def test_different_clocks_hide_no_job(jobs: JobServer, kind: JobKind, ahead: float) -> None:
    jobs.clock = ahead
    service_now = time.time() + ahead
    jobs.add(kind, Job(X, service_now - 5))
    trigger = deferred(SENSORS[kind](task_id="t", deferrable=True, poke_interval=POLL))
    jobs.jobs[kind][X].ends = service_now + 3 * POLL
    assert reasons(trigger) == ["ended"]


@pytest.mark.parametrize("kind", [JobKind.ANALYSIS_TASK, JobKind.ANALYSIS_BATCH, JobKind.EMBEDDING_TASK, JobKind.ASSET])
def test_a_deleted_job_resumes_its_own_task_only(jobs: JobServer, kind: JobKind) -> None:
    now = time.time()
    jobs.add(kind, Job(X, now - OLD), Job("other", now - OLD))
    mine = deferred(SENSORS[kind](task_id="t", deferrable=True, poke_interval=POLL))
    jobs.jobs[kind]["other"].ends = now - 1
    del jobs.jobs[kind][X]
    assert reasons(mine)[0] in ("ended", "refused")


def test_many_waits_of_one_kind_cost_no_request_each(jobs: JobServer) -> None:
    kind, now = JobKind.ANALYSIS_TASK, time.time()
    ids = [f"{at:024x}" for at in range(100)]
    jobs.add(kind, *(Job(one, now - OLD) for one in ids))
    triggers = [
        deferred(TwelveLabsAnalysisSensor(analysis_task_id=one, task_id="t", deferrable=True, poke_interval=POLL))
        for one in ids
    ]
    for job in jobs.jobs[kind].values():
        job.ends = time.time()
    before = len(jobs.requests)
    assert set(reasons(*triggers)) == {"ended"}
    if AIRFLOW_V_3_3_PLUS:
        assert len(jobs.requests) - before < 30


@pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="Airflow shares polls from 3.3 on")
@pytest.mark.parametrize("kind", [kind for kind in SENSORS if kind.value not in ("entity", "knowledge_store_item")])
def test_of_several_waits_for_one_job_any_may_end_first(jobs: JobServer, kind: JobKind) -> None:
    """One times out and one is cancelled: the other is polled for, and nothing about them stays in memory."""
    from airflow.triggers.shared_stream import SharedStreamManager

    jobs.add(kind, Job(X, time.time() - OLD))
    stays, cancelled, times_out, late = (
        deferred(SENSORS[kind](task_id="t", deferrable=True, poke_interval=POLL)) for _ in range(4)
    )
    times_out.pending["deadline"] = time.time()

    async def all_of_them() -> list[str]:
        manager = SharedStreamManager()
        async with asyncio.timeout(LONGEST_TEST):
            first = asyncio.create_task(reason(1, stays, manager))
            second = asyncio.create_task(reason(2, cancelled, manager))
            third = await reason(3, times_out, manager)
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)
            await manager.unsubscribe(2, cancelled.shared_stream_key())
            jobs.jobs[kind][X].ends = time.time()
            found = [third, await first, await reason(4, late, manager)]
            await manager.stop_all()
            return found

    assert asyncio.run(all_of_them()) == ["deadline", "ended", "ended"]
    assert shared_poll._subscribers == {}
    assert shared_poll._broadcasts == {}
