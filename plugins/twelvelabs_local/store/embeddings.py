"""Embedding tasks and their embeddings, which expire."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

from twelvelabs_local.store.assets import TERMINAL, Asset, delete_if_unused
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.job_queue import JobKind, cancel_job, enqueue
from twelvelabs_local.store.record import Resource
from twelvelabs_local.times import format_time, now

LIFETIME = timedelta(days=7)
"""Time after which a task and its embeddings are deleted."""


class Edition(IntEnum):
    """The call that created a task: ``/embed/tasks`` or ``/embed-v2/tasks``. Each call lists its own tasks."""

    V1 = 1
    V2 = 2


@dataclass(frozen=True, kw_only=True)
class EmbeddingTask(Resource, table="embedding_tasks"):
    """An embedding task.

    :param kind: ``audio`` or ``video``.
    :param request: the request without inline media.
    :param result: the embeddings as JSON text, because there may be many.
    """

    edition: Edition
    kind: str
    asset_id: str
    status: str = "processing"
    request: Mapping[str, Any]
    result: str | None = None
    error_message: str | None = None


def create_embedding_task(db: Database, task: EmbeddingTask) -> EmbeddingTask:
    """Insert a task. It is queued as soon as its asset is prepared."""
    with db.transaction():
        db.insert(task)
        asset = db.find(Asset, id=task.asset_id)
        if asset is None or asset.status in TERMINAL:
            enqueue(db, JobKind.EMBED, task.id)
    return task


def find_embedding_task(db: Database, task_id: str) -> EmbeddingTask | None:
    """Return a task that has not expired, or None."""
    found = db.select(EmbeddingTask, "WHERE id = ? AND created_at >= ?", task_id, oldest_kept())
    return found[0] if found else None


def oldest_kept() -> str:
    """Return the creation time before which tasks are expired."""
    return format_time(datetime.now(UTC) - LIFETIME)


def finish_embedding_task(db: Database, task_id: str, embeddings: Sequence[Mapping[str, Any]]) -> bool:
    """Move a task to ``ready``; return whether it still exists."""
    result = json.dumps(embeddings, separators=(",", ":"))
    return db.update(EmbeddingTask, task_id, status="ready", result=result, updated_at=now()) == 1


def fail_embedding_task(db: Database, task_id: str, message: str) -> None:
    """Move a task to ``failed``."""
    db.update(EmbeddingTask, task_id, status="failed", error_message=message, updated_at=now())


def queue_embedding_tasks_of(db: Database, asset_id: str) -> None:
    """Queue the tasks of a prepared asset."""
    for task in db.select(EmbeddingTask, "WHERE asset_id = ? AND status = 'processing'", asset_id):
        enqueue(db, JobKind.EMBED, task.id)


def delete_expired_tasks(db: Database) -> list[str]:
    """Delete expired tasks and their implicit assets. Return the hashes of contents that may be unused now."""
    unused: list[str] = []
    with db.transaction():
        for row in db.rows("SELECT id, asset_id FROM embedding_tasks WHERE created_at < ?", oldest_kept()):
            cancel_job(db, JobKind.EMBED, row["id"])
            db.delete(EmbeddingTask, id=row["id"])
            sha256 = delete_if_unused(db, row["asset_id"])
            unused += [sha256] if sha256 else []
    return unused
