"""What came through an integration, and the imports that brought it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twelvelabs_local.identity import new_id, now
from twelvelabs_local.requirements import TASK_BYTES
from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.account_records import Transferred
from twelvelabs_local.store.assets import NewAsset, create_asset
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.videos import NewVideo, create_task, create_video

_FILES = (
    "SELECT t.filename, t.sha256, t.video_id, v.status, coalesce(t.error_message, v.error_message) AS error_message, "
    "t.created_at FROM transferred t LEFT JOIN videos v ON v.id = t.video_id "
    "WHERE t.integration_id = ? AND t.index_id = ? AND (t.video_id IS NULL OR v.id IS NOT NULL) ORDER BY t.filename"
)


@dataclass(frozen=True)
class Integration:
    """A connected folder and the index that its files go to.

    :param id: the id of the connection.
    :param index_id: the index.
    """

    id: str
    index_id: str


@dataclass(frozen=True)
class Found:
    """A file that an import looked at.

    :param name: its name below the folder.
    :param path: where it is.
    :param sha256: its content.
    :param refusal: why it cannot be indexed, or None.
    """

    name: str
    path: Path
    sha256: str
    refusal: str | None = None


@dataclass(frozen=True)
class Made:
    """What an import began with.

    :param videos: file name to the id of its video.
    :param failed: file name to why it could not be taken.
    """

    videos: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


def create_video_of(
    db: Database,
    index_id: str,
    path: Path,
    subtitles: Sequence[SegmentRow] | None = None,
    user_metadata: Mapping[str, Any] | None = None,
) -> str:
    """Index a file of a connected folder as a task does, and return the id of its video."""
    new = NewAsset("direct", path.name, TASK_BYTES, url=path.as_uri(), implicit=True)
    with db.transaction():
        wish = NewVideo(index_id, create_asset(db, new), True, user_metadata or {}, subtitles)
        video = create_video(db, wish)
        create_task(db, video)
    return video.id


def create_transfer(
    db: Database, integration: Integration, files: Sequence[Found], user_metadata: Mapping[str, Any]
) -> Made:
    """Index the files that the index does not hold yet; files of the same content are one."""
    transfer_id, moment = new_id(), now()
    videos: dict[str, str] = {}
    failed: dict[str, str] = {}
    with db.transaction():
        for file in files:
            known = _same_content(db, integration, file.sha256)
            if file.refusal:
                failed[file.name] = file.refusal
            elif known is None:
                videos[file.name] = create_video_of(db, integration.index_id, file.path, user_metadata=user_metadata)
            values = {
                "integration_id": integration.id,
                "index_id": integration.index_id,
                "filename": file.name,
                "transfer_id": transfer_id,
                "sha256": file.sha256,
                "video_id": videos.get(file.name, known),
                "error_message": file.refusal,
                "created_at": moment,
            }
            marks = ", ".join("?" * len(values))
            db.run(f"INSERT OR REPLACE INTO transferred ({', '.join(values)}) VALUES ({marks})", *values.values())
        log = {"id": transfer_id, "integration_id": integration.id, "index_id": integration.index_id}
        db.insert("transfers", {**log, "failed_files": json.dumps(failed), "created_at": moment})
    return Made(videos, failed)


def _same_content(db: Database, integration: Integration, sha256: str) -> str | None:
    """Return the video of an index that was made of a content and did not fail, or None."""
    sql = (
        "SELECT v.id FROM videos v JOIN assets a ON a.id = v.asset_id "
        "LEFT JOIN transferred t ON t.video_id = v.id AND t.index_id = v.index_id "
        "WHERE v.index_id = ? AND v.status != 'failed' AND ? IN (a.sha256, t.sha256)"
    )
    row = db.first(sql, integration.index_id, sha256)
    return str(row["id"]) if row else None


def transferred(db: Database, integration: Integration) -> list[Transferred]:
    """Return what came through an integration; what was deleted again is left out."""
    rows = db.all(_FILES, integration.id, integration.index_id)
    return [Transferred.of(row) for row in rows]


def logs(db: Database, integration_id: str) -> list[Mapping[str, Any]]:
    """Return the imports of an integration, newest first."""
    sql = (
        "SELECT t.*, i.name AS index_name FROM transfers t JOIN indexes i ON i.id = t.index_id "
        "WHERE t.integration_id = ? ORDER BY t.id DESC"
    )
    return [_log(db, dict(row)) for row in db.all(sql, integration_id)]


def _log(db: Database, transfer: Mapping[str, Any]) -> Mapping[str, Any]:
    sql = (
        "SELECT v.status, v.updated_at FROM transferred t JOIN videos v ON v.id = t.video_id "
        "WHERE t.transfer_id = ? AND t.error_message IS NULL"
    )
    videos = db.all(sql, transfer["id"])
    counts = dict.fromkeys(("ready", "validating", "pending", "queued", "indexing", "failed"), 0)
    for video in videos:
        counts[video["status"]] += 1
    ended = all(video["status"] in ("ready", "failed") for video in videos)
    failed = json.loads(transfer["failed_files"])
    return {
        "index_id": transfer["index_id"],
        "index_name": transfer["index_name"],
        "created_at": transfer["created_at"],
        "ended_at": max([transfer["created_at"], *(video["updated_at"] for video in videos)]) if ended else None,
        "video_status": counts,
        "failed_files": [{"filename": name, "error_message": why} for name, why in failed.items()],
    }
