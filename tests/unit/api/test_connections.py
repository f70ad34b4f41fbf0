"""Connection and import calls, models, and errors of older generations."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest

from twelvelabs_provider.api import connections
from twelvelabs_provider.api.call import Call, JsonBody
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.api.version import ApiVersion

PAGE = {"page": "1", "page_limit": "50"}
CALLS: list[tuple[Call[Any], str, dict[str, str], Any]] = [
    (
        connections.authorize_connection("https://app.example/done", custom_id="mine"),
        "POST /connections:authorize",
        {},
        {"provider": "google_drive", "redirect_uri": "https://app.example/done", "custom_id": "mine"},
    ),
    (connections.list_connections(), "GET /connections", PAGE, None),
    (connections.list_connections(Paging(2, 10)), "GET /connections", {"page": "2", "page_limit": "10"}, None),
    (connections.read_connection("c1"), "GET /connections/c1", {}, None),
    (connections.delete_connection("c1"), "DELETE /connections/c1", {}, None),
    (connections.create_picker_token("c1"), "POST /connections/c1/picker-token", {}, None),
    (
        connections.create_redirect_uri("https://app.example/done"),
        "POST /connections/redirect-uris",
        {},
        {"redirect_uri": "https://app.example/done"},
    ),
    (connections.list_redirect_uris(), "GET /connections/redirect-uris", PAGE, None),
    (connections.delete_redirect_uri("r1"), "DELETE /connections/redirect-uris/r1", {}, None),
    (
        connections.import_files("c1", ["a", "b"]),
        "POST /connections/c1/imports",
        {},
        {"items": [{"source_id": "a"}, {"source_id": "b"}]},
    ),
    (connections.list_imports("c1"), "GET /connections/c1/imports", PAGE, None),
    (connections.read_import("c1", "i1"), "GET /connections/c1/imports/i1", {}, None),
]


@pytest.mark.parametrize(("call", "name", "query", "body"), CALLS, ids=[case[1] for case in CALLS])
def test_requests(call: Call[Any], name: str, query: dict[str, str], body: Any) -> None:
    sent = dict(call.body.content) if isinstance(call.body, JsonBody) else None
    assert (call.name, dict(call.query), sent) == (name, query, body)
    assert call.only == (ApiVersion.V1_3,) and "presigned URL" in call.instead


def test_import_is_repeatable() -> None:
    assert connections.import_files("c1", ["a"]).repeatable
    assert not connections.create_redirect_uri("https://app.example/done").repeatable, "a second one is refused"


CONNECTION = {
    "_id": "c1",
    "provider": "google_drive",
    "status": "active",
    "custom_id": "team-42",
    "account": {"external_id": "117", "display_name": "ada@example.com"},
    "scopes": ["drive.file"],
    "connected_at": "2026-07-20T10:00:00Z",
    "last_used_at": "2026-07-21T10:00:00Z",
    "tomorrow": 1,
}


def test_connection_is_parsed() -> None:
    found = connections.Connection.read(CONNECTION)
    assert (found.id, found.status, found.account, found.account_id) == ("c1", "active", "ada@example.com", "117")
    assert found.connected_at == pendulum.datetime(2026, 7, 20, 10) and found.scopes == ("drive.file",)
    assert found.raw["tomorrow"] == 1
    bare = connections.Connection.read({"_id": "c1"})
    assert (bare.status, bare.account, bare.scopes, bare.last_used_at) == ("", None, (), None)


def test_import_with_skipped_and_rejected_files_is_parsed() -> None:
    answer = {
        "_id": "i1",
        "has_failures": True,
        "items": [
            {"source_id": "a", "action": "skipped", "asset_id": "x", "status": "ready"},
            {"source_id": "b", "error": {"code": "source_unavailable", "message": "gone"}},
            {"source_id": "c", "asset_id": "y", "status": "processing"},
        ],
    }
    found = connections.Import.read(answer)
    assert found.has_failures and found.item_count == 3
    assert found.items == (
        connections.ImportItem(source_id="a", action="skipped", asset_id="x", status="ready"),
        connections.ImportItem(source_id="b", action="rejected", error_code="source_unavailable", error_message="gone"),
        connections.ImportItem(source_id="c", asset_id="y", status="processing"),
    )


def test_import_of_a_list_has_no_items() -> None:
    answer = {"_id": "i1", "connection_id": "c1", "item_count": 7, "created_at": "2026-07-20T10:00:00Z"}
    found = connections.Import.read(answer)
    assert (found.items, found.item_count, found.has_failures, found.connection_id) == ((), 7, False, "c1")


@pytest.mark.parametrize(
    ("call", "answer", "missing"),
    [
        (connections.read_connection("c1"), {"status": "active"}, "id"),
        (connections.authorize_connection("https://a.example"), {"state": "s"}, "Authorization.url"),
        (connections.create_picker_token("c1"), {"expires_in": 1}, "access_token"),
        (connections.import_files("c1", ["a"]), {"_id": "i1", "items": [{"status": "ready"}]}, "source_id"),
        (connections.import_files("c1", ["a"]), [], "Import"),
    ],
)
def test_missing_required_field_is_named(call: Call[Any], answer: Any, missing: str) -> None:
    with pytest.raises(TwelveLabsAnswerError, match=missing):
        call.parse(answer)


def test_reprs_hide_secrets() -> None:
    token = connections.create_picker_token("c1").parse({"access_token": "SECRET", "developer_key": "SECRET"})
    begun = connections.authorize_connection("https://a.example").parse(
        {"authorize_url": "https://accounts.example/?state=SECRET", "state": "SECRET"}
    )
    assert token.access_token == "SECRET" and begun.url.endswith("SECRET")
    assert "SECRET" not in repr(token) + repr(begun)
