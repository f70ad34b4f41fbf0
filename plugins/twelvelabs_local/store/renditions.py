"""Renditions: streams and thumbnails requested with an asset. Each has its own status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from twelvelabs_local.store.database import Database
from twelvelabs_local.store.job_queue import JobKind, enqueue
from twelvelabs_local.store.record import Record

HLS, THUMBNAIL = "hls", "thumbnail"


@dataclass(frozen=True, kw_only=True)
class Rendition(Record, table="renditions", constraints=("PRIMARY KEY (asset_id, kind)",)):
    """A stream or thumbnail of an asset."""

    asset_id: Annotated[str, "REFERENCES assets (id) ON DELETE CASCADE"]
    kind: str
    status: str = "pending"


def request_renditions(db: Database, asset_id: str, kinds: Iterable[str]) -> None:
    """Save the renditions to make once an asset is prepared."""
    for kind in kinds:
        db.insert(Rendition(asset_id=asset_id, kind=kind))


def renditions_of(db: Database, asset_id: str) -> Mapping[str, str]:
    """Return the status of each requested rendition."""
    return {one.kind: one.status for one in db.select(Rendition, "WHERE asset_id = ? ORDER BY kind", asset_id)}


def set_rendition(db: Database, asset_id: str, kind: str, status: str) -> None:
    """Move a rendition to a status."""
    db.run("UPDATE renditions SET status = ? WHERE asset_id = ? AND kind = ?", status, asset_id, kind)


def queue_renditions_of(db: Database, asset_id: str) -> None:
    """Queue the renditions of a prepared asset."""
    if renditions_of(db, asset_id):
        enqueue(db, JobKind.RENDER_ASSET, asset_id)


def fail_renditions(db: Database, asset_id: str) -> None:
    """Move the unfinished renditions of an asset to ``error``."""
    sql = "UPDATE renditions SET status = 'error' WHERE asset_id = ? AND status IN ('pending', 'processing')"
    db.run(sql, asset_id)
