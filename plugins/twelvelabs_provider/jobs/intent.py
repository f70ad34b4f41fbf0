"""What a task is about to submit, noted before it does: a worker may die between the request and the job's id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twelvelabs_provider.jobs.ledger import Identity, StateStore

_KEY = "twelvelabs_intent"


@dataclass(frozen=True)
class Intent:
    """The note of one task instance, of one life and one question.

    :param store: Airflow's state store, None where this Airflow has none: then nothing is noted.
    """

    store: StateStore | None
    identity: Identity

    def noted_at(self) -> float | None:
        """Return the epoch seconds at which an earlier try was about to submit, and never said that it had."""
        record = None if self.store is None else self.store.get(_KEY)
        if not isinstance(record, Mapping) or record.get("identity") != self.identity.key():
            return None
        at = record.get("at")
        return float(at) if isinstance(at, int | float) else None

    def note(self, now: float) -> None:
        """Remember that a submission follows."""
        if self.store is not None:
            self.store.set(_KEY, {"identity": self.identity.key(), "at": now})

    def settle(self) -> None:
        """Forget the note: the job is known, or there is certainly none."""
        if self.store is not None and self.store.get(_KEY) is not None:
            self.store.delete(_KEY)
