"""Batches of analysis tasks. Triggers of the database keep a batch's status in step with its items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from twelvelabs_local.store.analyses import Analysis, create_analysis, delete_analysis
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.job_queue import JobKind, cancel_job
from twelvelabs_local.store.record import Record, Resource
from twelvelabs_local.times import add_seconds, now

ACTIVE = ("pending", "processing", "canceling")
ENDED = ("completed", "canceled", "expired")
LIFETIME_SECONDS = 24 * 3600.0
_READ_AT_ONCE = 50
"""Items per query, because a result may be long."""

BATCH_TRIGGERS = """
CREATE TRIGGER IF NOT EXISTS batch_item_moved AFTER UPDATE OF status ON analyses
WHEN NEW.status <> OLD.status AND EXISTS (SELECT 1 FROM batch_items WHERE task_id = NEW.id)
BEGIN
    UPDATE batches SET status = 'processing', updated_at = NEW.updated_at
    WHERE status = 'pending' AND id = (SELECT batch_id FROM batch_items WHERE task_id = NEW.id);
    UPDATE batches SET
        status = CASE status WHEN 'canceling' THEN 'canceled' ELSE 'completed' END,
        updated_at = NEW.updated_at,
        ended_at = NEW.updated_at
    WHERE status IN ('processing', 'canceling') AND id = (SELECT batch_id FROM batch_items WHERE task_id = NEW.id)
        AND NOT EXISTS (
            SELECT 1 FROM batch_items JOIN analyses ON analyses.id = batch_items.task_id
            WHERE batch_items.batch_id = batches.id AND analyses.completed_at IS NULL
        );
END;
"""
"""The server and the worker both end items, so the database updates the batch."""


@dataclass(frozen=True, kw_only=True)
class Batch(Resource, table="batches"):
    """Analysis tasks of one request."""

    status: str = "pending"
    analysis_mode: str
    model_name: str
    total_items: int
    expires_at: str
    ended_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class BatchItem(Record, table="batch_items", indexes=("batch_id, position",)):
    """The place of an analysis task in its batch."""

    task_id: Annotated[str, "PRIMARY KEY"]
    batch_id: Annotated[str, "REFERENCES batches (id) ON DELETE CASCADE"]
    position: int


def create_batch(db: Database, analysis_mode: str, model_name: str, requests: Sequence[Mapping[str, Any]]) -> Batch:
    """Create a batch and queue the analysis tasks of its items.

    :param requests: the checked request of each item.
    """
    created_at = now()
    batch = Batch(
        analysis_mode=analysis_mode,
        model_name=model_name,
        total_items=len(requests),
        created_at=created_at,
        expires_at=add_seconds(created_at, LIFETIME_SECONDS),
    )
    with db.transaction():
        db.insert(batch)
        for position, request in enumerate(requests):
            task = create_analysis(db, request["video"]["asset_id"], request)
            db.insert(BatchItem(task_id=task.id, batch_id=batch.id, position=position))
    return batch


def active_batches(db: Database) -> int:
    """Return the number of batches that have not ended."""
    return int(db.value(f"SELECT count(*) FROM batches WHERE status IN ({_marks(ACTIVE)})", *ACTIVE))


def batch_of(db: Database, task_id: str) -> str | None:
    """Return the id of an analysis task's batch, or None."""
    item = db.find(BatchItem, task_id=task_id)
    return item.batch_id if item else None


def items_of(db: Database, batch_id: str) -> Iterator[Analysis]:
    """Yield the analysis tasks of a batch in the order of the request."""
    sql = (
        "SELECT analyses.*, position FROM batch_items JOIN analyses ON analyses.id = task_id "
        "WHERE batch_items.batch_id = ? AND position > ? ORDER BY position LIMIT ?"
    )
    last = -1
    while rows := db.rows(sql, batch_id, last, _READ_AT_ONCE):
        last = rows[-1]["position"]
        yield from (Analysis.of(row) for row in rows)


def item_counts(db: Database, batch_id: str) -> Mapping[str, int]:
    """Return the number of items of a batch by status."""
    sql = (
        "SELECT status, count(*) AS n FROM batch_items JOIN analyses ON analyses.id = task_id "
        "WHERE batch_items.batch_id = ? GROUP BY status"
    )
    counts = dict.fromkeys(("queued", "processing", "ready", "failed", "canceled"), 0)
    for row in db.rows(sql, batch_id):
        counts[item_status(row["status"])] += row["n"]
    return counts


def item_status(status: str) -> str:
    """Return the status of a batch item for the status of its analysis task."""
    return "queued" if status == "pending" else status


def cancel_batch(db: Database, batch_id: str) -> None:
    """Cancel the items of an active batch that have not started. Running items finish."""
    with db.transaction():
        db.update(Batch, batch_id, status="canceling", updated_at=now())
        _cancel_items(db, batch_id, ("queued", "pending"))


def expire_batches(db: Database) -> None:
    """Expire the batches that are too old, and cancel their unfinished items."""
    moment = now()
    expired = f"WHERE expires_at <= ? AND status IN ({_marks(ACTIVE)})"
    if not db.select(Batch, f"{expired} LIMIT 1", moment, *ACTIVE):
        return
    with db.transaction():
        for batch in db.select(Batch, expired, moment, *ACTIVE):
            db.update(Batch, batch.id, status="expired", updated_at=moment, ended_at=moment)
            _cancel_items(db, batch.id, ("queued", "pending", "processing"))


def delete_batch(db: Database, batch_id: str) -> None:
    """Delete an ended batch and its analysis tasks."""
    with db.transaction():
        for item in db.select(BatchItem, "WHERE batch_id = ?", batch_id):
            task = db.find(Analysis, id=item.task_id)
            if task:
                delete_analysis(db, task)
        db.delete(Batch, id=batch_id)


def _cancel_items(db: Database, batch_id: str, statuses: Sequence[str]) -> None:
    moment = now()
    of_batch = f"WHERE id IN (SELECT task_id FROM batch_items WHERE batch_id = ?) AND status IN ({_marks(statuses)})"
    for row in db.rows(f"SELECT id FROM analyses {of_batch}", batch_id, *statuses):
        cancel_job(db, JobKind.ANALYSE, row["id"])
    sql = f"UPDATE analyses SET status = 'canceled', updated_at = ?, completed_at = ? {of_batch}"
    db.run(sql, moment, moment, batch_id, *statuses)


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
