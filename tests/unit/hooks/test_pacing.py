"""Rate limiting in both hooks against a scripted server, on a clock that only sleeps move."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from functools import partial
from threading import Lock, Thread
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.hooks.conftest import Connect, Execute, execute_in_the_triggerer, execute_on_a_worker
from tests.unit.scripted_server import KEY, Reply, ScriptedServer, connection_text
from twelvelabs_provider.api.analysis.request import AnalysisRequest
from twelvelabs_provider.api.call import Call, RateCategory
from twelvelabs_provider.api.errors import TwelveLabsQuotaError, TwelveLabsRateLimitError
from twelvelabs_provider.api.generations import V1_3
from twelvelabs_provider.api.pacing import MOST_WAITED
from twelvelabs_provider.hooks import pacing, twelvelabs, twelvelabs_async
from twelvelabs_provider.hooks.pacing import Pace
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

READ = V1_3.read_index("i1")
ANALYZE = V1_3.create_analysis_task(AnalysisRequest("c1"))
INDEX = Reply({"_id": "i1", "index_name": "demo"})
STARTED = {"task_id": "a1", "status": "pending"}


class Clock:
    """Epoch seconds that pass only during sleeps; threads sleep at the same time."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))
        self.sleeps: list[float] = []
        self._lock = Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float, since: float | None = None) -> None:
        with self._lock:
            self.sleeps.append(seconds)
            self.now = max(self.now, (self.now if since is None else since) + seconds)

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pacing, "Pace", partial(Pace, clock=clock))
    monkeypatch.setattr(twelvelabs, "time", SimpleNamespace(time=clock, sleep=clock.sleep))
    monkeypatch.setattr(twelvelabs_async, "time", SimpleNamespace(time=clock))
    monkeypatch.setattr(twelvelabs_async, "asyncio", SimpleNamespace(sleep=clock.asleep, to_thread=asyncio.to_thread))
    return clock


@pytest.fixture(params=[execute_on_a_worker, execute_in_the_triggerer], ids=["sync", "async"])
def execute(request: pytest.FixtureRequest) -> Execute:
    """Send a call through either hook, each time a new one."""
    chosen: Execute = request.param
    return chosen


def limited(remaining: int, reset_at: float, body: Any = STARTED, **headers: str) -> Reply:
    """Return a success that tells of the limit, in capitals of its own."""
    limits = {"X-RATELIMIT-request-remaining": str(remaining), "x-RateLimit-Request-RESET": str(int(reset_at))}
    return Reply(body, headers={**limits, **headers})


def busy(seconds: int) -> Reply:
    return Reply({"message": "slow down"}, status=429, headers={"Retry-After": str(seconds)})


@pytest.mark.parametrize(("call", "answer"), [(READ, INDEX), (ANALYZE, Reply(STARTED))], ids=["read", "analysis"])
def test_refusal_pauses_all_callers(
    execute: Execute, connect: Connect, clock: Clock, call: Call[Any], answer: Reply
) -> None:
    with ScriptedServer(busy(30), answer, answer) as server:
        connect(server.origin, max_attempts=1)
        with pytest.raises(TwelveLabsRateLimitError):
            execute(call)
        assert clock.sleeps == []
        execute(call)
        execute(call)
    assert [30.0 <= pause <= 31.0 for pause in clock.sleeps] == [True]


def test_refusal_applies_to_one_category_and_one_account(
    execute: Execute, connect: Connect, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(busy(30), INDEX, Reply(STARTED)) as server:
        connect(server.origin, max_attempts=1)
        with pytest.raises(TwelveLabsRateLimitError):
            execute(ANALYZE)
        execute(READ)
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(server.origin, key=KEY + "OTHER"))
        execute(ANALYZE)
    assert clock.sleeps == []


