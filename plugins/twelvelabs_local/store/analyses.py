"""Asynchronous analysis tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twelvelabs_local.identity import new_id, now
from twelvelabs_local.store.assets import drop_unneeded, find_asset
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.jobs import JobKind, Lane, busy, drop, enqueue
from twelvelabs_local.store.records import TERMINAL, Analysis

DONE = ("ready", "failed", "canceled")
"""Statuses that do not change any more."""


@dataclass(frozen=True)
class NewAnalysis:
    """A checked request.

    :param asset_id: the file it is about.
    :param request: the request's body without inline video.
    :param idempotency_key: the header of that name, or None.
    """

    asset_id: str
    request: Mapping[str, Any]
    idempotency_key: str | None


def create_analysis(db: Database, new: NewAnalysis) -> Analysis:
    """Create an analysis task; it queues at once, or when its file is prepared."""
    moment = now()
    task_id = new_id()
    with db.transaction():
        values = {
            "id": task_id,
            "asset_id": new.asset_id,
            "status": "queued" if busy(db, Lane.HEAVY) else "pending",
            "custom_id": new.request.get("custom_id"),
            "analysis_mode": new.request.get("analysis_mode", "general"),
            "video_url": new.request["video"].get("url"),
            "request": json.dumps(new.request),
            "idempotency_key": new.idempotency_key,
            "created_at": moment,
            "updated_at": moment,
        }
        db.insert("analyses", values)
        asset = find_asset(db, new.asset_id)
        if asset is None or asset.status in TERMINAL:
            enqueue(db, JobKind.ANALYSE, task_id)
        created = find_analysis(db, task_id)
    assert created is not None
    return created


def find_analysis(db: Database, task_id: str) -> Analysis | None:
    """Return an analysis task, or None."""
    row = db.first("SELECT * FROM analyses WHERE id = ?", task_id)
    return Analysis.of(row) if row else None


def find_by_key(db: Database, idempotency_key: str) -> Analysis | None:
    """Return the analysis task that was created with an idempotency key, or None."""
    row = db.first("SELECT * FROM analyses WHERE idempotency_key = ?", idempotency_key)
    return Analysis.of(row) if row else None


def start_analysis(db: Database, task_id: str) -> bool:
    """Move an analysis task to ``processing``; return whether there is still something to do."""
    sql = "UPDATE analyses SET status = 'processing', updated_at = ? WHERE id = ? AND completed_at IS NULL"
    return db.run(sql, now(), task_id) == 1


def finish_analysis(db: Database, task_id: str, result: Mapping[str, Any], warning: str | None) -> bool:
    """End an analysis task in ``ready``; return whether it had not been cancelled or deleted meanwhile."""
    moment = now()
    sql = (
        "UPDATE analyses SET status = 'ready', result = ?, error_message = ?, updated_at = ?, completed_at = ? "
        "WHERE id = ? AND completed_at IS NULL"
    )
    return db.run(sql, json.dumps(result, ensure_ascii=False), warning, moment, moment, task_id) == 1


def end_analysis(db: Database, task_id: str, status: str, message: str | None) -> bool:
    """End an analysis task without a result; return whether it had not ended before.

    :param db: the database.
    :param task_id: the task.
    :param status: ``failed`` or ``canceled``.
    :param message: why it failed.
    """
    moment = now()
    sql = (
        "UPDATE analyses SET status = ?, error_message = ?, updated_at = ?, completed_at = ? "
        "WHERE id = ? AND completed_at IS NULL"
    )
    with db.transaction():
        drop(db, JobKind.ANALYSE, task_id)
        return db.run(sql, status, message, moment, moment, task_id) == 1


def release_analyses(db: Database, asset_id: str) -> None:
    """Queue the analysis tasks that waited for an asset to be prepared."""
    for row in db.all("SELECT id FROM analyses WHERE asset_id = ? AND completed_at IS NULL", asset_id):
        enqueue(db, JobKind.ANALYSE, row["id"])


def delete_analysis(db: Database, task: Analysis) -> str | None:
    """Delete an analysis task; a file that came only for it goes too. Return the content that may be unused now."""
    with db.transaction():
        drop(db, JobKind.ANALYSE, task.id)
        db.run("DELETE FROM analyses WHERE id = ?", task.id)
        return drop_unneeded(db, task.asset_id)
