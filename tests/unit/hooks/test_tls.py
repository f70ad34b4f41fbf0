"""Whether a call may be repeated after a failed TLS connection."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.hooks.conftest import Connect, Execute
from tests.unit.hooks.test_hooks import (
    CREATE,
    OK,
    READ,
    failure,
)
from tests.unit.scripted_server import BrokenTls, Lost, ScriptedServer
from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError, TwelveLabsConnectionError

Trust = Callable[[], None]


@pytest.fixture
def trust(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Trust:
    """Make the hooks trust the certificate, by the environment, as a person would."""
    return lambda: monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))


def test_untrusted_certificate_is_refused(
    execute: Execute,
    connect: Connect,
    trust: Trust,
    tls: ssl.SSLContext,
) -> None:
    with ScriptedServer(OK, tls=tls) as server:
        connect(server.origin, max_attempts=2)
        error = failure(execute, CREATE)
    assert isinstance(error, TwelveLabsConnectionError)
    assert "certificate" in str(error).lower()
    assert server.requests == []


def test_trusted_certificate_is_accepted(
    execute: Execute,
    connect: Connect,
    trust: Trust,
    tls: ssl.SSLContext,
) -> None:
    trust()
    with ScriptedServer(OK, tls=tls) as server:
        connect(server.origin)
        assert execute(READ).id == "i1"


@pytest.mark.parametrize("step", [BrokenTls(), Lost()], ids=repr)
def test_request_is_not_repeated_after_a_broken_tls_response(
    execute: Execute,
    connect: Connect,
    trust: Trust,
    tls: ssl.SSLContext,
    step: BrokenTls | Lost,
) -> None:
    trust()
    with ScriptedServer(step, OK, tls=tls) as server:
        connect(server.origin)
        error = failure(execute, CREATE)
    assert isinstance(error, TwelveLabsAmbiguousError)
    assert server.asked == ["POST /v1.3/indexes"]
