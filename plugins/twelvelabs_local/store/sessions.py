"""Chat sessions about a knowledge store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated

from twelvelabs_local.ids import new_prefixed_id
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.record import Resource
from twelvelabs_local.times import now

SESSION = "sess"
"""The prefix of ids."""


@dataclass(frozen=True, kw_only=True)
class Session(Resource, table="sessions"):
    """A chat session.

    :param turns: the user's questions, oldest first.
    """

    id: Annotated[str, "PRIMARY KEY"] = field(default_factory=partial(new_prefixed_id, SESSION))
    store_id: Annotated[str, "REFERENCES knowledge_stores (id) ON DELETE CASCADE"]
    turns: Sequence[str] = ()


def add_turn(db: Database, session: Session, question: str) -> Session:
    """Save a question and return the session with it."""
    turns = [*session.turns, question]
    db.update(Session, session.id, turns=turns, updated_at=now())
    return replace(session, turns=turns)
