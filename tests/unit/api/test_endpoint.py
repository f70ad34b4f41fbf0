"""Endpoints from the fields of a connection, and errors of wrong fields."""

from __future__ import annotations

from typing import Any

import pytest

from twelvelabs_provider.api.endpoint import Endpoint, endpoint_from, extra_from
from twelvelabs_provider.api.errors import TwelveLabsConfigurationError
from twelvelabs_provider.api.version import ApiVersion

KEY = "tlk_0SECRET0KEY0"


def endpoint(**fields: Any) -> Endpoint:
    given = {"host": None, "port": None, "schema": None, "password": KEY, "extra": {}, **fields}
    return endpoint_from("tl", **given)


def refusal(**fields: Any) -> str:
    with pytest.raises(TwelveLabsConfigurationError) as caught:
        endpoint(**fields)
    text = str(caught.value)
    assert "'tl'" in text, "the connection is named"
    assert "SECRET" not in text
    return text


@pytest.mark.parametrize(
    ("host", "port", "schema", "origin"),
    [
        (None, None, None, "https://api.twelvelabs.io"),
        ("", None, None, "https://api.twelvelabs.io"),
        ("  ", None, None, "https://api.twelvelabs.io"),
        ("api.twelvelabs.io", None, None, "https://api.twelvelabs.io"),
        ("API.TwelveLabs.io/", None, None, "https://api.twelvelabs.io"),
        ("api.twelvelabs.io/v1.3", None, None, "https://api.twelvelabs.io"),
        ("https://api.twelvelabs.io/v1.2/", None, None, "https://api.twelvelabs.io"),
        ("http://127.0.0.1:8765", None, None, "http://127.0.0.1:8765"),
        ("HTTP://127.0.0.1:8765/", None, None, "http://127.0.0.1:8765"),
        ("127.0.0.1", 8765, "http", "http://127.0.0.1:8765"),
        ("127.0.0.1", 8765, None, "https://127.0.0.1:8765"),
        ("127.0.0.1:1", 2, "http", "http://127.0.0.1:1"),
        ("proxy.example", None, "https", "https://proxy.example"),
        ("proxy.example", None, "twelvelabs", "https://proxy.example"),
        ("https://proxy.example", None, "http", "https://proxy.example"),
        ("http://[::1]:8765", None, None, "http://[::1]:8765"),
        ("[::1]", 8765, "http", "http://[::1]:8765"),
        ("my_engine", 80, "http", "http://my_engine:80"),
        ("bücher.example", None, None, "https://bücher.example"),
        ("127.0.0.1", "8765", "HTTP", "http://127.0.0.1:8765"),
        ("127.0.0.1", "", "http://", "http://127.0.0.1"),
        ("engine.example\n", None, "https", "https://engine.example"),
        ("::1", 8765, "http", "http://[::1]:8765"),
        ("fd00::8", None, None, "https://[fd00::8]"),
        ("http://fd00::8/", 8765, None, "http://[fd00::8]:8765"),
        ("[fd00::8]:8765", None, None, "https://[fd00::8]:8765"),
    ],
)
def test_host_forms(host: str | None, port: Any, schema: str | None, origin: str) -> None:
    assert endpoint(host=host, port=port, schema=schema).origin == origin


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("https://", None, "host"),
        ("https://:443", None, "host"),
        ("ftp://proxy.example", None, "ftp://proxy.example"),
        ("https://proxy.example:x", None, "proxy.example:x"),
        ("https://proxy.example:99999", None, "99999"),
        ("https://proxy.example:0", None, "port is 0"),
        ("proxy.example", 99999, "99999"),
        ("proxy.example", -5, "-5"),
        ("proxy.example", 0, "port is 0"),
        ("https://proxy.example/twelvelabs", None, "without a path"),
        ("https://proxy.example/v2", None, "without a path"),
        ("https://[::1", None, "host"),
        ("https://[proxy.example]", None, "host"),
        ("[::1]8765", None, "host"),
        ("fe80::1%eth0", None, "host"),
        ("1::2::3", None, "host"),
        ("proxy.exam\nple", None, "host"),
        ("proxy.example", "https", "port is 'https'"),
        ("api twelvelabs.io", None, "api twelvelabs.io"),
        ("api.twelvelabs.io\\@evil.example", None, "host"),
        ("https://user:SECRET@proxy.example", None, "without user, password"),
        ("https://:SECRET@proxy.example", None, "without user, password"),
        ("https://user:SECRET@proxy.example:x", None, "host"),
        ("ftp://user:SECRET@proxy.example", None, "host"),
        ("https://proxy.example/?token=SECRET", None, "query"),
        ("https://proxy.example:x/?token=SECRET", None, "host"),
        ("https://proxy.example/#SECRET", None, "host"),
    ],
)
def test_invalid_host_is_refused(host: str, port: Any, expected: str) -> None:
    assert expected in refusal(host=host, port=port)


