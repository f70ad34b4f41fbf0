"""What the service would have billed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twelvelabs_local.identity import now
from twelvelabs_local.store.database import Database


def bill(db: Database, what: str, minutes: float, subject: str) -> None:
    """Note an event; the same event of the same subject counts once.

    :param db: the database.
    :param what: ``indexing``, ``analysis`` or ``transcription``.
    :param minutes: minutes of video.
    :param subject: the id of the video, analysis or asset.
    """
    db.run(
        "INSERT OR IGNORE INTO billing (what, minutes, subject, created_at) VALUES (?, ?, ?, ?)",
        what,
        round(minutes, 4),
        subject,
        now(),
    )


def statement(db: Database) -> Mapping[str, Any]:
    """Return all events and their sums."""
    events = [
        {"what": row["what"], "minutes": row["minutes"], "id": row["subject"], "created_at": row["created_at"]}
        for row in db.all("SELECT * FROM billing ORDER BY id")
    ]
    totals = {
        row["what"]: {"events": row["n"], "minutes": round(row["minutes"], 4)}
        for row in db.all("SELECT what, count(*) AS n, sum(minutes) AS minutes FROM billing GROUP BY what")
    }
    return {"totals": totals, "events": events}
