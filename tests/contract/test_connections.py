"""Every call of connections and imports; a connected folder replaces an account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.connected import connect_folder
from tests.engine.client import until
from twelvelabs_provider.api import connections
from twelvelabs_provider.api.connections import ConnectionStatus, Import, ImportAction
from twelvelabs_provider.api.errors import (
    TwelveLabsBadRequestError,
    TwelveLabsConflictError,
    TwelveLabsNotFoundError,
    TwelveLabsPermissionError,
)
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, Phase
from twelvelabs_provider.jobs.kinds import read_state

if TYPE_CHECKING:
    from tests.engine_process import Engine
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

UNKNOWN = "665000000000000000000abc"


def ended(hook: TwelveLabsHook, connection_id: str, import_id: str) -> Import:
    """Return an import once nothing of it is on its way any more."""
    job = JobRef(JobKind.IMPORT, import_id, connection_id)

    def look() -> JobState | None:
        state = hook.execute(read_state(hook.api, job))
        return state if state.phase is Phase.READY else None

    until(look)
    return hook.execute(connections.read_import(connection_id, import_id))


def test_connection_is_listed_read_and_deleted(hook: TwelveLabsHook, connection_id: str) -> None:
    found = hook.execute(connections.read_connection(connection_id))
    assert (found.status, found.custom_id, found.provider) == (ConnectionStatus.ACTIVE, "lab", "google_drive")
    assert found.connected_at and found.account and found.account_id and found.scopes
    assert found in list(hook.items(connections.list_connections))
    for _ in range(2):
        hook.execute(connections.delete_connection(connection_id))
    with pytest.raises(TwelveLabsNotFoundError):
        hook.execute(connections.read_connection(connection_id))


def test_google_authorization_is_not_allowed(hook: TwelveLabsHook, connection_id: str) -> None:
    for call in (
        connections.authorize_connection("https://app.example.com/done", custom_id="mine"),
        connections.create_picker_token(connection_id),
    ):
        with pytest.raises(TwelveLabsPermissionError) as caught:
            hook.execute(call)
        assert caught.value.details.code == "api_not_allowed"


def test_redirect_uris(hook: TwelveLabsHook) -> None:
    made = hook.execute(connections.create_redirect_uri("https://app.example.com/contract"))
    assert made.created_at and made in list(hook.items(connections.list_redirect_uris))
    with pytest.raises(TwelveLabsConflictError):
        hook.execute(connections.create_redirect_uri(made.redirect_uri))
    with pytest.raises(TwelveLabsBadRequestError, match="redirect_uri_invalid"):
        hook.execute(connections.create_redirect_uri("http://app.example.com"))
    for _ in range(2):
        hook.execute(connections.delete_redirect_uri(made.id))
    assert made not in list(hook.items(connections.list_redirect_uris))


def test_files_are_imported_once(hook: TwelveLabsHook, connection_id: str) -> None:
    made = hook.execute(connections.import_files(connection_id, ["clip.mp4", "gone.mp4"]))
    assert made.has_failures and [item.action for item in made.items] == [ImportAction.CREATED, ImportAction.REJECTED]
    found = ended(hook, connection_id, made.id)
    (clip, gone) = found.items
    assert (clip.action, clip.status, clip.asset_id) == (ImportAction.CREATED, "ready", made.items[0].asset_id)
    assert (gone.error_code, gone.status, gone.asset_id) == ("source_unavailable", None, None)
    assert (found.connection_id, found.item_count, found.custom_id) == (connection_id, 2, "lab")
    assert clip.asset_id and hook.execute(hook.api.read_asset(clip.asset_id)).method == "connector"

    again = hook.execute(connections.import_files(connection_id, ["clip.mp4"]))
    assert [(item.action, item.asset_id) for item in again.items] == [(ImportAction.SKIPPED, clip.asset_id)]
    page = hook.execute(connections.list_imports(connection_id, Paging(limit=1)))
    assert ([entry.id for entry in page.items], page.total_results) == ([again.id], 2)


def test_invalid_imports_are_refused(hook: TwelveLabsHook, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    unplugged = connect_folder(engine, tmp_path / "usb")
    (tmp_path / "usb").rmdir()
    assert hook.execute(connections.read_connection(unplugged)).status == ConnectionStatus.EXPIRED
    for call in (connections.import_files(unplugged, ["a"]), connections.create_picker_token(unplugged)):
        with pytest.raises(TwelveLabsConflictError):
            hook.execute(call)
    with pytest.raises(TwelveLabsNotFoundError):
        hook.execute(connections.read_import(unplugged, UNKNOWN))
    with pytest.raises(TwelveLabsBadRequestError):
        hook.execute(connections.import_files(unplugged, []))
