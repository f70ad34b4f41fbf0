"""Who wants to hear of what has ended, and what they have been told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from twelvelabs_local.store.database import Database, Row


@dataclass(frozen=True)
class Webhook:
    """One who wants to hear.

    :param url: where events are sent.
    :param secret: signs them.
    :param copies: how often each event is sent, even when it arrives.
    :param attempts: how often one is tried at most.
    :param retry_seconds: pause before the second attempt; it doubles from one to the next.
    """

    url: str
    secret: str
    copies: int = 1
    attempts: int = 5
    retry_seconds: float = 1.0


@dataclass(frozen=True)
class Event:
    """Something that has ended.

    :param subject: the id of the analysis task, batch or video.
    """

    id: str
    type: str
    subject: str
    created_at: str


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one address."""

    id: int
    event_id: str
    url: str
    body: str
    attempts: int


def set_webhooks(db: Database, webhooks: Sequence[Webhook]) -> None:
    """Register these and no others; what was on its way to those that stay goes on."""
    with db.transaction():
        for known in all_webhooks(db):
            if known.url not in {webhook.url for webhook in webhooks}:
                db.run("DELETE FROM webhooks WHERE url = ?", known.url)
        for webhook in webhooks:
            values = asdict(webhook)
            changes = ", ".join(f"{name} = excluded.{name}" for name in values)
            db.run(
                f"INSERT INTO webhooks ({', '.join(values)}) VALUES ({', '.join('?' * len(values))}) "
                f"ON CONFLICT (url) DO UPDATE SET {changes}",
                *values.values(),
            )
        if not webhooks:
            db.run("DELETE FROM webhook_events")


def all_webhooks(db: Database) -> list[Webhook]:
    """Return all who want to hear."""
    names = [field.name for field in fields(Webhook)]
    return [Webhook(**{name: row[name] for name in names}) for row in db.all("SELECT * FROM webhooks ORDER BY url")]


def new_events(db: Database) -> list[Event]:
    """Return the events that nobody has been told of, oldest first."""
    rows = db.all("SELECT * FROM webhook_events ORDER BY created_at, rowid")
    return [Event(row["id"], row["type"], row["subject"], row["created_at"]) for row in rows]


def send_event(db: Database, event: Event, body: str | None) -> None:
    """Put an event on its way to everybody; one without a body is of something that is gone, and is dropped."""
    with db.transaction():
        if not db.run("DELETE FROM webhook_events WHERE id = ?", event.id) or body is None:
            return
        for webhook in all_webhooks(db):
            values = {"event_id": event.id, "subject": event.subject, "url": webhook.url, "body": body, "next_at": 0.0}
            for _ in range(webhook.copies):
                db.insert("webhook_deliveries", values)


def due_deliveries(db: Database, now: float) -> list[Delivery]:
    """Return what is to be tried now (epoch seconds)."""
    rows = db.all("SELECT * FROM webhook_deliveries WHERE next_at <= ? ORDER BY id", now)
    return [Delivery(row["id"], row["event_id"], row["url"], row["body"], row["attempts"]) for row in rows]


def tried(db: Database, delivery: Delivery, error: str | None, next_at: float | None) -> None:
    """Note an attempt.

    :param error: why it failed; None when it arrived.
    :param next_at: epoch seconds of the next attempt, None when there is none.
    """
    values = {"attempts": delivery.attempts + 1, "delivered": int(error is None), "last_error": error}
    db.update("webhook_deliveries", str(delivery.id), {**values, "next_at": next_at})


def reports_of(db: Database, subject: str) -> list[Mapping[str, Any]]:
    """Return what an analysis task or a batch tells of its announcements; nothing before the first attempt."""
    sql = (
        "SELECT url, max(delivered) AS delivered, sum(attempts) AS attempts, max(last_error) AS last_error "
        "FROM webhook_deliveries WHERE subject = ? AND attempts > 0 GROUP BY url ORDER BY url"
    )
    return [_report(row) for row in db.all(sql, subject)]


def _report(row: Row) -> Mapping[str, Any]:
    report = {"url": row["url"], "delivered": bool(row["delivered"]), "attempts": row["attempts"]}
    return report if row["delivered"] else {**report, "last_error": row["last_error"]}
