"""The queue between the two processes. Two lanes: ``intake`` fetches and probes, ``heavy`` reads and listens."""

from __future__ import annotations

from enum import StrEnum

from twelvelabs_local.store.database import Database
from twelvelabs_local.store.records import Job

MOST_CRASHES = 3
"""How often a job may take the worker down with it before it is given up."""


class Lane(StrEnum):
    """What a job competes with."""

    INTAKE = "intake"
    HEAVY = "heavy"


class JobKind(StrEnum):
    """What is to be done, and (in its subject) to what."""

    PREPARE_ASSET = "prepare_asset"
    INDEX_VIDEO = "index_video"
    TRANSCRIBE_ASSET = "transcribe_asset"
    ANALYSE = "analyse"
    PREPARE_ENTITY = "prepare_entity"
    INGEST_ITEM = "ingest_item"
    EMBED = "embed"
    RENDER_ASSET = "render_asset"

    @property
    def lane(self) -> Lane:
        """Where jobs of this kind queue."""
        return Lane.INTAKE if self in (JobKind.PREPARE_ASSET, JobKind.PREPARE_ENTITY) else Lane.HEAVY


def enqueue(db: Database, kind: JobKind, subject: str) -> None:
    """Queue a job; one that is queued already stays as it is.

    :param db: the database.
    :param kind: what is to be done.
    :param subject: the id of what it is to be done to.
    """
    db.run("INSERT OR IGNORE INTO jobs (lane, kind, subject) VALUES (?, ?, ?)", kind.lane, kind, subject)


def claim(db: Database, lane: Lane) -> Job | None:
    """Take the oldest waiting job of a lane, or nothing."""
    with db.transaction():
        row = db.first("SELECT * FROM jobs WHERE lane = ? AND running = 0 ORDER BY id LIMIT 1", lane)
        if row is None:
            return None
        db.run("UPDATE jobs SET running = 1 WHERE id = ?", row["id"])
        return Job.of(row)


def finish(db: Database, job: Job) -> None:
    """Forget a job that is done."""
    db.run("DELETE FROM jobs WHERE id = ?", job.id)


def put_back(db: Database) -> None:
    """Let jobs that a worker left behind be taken again; only for a worker that has just got the folder's lock."""
    db.run("UPDATE jobs SET running = 0")


def blame(db: Database) -> None:
    """Count a crash on what was running when the worker died by itself."""
    db.run("UPDATE jobs SET crashes = crashes + 1 WHERE running = 1")


def busy(db: Database, lane: Lane) -> bool:
    """Tell whether a new job of a lane has to wait for others."""
    return db.first("SELECT 1 FROM jobs WHERE lane = ?", lane) is not None


def drop(db: Database, kind: JobKind, subject: str) -> None:
    """Forget the waiting job for something that was deleted; a running one notices by itself."""
    db.run("DELETE FROM jobs WHERE kind = ? AND subject = ? AND running = 0", kind, subject)


def waiting_or_running(db: Database, kind: JobKind, subject: str) -> str | None:
    """Return ``pending`` or ``processing`` for a job that exists, None otherwise."""
    row = db.first("SELECT running FROM jobs WHERE kind = ? AND subject = ?", kind, subject)
    return None if row is None else "processing" if row["running"] else "pending"
