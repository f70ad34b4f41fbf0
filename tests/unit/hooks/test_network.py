"""Proxies and trusted certificates of both hooks, with a real proxy and a real TLS server."""

from __future__ import annotations

import os
import ssl
from itertools import pairwise
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.unit.hooks.certificates import hashed_name, self_signed
from tests.unit.hooks.conftest import SERVICE, Connect, Execute
from tests.unit.hooks.forward_proxy import ForwardProxy
from tests.unit.hooks.test_hooks import OK, READ, failure
from tests.unit.hooks.test_multipart import CONTENT, send
from tests.unit.parts_store import PartsStore
from tests.unit.scripted_server import KEY, Reply, ScriptedServer
from twelvelabs_provider.api.endpoint import Endpoint
from twelvelabs_provider.api.errors import TwelveLabsConfigurationError, TwelveLabsConnectionError
from twelvelabs_provider.api.version import ApiVersion
from twelvelabs_provider.hooks.network import CA_VARIABLES
from twelvelabs_provider.hooks.signed_links import fetch_signed
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

FILES = [name for name in CA_VARIABLES if name != "SSL_CERT_DIR"]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(certificate: Path, tmp_path: Path) -> Path:
    """A folder of trusted certificates, as OpenSSL looks into it."""
    made = tmp_path / "certificates"
    made.mkdir()
    pem = certificate.read_bytes()
    (made / hashed_name(pem)).write_bytes(pem)
    return made


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A certificate of another server."""
    path = tmp_path / "other.pem"
    path.write_bytes(self_signed("127.0.0.1", "other.example"))
    return path


@pytest.mark.parametrize("variable", CA_VARIABLES)
def test_each_variable_alone_sets_the_trusted_certificates(
    execute: Execute,
    connect: Connect,
    tls: ssl.SSLContext,
    certificate: Path,
    folder: Path,
    variable: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = [certificate] if variable in FILES else []
    with ScriptedServer(OK, OK, OK, tls=tls) as server:
        connect(server.origin)
        for value in [*places, folder, f"/no/such/folder{os.pathsep}{folder}"]:
            monkeypatch.setenv(variable, str(value))
            assert execute(READ).id == "i1"


def test_first_variable_that_is_set_counts(
    execute: Execute,
    connect: Connect,
    tls: ssl.SSLContext,
    certificate: Path,
    other: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ScriptedServer(OK, tls=tls) as server:
        connect(server.origin, max_attempts=1)
        for right, wrong in pairwise(CA_VARIABLES):
            monkeypatch.setenv(right, str(certificate))
            monkeypatch.setenv(wrong, str(other))
            server.script[:] = [OK]
            assert execute(READ).id == "i1"
            monkeypatch.setenv(right, str(other))
            monkeypatch.setenv(wrong, str(certificate))
            assert "certificate" in str(failure(execute, READ)).lower()
            monkeypatch.setenv(right, "")


def test_unknown_certificate_is_refused_without_a_variable(
    execute: Execute, connect: Connect, tls: ssl.SSLContext
) -> None:
    with ScriptedServer(OK, tls=tls) as server:
        connect(server.origin, max_attempts=1)
        assert isinstance(failure(execute, READ), TwelveLabsConnectionError)
    assert server.requests == []


@pytest.mark.parametrize("words", ["no such file", "not readable"])
@pytest.mark.parametrize("variable", CA_VARIABLES)
def test_unreadable_certificates_are_refused(
    execute: Execute,
    connect: Connect,
    tls: ssl.SSLContext,
    tmp_path: Path,
    variable: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "certificates.pem"
    if words == "not readable":
        path.write_text("no certificate")
    monkeypatch.setenv(variable, str(path))
    with ScriptedServer(OK, tls=tls) as server:
        connect(server.origin)
        error = failure(execute, READ)
    assert isinstance(error, TwelveLabsConfigurationError)
    assert str(error).startswith(f"environment variable {variable} is {str(path)!r}")
    assert words in str(error)


def test_unreadable_certificates_are_ignored_without_tls(
    execute: Execute, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    with ScriptedServer(OK) as server:
        connect(server.origin)
        assert execute(READ).id == "i1"


def test_renewed_certificates_are_read_again(
    execute: Execute,
    connect: Connect,
    tls: ssl.SSLContext,
    certificate: Path,
    other: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with ScriptedServer(OK, tls=tls) as server:
        connect(server.origin, max_attempts=1)
        assert isinstance(failure(execute, READ), TwelveLabsConnectionError)
        other.write_bytes(certificate.read_bytes())
        assert execute(READ).id == "i1"


@pytest.mark.parametrize("setting", [False, "false", "No", "0", 0, "file", "folder"])
def test_connection_sets_the_trusted_certificates(
    execute: Execute,
    connect: Connect,
    tls: ssl.SSLContext,
    certificate: Path,
    folder: Path,
    other: Path,
    setting: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    verify = {"file": str(certificate), "folder": str(folder)}.get(str(setting), setting)
    with ScriptedServer(OK, tls=tls) as server:
        connect(server.origin, verify=verify)
        assert execute(READ).id == "i1"


@pytest.mark.parametrize("setting", [True, "true", "", None])
def test_connection_with_verify_true_uses_the_environment(
    execute: Execute,
    connect: Connect,
    tls: ssl.SSLContext,
    certificate: Path,
    setting: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ScriptedServer(OK, tls=tls) as server:
        connect(server.origin, verify=setting, max_attempts=1)
        assert isinstance(failure(execute, READ), TwelveLabsConnectionError)
        monkeypatch.setenv("CURL_CA_BUNDLE", str(certificate))
        assert execute(READ).id == "i1"


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"verify": "/no/such/file"}, "extra verify is '/no/such/file'.*no such file or folder"),
        ({"verify": 5}, "extra verify is 5; it must be true, false, or the path"),
        ({"verify": ["a"]}, "extra verify is .*; it must be true, false, or the path"),
        ({"proxy": 5}, "extra proxy is 5; it must be an address"),
        ({"proxy": "proxy:port"}, "extra proxy is 'proxy:port': not a proxy"),
        ({"proxy": "http://me:hunter2@proxy:port"}, "extra proxy is '<hidden>': not a proxy"),
    ],
)
def test_invalid_extras_are_refused(execute: Execute, connect: Connect, extra: dict[str, object], words: str) -> None:
    connect("https://127.0.0.1:1", **extra)
    with pytest.raises(TwelveLabsConfigurationError, match=f"^connection 'twelvelabs_default': {words}"):
        execute(READ)


def test_connection_test_reports_unreadable_certificates(connect: Connect) -> None:
    connect("https://127.0.0.1:1", verify="/no/such/file")
    assert TwelveLabsHook().test_connection()[0] is False
    assert "extra verify is '/no/such/file'" in TwelveLabsHook().test_connection()[1]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_each_variable_alone_sets_the_proxy_of_plain_requests(
    execute: Execute, connect: Connect, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(OK) as server, ForwardProxy(server.origin) as proxy:
        monkeypatch.setenv(variable, proxy.address)
        connect(f"http://{SERVICE}")
        assert execute(READ).id == "i1"
    assert proxy.asked == [f"GET http://{SERVICE}/v1.3/indexes/i1"]
    assert server.requests[0].headers["x-api-key"] == KEY


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_each_variable_alone_sets_the_proxy_of_tls_requests(
    execute: Execute,
    connect: Connect,
    tls: ssl.SSLContext,
    certificate: Path,
    variable: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ScriptedServer(OK, tls=tls) as server, ForwardProxy(server.origin) as proxy:
        monkeypatch.setenv(variable, f"http://me:p%40ss@{proxy.address}")
        connect(f"https://{SERVICE}", verify=str(certificate))
        assert execute(READ).id == "i1"
    assert proxy.asked == [f"CONNECT {SERVICE}:443"]
    assert proxy.credentials == ["Basic bWU6cEBzcw=="]
    assert "proxy-authorization" not in server.requests[0].headers


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_over_tls(
    execute: Execute, connect: Connect, tls: ssl.SSLContext, certificate: Path, scheme: str
) -> None:
    with (
        ScriptedServer(OK, tls=tls if scheme == "https" else None) as server,
        ForwardProxy(server.origin, tls=tls) as proxy,
    ):
        connect(f"{scheme}://{SERVICE}", verify=str(certificate), proxy=f"https://{proxy.address}")
        assert execute(READ).id == "i1"
    assert len(proxy.asked) == 1


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "127.0.0.0/8", "[::1],fd00::/8,127.0.0.0/8", "*", "host:{port}"])
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_an_excluded_address_is_reached_directly(
    execute: Execute, connect: Connect, no_proxy: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{free_port()}")
    with ScriptedServer(OK) as server:
        port = server.origin.rpartition(":")[2]
        monkeypatch.setenv(variable, no_proxy.replace("host:{port}", f"127.0.0.1:{port}"))
        connect(server.origin)
        assert execute(READ).id == "i1"


def test_proxy_of_the_connection_overrides_the_environment(
    execute: Execute, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("NO_PROXY", SERVICE)
    with ScriptedServer(OK, OK) as server, ForwardProxy(server.origin) as proxy:
        connect(f"http://{SERVICE}", proxy=proxy.address)
        assert execute(READ).id == "i1"
        connect(server.origin, proxy="none")
        assert execute(READ).id == "i1"
    assert len(proxy.asked) == 1


@pytest.mark.parametrize("refuses", [407, 502])
def test_refused_tunnel_is_an_error_before_sending(
    execute: Execute, connect: Connect, tls: ssl.SSLContext, refuses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(OK, tls=tls) as server, ForwardProxy(server.origin, refuses=refuses) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:hunter2@{proxy.address}")
        connect(f"https://{SERVICE}", max_attempts=1)
        error = failure(execute, READ)
    assert isinstance(error, TwelveLabsConnectionError)
    assert f"No connection to https://{SERVICE} through the proxy http://{proxy.address}" in str(error)
    assert "hunter2" not in str(error)


def test_unreachable_proxy_is_named(execute: Execute, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("ALL_PROXY", address)
    connect(f"http://{SERVICE}", max_attempts=1)
    error = failure(execute, READ)
    assert isinstance(error, TwelveLabsConnectionError)
    assert f"through the proxy {address}" in str(error)


def test_parts_of_a_file_use_the_proxy(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with PartsStore(len(CONTENT), 6000) as store, ForwardProxy(store.origin) as proxy:
        connect(store.origin, proxy=proxy.address)
        assert send(store)
    assert store.content == CONTENT
    assert [line.partition(" ")[0] for line in proxy.asked].count("PUT") == 2


def test_signed_links_use_the_proxy_and_certificates_of_the_connection(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(Reply(b"picture"), tls=tls) as server, ForwardProxy(server.origin) as proxy:
        endpoint = Endpoint("https://api.example", ApiVersion.V1_3, KEY, verify=str(certificate), proxy=proxy.address)
        assert fetch_signed(f"https://{SERVICE}/a.jpg?signature=1", endpoint, 1000) == b"picture"
    assert proxy.asked == [f"CONNECT {SERVICE}:443"]
