"""Connections and imports with the vendor's client; a connected folder replaces an account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from twelvelabs.core.api_error import ApiError
from twelvelabs.errors import BadRequestError, ConflictError, NotFoundError, UnprocessableEntityError
from twelvelabs.imports import ImportFilesRequestItemsItem
from twelvelabs.types import Connection, ImportDetail, RedirectUri

from tests.connected import connect_folder
from tests.engine.client import until

if TYPE_CHECKING:
    from twelvelabs import TwelveLabs

    from tests.engine_process import Engine

UNKNOWN = "665000000000000000000abc"


def test_connection_is_listed_read_and_deleted(client: TwelveLabs, connection_id: str) -> None:
    found = client.data_connectors.retrieve_connection(connection_id)
    assert isinstance(found, Connection)
    assert (found.id, found.provider, found.status, found.custom_id) == (connection_id, "google_drive", "active", "lab")
    assert found.account and found.account.external_id and found.connected_at and found.last_used_at and found.scopes
    listed = client.data_connectors.list_connections(page=1, page_limit=1)
    assert listed.data and listed.data[0].id == connection_id
    assert listed.page_info and listed.page_info.total_results
    client.data_connectors.delete_connection(connection_id)
    with pytest.raises(NotFoundError):
        client.data_connectors.retrieve_connection(connection_id)


def test_redirect_uris(client: TwelveLabs) -> None:
    connectors = client.data_connectors
    made = connectors.create_redirect_uri(redirect_uri="https://app.example.com/sdk")
    assert isinstance(made, RedirectUri) and made.id and made.created_at
    assert made in (connectors.list_redirect_uris().data or [])
    with pytest.raises(ConflictError):
        connectors.create_redirect_uri(redirect_uri="https://app.example.com/sdk")
    with pytest.raises(UnprocessableEntityError):
        connectors.create_redirect_uri(redirect_uri="http://app.example.com/sdk")
    connectors.delete_redirect_uri(made.id)
    with pytest.raises(NotFoundError):
        connectors.delete_redirect_uri(made.id)


def test_google_authorization_is_not_allowed(client: TwelveLabs, connection_id: str) -> None:
    connectors = client.data_connectors
    with pytest.raises(ApiError) as caught:
        connectors.create_connection_picker_token(connection_id)
    assert caught.value.status_code == 403 and caught.value.body["code"] == "api_not_allowed"
    with pytest.raises(NotFoundError):
        connectors.create_connection_picker_token(UNKNOWN)


def test_client_cannot_send_an_authorization(client: TwelveLabs) -> None:
    """Up to 1.3.6 it joins ``connections:authorize`` to the base as if it were an address of a scheme of its own."""
    with pytest.raises(httpx.UnsupportedProtocol):
        client.data_connectors.authorize_connection(
            provider="google_drive", redirect_uri="https://app.example.com/done"
        )


def test_import_is_created_and_read(client: TwelveLabs, connection_id: str) -> None:
    files = [ImportFilesRequestItemsItem(source_id=name) for name in ("clip.mp4", "gone.mp4")]
    made = client.imports.import_files(connection_id, items=files)
    assert made.has_failures and made.items and made.id
    created, rejected = made.items
    assert (created.action, rejected.action) == ("created", "rejected")
    assert rejected.error and rejected.error.code == "source_unavailable" and rejected.asset_id is None

    def ready() -> ImportDetail | None:
        found = client.imports.retrieve_import(connection_id, str(made.id))
        return found if found.items and found.items[0].status == "ready" else None

    found = until(ready)
    assert (found.item_count, found.connection_id, found.custom_id) == (2, connection_id, "lab")
    asset = client.assets.retrieve(str(created.asset_id))
    assert (asset.method, asset.status) == ("connector", "ready")
    assert asset.source and asset.source.details and asset.source.details.source_id == "clip.mp4"

    again = client.imports.import_files(connection_id, items=files[:1])
    assert again.items and (again.items[0].action, again.items[0].asset_id) == ("skipped", created.asset_id)
    listed = client.imports.list_imports(connection_id, page=1, page_limit=10)
    assert [entry.id for entry in listed.data or []] == [again.id, made.id]


def test_import_errors_raise_client_exceptions(client: TwelveLabs, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    connection_id = connect_folder(engine, tmp_path / "usb")
    with pytest.raises(BadRequestError):
        client.imports.import_files(connection_id, items=[])
    with pytest.raises(NotFoundError):
        client.imports.retrieve_import(connection_id, UNKNOWN)
    with pytest.raises(NotFoundError):
        client.imports.list_imports(UNKNOWN)
    (tmp_path / "usb").rmdir()
    with pytest.raises(ConflictError):
        client.imports.import_files(connection_id, items=[ImportFilesRequestItemsItem(source_id="a")])
