"""Assets: uploaded and downloaded files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.job_queue import JobKind, cancel_job, enqueue
from twelvelabs_local.store.record import Resource
from twelvelabs_local.times import now

TERMINAL = ("ready", "failed")
"""Final statuses of assets, tasks and videos."""


@dataclass(frozen=True, kw_only=True)
class Asset(Resource, table="assets", indexes=("sha256",)):
    """An uploaded or downloaded file.

    :param method: ``direct``, ``url``, ``multipart`` or ``connector``.
    :param url: where the file is downloaded from.
    :param size_limit: maximum bytes of the download.
    :param implicit: created by the engine for a task or an analysis; such assets are not listed.
    :param sha256: hash of the content, once the content is in the media folder.
    """

    method: str
    status: str = "processing"
    filename: str
    url: str | None = None
    size_limit: int
    implicit: bool = False
    sha256: str | None = None
    file_type: str | None = None
    probe: Probe | None = None
    user_metadata: Mapping[str, Any] = field(default_factory=dict)
    error_code: str | None = None
    error_message: str | None = None
    transcription_error: str | None = None


def create_asset(db: Database, asset: Asset) -> Asset:
    """Insert an asset and queue its preparation, unless it waits for the parts of a multipart upload."""
    with db.transaction():
        db.insert(asset)
        if asset.sha256 or asset.url:
            enqueue(db, JobKind.PREPARE_ASSET, asset.id)
    return asset


def asset_downloaded(db: Database, asset_id: str, sha256: str) -> bool:
    """Save the content hash of an asset; return whether the asset still exists."""
    return db.update(Asset, asset_id, sha256=sha256, updated_at=now()) == 1


def asset_ready(db: Database, asset_id: str, probe: Probe) -> None:
    """Move an asset to ``ready``."""
    db.update(Asset, asset_id, status="ready", probe=probe, file_type=probe.file_type, updated_at=now())


def asset_failed(db: Database, asset_id: str, code: str, message: str) -> None:
    """Move an asset to ``failed``."""
    db.update(Asset, asset_id, status="failed", error_code=code, error_message=message, updated_at=now())


def delete_asset(db: Database, asset_id: str) -> None:
    """Delete an asset that no video uses."""
    with db.transaction():
        for kind in (JobKind.PREPARE_ASSET, JobKind.TRANSCRIBE_ASSET, JobKind.RENDER_ASSET):
            cancel_job(db, kind, asset_id)
        db.delete(Asset, id=asset_id)


def delete_if_unused(db: Database, asset_id: str) -> str | None:
    """Delete an implicit asset that no other record uses.

    :param db: the database.
    :param asset_id: the asset.
    :return: the hash of the content, which may be unused now; None when the asset stays.
    """
    asset = db.find(Asset, id=asset_id)
    if asset is None or not asset.implicit:
        return None
    for table in ("videos", "analyses", "embedding_tasks"):
        if db.value(f"SELECT 1 FROM {table} WHERE asset_id = ?", asset_id):
            return None
    delete_asset(db, asset_id)
    return asset.sha256