@pytest.mark.parametrize("password", [None, "", "   ", "\n", '""', "\ufeff"])
def test_missing_key_is_refused(password: str | None) -> None:
    assert "has no API key: put it into the connection's password" in refusal(password=password)


@pytest.mark.parametrize("password", [f"{KEY} x", f"{KEY}\nx", f"{KEY}\x00", f"{KEY}ü", f"{KEY}\u200b", f"{KEY}\x7f"])
def test_invalid_key_is_refused(password: str) -> None:
    assert "copy it again" in refusal(password=password)


@pytest.mark.parametrize("password", [f" {KEY}\n", f"{KEY}\r\n", f'"{KEY}"', f" '{KEY}'\n", f"\ufeff{KEY}\n"])
def test_whitespace_around_a_key_is_removed(password: str) -> None:
    assert endpoint(password=password).api_key == KEY


@pytest.mark.parametrize(
    ("text", "extra"),
    [
        (None, {}),
        ("", {}),
        (" \n", {}),
        ("null", {}),
        ("{}", {}),
        ('{"api_version": "v1.2"}', {"api_version": "v1.2"}),
        ('{"extra__twelvelabs__api_version": "v1.2"}', {"api_version": "v1.2"}),
        ('{"api_version": "v1.3", "extra__twelvelabs__api_version": "v1.2"}', {"api_version": "v1.3"}),
    ],
)
def test_extra_is_parsed(text: str | None, extra: dict[str, Any]) -> None:
    assert extra_from("tl", text) == extra


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[]", "a JSON list"),
        ('["SECRET"]', "a JSON list"),
        ('"v1.2"', "a JSON text"),
        ("5", "a JSON number"),
        ("true", "a JSON boolean"),
        ("v1.2", "not JSON"),
        ("{'api_version': 'SECRET'}", "not JSON"),
        ('{"api_version": "SECRET"', "not JSON"),
    ],
)
def test_extra_that_is_not_an_object_is_refused(text: str, what: str) -> None:
    with pytest.raises(TwelveLabsConfigurationError) as caught:
        extra_from("tl", text)
    assert str(caught.value).startswith(f"connection 'tl': extra is {what}; it must be a JSON object")
    assert "SECRET" not in str(caught.value)


def test_reprs_hide_the_key() -> None:
    made = endpoint()
    assert "SECRET" not in repr(made) + str(made)


@pytest.mark.parametrize(
    ("extra", "version"),
    [
        ({}, ApiVersion.V1_3),
        ({"api_version": None}, ApiVersion.V1_3),
        ({"api_version": ""}, ApiVersion.V1_3),
        ({"api_version": "v1.2"}, ApiVersion.V1_2),
        ({"api_version": "v1.1"}, ApiVersion.V1_1),
    ],
)
def test_api_version(extra: dict[str, Any], version: ApiVersion) -> None:
    assert endpoint(extra=extra).version is version


@pytest.mark.parametrize("value", ["1.3", "v1.0", "v2", "V1.3", 1.3, "../v1.3"])
def test_invalid_version_is_refused(value: Any) -> None:
    text = refusal(extra={"api_version": value})
    assert repr(value) in text
    assert "v1.3, v1.2, v1.1" in text


def test_urls_contain_the_version() -> None:
    made = endpoint(host="http://127.0.0.1:1", extra={"api_version": "v1.2"})
    assert made.url("/indexes/i1") == "http://127.0.0.1:1/v1.2/indexes/i1"


def test_timeouts_and_attempts() -> None:
    made = endpoint(extra={"connect_timeout": "2.5", "read_timeout": 7, "max_attempts": "3"})
    assert (made.connect_timeout, made.read_timeout, made.retry.attempts) == (2.5, 7.0, 3)
    for extra in ({}, {"connect_timeout": None, "read_timeout": "", "max_attempts": None}):
        made = endpoint(extra=extra)
        assert (made.connect_timeout, made.read_timeout, made.retry.attempts) == (10.0, 120.0, 5)


@pytest.mark.parametrize("name", ["connect_timeout", "read_timeout", "max_attempts"])
@pytest.mark.parametrize("value", [0, -1, "-1", "soon", "5s", "nan", "inf", 1e12, True, [5], {}])
def test_invalid_number_is_refused(name: str, value: Any) -> None:
    text = refusal(extra={name: value})
    assert f"extra {name} is {value!r}" in text


@pytest.mark.parametrize("value", [0.5, "2.5"])
def test_max_attempts_is_a_whole_number(value: Any) -> None:
    assert "a whole number" in refusal(extra={"max_attempts": value})


@pytest.mark.parametrize(
    ("host", "warned"),
    [
        ("http://127.0.0.1:1", False),
        ("http://127.8.9.1:1", False),
        ("http://[::1]:1", False),
        ("http://localhost:1", False),
        ("http://engine:1", True),
        ("http://192.0.2.1", True),
        ("https://engine", False),
        (None, False),
    ],
)
def test_plain_http_on_a_network_is_a_warning(host: str | None, warned: bool) -> None:
    assert endpoint(host=host).is_plain_and_remote is warned
