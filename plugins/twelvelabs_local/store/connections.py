"""Connections, the addresses that an authorization may lead back to, and imports."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twelvelabs_local.errors import MediaError
from twelvelabs_local.folders import Folder, size_limit
from twelvelabs_local.identity import new_id, now
from twelvelabs_local.store.account_records import Connection, Import, ImportItem, RedirectUri
from twelvelabs_local.store.assets import NewAsset, create_asset, find_asset
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.jobs import JobKind, enqueue
from twelvelabs_local.store.records import Asset

METHOD = "connector"
PROVIDER = "google_drive"
"""The only provider of the service; a connected folder stands in for an account there."""


@dataclass(frozen=True)
class Wanted:
    """A file that is to be imported.

    :param source_id: its id.
    :param path: where it is, unless it is refused.
    :param refusal: why it cannot be imported, or None.
    """

    source_id: str
    path: Path | None
    refusal: MediaError | None = None


def connect_folder(db: Database, root: Path, custom_id: str | None = None) -> Connection:
    """Connect a folder.

    :param root: its path, resolved.
    :param custom_id: a label.
    """
    moment = now()
    values = {"id": new_id(), "folder": str(root), "custom_id": custom_id, "created_at": moment, "updated_at": moment}
    db.insert("connections", values)
    connection = find_connection(db, str(values["id"]))
    assert connection is not None
    return connection


def connect_once(db: Database, roots: Sequence[Path]) -> None:
    """Connect the folders of the command line that are not connected yet."""
    for root in roots:
        if db.first("SELECT 1 FROM connections WHERE folder = ?", str(root)) is None:
            connect_folder(db, root)


def find_connection(db: Database, connection_id: str) -> Connection | None:
    """Return a connection, or None."""
    row = db.first("SELECT * FROM connections WHERE id = ?", connection_id)
    return Connection.of(row) if row else None


def find_bucket(db: Database, bucket: str) -> Folder | None:
    """Return the connected folder that is a bucket, or None."""
    folders = (Folder(Path(row["folder"])) for row in db.all("SELECT folder FROM connections ORDER BY id"))
    return next((folder for folder in folders if folder.bucket == bucket), None)


def delete_connection(db: Database, connection_id: str) -> None:
    """Disconnect; imported assets stay."""
    db.run("DELETE FROM connections WHERE id = ?", connection_id)


def create_redirect_uri(db: Database, redirect_uri: str) -> RedirectUri | None:
    """Allow an address; None when it is allowed already."""
    moment = now()
    values = {"id": new_id(), "redirect_uri": redirect_uri, "created_at": moment, "updated_at": moment}
    try:
        db.insert("redirect_uris", values)
    except sqlite3.IntegrityError:
        return None
    return RedirectUri(str(values["id"]), redirect_uri, moment)


def redirect_uris(db: Database) -> list[str]:
    """Return all addresses that are allowed."""
    return [row["redirect_uri"] for row in db.all("SELECT redirect_uri FROM redirect_uris")]


def create_import(db: Database, connection: Connection, wanted: Sequence[Wanted]) -> Import:
    """Import files: new ones become assets, known ones are found again, what cannot be had is noted."""
    moment = now()
    values = {
        "id": new_id(),
        "connection_id": connection.id,
        "custom_id": connection.custom_id,
        "item_count": len(wanted),
        "created_at": moment,
        "updated_at": moment,
    }
    with db.transaction():
        db.insert("imports", values)
        for position, file in enumerate(wanted):
            _create_item(db, str(values["id"]), connection, position, file)
        db.update("connections", connection.id, {"updated_at": moment})
    created = find_import(db, connection.id, str(values["id"]))
    assert created is not None
    return created


def _create_item(db: Database, import_id: str, connection: Connection, position: int, file: Wanted) -> None:
    item = {"import_id": import_id, "position": position, "source_id": file.source_id}
    if file.path is None:
        assert file.refusal is not None
        error = {"error_code": file.refusal.code, "error_message": file.refusal.message}
        db.insert("import_items", {**item, "action": "rejected", **error})
        return
    action, asset_id = _import(db, Folder(Path(connection.folder)).account, file.source_id, file.path)
    db.insert("import_items", {**item, "action": action, "asset_id": asset_id})


def _import(db: Database, account: str, source_id: str, path: Path) -> tuple[str, str]:
    """Return what was done with a file that can be had, and its asset."""
    row = db.first("SELECT asset_id FROM imported WHERE account = ? AND source_id = ?", account, source_id)
    known = find_asset(db, row["asset_id"]) if row else None
    if known is None:
        asset = create_asset(db, NewAsset(METHOD, path.name, size_limit(source_id), url=path.as_uri()))
        db.run("INSERT OR REPLACE INTO imported VALUES (?, ?, ?, ?)", account, source_id, asset.id, path.name)
        return "created", asset.id
    if known.status != "failed":
        return "skipped", known.id
    fresh = {"status": "processing", "sha256": None, "error_code": None, "error_message": None, "updated_at": now()}
    db.update("assets", known.id, fresh)
    enqueue(db, JobKind.PREPARE_ASSET, known.id)
    return "retried", known.id


def source_of(db: Database, asset: Asset) -> Mapping[str, Any]:
    """Return where a connector got an asset from, as a part of its body; nothing for other assets."""
    if asset.method != METHOD:
        return {}
    row = db.first("SELECT source_id, filename FROM imported WHERE asset_id = ?", asset.id)
    if row is None:
        return {}
    details = {"provider": PROVIDER, "source_id": row["source_id"], "original_filename": row["filename"]}
    return {"source": {"type": METHOD, "details": details}}


def find_import(db: Database, connection_id: str, import_id: str) -> Import | None:
    """Return an import of a connection, or None."""
    row = db.first("SELECT * FROM imports WHERE id = ? AND connection_id = ?", import_id, connection_id)
    return Import.of(row) if row else None


def items_of(db: Database, import_id: str) -> list[ImportItem]:
    """Return the files of an import with where their assets stand now; those of deleted assets are left out."""
    sql = (
        "SELECT i.source_id, i.action, i.asset_id, i.error_code, i.error_message, a.status FROM import_items i "
        "LEFT JOIN assets a ON a.id = i.asset_id WHERE i.import_id = ? AND (i.asset_id IS NULL OR a.id IS NOT NULL) "
        "ORDER BY i.position"
    )
    return [ImportItem.of(row) for row in db.all(sql, import_id)]
