"""Videos (indexed assets) and the tasks that brought them: one status, told twice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.identity import new_id, now
from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.assets import drop_unneeded
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.jobs import JobKind, Lane, busy, drop, enqueue
from twelvelabs_local.store.records import Asset, Task, Video


@dataclass(frozen=True)
class NewVideo:
    """What is to be indexed.

    :param index_id: the index.
    :param asset: the file.
    :param legacy: whether it was asked for through v1.1 or v1.2.
    :param user_metadata: the caller's own values.
    :param subtitles: a transcript that was given, or None.
    :param subtitles_url: a link to one, or None.
    """

    index_id: str
    asset: Asset
    legacy: bool
    user_metadata: Mapping[str, Any] = field(default_factory=dict)
    subtitles: Sequence[SegmentRow] | None = None
    subtitles_url: str | None = None


def create_video(db: Database, new: NewVideo) -> Video:
    """Create a video in ``validating``; its asset's preparation releases it."""
    moment = now()
    video_id = new_id()
    values = {
        "id": video_id,
        "index_id": new.index_id,
        "asset_id": new.asset.id,
        "legacy": int(new.legacy),
        "status": "validating",
        "filename": new.asset.filename,
        "user_metadata": json.dumps(new.user_metadata),
        "subtitles": json.dumps(new.subtitles) if new.subtitles is not None else None,
        "subtitles_url": new.subtitles_url,
        "created_at": moment,
        "updated_at": moment,
    }
    db.insert("videos", values)
    video = find_video(db, video_id)
    assert video is not None
    return video


def create_task(db: Database, video: Video) -> str:
    """Create the task that stands for a video and return its id."""
    values = {
        "id": new_id(),
        "index_id": video.index_id,
        "video_id": video.id,
        "status": video.status,
        "filename": video.filename,
        "created_at": video.created_at,
        "updated_at": video.updated_at,
    }
    db.insert("tasks", values)
    return str(values["id"])


def find_video(db: Database, video_id: str) -> Video | None:
    """Return a video, or None."""
    row = db.first("SELECT * FROM videos WHERE id = ?", video_id)
    return Video.of(row) if row else None


def find_task(db: Database, task_id: str) -> Task | None:
    """Return a task, or None."""
    row = db.first("SELECT * FROM tasks WHERE id = ?", task_id)
    return Task.of(row) if row else None


def videos_of_asset(db: Database, asset_id: str) -> list[Video]:
    """Return the videos made of an asset, oldest first."""
    return [Video.of(row) for row in db.all("SELECT * FROM videos WHERE asset_id = ? ORDER BY id", asset_id)]


def describe_video(db: Database, video_id: str, probe: Probe) -> None:
    """Note what a video is, on it and on its task."""
    shape = {"duration": probe.duration, "width": probe.width, "height": probe.height}
    with db.transaction():
        db.update("videos", video_id, {**shape, "fps": probe.fps, "size": probe.size})
        db.run("UPDATE tasks SET duration = ?, width = ?, height = ? WHERE video_id = ?", *shape.values(), video_id)


def release_video(db: Database, video_id: str) -> None:
    """Let a validated video wait for its indexing."""
    with db.transaction():
        # as the service does: pending when it is next, queued when others are before it
        set_status(db, video_id, "queued" if busy(db, Lane.HEAVY) else "pending")
        enqueue(db, JobKind.INDEX_VIDEO, video_id)


def set_status(db: Database, video_id: str, status: str) -> int:
    """Move a video and its task to a status; return how many videos were there (0 or 1)."""
    moment = now()
    with db.transaction():
        db.run("UPDATE tasks SET status = ?, updated_at = ? WHERE video_id = ?", status, moment, video_id)
        return db.update("videos", video_id, {"status": status, "updated_at": moment})


def fail_video(db: Database, video_id: str, code: str, message: str) -> None:
    """End a video and its task in ``failed``."""
    with db.transaction():
        set_status(db, video_id, "failed")
        error = (code, message, video_id)
        db.run("UPDATE videos SET error_code = ?, error_message = ? WHERE id = ?", *error)
        db.run("UPDATE tasks SET error_code = ?, error_message = ? WHERE video_id = ?", *error)


def finish_video(db: Database, video_id: str, results: Mapping[str, Sequence[SegmentRow]]) -> bool:
    """End a video in ``ready`` with what was found; return whether it was still there.

    :param db: the database.
    :param video_id: the video.
    :param results: segments by kind: ``transcription``, ``text_in_video``.
    """
    with db.transaction():
        if not set_status(db, video_id, "ready"):
            return False
        db.update("videos", video_id, {"indexed_at": now(), "progress": 1.0})
        for kind, rows in results.items():
            saved = json.dumps(list(rows), ensure_ascii=False)
            db.run("INSERT OR REPLACE INTO results VALUES (?, ?, ?)", video_id, kind, saved)
        return True


def segments_of(db: Database, video_id: str, kind: str) -> list[SegmentRow]:
    """Return what was found in a video."""
    row = db.first("SELECT segments FROM results WHERE video_id = ? AND kind = ?", video_id, kind)
    rows: list[SegmentRow] = json.loads(row["segments"]) if row else []
    return rows


def delete_video(db: Database, video: Video) -> str | None:
    """Delete a video; a file that only it stood for goes too. Return the content that may be unused now."""
    with db.transaction():
        drop(db, JobKind.INDEX_VIDEO, video.id)
        db.run("DELETE FROM videos WHERE id = ?", video.id)
        # a task that was still running has lost its video: it cannot become ready any more
        db.run(
            "UPDATE tasks SET status = 'failed', error_message = 'The video was deleted.', updated_at = ? "
            "WHERE video_id = ? AND status NOT IN ('ready', 'failed')",
            now(),
            video.id,
        )
        return drop_unneeded(db, video.asset_id)
