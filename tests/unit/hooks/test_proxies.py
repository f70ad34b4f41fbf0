"""Proxy selection from environment variables and the connection."""

from __future__ import annotations

import pytest

from twelvelabs_provider.api.errors import TwelveLabsConfigurationError
from twelvelabs_provider.hooks import proxies
from twelvelabs_provider.hooks.proxies import proxy_for, shown

PROXY = "http://proxy.example:3128"


def chosen(url: str, own: str | None = None, **environ: str) -> str | None:
    return proxy_for(url, own, "twelvelabs_default", environ)


@pytest.mark.parametrize(
    ("environ", "http", "https"),
    [
        ({}, None, None),
        ({"HTTP_PROXY": PROXY}, PROXY, None),
        ({"HTTPS_PROXY": PROXY}, None, PROXY),
        ({"ALL_PROXY": PROXY}, PROXY, PROXY),
        ({"all_proxy": PROXY}, PROXY, PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other:1"}, None, PROXY),
        ({"https_proxy": "", "HTTPS_PROXY": "http://other:1"}, None, None),
        ({"HTTP_PROXY": "http://other:1", "ALL_PROXY": PROXY}, "http://other:1", PROXY),
        ({"HTTP_PROXY": "proxy.example:3128", "HTTPS_PROXY": " http://proxy.example:3128/ "}, PROXY, PROXY),
        ({"HTTP_PROXY": "http://proxy.example", "HTTPS_PROXY": "HTTPS://Proxy.Example"}, "http://proxy.example:80",
         "https://proxy.example:443"),
        ({"HTTPS_PROXY": "http://[::1]:3128"}, None, "http://[::1]:3128"),
        ({"HTTPS_PROXY": "http://me@corp:p%40ss@proxy.example:3128"}, None,
         "http://me%40corp:p%40ss@proxy.example:3128"),
    ],
)  # fmt: skip
def test_scheme_variable_is_used_before_all_proxy(environ: dict[str, str], http: str | None, https: str | None) -> None:
    assert chosen("http://api.example/v1.3", **environ) == http
    assert chosen("https://api.example/v1.3", **environ) == https


DIRECT = [
    ("*", "https://api.example"),
    ("other.example,*", "https://api.example"),
    ("api.example", "https://api.example"),
    ("API.example.", "https://api.EXAMPLE"),
    ("example", "https://api.example"),
    (".api.example", "https://api.example"),
    ("*.example", "https://api.example"),
    ("api.*", "https://api.example"),
    ("one.example, api.example", "https://api.example"),
    ("one.example api.example", "https://api.example"),
    ("api.example:443", "https://api.example"),
    ("api.example:8443", "https://api.example:8443"),
    ("https://api.example/", "https://api.example"),
    ("b\u00fccher.example", "https://xn--bcher-kva.example"),
    ("10.0.0.7", "https://10.0.0.7"),
    ("10.0.0.0/8", "https://10.255.0.7:9000"),
    ("10.9.9.9/8", "https://10.0.0.7"),
    ("10.*", "https://10.0.0.7"),
    ("10.0.0.7:9000", "https://10.0.0.7:9000"),
    ("::1", "https://[::1]:9000"),
    ("[::1]", "https://[::1]"),
    ("[::1]:9000", "https://[::1]:9000"),
    ("0:0:0:0:0:0:0:1", "https://[::1]"),
    ("fd00::/8", "https://[fd12::7]"),
    ("[fd00::]/8", "https://[fd12::7]"),
    ("10.0.0.0/8", "https://[::ffff:10.0.0.7]"),
    ("fe80::/10", "https://[fe80::1%25eth0]"),
    ("[::1],fd00::/8,10.0.0.0/33,localhost/,:::,10.0.0.7", "https://10.0.0.7"),
]
THROUGH_THE_PROXY = [
    ("", "https://api.example"),
    (",", "https://api.example"),
    (".", "https://api.example"),
    ("pi.example", "https://api.example"),
    ("sub.api.example", "https://api.example"),
    ("api.example:8443", "https://api.example"),
    ("api.example:port", "https://api.example"),
    ("http://api.example", "https://api.example"),
    ("0.0.7", "https://10.0.0.7"),
    ("11.0.0.0/8", "https://10.0.0.7"),
    ("10.0.0.0/33", "https://10.0.0.7"),
    ("10.0.0.7:9001", "https://10.0.0.7:9000"),
    ("[::1]:9001", "https://[::1]:9000"),
    ("fd00::/8", "https://[fe80::1]"),
    ("fd00::/8", "https://10.0.0.7"),
    ("localhost", "https://127.0.0.1"),
]


@pytest.mark.parametrize(("no_proxy", "url"), DIRECT)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_hosts_excluded_by_no_proxy(no_proxy: str, url: str, name: str) -> None:
    assert chosen(url, HTTPS_PROXY=PROXY, **{name: no_proxy}) is None


@pytest.mark.parametrize(("no_proxy", "url"), THROUGH_THE_PROXY)
def test_hosts_not_excluded_by_no_proxy(no_proxy: str, url: str) -> None:
    assert chosen(url, HTTPS_PROXY=PROXY, NO_PROXY=no_proxy) == PROXY


def test_proxy_of_the_connection_overrides_the_environment() -> None:
    assert chosen("https://api.example", PROXY, HTTPS_PROXY="http://other:1", NO_PROXY="*") == PROXY
    assert chosen("https://api.example", "none", HTTPS_PROXY=PROXY) is None


@pytest.mark.parametrize(
    "value",
    [
        "http://",
        "http://:3128",
        "ftp://proxy:3128",
        "http://proxy:port",
        "http://proxy:99999",
        "http://[::1:3128",
        "http://pro xy:3128",
        "http://proxy:3128/path",
        "http://user:p#ss@proxy:3128",
        "proxy:3128?x",
    ],
)
@pytest.mark.parametrize("own", [True, False])
def test_invalid_proxy_is_refused_without_its_password(value: str, own: bool) -> None:
    with pytest.raises(TwelveLabsConfigurationError, match="not a proxy") as refused:
        chosen("https://api.example", value if own else None, **({} if own else {"HTTPS_PROXY": value}))
    assert ("connection 'twelvelabs_default': extra proxy" if own else "variable HTTPS_PROXY") in str(refused.value)
    assert "p#ss" not in str(refused.value)


def test_unused_invalid_proxy_is_ignored() -> None:
    assert chosen("https://api.example", HTTPS_PROXY="http://proxy:port", NO_PROXY="api.example") is None


def test_a_socks_proxy_needs_packages_of_both_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "find_spec", lambda name: None)
    with pytest.raises(TwelveLabsConfigurationError, match=r"ALL_PROXY is a SOCKS proxy.*PySocks and socksio"):
        chosen("https://api.example", ALL_PROXY="socks5://127.0.0.1")
    monkeypatch.setattr(proxies, "find_spec", lambda name: object())
    assert chosen("https://api.example", ALL_PROXY="socks5://127.0.0.1") == "socks5h://127.0.0.1:1080"


def test_proxy_is_shown_without_credentials() -> None:
    assert shown("http://me%40corp:p%40ss@proxy.example:3128") == PROXY
