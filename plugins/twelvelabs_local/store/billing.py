"""Billing: what the service would charge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from twelvelabs_local.store.database import Database
from twelvelabs_local.store.record import Record
from twelvelabs_local.times import now


@dataclass(frozen=True, kw_only=True)
class Bill(Record, table="billing", constraints=("UNIQUE (what, subject)",)):
    """A billed operation. A job that runs again after a crash is billed once.

    :param what: ``indexing``, ``analysis``, ``transcription``, ...
    :param minutes: minutes of video.
    :param subject: the id of the video, analysis or asset.
    """

    id: Annotated[int | None, "PRIMARY KEY AUTOINCREMENT"] = None
    what: str
    minutes: float
    subject: str
    created_at: str = field(default_factory=now)


def bill(db: Database, what: str, minutes: float, subject: str) -> None:
    """Bill an operation, unless it is already billed."""
    db.insert_new(Bill(what=what, minutes=round(minutes, 4), subject=subject))


def statement(db: Database) -> Mapping[str, Any]:
    """Return all bills and their totals."""
    events = [
        {"what": one.what, "minutes": one.minutes, "id": one.subject, "created_at": one.created_at}
        for one in db.select(Bill, "ORDER BY id")
    ]
    totals = {
        row["what"]: {"events": row["n"], "minutes": round(row["minutes"], 4)}
        for row in db.rows("SELECT what, count(*) AS n, sum(minutes) AS minutes FROM billing GROUP BY what")
    }
    return {"totals": totals, "events": events}
