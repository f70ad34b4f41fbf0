"""A connection to a scripted server, and a watch over the key: it is in no log line of any of these tests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.scripted_server import KEY, connection_text, forget_proxies
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.hooks import pacing, sending, twelvelabs, twelvelabs_async
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

Connect = Callable[..., None]
Execute = Callable[[Call[Any]], Any]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_proxies(monkeypatch)


@pytest.fixture(autouse=True)
def no_key_in_any_log(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield
    # Lines of Airflow's own loggers go straight to the console.
    console = capsys.readouterr()
    assert KEY not in caplog.text + console.out + console.err


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Point the connection at a host."""

    def at(host: str, **extra: Any) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(host, **extra))

    return at


@pytest.fixture(autouse=True)
def nothing_learned_before() -> None:
    pacing.forget_paces()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The real arithmetic of the pauses, without the sleeping: the shortest real one is half a second."""
    seen: list[float] = []
    real = sending.pause_before_retry

    def pause(*args: Any) -> float:
        seen.append(real(*args))
        return 0.0

    for module in (twelvelabs, twelvelabs_async):
        monkeypatch.setattr(module, "pause_before_retry", pause)
    monkeypatch.setattr(pacing.Pace, "pauses", lambda self, what, until=None: iter(()))
    return seen


def execute_on_a_worker(call: Call[Any]) -> Any:
    return TwelveLabsHook().execute(call)


def execute_in_the_triggerer(call: Call[Any]) -> Any:
    async def execute() -> Any:
        async with TwelveLabsAsyncHook() as hook:
            return await hook.execute(call)

    return asyncio.run(execute())


@pytest.fixture(params=[execute_on_a_worker, execute_in_the_triggerer], ids=["sync", "async"])
def execute(request: pytest.FixtureRequest, pauses: list[float]) -> Execute:
    """Send a call through either hook."""
    chosen: Execute = request.param
    return chosen
