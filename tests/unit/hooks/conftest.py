"""Fixtures of the hook tests: a connection to a scripted server, and a check that no log line contains the key."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.hooks.certificates import self_signed
from tests.unit.scripted_server import KEY, connection_text, forget_proxies
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.hooks import pacing, sending, twelvelabs, twelvelabs_async
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

Connect = Callable[..., None]
Execute = Callable[[Call[Any]], Any]
SERVICE = "service.example"
"""A host that no name server knows: only a proxy can reach it."""


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


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of the scripted server and its key, in one file."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(self_signed("127.0.0.1", SERVICE))
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


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
