"""What a task is about to submit, noted before it does: a worker may die between the request and the job's id."""

from __future__ import annotations

from dataclasses import dataclass

from twelvelabs_provider.jobs.ledger import Identity, Ledger, StateStore


@dataclass(frozen=True)
class Intent:
    """The first phase of a task's record, of one life and one question; the job's id takes its place.

    :param store: Airflow's state store, None where this Airflow has none: then nothing is noted.
    """

    store: StateStore | None
    identity: Identity

    def noted_at(self) -> float | None:
        """Return the epoch seconds at which an earlier try was about to submit, and never said that it had.

        :raises TwelveLabsRecordError: if the record is not one of ours.
        """
        intended = self._ledger.intended()
        return intended.at if intended else None

    def note(self, now: float) -> None:
        """Remember that a submission follows."""
        self._ledger.intend(now)

    def settle(self) -> None:
        """Forget the note: the job is known, or there is certainly none."""
        self._ledger.settle()

    @property
    def _ledger(self) -> Ledger:
        return Ledger(self.store, self.identity)
