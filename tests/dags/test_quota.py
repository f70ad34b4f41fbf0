"""Exhausted quotas, and a rate limit shared by several callers, enforced by the engine."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.conftest import Library
from tests.dags.conftest import Account, Connect, billed
from tests.task_context import TaskInstance, TaskStateStore
from twelvelabs_provider.api.errors import TwelveLabsQuotaError
from twelvelabs_provider.api.search.request import SearchOption, SearchRequest
from twelvelabs_provider.exceptions import (
    TwelveLabsJobTimeoutError,
    TwelveLabsQuotaUsedUpError,
)
from twelvelabs_provider.hooks import pacing, twelvelabs
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.batch import TwelveLabsAnalyzeBatchOperator
from twelvelabs_provider.operators.embed import TwelveLabsEmbedOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.operators.index_videos import TwelveLabsIndexVideosOperator
from twelvelabs_provider.operators.search import TwelveLabsSearchOperator
from twelvelabs_provider.triggers import timer
from twelvelabs_provider.triggers.timer import TwelveLabsTimerTrigger
from twelvelabs_provider.version_compat import TaskDeferred

pytestmark = pytest.mark.engine

TWO_HOURS = 7200


def task_context(memory: TaskStateStore | None = None) -> Any:
    run_id, now = f"run {uuid4()}", datetime.now(UTC)
    ti = TaskInstance(dag_id="d", run_id=run_id, task_id="t", map_index=-1, max_tries=0, start_date=now)
    return {"ti": ti} if memory is None else {"ti": ti, "task_state_store": memory}


@pytest.fixture(autouse=True)
def nothing_learned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pacing.forget_paces()
    monkeypatch.setattr(timer, "EARLIEST_EVENT", 0.0)
    yield
    pacing.forget_paces()


@pytest.fixture
def used_up(account: Account) -> Iterator[Callable[..., None]]:
    """Return a function that lets the next POST of a path meet a used-up quota; ``times=None`` lets all of them."""
    url = account.engine.base_url + "/_local/faults"

    def once(path: str, **rule: Any) -> None:
        fault = {"method": "POST", "path": path, "times": 1, "action": "status", "status": 429}
        fault |= {"retry_after": TWO_HOURS, **rule}
        fault = {name: value for name, value in fault.items() if value is not None}
        requests.post(url, headers=account.headers, json=fault, timeout=30).raise_for_status()

    yield once
    requests.delete(url, headers=account.headers, timeout=30)


def search(library: Library, output: Path, **fields: Any) -> TwelveLabsSearchOperator:
    return TwelveLabsSearchOperator(
        task_id="t",
        index_id=library.index_id,
        output_path=str(output),
        query_text="the children",
        search_options=["transcription"],
        **fields,
    )


def run_to_end(operator: Any, context: Any) -> tuple[Any, list[Any]]:
    """Execute as Airflow does, as if every quota were renewed at once; return the result and the triggers."""
    step: Callable[[], Any] = partial(operator.execute, context)
    triggers: list[Any] = []
    while True:
        try:
            return step(), triggers
        except TaskDeferred as deferred:
            trigger = deferred.trigger
            triggers.append(trigger)
            if isinstance(trigger, TwelveLabsTimerTrigger):
                trigger = TwelveLabsTimerTrigger(**{**trigger.serialize()[1], "renewed_at": 0.0})
            event = asyncio.run(anext(aiter(trigger.run())))
            step = partial(operator.resume_execution, deferred.method_name, {"event": event.payload}, context)


def test_task_defers_until_the_quota_is_renewed(
    library: Library, tmp_path: Path, connect: Connect, account: Account, used_up: Callable[[str], None]
) -> None:
    before = billed(account, "search")
    used_up("/search")
    began = datetime.now(UTC).timestamp()
    result, triggers = run_to_end(search(library, tmp_path, on_quota="wait"), task_context())
    assert result["manifest"]
    (trigger,) = triggers
    assert isinstance(trigger, TwelveLabsTimerTrigger)
    assert 0 <= trigger.renewed_at - began - TWO_HOURS < 60
    assert billed(account, "search") == before + 1


def test_task_with_on_quota_fail_names_the_renewal_time(
    library: Library, tmp_path: Path, connect: Connect, used_up: Callable[[str], None]
) -> None:
    used_up("/search")
    with pytest.raises(TwelveLabsQuotaUsedUpError, match=r"renewed at 20\d\d-.* UTC\. Set on_quota='wait'") as caught:
        run_to_end(search(library, tmp_path), task_context())
    assert isinstance(caught.value.__cause__, TwelveLabsQuotaError)


def test_task_does_not_wait_for_a_quota_beyond_its_deadline(
    library: Library, tmp_path: Path, connect: Connect, used_up: Callable[[str], None]
) -> None:
    used_up("/search")
    task = search(library, tmp_path, on_quota="wait", execution_timeout=timedelta(hours=1))
    with pytest.raises(TwelveLabsQuotaUsedUpError, match="The task's deadline is"):
        run_to_end(task, task_context())


def test_invalid_on_quota_is_refused_at_parse_time(library: Library, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'hope' is not a valid OnQuota"):
        search(library, tmp_path, on_quota="hope")


@pytest.mark.parametrize("memory", [None, TaskStateStore()], ids=["without a store", "with a store"])
def test_job_continues_after_a_quota_wait(
    connect: Connect, account: Account, clip: Path, used_up: Callable[[str], None], memory: TaskStateStore | None
) -> None:
    index_id = account.create_index(f"quota {memory is None}")
    assets = account.holdings()[0]
    used_up(f"/indexes/{index_id}/indexed-assets")
    operator = TwelveLabsIndexVideoOperator(
        task_id="t", index_id=index_id, source=str(clip), deferrable=True, poll_interval=0.5
    )
    result, triggers = run_to_end(operator, task_context(memory))
    assert result["video_id"]
    assert sum(isinstance(trigger, TwelveLabsTimerTrigger) for trigger in triggers) == 1
    assert account.holdings()[0] <= assets + 1, "the upload of before is used"
    assert account.get(f"/v1.3/indexes/{index_id}/indexed-assets")["page_info"]["total_results"] == 1


NOT_WOKEN = ("__fail__", {"error": "Trigger timeout"})
THREE_HOURS = 3 * 3600.0


class Clock:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.moved, self._real = 0.0, time.time

    def __call__(self) -> float:
        return self._real() + self.moved


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moving = Clock()
    monkeypatch.setattr(time, "time", moving)
    return moving


def ends_after(make: Callable[[], Any], context: Any, clock: Clock, *, woken: bool = True) -> tuple[float, Exception]:
    """Run a task through its waits for a quota, each in a process of its own; return when and how it ended.

    :param woken: whether the trigger's event arrives.
    """
    began = clock()
    step: Callable[[], Any] = partial(make().execute, context)
    for _ in range(12):
        try:
            step()
        except TaskDeferred as deferred:
            trigger: Any = deferred.trigger
            assert isinstance(trigger, TwelveLabsTimerTrigger)
            clock.moved += trigger.renewed_at - clock() + 1
            pacing.forget_paces()
            method, kwargs = (
                (deferred.method_name, {"event": {"memo": json.loads(json.dumps(trigger.memo))}})
                if woken
                else NOT_WOKEN
            )
            step = partial(make().resume_execution, method, kwargs, context)
        except Exception as error:
            return clock() - began, error
    raise AssertionError("it waits for ever")


WAITING = {
    "index": lambda library, clip: TwelveLabsIndexVideoOperator(
        task_id="t", source=str(clip), index_id=library.index_id, if_indexed="reindex", **LIMITED
    ),
    "many": lambda library, clip: TwelveLabsIndexVideosOperator(
        task_id="t", videos=[str(clip)], index_id=library.index_id, if_indexed="reindex",
        output_path=str(clip.parent / "out"), **LIMITED,
    ),
    "analysis": lambda library, clip: TwelveLabsAnalyzeVideoOperator(
        task_id="t", asset_id=library.asset_id, prompt="What?", output_path=str(clip.parent), mode="async", **LIMITED
    ),
    "answer": lambda library, clip: TwelveLabsAnalyzeVideoOperator(
        task_id="t", asset_id=library.asset_id, prompt="What?", output_path=str(clip.parent), mode="sync", **LIMITED
    ),
    "batch": lambda library, clip: TwelveLabsAnalyzeBatchOperator(
        task_id="t", items=[library.asset_id], prompt="What?", output_path=str(clip.parent), **LIMITED
    ),
    "embedding": lambda library, clip: TwelveLabsEmbedOperator(
        task_id="t", text="hello", output_path=str(clip.parent), **LIMITED
    ),
    "search": lambda library, clip: search(
        library, clip.parent, on_quota="wait", execution_timeout=timedelta(seconds=THREE_HOURS)
    ),
}  # fmt: skip
LIMITED: dict[str, Any] = {"on_quota": "wait", "timeout": THREE_HOURS}


@pytest.mark.parametrize("woken", [True, False], ids=["woken", "without an event"])
@pytest.mark.parametrize("memory", [None, TaskStateStore()], ids=["without a store", "with a store"])
@pytest.mark.parametrize("what", WAITING)
def test_quota_waits_do_not_move_the_deadline(
    what: str, memory: TaskStateStore | None, woken: bool, connect: Connect, clock: Clock, library: Library, clip: Path,
    tmp_path: Path, used_up: Callable[..., None],
) -> None:  # fmt: skip
    used_up("*", times=None)
    if memory is not None:
        memory.clear()
    context = task_context(memory)
    if memory is not None:
        context["ti"].start_date = None
    video = tmp_path / "clip.mp4"
    video.write_bytes(clip.read_bytes())
    after, error = ends_after(lambda: WAITING[what](library, video), context, clock, woken=woken)
    assert 7000 < after < THREE_HOURS + 900, error
    late = what == "many" and not isinstance(error, TwelveLabsQuotaUsedUpError)
    assert isinstance(error, TwelveLabsJobTimeoutError if late else TwelveLabsQuotaUsedUpError), error


@pytest.mark.parametrize("memory", [None, TaskStateStore()], ids=["without a store", "with a store"])
@pytest.mark.parametrize("woken", [True, False], ids=["woken", "without an event"])
@pytest.mark.parametrize("refused", ["/analyze/batches", "/assets*"], ids=["the batch", "before the batch"])
def test_batch_is_sent_once_after_a_quota_wait(
    refused: str, woken: bool, memory: TaskStateStore | None, connect: Connect, account: Account, library: Library,
    tmp_path: Path, used_up: Callable[..., None],
) -> None:  # fmt: skip
    used_up(refused, method="POST" if refused.startswith("/an") else "GET")
    if memory is not None:
        memory.clear()
    context, before = task_context(memory), account.get("/v1.3/analyze/batches")["page_info"]["total_results"]

    def task() -> TwelveLabsAnalyzeBatchOperator:
        return TwelveLabsAnalyzeBatchOperator(
            task_id="t", items=[library.asset_id], prompt="What?", output_path=str(tmp_path), deferrable=True,
            poll_interval=0.2,
        )  # fmt: skip

    first = task()
    with pytest.raises(TaskDeferred) as deferred:
        first.execute(context)
    trigger: Any = deferred.value.trigger
    assert isinstance(trigger, TwelveLabsTimerTrigger) and trigger.memo and trigger.memo["job"] is None
    first.on_kill()
    pacing.forget_paces()
    event = {"event": {"memo": json.loads(json.dumps(trigger.memo))}}
    method, fields = (deferred.value.method_name, event) if woken else NOT_WOKEN
    second = task()
    second.deferrable = False
    assert second.resume_execution(method, fields, context)["ready"] == 1
    assert second._result["ready"] == 1, "lineage reads it"
    assert account.get("/v1.3/analyze/batches")["page_info"]["total_results"] == before + 1


@pytest.mark.parametrize("seconds", [1e7, 1e9, 1e12, "Fri, 31 Dec 9999 23:59:59 -2359"])
def test_quota_renewed_after_more_than_a_week_is_not_waited_for(
    seconds: float | str, library: Library, tmp_path: Path, connect: Connect, used_up: Callable[..., None]
) -> None:
    headers = {"Retry-After": seconds if isinstance(seconds, str) else f"{seconds:.0f}"}
    used_up("/search", retry_after=None, headers=headers)
    with pytest.raises(
        TwelveLabsQuotaUsedUpError, match=r"renewed at 2\d\d\d-.* UTC\. A task waits for 7 days at most"
    ):
        run_to_end(search(library, tmp_path, on_quota="wait"), task_context())


def test_task_past_its_deadline_sends_nothing_after_a_quota_wait(
    connect: Connect, clock: Clock, account: Account, library: Library, tmp_path: Path, used_up: Callable[..., None]
) -> None:
    used_up("/analyze/tasks")
    context, before = task_context(), account.get("/v1.3/analyze/tasks")["page_info"]["total_results"]
    with pytest.raises(TaskDeferred) as deferred:
        WAITING["analysis"](library, tmp_path / "x").execute(context)
    clock.moved = THREE_HOURS + 60
    event = {"event": {"memo": deferred.value.trigger.memo}}
    with pytest.raises(TwelveLabsQuotaUsedUpError, match=r"The deadline passed at .* during a wait for a quota"):
        WAITING["analysis"](library, tmp_path / "x").resume_execution(deferred.value.method_name, event, context)
    assert account.get("/v1.3/analyze/tasks")["page_info"]["total_results"] == before


def test_hooks_that_share_a_limit_do_not_exceed_it(
    connect: Connect, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine calls by nine hooks, five of them allowed: the others are held back without asking."""
    index_id = account.create_index("shared limit")

    class Held(Exception):
        pass

    def hold(seconds: float) -> None:
        raise Held

    monkeypatch.setattr(pacing, "PATIENCE", float("inf"))
    monkeypatch.setattr(twelvelabs, "time", SimpleNamespace(time=time.time, sleep=hold))
    outcomes: list[type[Exception] | None] = []

    def ask() -> None:
        hook = TwelveLabsHook()
        try:
            hook.execute(hook.api.search(SearchRequest(index_id, (SearchOption.VISUAL,), "x")))
        except Exception as error:
            outcomes.append(type(error))
        else:
            outcomes.append(None)

    url = account.engine.base_url + "/_local/limits"
    limits = {"requests": {"search": {"per_day": 5}}}
    requests.put(url, headers=account.headers, json=limits, timeout=30).raise_for_status()
    try:
        ask()
        threads = [Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        used = account.get("/_local/limits")["used"]["search"]["per_day"]
    finally:
        requests.delete(url, headers=account.headers, timeout=30)
    assert used == 5
    assert sorted(map(str, outcomes)) == sorted(map(str, [None] * 5 + [Held] * 4))
