"""What a task remembers of its remote job from one try to the next, so that a retry attaches instead of paying again.

Airflow keeps it in the task's state store (3.3 and newer; it survives worker loss, deferral, retries and clears). Where
there is no store, nothing is remembered, and a retry starts anew.

One record has two phases: what is about to be submitted, and what was. One that cannot be read is an error: not
knowing is not the same as there being nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from secrets import token_hex
from typing import Any, Protocol, Self

from twelvelabs_provider.exceptions import TwelveLabsRecordError
from twelvelabs_provider.jobs.job import PendingJob
from twelvelabs_provider.jobs.resume import EarlierSubmission, Reuse, counts
from twelvelabs_provider.version_compat import map_index_of

_KEY = "twelvelabs_job"
_UPLOAD_KEY = "twelvelabs_upload"
_ORIGIN_KEY = "twelvelabs_origin"


class _Phase(StrEnum):
    """How far a submission came."""

    INTENT = "intent"
    SUBMITTED = "submitted"


class StateStore(Protocol):
    """The part of Airflow's task state store that is used."""

    def get(self, key: str, default: Any = None) -> Any: ...
    def set(self, key: str, value: Any) -> None: ...
    def delete(self, key: str) -> None: ...


@dataclass(frozen=True)
class Identity:
    """One task instance, whichever try: the same on a retry, another after a user's clear, unless ``reuse`` says else.

    :param life: ``ti.max_tries``, which moves when a user clears the task and stays for retries.
    :param asked: fingerprint of what is asked for; other arguments make another job.
    :param reuse: which tries share their job.
    :param try_number: which try; counts where tries share nothing.
    :param run_after: when the run was due (of a manual run when it was created): a deleted run that is created again
        under the same id has another.
    :param run_started: when the run started, which differs between two Airflows that schedule the same run; it moves
        when a finished run is cleared.
    :param origin: a random text from the task's state store, which no other database has; empty without a store.
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
        """Return the identity of the task instance that a context is of.

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
        """Return 64 hexadecimal digits, the same for the tries that share their job."""
        spans: Mapping[Reuse, int | str]
        spans = {Reuse.RETRY: self.life, Reuse.ALWAYS: "always", Reuse.NEVER: f"try {self.try_number}"}
        # A clear of a finished run moves its start, and with ALWAYS the job of before the clear is to be found.
        started = "" if self.reuse is Reuse.ALWAYS else self.run_started
        return self._digest_over(spans[self.reuse], started)

    def lasting_key(self) -> str:
        """Return 64 hexadecimal digits, the same for all tries, before and after a clear."""
        return self._digest_over("")

    def instance(self) -> str:
        """Return eight hexadecimal digits that tell runs of the same id apart, before and after a clear.

        Without a state store they change when a finished run is cleared. They are empty where nothing tells runs apart.
        """
        parts = (self.run_after, self.origin or self.run_started)
        return _digest(*parts)[:8] if any(parts) else ""

    def _digest_over(self, span: int | str, run_started: str = "") -> str:
        """Parts are joined by NUL, which no id can hold."""
        names = (self.dag_id, self.run_id, self.task_id, self.map_index, span, self.asked)
        instance = (self.run_after, run_started, self.origin)
        return _digest(*map(str, (*names, *instance)))

    def submission_key(self, *what: str) -> str:
        """Return an idempotency key for one submission of this task instance, the same on a retry.

        :param what: whatever makes it another submission.
        """
        return _digest(self.key(), *what)


