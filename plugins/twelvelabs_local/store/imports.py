"""Imports of files from connected folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from twelvelabs_local.connected_folders import ConnectedFolder, size_limit
from twelvelabs_local.errors import MediaError
from twelvelabs_local.store.assets import Asset, create_asset
from twelvelabs_local.store.connections import Connection
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.job_queue import JobKind, enqueue
from twelvelabs_local.store.record import Record, Resource
from twelvelabs_local.times import now

METHOD = "connector"
PROVIDER = "google_drive"
"""The only provider of the service. A connected folder takes the place of a Google Drive account."""


@dataclass(frozen=True, kw_only=True)
class Import(Resource, table="imports"):
    """An import request."""

    connection_id: Annotated[str, "REFERENCES connections (id) ON DELETE CASCADE"]
    custom_id: str | None
    item_count: int


@dataclass(frozen=True, kw_only=True)
class ImportItem(Record, table="import_items", constraints=("PRIMARY KEY (import_id, position)",)):
    """One file of an import.

    :param action: ``created``, ``skipped``, ``retried`` or ``rejected``.
    """

    import_id: Annotated[str, "REFERENCES imports (id) ON DELETE CASCADE"]
    position: int
    source_id: str
    action: str
    asset_id: str | None = None
    error_code: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImportedFile(Record, table="imported", constraints=("PRIMARY KEY (account, source_id)",), indexes=("asset_id",)):
    """A file of an account and its asset. Several connections may lead to one account."""

    account: str
    source_id: str
    asset_id: str
    filename: str


@dataclass(frozen=True)
class RequestedFile:
    """A file to import.

    :param path: where it is; None when the file is rejected.
    :param rejection: why the file cannot be imported.
    """

    source_id: str
    path: Path | None
    rejection: MediaError | None = None


def create_import(db: Database, connection: Connection, files: Sequence[RequestedFile]) -> Import:
    """Import files: new files become assets, files with a failed asset are retried."""
    created = Import(connection_id=connection.id, custom_id=connection.custom_id, item_count=len(files))
    with db.transaction():
        db.insert(created)
        for position, file in enumerate(files):
            db.insert(_import_file(db, created.id, connection, position, file))
        db.update(Connection, connection.id, updated_at=created.created_at)
    return created


def _import_file(
    db: Database, import_id: str, connection: Connection, position: int, file: RequestedFile
) -> ImportItem:
    if file.path is None:
        assert file.rejection is not None
        code, message = file.rejection.code, file.rejection.message
        return ImportItem(
            import_id=import_id,
            position=position,
            source_id=file.source_id,
            action="rejected",
            error_code=code,
            error_message=message,
        )
    account = ConnectedFolder(Path(connection.folder)).account
    action, asset_id = _asset_of(db, account, file.source_id, file.path)
    return ImportItem(
        import_id=import_id, position=position, source_id=file.source_id, action=action, asset_id=asset_id
    )


def _asset_of(db: Database, account: str, source_id: str, path: Path) -> tuple[str, str]:
    """Return the action for an available file, and its asset."""
    earlier = db.find(ImportedFile, account=account, source_id=source_id)
    asset = db.find(Asset, id=earlier.asset_id) if earlier else None
    if asset is None:
        new = Asset(method=METHOD, filename=path.name, size_limit=size_limit(source_id), url=path.as_uri())
        create_asset(db, new)
        db.replace(ImportedFile(account=account, source_id=source_id, asset_id=new.id, filename=path.name))
        return "created", new.id
    if asset.status != "failed":
        return "skipped", asset.id
    db.update(Asset, asset.id, status="processing", sha256=None, error_code=None, error_message=None, updated_at=now())
    enqueue(db, JobKind.PREPARE_ASSET, asset.id)
    return "retried", asset.id


def source_of(db: Database, asset: Asset) -> Mapping[str, Any]:
    """Return the ``source`` of an asset's body; empty for an asset that no connector imported."""
    file = db.find(ImportedFile, asset_id=asset.id) if asset.method == METHOD else None
    if file is None:
        return {}
    details = {"provider": PROVIDER, "source_id": file.source_id, "original_filename": file.filename}
    return {"source": {"type": METHOD, "details": details}}


def items_of(db: Database, import_id: str) -> list[tuple[ImportItem, str | None]]:
    """Return the files of an import with the status of their assets. Files of deleted assets are left out."""
    sql = (
        "SELECT i.*, a.status FROM import_items i LEFT JOIN assets a ON a.id = i.asset_id "
        "WHERE i.import_id = ? AND (i.asset_id IS NULL OR a.id IS NOT NULL) ORDER BY i.position"
    )
    return [(ImportItem.of(row), row["status"]) for row in db.rows(sql, import_id)]
