"""Videos (indexed assets) and their indexing tasks, which share one status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.assets import delete_if_unused
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.job_queue import JobKind, Lane, cancel_job, enqueue, lane_is_busy
from twelvelabs_local.store.record import Record, Resource
from twelvelabs_local.times import now


@dataclass(frozen=True, kw_only=True)
class Video(Resource, table="videos", indexes=("index_id, created_at", "asset_id")):
    """A video in an index: the service's video and indexed asset.

    :param legacy: whether it was created through v1.1 or v1.2.
    :param subtitles: a transcript that the caller provided.
    :param subtitles_url: a URL of such a transcript.
    """

    index_id: Annotated[str, "REFERENCES indexes (id) ON DELETE CASCADE"]
    asset_id: Annotated[str, "REFERENCES assets (id)"]
    legacy: bool
    status: str = "validating"
    progress: float = 0.0
    filename: str
    duration: float | None = None
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    size: int | None = None
    title: str | None = None
    user_metadata: Mapping[str, Any] = field(default_factory=dict)
    subtitles_url: str | None = None
    subtitles: Sequence[SegmentRow] | None = None
    error_code: str | None = None
    error_message: str | None = None
    indexed_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class Task(Resource, table="tasks", indexes=("index_id, created_at", "video_id")):
    """An indexing task. It has the status of its video."""

    index_id: Annotated[str, "REFERENCES indexes (id) ON DELETE CASCADE"]
    video_id: str
    status: str
    filename: str
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    error_code: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, kw_only=True)
class VideoResult(Record, table="results", constraints=("PRIMARY KEY (video_id, kind)",)):
    """The segments of a video.

    :param kind: ``transcription`` or ``text_in_video``.
    """

    video_id: Annotated[str, "REFERENCES videos (id) ON DELETE CASCADE"]
    kind: str
    segments: Sequence[SegmentRow]


def create_task(db: Database, video: Video) -> Task:
    """Create the indexing task of a video."""
    task = Task(
        index_id=video.index_id,
        video_id=video.id,
        status=video.status,
        filename=video.filename,
        created_at=video.created_at,
        updated_at=video.updated_at,
    )
    return db.insert(task)


def videos_of_asset(db: Database, asset_id: str) -> list[Video]:
    """Return the videos of an asset, oldest first."""
    return db.select(Video, "WHERE asset_id = ? ORDER BY id", asset_id)


def describe_video(db: Database, video_id: str, probe: Probe) -> None:
    """Save what the probe found on a video and its task."""
    shape = {"duration": probe.duration, "width": probe.width, "height": probe.height}
    with db.transaction():
        db.update(Video, video_id, **shape, fps=probe.fps, size=probe.size)
        db.run("UPDATE tasks SET duration = ?, width = ?, height = ? WHERE video_id = ?", *shape.values(), video_id)


def queue_video(db: Database, video_id: str) -> None:
    """Queue the indexing of a validated video."""
    with db.transaction():
        # like the service: queued behind other jobs, otherwise pending
        set_status(db, video_id, "queued" if lane_is_busy(db, Lane.HEAVY) else "pending")
        enqueue(db, JobKind.INDEX_VIDEO, video_id)


def set_status(db: Database, video_id: str, status: str) -> int:
    """Move a video and its task to a status; return the number of videos with the id (0 or 1)."""
    moment = now()
    with db.transaction():
        db.run("UPDATE tasks SET status = ?, updated_at = ? WHERE video_id = ?", status, moment, video_id)
        return db.update(Video, video_id, status=status, updated_at=moment)


def fail_video(db: Database, video_id: str, code: str, message: str) -> None:
    """Move a video and its task to ``failed``."""
    with db.transaction():
        set_status(db, video_id, "failed")
        db.update(Video, video_id, error_code=code, error_message=message)
        db.run("UPDATE tasks SET error_code = ?, error_message = ? WHERE video_id = ?", code, message, video_id)


def finish_video(db: Database, video_id: str, results: Mapping[str, Sequence[SegmentRow]]) -> bool:
    """Move a video to ``ready`` and save its segments; return whether the video still exists.

    :param db: the database.
    :param video_id: the video.
    :param results: segments by kind: ``transcription``, ``text_in_video``.
    """
    with db.transaction():
        if not set_status(db, video_id, "ready"):
            return False
        db.update(Video, video_id, indexed_at=now(), progress=1.0)
        for kind, segments in results.items():
            db.replace(VideoResult(video_id=video_id, kind=kind, segments=segments))
        return True


def segments_of(db: Database, video_id: str, kind: str) -> Sequence[SegmentRow]:
    """Return the segments of a video."""
    result = db.find(VideoResult, video_id=video_id, kind=kind)
    return result.segments if result else []


def delete_video(db: Database, video: Video) -> str | None:
    """Delete a video and its implicit asset. Return the hash of the content, which may be unused now."""
    with db.transaction():
        cancel_job(db, JobKind.INDEX_VIDEO, video.id)
        db.delete(Video, id=video.id)
        # the task of a deleted video cannot become ready
        db.run(
            "UPDATE tasks SET status = 'failed', error_message = 'The video was deleted.', updated_at = ? "
            "WHERE video_id = ? AND status NOT IN ('ready', 'failed')",
            now(),
            video.id,
        )
        return delete_if_unused(db, video.asset_id)
