"""Webhooks, their events and the deliveries of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from twelvelabs_local.store.database import Database, Row
from twelvelabs_local.store.record import Record

_NEW_EVENT = """
BEGIN
    INSERT INTO webhook_events (id, type, subject, created_at)
    VALUES ('whe_' || lower(hex(randomblob(12))), '{type}.' || NEW.status, NEW.id, NEW.updated_at);
END;
"""

WEBHOOK_TRIGGERS = f"""
CREATE TRIGGER IF NOT EXISTS analysis_ended AFTER UPDATE OF status ON analyses
WHEN NEW.completed_at IS NOT NULL AND OLD.completed_at IS NULL AND EXISTS (SELECT 1 FROM webhooks)
    AND NOT EXISTS (SELECT 1 FROM batch_items WHERE task_id = NEW.id)
    -- a synchronous analysis is no task
    AND json_extract(NEW.request, '$.stream') IS NULL
{_NEW_EVENT.format(type="analyze.task")}
CREATE TRIGGER IF NOT EXISTS batch_ended AFTER UPDATE OF status ON batches
WHEN NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL AND EXISTS (SELECT 1 FROM webhooks)
{_NEW_EVENT.format(type="analyze.batch")}
CREATE TRIGGER IF NOT EXISTS video_ended AFTER UPDATE OF status ON videos
WHEN NEW.status IN ('ready', 'failed') AND OLD.status NOT IN ('ready', 'failed') AND EXISTS (SELECT 1 FROM webhooks)
{_NEW_EVENT.format(type="index.task")}
"""
"""The server and the worker both end jobs, so the database creates the events in the same transaction."""


@dataclass(frozen=True, kw_only=True)
class Webhook(Record, table="webhooks"):
    """A URL that receives events.

    :param secret: the key of the signature.
    :param copies: number of times that each event is sent, for tests of duplicates.
    :param attempts: maximum attempts of a delivery.
    :param retry_seconds: pause before the second attempt; it doubles with each attempt.
    """

    url: Annotated[str, "PRIMARY KEY"]
    secret: str
    copies: int = 1
    attempts: int = 5
    retry_seconds: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Event(Record, table="webhook_events"):
    """The end of an analysis task, a batch or an indexing task.

    :param subject: the id of the analysis task, batch or video.
    """

    id: Annotated[str, "PRIMARY KEY"]
    type: str
    subject: str
    created_at: str


@dataclass(frozen=True, kw_only=True)
class Delivery(Record, table="webhook_deliveries", indexes=("subject",)):
    """The delivery of one event to one URL.

    :param next_at: epoch seconds of the next attempt; None after the last attempt.
    """

    id: Annotated[int | None, "PRIMARY KEY AUTOINCREMENT"] = None
    event_id: str
    subject: str
    url: Annotated[str, "REFERENCES webhooks (url) ON DELETE CASCADE"]
    body: str
    attempts: int = 0
    delivered: bool = False
    last_error: str | None = None
    next_at: float | None = None


def set_webhooks(db: Database, webhooks: Sequence[Webhook]) -> None:
    """Register exactly these webhooks. Deliveries to URLs that stay registered continue."""
    with db.transaction():
        for known in all_webhooks(db):
            if known.url not in {webhook.url for webhook in webhooks}:
                db.delete(Webhook, url=known.url)
        for webhook in webhooks:
            # an update, because a replaced row would delete its deliveries
            if not db.insert_new(webhook):
                changes = ", ".join(f"{name} = :{name}" for name in asdict(webhook))
                db.connection.execute(f"UPDATE webhooks SET {changes} WHERE url = :url", asdict(webhook))
        if not webhooks:
            db.run("DELETE FROM webhook_events")


def all_webhooks(db: Database) -> list[Webhook]:
    """Return all webhooks."""
    return db.select(Webhook, "ORDER BY url")


def new_events(db: Database) -> list[Event]:
    """Return the events without deliveries, oldest first."""
    return db.select(Event, "ORDER BY created_at, rowid")


def send_event(db: Database, event: Event, body: str | None) -> None:
    """Queue the deliveries of an event.

    :param body: the body of the request; None drops the event, because its subject was deleted.
    """
    with db.transaction():
        if not db.delete(Event, id=event.id) or body is None:
            return
        for webhook in all_webhooks(db):
            for _ in range(webhook.copies):
                db.insert(Delivery(event_id=event.id, subject=event.subject, url=webhook.url, body=body, next_at=0.0))


def due_deliveries(db: Database, now: float) -> list[Delivery]:
    """Return the deliveries whose next attempt is due (epoch seconds)."""
    return db.select(Delivery, "WHERE next_at <= ? ORDER BY id", now)


def save_attempt(db: Database, delivery: Delivery, error: str | None, next_at: float | None) -> None:
    """Save the outcome of an attempt.

    :param error: why it failed; None after a success.
    :param next_at: epoch seconds of the next attempt, if there is one.
    """
    attempts = delivery.attempts + 1
    db.update(Delivery, delivery.id, attempts=attempts, delivered=error is None, last_error=error, next_at=next_at)


def reports_of(db: Database, subject: str) -> list[Mapping[str, Any]]:
    """Return the delivery reports of an analysis task or a batch; empty before the first attempt."""
    sql = (
        "SELECT url, max(delivered) AS delivered, sum(attempts) AS attempts, max(last_error) AS last_error "
        "FROM webhook_deliveries WHERE subject = ? AND attempts > 0 GROUP BY url ORDER BY url"
    )
    return [_report(row) for row in db.rows(sql, subject)]


def _report(row: Row) -> Mapping[str, Any]:
    report = {"url": row["url"], "delivered": bool(row["delivered"]), "attempts": row["attempts"]}
    return report if row["delivered"] else {**report, "last_error": row["last_error"]}
