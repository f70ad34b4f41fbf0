"""Transfers: imports of a connected folder into an index, through an integration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from twelvelabs_local.ids import new_id
from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.assets import Asset, create_asset
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.record import Record
from twelvelabs_local.store.videos import Video, create_task
from twelvelabs_local.times import now
from twelvelabs_local.video_limits import TASK_BYTES


@dataclass(frozen=True, kw_only=True)
class Transfer(Record, table="transfers"):
    """An import request.

    :param failed_files: file name to the reason why the file is rejected.
    """

    id: Annotated[str, "PRIMARY KEY"] = field(default_factory=new_id)
    integration_id: str
    index_id: Annotated[str, "REFERENCES indexes (id) ON DELETE CASCADE"]
    failed_files: Mapping[str, str]
    created_at: str = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class TransferFile(Record, table="transferred", constraints=("PRIMARY KEY (integration_id, index_id, filename)",)):
    """A file that an integration imported or rejected.

    :param error_message: why the file is rejected.
    """

    integration_id: str
    index_id: Annotated[str, "REFERENCES indexes (id) ON DELETE CASCADE"]
    filename: str
    transfer_id: str
    sha256: str
    video_id: str | None = None
    error_message: str | None = None
    created_at: str = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class ImportedVideo(Record):
    """A file that an integration imported, with the status of its video.

    :param status: None for a rejected file.
    """

    filename: str
    sha256: str
    video_id: str | None
    status: str | None
    error_message: str | None
    created_at: str


@dataclass(frozen=True)
class Integration:
    """A connected folder and the index for its files.

    :param id: the id of the connection.
    """

    id: str
    index_id: str


@dataclass(frozen=True)
class SourceFile:
    """A file in a connected folder.

    :param name: path below the folder.
    :param path: absolute path.
    :param sha256: hash of the content.
    :param rejection: why the file cannot be indexed.
    """

    name: str
    path: Path
    sha256: str
    rejection: str | None = None


@dataclass(frozen=True)
class Started:
    """The outcome of an import request.

    :param videos: file name to video id.
    :param failed: file name to the reason why the file is rejected.
    """

    videos: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


def index_local_file(
    db: Database,
    index_id: str,
    path: Path,
    subtitles: Sequence[SegmentRow] | None = None,
    user_metadata: Mapping[str, Any] | None = None,
) -> str:
    """Create an indexing task for a file of a connected folder; return the id of its video."""
    with db.transaction():
        new = Asset(method="direct", filename=path.name, size_limit=TASK_BYTES, url=path.as_uri(), implicit=True)
        asset = create_asset(db, new)
        video = Video(
            index_id=index_id,
            asset_id=asset.id,
            filename=asset.filename,
            legacy=True,
            user_metadata=user_metadata or {},
            subtitles=subtitles,
        )
        create_task(db, db.insert(video))
    return video.id


def create_transfer(
    db: Database, integration: Integration, files: Sequence[SourceFile], user_metadata: Mapping[str, Any]
) -> Started:
    """Index the files whose content the index does not contain."""
    transfer_id, moment = new_id(), now()
    videos: dict[str, str] = {}
    failed: dict[str, str] = {}
    scope = {"integration_id": integration.id, "index_id": integration.index_id}
    with db.transaction():
        for file in files:
            existing = _video_with_content(db, integration, file.sha256)
            if file.rejection:
                failed[file.name] = file.rejection
            elif existing is None:
                videos[file.name] = index_local_file(db, integration.index_id, file.path, user_metadata=user_metadata)
            entry = TransferFile(
                integration_id=integration.id,
                index_id=integration.index_id,
                filename=file.name,
                transfer_id=transfer_id,
                sha256=file.sha256,
                video_id=videos.get(file.name, existing),
                error_message=file.rejection,
                created_at=moment,
            )
            db.replace(entry)
        db.insert(Transfer(id=transfer_id, **scope, failed_files=failed, created_at=moment))
    return Started(videos, failed)


def _video_with_content(db: Database, integration: Integration, sha256: str) -> str | None:
    """Return the id of the index's video with a content, or None. Failed videos do not count."""
    sql = (
        "SELECT v.id FROM videos v JOIN assets a ON a.id = v.asset_id "
        "LEFT JOIN transferred t ON t.video_id = v.id AND t.index_id = v.index_id "
        "WHERE v.index_id = ? AND v.status != 'failed' AND ? IN (a.sha256, t.sha256)"
    )
    video_id: str | None = db.value(sql, integration.index_id, sha256)
    return video_id


def imported_videos(db: Database, integration: Integration) -> list[ImportedVideo]:
    """Return the files of an integration. Files of deleted videos are left out."""
    sql = (
        "SELECT t.filename, t.sha256, t.video_id, v.status, coalesce(t.error_message, v.error_message) AS "
        "error_message, t.created_at FROM transferred t LEFT JOIN videos v ON v.id = t.video_id WHERE "
        "t.integration_id = ? AND t.index_id = ? AND (t.video_id IS NULL OR v.id IS NOT NULL) ORDER BY t.filename"
    )
    return [ImportedVideo.of(row) for row in db.rows(sql, integration.id, integration.index_id)]


def transfer_logs(db: Database, integration_id: str) -> list[Mapping[str, Any]]:
    """Return the transfers of an integration, newest first."""
    sql = (
        "SELECT t.*, i.name AS index_name FROM transfers t JOIN indexes i ON i.id = t.index_id "
        "WHERE t.integration_id = ? ORDER BY t.id DESC"
    )
    return [_log(db, Transfer.of(row), row["index_name"]) for row in db.rows(sql, integration_id)]


def _log(db: Database, transfer: Transfer, index_name: str) -> Mapping[str, Any]:
    sql = (
        "SELECT v.status, v.updated_at FROM transferred t JOIN videos v ON v.id = t.video_id "
        "WHERE t.transfer_id = ? AND t.error_message IS NULL"
    )
    videos = db.rows(sql, transfer.id)
    counts = dict.fromkeys(("ready", "validating", "pending", "queued", "indexing", "failed"), 0)
    for video in videos:
        counts[video["status"]] += 1
    ended = all(video["status"] in ("ready", "failed") for video in videos)
    return {
        "index_id": transfer.index_id,
        "index_name": index_name,
        "created_at": transfer.created_at,
        "ended_at": max([transfer.created_at, *(video["updated_at"] for video in videos)]) if ended else None,
        "video_status": counts,
        "failed_files": [{"filename": name, "error_message": why} for name, why in transfer.failed_files.items()],
    }
