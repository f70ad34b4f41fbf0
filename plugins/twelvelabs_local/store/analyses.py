"""Asynchronous analysis tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from twelvelabs_local.store.assets import TERMINAL, Asset, delete_if_unused
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.job_queue import JobKind, Lane, cancel_job, enqueue, lane_is_busy
from twelvelabs_local.store.record import Resource
from twelvelabs_local.times import now

DONE = ("ready", "failed", "canceled")
"""Final statuses of analysis tasks."""


@dataclass(frozen=True, kw_only=True)
class Analysis(Resource, table="analyses"):
    """An asynchronous analysis task.

    :param request: the body of the request, without inline video.
    """

    asset_id: str
    status: str
    custom_id: str | None = None
    analysis_mode: str
    video_url: str | None = None
    request: Mapping[str, Any]
    result: Mapping[str, Any] | None = None
    error_message: str | None = None
    idempotency_key: Annotated[str | None, "UNIQUE"] = None
    completed_at: str | None = None


def create_analysis(
    db: Database, asset_id: str, request: Mapping[str, Any], idempotency_key: str | None = None
) -> Analysis:
    """Create an analysis task. It is queued as soon as its asset is prepared.

    :param db: the database.
    :param asset_id: the file.
    :param request: the checked body, without inline video.
    :param idempotency_key: the header with this name.
    """
    with db.transaction():
        task = Analysis(
            asset_id=asset_id,
            status="queued" if lane_is_busy(db, Lane.HEAVY) else "pending",
            custom_id=request.get("custom_id"),
            analysis_mode=request.get("analysis_mode", "general"),
            video_url=request["video"].get("url"),
            request=request,
            idempotency_key=idempotency_key,
        )
        db.insert(task)
        asset = db.find(Asset, id=asset_id)
        if asset is None or asset.status in TERMINAL:
            enqueue(db, JobKind.ANALYSE, task.id)
    return task


def start_analysis(db: Database, task_id: str) -> bool:
    """Move an analysis task to ``processing``; return whether it had not ended."""
    sql = "UPDATE analyses SET status = 'processing', updated_at = ? WHERE id = ? AND completed_at IS NULL"
    return db.run(sql, now(), task_id) == 1


def finish_analysis(db: Database, task_id: str, result: Mapping[str, Any], warning: str | None) -> bool:
    """Move an analysis task to ``ready``; return whether it had not ended."""
    with db.transaction():
        ended = _end(db, task_id, "ready", warning)
        if ended:
            db.update(Analysis, task_id, result=result)
        return ended


def end_analysis(db: Database, task_id: str, status: str, message: str | None) -> bool:
    """End an analysis task without a result; return whether it had not ended.

    :param db: the database.
    :param task_id: the task.
    :param status: ``failed`` or ``canceled``.
    :param message: why it failed.
    """
    with db.transaction():
        cancel_job(db, JobKind.ANALYSE, task_id)
        return _end(db, task_id, status, message)


def _end(db: Database, task_id: str, status: str, message: str | None) -> bool:
    moment = now()
    sql = (
        "UPDATE analyses SET status = ?, error_message = ?, updated_at = ?, completed_at = ? "
        "WHERE id = ? AND completed_at IS NULL"
    )
    return db.run(sql, status, message, moment, moment, task_id) == 1


def queue_analyses_of(db: Database, asset_id: str) -> None:
    """Queue the analysis tasks of a prepared asset."""
    for task in db.select(Analysis, "WHERE asset_id = ? AND completed_at IS NULL", asset_id):
        enqueue(db, JobKind.ANALYSE, task.id)


def delete_analysis(db: Database, task: Analysis) -> str | None:
    """Delete an analysis task and its implicit asset. Return the hash of the content, which may be unused now."""
    with db.transaction():
        cancel_job(db, JobKind.ANALYSE, task.id)
        db.delete(Analysis, id=task.id)
        return delete_if_unused(db, task.asset_id)
