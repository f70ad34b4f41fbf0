"""Batches of analysis tasks. Their statuses follow their items by triggers of the schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twelvelabs_local.identity import later, new_id, now
from twelvelabs_local.store.analyses import NewAnalysis, create_analysis, delete_analysis, find_analysis
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.jobs import JobKind, drop
from twelvelabs_local.store.records import Analysis, Batch

ACTIVE = ("pending", "processing", "canceling")
ENDED = ("completed", "canceled", "expired")
LIFE_SECONDS = 24 * 3600.0
_AT_ONCE = 50
"""Items read at a time: a result may be long."""


@dataclass(frozen=True)
class NewBatch:
    """A checked request.

    :param requests: the requests of its items, each as that of an analysis task.
    """

    analysis_mode: str
    model_name: str
    requests: Sequence[Mapping[str, Any]]


def create_batch(db: Database, new: NewBatch) -> Batch:
    """Create a batch and the analysis tasks of its items, which queue at once."""
    moment = now()
    batch_id = new_id()
    with db.transaction():
        values = {
            "id": batch_id,
            "status": "pending",
            "analysis_mode": new.analysis_mode,
            "model_name": new.model_name,
            "total_items": len(new.requests),
            "created_at": moment,
            "updated_at": moment,
            "expires_at": later(moment, LIFE_SECONDS),
        }
        db.insert("batches", values)
        for position, request in enumerate(new.requests):
            task = create_analysis(db, NewAnalysis(request["video"]["asset_id"], request, None))
            db.insert("batch_items", {"task_id": task.id, "batch_id": batch_id, "position": position})
        batch = find_batch(db, batch_id)
    assert batch is not None
    return batch


def find_batch(db: Database, batch_id: str) -> Batch | None:
    """Return a batch, or None."""
    row = db.first("SELECT * FROM batches WHERE id = ?", batch_id)
    return Batch.of(row) if row else None


def active_batches(db: Database) -> int:
    """Return how many batches have not ended."""
    row = db.first(f"SELECT count(*) AS n FROM batches WHERE status IN ({_marks(ACTIVE)})", *ACTIVE)
    return int(row["n"]) if row else 0


def batch_of(db: Database, task_id: str) -> str | None:
    """Return the batch that an analysis task belongs to, or None."""
    row = db.first("SELECT batch_id FROM batch_items WHERE task_id = ?", task_id)
    return row["batch_id"] if row else None


def items_of(db: Database, batch_id: str) -> Iterator[Analysis]:
    """Return the analysis tasks of a batch in the order of the request, a few at a time."""
    sql = (
        "SELECT analyses.*, position FROM batch_items JOIN analyses ON analyses.id = task_id "
        "WHERE batch_items.batch_id = ? AND position > ? ORDER BY position LIMIT ?"
    )
    last = -1
    while rows := db.all(sql, batch_id, last, _AT_ONCE):
        last = rows[-1]["position"]
        yield from (Analysis.of(row) for row in rows)


def item_counts(db: Database, batch_id: str) -> Mapping[str, int]:
    """Return how many items of a batch stand where."""
    sql = (
        "SELECT status, count(*) AS n FROM batch_items JOIN analyses ON analyses.id = task_id "
        "WHERE batch_items.batch_id = ? GROUP BY status"
    )
    counts = dict.fromkeys(("queued", "processing", "ready", "failed", "canceled"), 0)
    for row in db.all(sql, batch_id):
        counts[item_status(row["status"])] += row["n"]
    return counts


def item_status(status: str) -> str:
    """Return an analysis task's status in the words of a batch."""
    return "queued" if status == "pending" else status


def cancel_batch(db: Database, batch_id: str) -> None:
    """Cancel the items of an active batch that have not begun; the others end by themselves."""
    with db.transaction():
        db.update("batches", batch_id, {"status": "canceling", "updated_at": now()})
        _cancel_items(db, batch_id, ("queued", "pending"))


def expire_batches(db: Database) -> None:
    """End the batches whose time has passed, with what of them has not ended."""
    moment = now()
    sql = f"SELECT id FROM batches WHERE expires_at <= ? AND status IN ({_marks(ACTIVE)})"
    if not db.first(sql, moment, *ACTIVE):
        return
    with db.transaction():
        for row in db.all(sql, moment, *ACTIVE):
            db.update("batches", row["id"], {"status": "expired", "updated_at": moment, "ended_at": moment})
            _cancel_items(db, row["id"], ("queued", "pending", "processing"))


def delete_batch(db: Database, batch_id: str) -> None:
    """Delete a batch that has ended, with its tasks."""
    with db.transaction():
        for row in db.all("SELECT task_id FROM batch_items WHERE batch_id = ?", batch_id):
            task = find_analysis(db, row["task_id"])
            if task:
                delete_analysis(db, task)
        db.run("DELETE FROM batches WHERE id = ?", batch_id)


def _cancel_items(db: Database, batch_id: str, statuses: Sequence[str]) -> None:
    moment = now()
    of_batch = f"id IN (SELECT task_id FROM batch_items WHERE batch_id = ?) AND status IN ({_marks(statuses)})"
    for row in db.all(f"SELECT id FROM analyses WHERE {of_batch}", batch_id, *statuses):
        drop(db, JobKind.ANALYSE, row["id"])
    sql = f"UPDATE analyses SET status = 'canceled', updated_at = ?, completed_at = ? WHERE {of_batch}"
    db.run(sql, moment, moment, batch_id, *statuses)


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
