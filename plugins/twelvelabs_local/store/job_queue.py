"""The job queue between the server and the worker process. Each lane has its own worker thread."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from twelvelabs_local.store.database import Database
from twelvelabs_local.store.record import Record

MAX_CRASHES = 3
"""Crashes of the worker after which a job fails instead of running again."""


class Lane(StrEnum):
    """A queue: ``intake`` downloads and probes files, ``heavy`` decodes them."""

    INTAKE = "intake"
    HEAVY = "heavy"


class JobKind(StrEnum):
    """A kind of job. The job's subject is the id of the resource that it works on."""

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
        """The queue for jobs of this kind."""
        return Lane.INTAKE if self in (JobKind.PREPARE_ASSET, JobKind.PREPARE_ENTITY) else Lane.HEAVY


@dataclass(frozen=True, kw_only=True)
class Job(Record, table="jobs", constraints=("UNIQUE (kind, subject)",)):
    """A waiting or running job."""

    id: Annotated[int | None, "PRIMARY KEY AUTOINCREMENT"] = None
    lane: Lane
    kind: JobKind
    subject: str
    running: bool = False
    crashes: int = 0


def enqueue(db: Database, kind: JobKind, subject: str) -> None:
    """Queue a job. A job that is already queued stays as it is.

    :param db: the database.
    :param kind: what to do.
    :param subject: the id of the resource to do it with.
    """
    db.insert_new(Job(lane=kind.lane, kind=kind, subject=subject))


def claim(db: Database, lane: Lane) -> Job | None:
    """Mark the oldest waiting job of a lane as running and return it."""
    with db.transaction():
        waiting = db.select(Job, "WHERE lane = ? AND running = 0 ORDER BY id LIMIT 1", lane)
        for job in waiting:
            db.update(Job, job.id, running=True)
        return waiting[0] if waiting else None


def finish(db: Database, job: Job) -> None:
    """Remove a finished job."""
    db.delete(Job, id=job.id)


def requeue_running(db: Database) -> None:
    """Requeue the jobs of a worker that died. Only for a new worker that holds the folder's lock."""
    db.run("UPDATE jobs SET running = 0")


def count_crash(db: Database) -> None:
    """Count a crash of the worker on each job that was running."""
    db.run("UPDATE jobs SET crashes = crashes + 1 WHERE running = 1")


def lane_is_busy(db: Database, lane: Lane) -> bool:
    """Return whether a new job of a lane waits for other jobs."""
    return db.count(Job, lane=lane) > 0


def cancel_job(db: Database, kind: JobKind, subject: str) -> None:
    """Remove the waiting job of a deleted resource. A running job stops at its next progress check."""
    db.delete(Job, kind=kind, subject=subject, running=False)


def job_status(db: Database, kind: JobKind, subject: str) -> str | None:
    """Return ``pending`` or ``processing`` for a job in the queue, otherwise None."""
    job = db.find(Job, kind=kind, subject=subject)
    return None if job is None else "processing" if job.running else "pending"
