"""Rotated keys: a worker reads its connection again after a refusal, and repeats the call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.unit.hooks import test_multipart
from tests.unit.hooks.conftest import Connect
from tests.unit.parts_store import PartsStore
from tests.unit.scripted_server import KEY, Reply, Request, ScriptedServer, Step
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import TwelveLabsAuthError, TwelveLabsPermissionError
from twelvelabs_provider.api.generations import V1_3
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

NEW_KEY = "tlk_1ROTATED0KEY0OF0THE0TESTS"
CALLS = {"GET": V1_3.read_index("i1"), "POST": V1_3.create_index("demo")}
REFUSALS = {
    "401": Reply({"code": "api_key_invalid", "message": "The API key is invalid."}, status=401),
    "403": Reply(b"<html>Forbidden</html>", status=403),
}


class Refusing(ScriptedServer):
    """Refuses every key but the new one.

    :param change: called at each refusal, before it is sent.
    """

    def __init__(self, refusal: Reply, change: Callable[[], Any] = lambda: None) -> None:
        super().__init__()
        self.refusal = refusal
        self.change = change

    def next_step(self, request: Request) -> Step:
        """Return the refusal, or an index for the new key."""
        self.requests.append(request)
        if request.headers["x-api-key"] == NEW_KEY:
            return Reply({"_id": "i1", "index_name": "demo"})
        self.change()
        return self.refusal


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_call_is_repeated_with_a_rotated_key(connect: Connect, call: Call[Any], refusal: Reply) -> None:
    with Refusing(refusal) as server:
        connect(server.origin)
        server.change = lambda: connect(server.origin, key=NEW_KEY)
        hook = TwelveLabsHook()
        hook.execute(call)
        hook.execute(call)
    assert [request.headers["x-api-key"] for request in server.requests] == [KEY, NEW_KEY, NEW_KEY]


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_call_is_repeated_to_a_changed_host(connect: Connect, refusal: Reply) -> None:
    with Refusing(refusal) as old, Refusing(refusal) as new:
        connect(old.origin)
        old.change = lambda: connect(new.origin, key=NEW_KEY)
        assert TwelveLabsHook().execute(CALLS["POST"]) == "i1"
    assert len(old.requests) == len(new.requests) == 1


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_call_is_not_repeated_with_the_same_connection(connect: Connect, refusal: Reply) -> None:
    with Refusing(refusal) as server:
        connect(server.origin)
        with pytest.raises((TwelveLabsAuthError, TwelveLabsPermissionError)):
            TwelveLabsHook().execute(CALLS["POST"])
    assert len(server.requests) == 1


def test_connection_that_changes_each_time_is_tried_twice(connect: Connect) -> None:
    with Refusing(REFUSALS["401"]) as server:
        connect(server.origin)
        server.change = lambda: connect(server.origin, key=f"{KEY}{len(server.requests)}")
        with pytest.raises(TwelveLabsAuthError):
            TwelveLabsHook().execute(CALLS["POST"])
    assert len(server.requests) == 2


def test_call_of_another_generation_is_not_sent(connect: Connect) -> None:
    with Refusing(REFUSALS["401"]) as server:
        connect(server.origin)
        server.change = lambda: connect(server.origin, key=NEW_KEY, api_version="v1.2")
        with pytest.raises(TwelveLabsAuthError):
            TwelveLabsHook().execute(CALLS["POST"])
    assert len(server.requests) == 1


def test_multipart_upload_continues_with_a_rotated_key(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is rotated after the session was created: later URLs and reports need the new one."""
    refused: list[str] = []

    def refuses(path: str, headers: Mapping[str, str]) -> bool:
        if path.endswith("/multipart-uploads") or headers["x-api-key"] == NEW_KEY:
            return False
        refused.append(path)
        connect(store.origin, key=NEW_KEY)
        return True

    with PartsStore(len(test_multipart.CONTENT), 1000, refuses=refuses) as store:
        connect(store.origin)
        assert test_multipart.send(store)
    assert store.content == test_multipart.CONTENT
    assert store.sent == list(range(1, 12)) and store.sessions == 1 and len(refused) == 1
