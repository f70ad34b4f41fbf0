"""Unusual connections: read or refused alike on the worker, in the triggerer and by the connection test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk._shared.secrets_masker import SecretsMasker, redact

from tests.unit.scripted_server import KEY, Reply, ScriptedServer
from twelvelabs_provider.api.endpoint import Endpoint
from twelvelabs_provider.api.errors import TwelveLabsConfigurationError
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook
from twelvelabs_provider.version_compat import AIRFLOW_V_3_2_PLUS


def on_worker() -> Endpoint:
    return TwelveLabsHook().endpoint


def in_triggerer() -> Endpoint:
    async def entered() -> Endpoint:
        async with TwelveLabsAsyncHook() as hook:
            return hook.endpoint

    return asyncio.run(entered())


READERS = pytest.mark.parametrize("read", [on_worker, in_triggerer])
HANDS_ON_ANY_EXTRA = pytest.mark.skipif(
    not AIRFLOW_V_3_2_PLUS,
    reason="Airflow 3.1 refuses an extra that is no JSON object before a provider reads the connection",
)
Connect = Callable[..., None]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Return a function that sets the connection."""

    def made(**fields: Any) -> None:
        connection = {"conn_type": "twelvelabs", "password": KEY, "host": "http://127.0.0.1:1", **fields}
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", json.dumps(connection))

    return made


@HANDS_ON_ANY_EXTRA
@READERS
@pytest.mark.parametrize("extra", ["[]", '["indexing"]', '"v1.2"', "v1.2", '{"api_version": '])
def test_extra_that_is_not_an_object_is_refused(connect: Connect, read: Callable[[], Endpoint], extra: str) -> None:
    connect(extra=extra)
    with pytest.raises(TwelveLabsConfigurationError, match=r"^connection 'twelvelabs_default': extra is "):
        read()
    assert TwelveLabsHook().test_connection()[0] is False
    assert "extra is" in TwelveLabsHook().test_connection()[1]


@READERS
@pytest.mark.parametrize("extra", [None, "", pytest.param("null", marks=HANDS_ON_ANY_EXTRA), "{}", "{}\n"])
def test_an_empty_extra_means_the_defaults(connect: Connect, read: Callable[[], Endpoint], extra: str | None) -> None:
    connect(extra=extra)
    assert read().version.value == "v1.3"


@READERS
@pytest.mark.parametrize("around", ["{}\n", " {} ", '"{}"', "{}\r\n"])
def test_sent_key_is_masked(connect: Connect, masker: SecretsMasker, read: Callable[[], Endpoint], around: str) -> None:
    connect(password=around.format(KEY))
    assert read().api_key == KEY
    assert KEY not in redact(f"the service quotes {KEY}.")


@READERS
def test_password_in_the_extra_is_masked(connect: Connect, masker: SecretsMasker, read: Callable[[], Endpoint]) -> None:
    connect(extra='{"proxy": "http://user:hunter2@127.0.0.1:1", "api_version": "v1.2"}')
    read()
    assert redact("by user with hunter2 to v1.2") == "by user with *** to v1.2"


def test_short_key_masks_no_words(connect: Connect, masker: SecretsMasker) -> None:
    connect(password="test\n")
    assert on_worker().api_key == "test"
    assert redact("the test of a test") == "the test of a test"


def test_connection_test_accepts_a_key_with_a_line_ending(connect: Connect) -> None:
    page = {"data": [], "page_info": {"page": 1, "limit_per_page": 1, "total_page": 1, "total_results": 0}}
    with ScriptedServer(Reply(page)) as server:
        connect(password=f"{KEY}\n", host=server.origin)
        assert TwelveLabsHook().test_connection()[0] is True
        assert server.requests[0].headers["x-api-key"] == KEY
