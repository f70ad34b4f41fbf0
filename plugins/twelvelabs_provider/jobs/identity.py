"""Identity of a task instance, and the fingerprints that belong to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from twelvelabs_provider.inputs.policies import Reuse
from twelvelabs_provider.version_compat import map_index_of


@dataclass(frozen=True)
class Identity:
    """Identity of a task instance: the same on a retry, another after a user's clear unless ``reuse`` is ``always``.

    :param life: ``ti.max_tries``, which changes when a user clears the task, but not on a retry.
    :param asked: fingerprint of the request; other arguments make another job.
    :param reuse: which attempts share their job.
    :param try_number: the attempt; counts only if attempts share nothing.
    :param run_after: when the run was due, or created if manual. A run that is deleted and created again under the
        same id has another value.
    :param run_started: when the run started. It differs between two Airflow installations that schedule the same run,
        and changes when a finished run is cleared.
    :param origin: a random text from the task state store, unique to this database; empty without a store.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    life: int
    asked: str
    reuse: Reuse = Reuse.RETRY
    try_number: int = 0
    run_after: str = ""
    run_started: str = ""
    origin: str = ""

    @classmethod
    def of(cls, context: Mapping[str, Any], asked: str, origin: str, reuse: Reuse = Reuse.RETRY) -> Self:
        """Return the identity of the task instance of a context.

        :param origin: see :func:`origin_in`.
        """
        ti, run = context["ti"], context.get("dag_run")
        return cls(
            ti.dag_id,
            ti.run_id,
            ti.task_id,
            map_index_of(ti),
            ti.max_tries,
            asked,
            reuse,
            getattr(ti, "try_number", 1),
            _moment(getattr(run, "run_after", None)),
            _moment(getattr(run, "start_date", None)),
            origin,
        )

    def key(self) -> str:
        """Return 64 hexadecimal digits, the same for the attempts that share their job."""
        spans: Mapping[Reuse, int | str]
        spans = {Reuse.RETRY: self.life, Reuse.ALWAYS: "always", Reuse.NEVER: f"try {self.try_number}"}
        # A clear of a finished run changes its start, and ALWAYS must find the job of before the clear.
        started = "" if self.reuse is Reuse.ALWAYS else self.run_started
        return self._digest_over(spans[self.reuse], started)

    def lasting_key(self) -> str:
        """Return 64 hexadecimal digits, the same for all attempts, before and after a clear."""
        return self._digest_over("")

    def instance(self) -> str:
        """Return eight hexadecimal digits that distinguish runs of the same id, before and after a clear.

        Without a state store they change when a finished run is cleared. Without any distinction the text is empty.
        """
        parts = (self.run_after, self.origin or self.run_started)
        return _digest(*parts)[:8] if any(parts) else ""

    def _digest_over(self, span: int | str, run_started: str = "") -> str:
        names = (self.dag_id, self.run_id, self.task_id, self.map_index, span, self.asked)
        instance = (self.run_after, run_started, self.origin)
        return _digest(*map(str, (*names, *instance)))

    def submission_key(self, *what: str) -> str:
        """Return an idempotency key for one submission of this task instance, the same on a retry.

        :param what: what distinguishes it from the task's other submissions.
        """
        return _digest(self.key(), *what)


def fingerprint(*asked: Any) -> str:
    """Return a short digest of the text forms of some values."""
    return _digest(*map(repr, asked))[:32]


def _moment(value: Any) -> str:
    """Return a datetime as text, the same in every process; an empty text for any other value."""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
