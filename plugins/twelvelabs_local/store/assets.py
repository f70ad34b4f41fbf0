"""Assets: uploaded and fetched files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.identity import new_id, now
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.jobs import JobKind, drop, enqueue
from twelvelabs_local.store.records import Asset


@dataclass(frozen=True)
class NewAsset:
    """A file that has arrived, or a link to one.

    :param method: ``direct``, ``url`` or ``multipart``.
    :param filename: its name.
    :param size_limit: bytes that a link may bring.
    :param url: the link.
    :param sha256: the content, when it is in the media folder already.
    :param implicit: made for a task or an analysis rather than by the caller.
    :param user_metadata: the caller's own values.
    """

    method: str
    filename: str
    size_limit: int
    url: str | None = None
    sha256: str | None = None
    implicit: bool = False
    user_metadata: Mapping[str, Any] = field(default_factory=dict)


def create_asset(db: Database, new: NewAsset) -> Asset:
    """Create an asset in ``processing``; queue its preparation unless its content is still to come in parts."""
    moment = now()
    values = {
        **asdict(new),
        "id": new_id(),
        "status": "processing",
        "implicit": int(new.implicit),
        "user_metadata": json.dumps(new.user_metadata),
        "created_at": moment,
        "updated_at": moment,
    }
    with db.transaction():
        db.insert("assets", values)
        if new.sha256 or new.url:
            enqueue(db, JobKind.PREPARE_ASSET, values["id"])
        row = db.first("SELECT * FROM assets WHERE id = ?", values["id"])
        assert row is not None
        return Asset.of(row)


def find_asset(db: Database, asset_id: str) -> Asset | None:
    """Return an asset, or None."""
    row = db.first("SELECT * FROM assets WHERE id = ?", asset_id)
    return Asset.of(row) if row else None


def asset_arrived(db: Database, asset_id: str, sha256: str) -> bool:
    """Note the content of an asset that was fetched; return whether the asset is still there."""
    return db.update("assets", asset_id, {"sha256": sha256, "updated_at": now()}) == 1


def asset_ready(db: Database, asset_id: str, probe: Probe) -> None:
    """Note what an asset is; it can be used from now on."""
    values = {"status": "ready", "probe": json.dumps(asdict(probe)), "file_type": probe.file_type, "updated_at": now()}
    db.update("assets", asset_id, values)


def asset_failed(db: Database, asset_id: str, code: str, message: str) -> None:
    """Note why an asset cannot be used."""
    values = {"status": "failed", "error_code": code, "error_message": message, "updated_at": now()}
    db.update("assets", asset_id, values)


def delete_asset(db: Database, asset_id: str) -> None:
    """Delete an asset that no video refers to."""
    with db.transaction():
        drop(db, JobKind.PREPARE_ASSET, asset_id)
        drop(db, JobKind.TRANSCRIBE_ASSET, asset_id)
        drop(db, JobKind.RENDER_ASSET, asset_id)
        db.run("DELETE FROM assets WHERE id = ?", asset_id)


def drop_unneeded(db: Database, asset_id: str) -> str | None:
    """Delete an asset that was made for a task or an analysis, once nothing refers to it.

    :param db: the database.
    :param asset_id: the asset.
    :return: the content that may be unused now, or None.
    """
    asset = find_asset(db, asset_id)
    if asset is None or not asset.implicit:
        return None
    for table in ("videos", "analyses", "embedding_tasks"):
        if db.first(f"SELECT 1 FROM {table} WHERE asset_id = ?", asset_id):
            return None
    delete_asset(db, asset_id)
    return asset.sha256


def content_used(db: Database, sha256: str) -> bool:
    """Tell whether any asset still has a content."""
    return db.first("SELECT 1 FROM assets WHERE sha256 = ?", sha256) is not None
