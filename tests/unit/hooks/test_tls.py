"""Where a TLS connection breaks decides whether a call may be sent again."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.hooks.conftest import Connect, Execute
from tests.unit.hooks.test_hooks import (
    CREATE,
    OK,
    READ,
    failure,
)
from tests.unit.scripted_server import BrokenTls, Lost, ScriptedServer
from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError, TwelveLabsConnectionError
from twelvelabs_provider.hooks import twelvelabs_async

Trust = Callable[[], None]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1 and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trust(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Trust:
    """Make both HTTP libraries trust the certificate, by the environment, as a person would."""

    def now() -> None:
        for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.setenv(name, str(certificate))

    # One context serves the whole process: it must be neither found made before nor left behind.
    monkeypatch.setattr(twelvelabs_async, "_tls_context", twelvelabs_async._tls_context.__wrapped__)
    return now


def test_a_certificate_that_nobody_trusts(
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


def test_a_certificate_that_is_trusted(
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
def test_an_answer_that_broke_after_the_request_was_read_is_not_asked_for_twice(
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