@dataclass(frozen=True)
class BegunUpload:
    """An upload in parts that can be gone on with for a day.

    :param asset_id: the asset that it becomes.
    :param chunk_size: bytes of every part but the last.
    :param size: bytes of the file.
    :param fingerprint: of the file's content; parts of two contents make no file.
    :param headers: what goes with every part.
    """

    upload_id: str
    asset_id: str
    chunk_size: int
    size: int
    fingerprint: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskState:
    """The memory of one task instance.

    :param store: Airflow's state store, None where this Airflow has none.
    """

    store: StateStore | None
    identity: Identity

    def earlier_submission(self) -> EarlierSubmission | None:
        """Return what an earlier try of this task left for the same question; of what does not count, that it is there.

        :raises TwelveLabsRecordError: if the record is not one of ours.
        """
        if self.store is None or self.identity.reuse is Reuse.NEVER:
            return None
        record = self.store.get(_KEY)
        if record is None:
            return None
        try:
            return self._read(record)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise unreadable("remote job", error) from error

    def superseded(self) -> PendingJob | None:
        """Return the job that an earlier try submitted for itself and that no try attaches to any more, if any.

        What it was asked makes no difference; a record that cannot be read holds nothing that could be given up.
        """
        record = None if self.store is None else self.store.get(_KEY)
        try:
            if record is None or record.get("phase", _Phase.SUBMITTED) != _Phase.SUBMITTED:
                return None
            if record.get("identity") == self.identity.key():
                return None
            same_task = record.get("task") == self.identity.lasting_key()
            counted = same_task and counts(EarlierSubmission(None, self._is_same_life(record)), self.identity.reuse)
            return PendingJob.from_json(record["pending"]) if not counted and record.get("ours", same_task) else None
        except (AttributeError, KeyError, TypeError, ValueError):
            return None

    def earlier_job(self) -> PendingJob | None:
        """Return the job that an earlier try submitted for the same question, if it counts.

        :raises TwelveLabsRecordError: if the record is not one of ours.
        """
        recorded = self.earlier_submission()
        return recorded.pending if recorded and counts(recorded, self.identity.reuse) else None

    def unconfirmed(self) -> EarlierSubmission | None:
        """Return what an earlier try was about to submit, if it never said that it had, and if it counts.

        :raises TwelveLabsRecordError: if the record is not one of ours.
        """
        recorded = self.earlier_submission()
        waits = recorded is not None and recorded.pending is None and counts(recorded, self.identity.reuse)
        return recorded if waits else None

    def record_intent(self, now: float, known: Iterable[str] = (), memo: Mapping[str, Any] | None = None) -> None:
        """Remember that a submission follows.

        :param known: ids that are on the service before it.
        :param memo: what is planned, where it is more than one job.
        """
        planned = {"memo": dict(memo)} if memo else {}
        self._write(_Phase.INTENT, at=now, known=list(known), **planned)

    def record_job(self, pending: PendingJob, ours: bool = True) -> None:
        """Remember a job, at once after the service gave its id.

        :param ours: whether this task submitted it, so that it may be stopped.
        """
        self._write(_Phase.SUBMITTED, pending=pending.as_json(), ours=ours)

    def drop_intent(self) -> None:
        """Forget an intent that came to nothing, for certain; a job that is known stays."""
        if self.store is not None and (self.store.get(_KEY) or {}).get("phase") == _Phase.INTENT:
            self.store.delete(_KEY)

    def clear(self) -> None:
        """Remember nothing: the job ended without a result, and a retry shall submit anew."""
        for key in (_KEY, _UPLOAD_KEY):
            if self.store is not None and self.store.get(key) is not None:
                self.store.delete(key)

    def earlier_upload(self) -> BegunUpload | None:
        """Return the upload that an earlier try of the same life began; one that cannot be read is begun anew."""
        record = None if self.store is None else self.store.get(_UPLOAD_KEY)
        if not isinstance(record, Mapping) or record.get("identity") != self.identity.key():
            return None
        try:
            return BegunUpload(**record["upload"])
        except (KeyError, TypeError):
            return None

    def record_upload(self, upload: BegunUpload) -> None:
        """Remember an upload in parts, at once after the service gave its id."""
        if self.store is not None:
            self.store.set(_UPLOAD_KEY, {"identity": self.identity.key(), "upload": asdict(upload)})

    def _read(self, record: Mapping[str, Any]) -> EarlierSubmission | None:
        # A release that knew one phase only left neither the phase nor whose record it is, but for the identity.
        same_life = self._is_same_life(record)
        if "task" in record:
            if record["task"] != self.identity.lasting_key():
                return None
        elif not same_life:
            return None
        if not counts(EarlierSubmission(None, same_life), self.identity.reuse):
            return EarlierSubmission(None, same_life)
        if _Phase(record.get("phase", _Phase.SUBMITTED)) is _Phase.SUBMITTED:
            return EarlierSubmission(PendingJob.from_json(record["pending"]), same_life)
        known = tuple(map(str, record.get("known") or ()))
        return EarlierSubmission(None, same_life, float(record["at"]), known, dict(record.get("memo") or {}))

    def _is_same_life(self, record: Mapping[str, Any]) -> bool:
        if "task" in record:
            return int(record["life"]) == self.identity.life
        return bool(record["identity"] == self.identity.key())

    def _write(self, phase: _Phase, **fields: Any) -> None:
        if self.store is not None:
            whose = {"identity": self.identity.key(), "task": self.identity.lasting_key(), "life": self.identity.life}
            self.store.set(_KEY, {**whose, "phase": phase.value, **fields})


def origin_in(store: StateStore | None) -> str:
    """Return the random text that tells this task's database from any other, written at its first use.

    Names and run ids are the same in two Airflows that run the same DAG; this text is not.

    :raises TwelveLabsRecordError: if something else stands in its place.
    """
    if store is None:
        return ""
    origin = store.get(_ORIGIN_KEY)
    if origin is None:
        origin = token_hex(16)
        store.set(_ORIGIN_KEY, origin)
    if not isinstance(origin, str) or not origin:
        raise unreadable("origin", origin)
    return origin


def _moment(value: Any) -> str:
    """Return a datetime as text, the same in every process; nothing for anything else."""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else ""


def unreadable(what: str, error: object) -> TwelveLabsRecordError:
    """Return the error for a record that is there and cannot be read."""
    return TwelveLabsRecordError(
        f"the record of this task's {what} cannot be read ({error!r}); it may be of another release of the provider."
        " Look on the service what became of it; then reuse='never', or deleting the task's state, starts anew"
    )


def fingerprint(*asked: Any) -> str:
    """Return a short digest of what is asked for; only its own text form counts."""
    return _digest(*map(repr, asked))[:32]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
