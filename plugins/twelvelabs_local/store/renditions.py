"""Streams and pictures that were asked for with an asset, each with a status of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from twelvelabs_local.store.database import Database
from twelvelabs_local.store.jobs import JobKind, enqueue

HLS, THUMBNAIL = "hls", "thumbnail"


def ask_for_renditions(db: Database, asset_id: str, kinds: Iterable[str]) -> None:
    """Note what shall be made of an asset once it is prepared."""
    for kind in kinds:
        db.insert("renditions", {"asset_id": asset_id, "kind": kind, "status": "pending"})


def renditions_of(db: Database, asset_id: str) -> Mapping[str, str]:
    """Return the status of each rendition that was asked for."""
    rows = db.all("SELECT kind, status FROM renditions WHERE asset_id = ? ORDER BY kind", asset_id)
    return {row["kind"]: row["status"] for row in rows}


def set_rendition(db: Database, asset_id: str, kind: str, status: str) -> None:
    """Move a rendition to a status."""
    db.run("UPDATE renditions SET status = ? WHERE asset_id = ? AND kind = ?", status, asset_id, kind)


def release_renditions(db: Database, asset_id: str) -> None:
    """Queue what shall be made of an asset that is prepared."""
    if renditions_of(db, asset_id):
        enqueue(db, JobKind.RENDER_ASSET, asset_id)


def fail_renditions(db: Database, asset_id: str) -> None:
    """End what was still to be made of an asset."""
    sql = "UPDATE renditions SET status = 'error' WHERE asset_id = ? AND status IN ('pending', 'processing')"
    db.run(sql, asset_id)
