"""Embedding tasks, and their embeddings for as long as they are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

from twelvelabs_local.identity import new_id, now, written
from twelvelabs_local.store.assets import drop_unneeded, find_asset
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.jobs import JobKind, drop, enqueue
from twelvelabs_local.store.records import TERMINAL, EmbeddingTask

KEPT = timedelta(days=7)
"""For how long a task and its embeddings are kept after its creation."""


class Edition(IntEnum):
    """Which call made a task: ``/embed/tasks`` or ``/embed-v2/tasks``; each lists its own."""

    V1 = 1
    V2 = 2


@dataclass(frozen=True)
class NewEmbeddingTask:
    """A checked request.

    :param edition: the call that it came by.
    :param kind: ``audio`` or ``video``.
    :param asset_id: the file.
    :param request: what the request says about it, without inline media.
    """

    edition: Edition
    kind: str
    asset_id: str
    request: Mapping[str, Any]


def create_embedding_task(db: Database, new: NewEmbeddingTask) -> EmbeddingTask:
    """Create a task; it queues at once, or when its file is prepared."""
    moment, task_id = now(), new_id()
    values = {
        "id": task_id,
        "edition": int(new.edition),
        "kind": new.kind,
        "asset_id": new.asset_id,
        "status": "processing",
        "request": json.dumps(new.request),
        "created_at": moment,
        "updated_at": moment,
    }
    with db.transaction():
        db.insert("embedding_tasks", values)
        asset = find_asset(db, new.asset_id)
        if asset is None or asset.status in TERMINAL:
            enqueue(db, JobKind.EMBED, task_id)
        created = find_embedding_task(db, task_id)
    assert created is not None
    return created


def find_embedding_task(db: Database, task_id: str) -> EmbeddingTask | None:
    """Return a task that is still kept, or None."""
    row = db.first("SELECT * FROM embedding_tasks WHERE id = ? AND created_at >= ?", task_id, kept_since())
    return EmbeddingTask.of(row) if row else None


def kept_since() -> str:
    """Return the instant before which nothing is kept."""
    return written(datetime.now(UTC) - KEPT)


def finish_embedding_task(db: Database, task_id: str, found: Sequence[Mapping[str, Any]]) -> bool:
    """End a task in ``ready``; return whether it was still there."""
    values = {"status": "ready", "result": json.dumps(found, separators=(",", ":")), "updated_at": now()}
    return db.update("embedding_tasks", task_id, values) == 1


def fail_embedding_task(db: Database, task_id: str, message: str) -> None:
    """End a task in ``failed``."""
    db.update("embedding_tasks", task_id, {"status": "failed", "error_message": message, "updated_at": now()})


def release_embeddings(db: Database, asset_id: str) -> None:
    """Queue the tasks that waited for an asset to be prepared."""
    for row in db.all("SELECT id FROM embedding_tasks WHERE asset_id = ? AND status = 'processing'", asset_id):
        enqueue(db, JobKind.EMBED, row["id"])


def forget_old_tasks(db: Database) -> list[str]:
    """Delete what is kept no longer, with the files that came only for it; return contents that may be unused now."""
    unused: list[str] = []
    with db.transaction():
        for row in db.all("SELECT id, asset_id FROM embedding_tasks WHERE created_at < ?", kept_since()):
            drop(db, JobKind.EMBED, row["id"])
            db.run("DELETE FROM embedding_tasks WHERE id = ?", row["id"])
            sha256 = drop_unneeded(db, row["asset_id"])
            unused += [sha256] if sha256 else []
    return unused