def test_exhausted_budget_is_waited_for_without_a_request(
    execute: Execute, connect: Connect, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedServer(limited(0, clock.now + 40), Reply(STARTED)) as server:
        connect(server.origin)
        execute(ANALYZE)
        execute(ANALYZE)
    assert len(server.requests) == 2
    assert [40.0 <= pause <= 41.0 for pause in clock.sleeps] == [True]
    lines = [record.getMessage() for record in caplog.records if "Rate limit reached" in record.getMessage()]
    assert len(lines) == 1 and lines[0].startswith("Rate limit reached: POST /analyze/tasks waits 4")


def test_reads_ignore_the_budget(execute: Execute, connect: Connect, clock: Clock) -> None:
    with ScriptedServer(*[limited(0, clock.now + 40, INDEX.body)] * 3) as server:
        connect(server.origin)
        for _ in range(3):
            execute(READ)
    assert clock.sleeps == []


def test_budget_renewed_tomorrow_is_not_waited_for(execute: Execute, connect: Connect, clock: Clock) -> None:
    refused = Reply({"message": "You have used up the daily quota."}, status=429)
    with ScriptedServer(limited(0, clock.now + 7200), refused) as server:
        connect(server.origin)
        execute(ANALYZE)
        with pytest.raises(TwelveLabsQuotaError, match="daily quota"):
            execute(ANALYZE)
    assert clock.sleeps == []
    assert len(server.requests) == 2


def test_only_a_caller_with_enough_time_waits(connect: Connect, clock: Clock) -> None:
    with ScriptedServer(busy(60), INDEX, busy(60), INDEX) as server:
        connect(server.origin, max_attempts=1)
        hook = TwelveLabsHook()
        with pytest.raises(TwelveLabsRateLimitError):
            hook.execute(READ)
        hook.execute(READ, until=clock.now + 7)
        assert clock.sleeps == [7.0]

        async def in_the_triggerer() -> None:
            async with TwelveLabsAsyncHook() as waiting:
                with pytest.raises(TwelveLabsRateLimitError):
                    await waiting.execute(READ)
                await waiting.execute(READ, until=clock.now)

        asyncio.run(in_the_triggerer())
    assert clock.sleeps == [7.0]


def test_api_key_is_not_stored(connect: Connect) -> None:
    with ScriptedServer(INDEX) as server:
        connect(server.origin)
        hook = TwelveLabsHook()
        hook.execute(READ)
        (kept,) = pacing._paces
    assert kept[0] == server.origin
    assert kept[2] is RateCategory.NONE
    assert KEY not in json.dumps(kept)


def test_starved_caller_is_sent_in_the_end(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    pace = Pace(clock=clock)

    def another_thread_takes_it() -> None:
        pace.learn(429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(clock.now + 60)}, clock.now)

    another_thread_takes_it()
    for pause in pace.pauses("POST /search"):
        clock.sleep(pause)
        another_thread_takes_it()
    # Newer Pythons add floats more exactly than the pace does.
    assert sum(clock.sleeps) == pytest.approx(MOST_WAITED)


def test_lost_response_releases_its_slot(clock: Clock) -> None:
    pace = Pace(clock=clock)
    assert list(pace.pauses("POST /search")) == []
    with pytest.raises(ValueError), pace.turn():
        raise ValueError
    assert pace._budget.in_flight == 0


def test_threads_stay_within_the_limit_per_minute(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Twelve threads of ten requests each, against the engine's own counters on the same clock."""
    from twelvelabs_local.limits import Category, LimitBook, Limits, RequestLimit, Window

    caplog.set_level(logging.ERROR)
    book, pace = LimitBook(clock), Pace(clock=clock)
    refused: list[Window] = []
    done: list[Window] = []
    book.set(Limits(requests={Category.SEARCH: RequestLimit(per_minute=7)}))

    def ask() -> None:
        began = clock.now
        for pause in pace.pauses("POST /search"):
            clock.sleep(pause, began)
            began = clock.now
        with pace.turn() as turn:
            window = book.spend(Category.SEARCH)
            assert window is not None
            (refused if window.exceeded else done).append(window)
            turn.learn(429 if window.exceeded else 200, window.headers())

    def work() -> None:
        for _ in range(10):
            ask()

    ask()  # the first answer tells the limit
    threads = [Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == []
    assert len(done) == 121
