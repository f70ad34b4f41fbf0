"""Conversations about a knowledge store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from twelvelabs_local.identity import new_marked_id, now
from twelvelabs_local.store.database import Database

SESSION = "sess"
"""The mark of ids."""


@dataclass(frozen=True)
class Session:
    """A conversation.

    :param turns: what the user has asked, oldest first.
    """

    id: str
    store_id: str
    turns: Sequence[str]


def find_session(db: Database, session_id: str) -> Session | None:
    """Return a session, or None."""
    row = db.first("SELECT * FROM sessions WHERE id = ?", session_id)
    return Session(row["id"], row["store_id"], json.loads(row["turns"])) if row else None


def begin_session(db: Database, store_id: str) -> Session:
    """Begin a session."""
    session = Session(new_marked_id(SESSION), store_id, ())
    moment = now()
    values = {"id": session.id, "store_id": store_id, "turns": "[]", "created_at": moment, "updated_at": moment}
    db.insert("sessions", values)
    return session


def add_turn(db: Database, session: Session, question: str) -> Session:
    """Note what was asked."""
    turns = [*session.turns, question]
    db.update("sessions", session.id, {"turns": json.dumps(turns, ensure_ascii=False), "updated_at": now()})
    return replace(session, turns=turns)
