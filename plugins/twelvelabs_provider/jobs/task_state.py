"""Task state: the record by which a retry attaches to the remote job of an earlier attempt.

The record lies in Airflow's task state store (3.3 and newer) and survives worker loss, deferral, retries and clears.
Older Airflow versions have no store, so a retry submits again.

The record is written twice: before a submission (the intent) and after it (the job). A record that cannot be read is
an error, because a billed job may exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from secrets import token_hex
from typing import Any, Protocol

from twelvelabs_provider.exceptions import TwelveLabsRecordError
from twelvelabs_provider.inputs.policies import Reuse
from twelvelabs_provider.jobs.identity import Identity
from twelvelabs_provider.jobs.job import PendingJob
from twelvelabs_provider.jobs.resume import EarlierSubmission, counts

_KEY = "twelvelabs_job"
_UPLOAD_KEY = "twelvelabs_upload"
_INDEX_KEY = "twelvelabs_index"
_ORIGIN_KEY = "twelvelabs_origin"


class _Phase(StrEnum):
    """Progress of a submission."""

    INTENT = "intent"
    SUBMITTED = "submitted"


class StateStore(Protocol):
    """The part of Airflow's task state store that is used."""

    def get(self, key: str, default: Any = None) -> Any: ...
    def set(self, key: str, value: Any) -> None: ...
    def delete(self, key: str) -> None: ...


@dataclass(frozen=True)
class BegunUpload:
    """A multipart upload that a retry can continue for a day.

    :param asset_id: the asset that it creates.
    :param chunk_size: bytes of every part but the last.
    :param size: bytes of the file.
    :param fingerprint: fingerprint of the file's content.
    :param headers: request headers of every part.
    """

    upload_id: str
    asset_id: str
    chunk_size: int
    size: int
    fingerprint: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskState:
    """The record of one task instance.

    :param store: Airflow's task state store, None before Airflow 3.3.
    """

    store: StateStore | None
    identity: Identity

    def earlier_submission(self) -> EarlierSubmission | None:
        """Return the record of an earlier attempt with the same request; without its job if it does not count.

        :raises TwelveLabsRecordError: the record cannot be read.
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
        """Return the job that an earlier attempt submitted and that no attempt attaches to, if any.

        The request makes no difference. A record that cannot be read contains no such job.
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
        """Return the job that an earlier attempt submitted for the same request, if it counts.

        :raises TwelveLabsRecordError: the record cannot be read.
        """
        recorded = self.earlier_submission()
        return recorded.pending if recorded and counts(recorded, self.identity.reuse) else None

    def unconfirmed(self) -> EarlierSubmission | None:
        """Return the submission that an earlier attempt did not confirm, if it counts.

        :raises TwelveLabsRecordError: the record cannot be read.
        """
        recorded = self.earlier_submission()
        waits = recorded is not None and recorded.pending is None and counts(recorded, self.identity.reuse)
        return recorded if waits else None

    def record_intent(self, now: float, known: Iterable[str] = (), memo: Mapping[str, Any] | None = None) -> None:
        """Record that a submission follows.

        :param known: ids that are on the service already.
        :param memo: the plan, if it is more than one job.
        """
        planned = {"memo": dict(memo)} if memo else {}
        self._write(_Phase.INTENT, at=now, known=list(known), **planned)

    def record_job(self, pending: PendingJob, ours: bool = True) -> None:
        """Record a job as soon as its id is known.

        :param ours: whether this task submitted it and may cancel it.
        """
        self._write(_Phase.SUBMITTED, pending=pending.as_json(), ours=ours)

    def drop_intent(self) -> None:
        """Remove the intent of a submission that certainly failed; a recorded job stays."""
        if self.store is not None and (self.store.get(_KEY) or {}).get("phase") == _Phase.INTENT:
            self.store.delete(_KEY)

    def clear(self) -> None:
        """Remove the record, so that a retry submits again."""
        for key in (_KEY, _UPLOAD_KEY):
            if self.store is not None and self.store.get(key) is not None:
                self.store.delete(key)

    def earlier_upload(self) -> BegunUpload | None:
        """Return the multipart upload of an earlier attempt; None if there is none, or it cannot be read."""
        record = None if self.store is None else self.store.get(_UPLOAD_KEY)
        if not isinstance(record, Mapping) or record.get("identity") != self.identity.key():
            return None
        try:
            return BegunUpload(**record["upload"])
        except (KeyError, TypeError):
            return None

    def record_upload(self, upload: BegunUpload) -> None:
        """Record a multipart upload as soon as its id is known."""
        if self.store is not None:
            self.store.set(_UPLOAD_KEY, {"identity": self.identity.key(), "upload": asdict(upload)})

    def earlier_index(self) -> str | None:
        """Return the id of the index that an earlier attempt of the same life found under its name, if any."""
        record = None if self.store is None else self.store.get(_INDEX_KEY)
        known = isinstance(record, Mapping) and record.get("identity") == self.identity.key()
        return str(record["index_id"]) if known and record and record.get("index_id") else None

    def record_index(self, index_id: str) -> None:
        """Remember which index a name stands for."""
        if self.store is not None:
            self.store.set(_INDEX_KEY, {"identity": self.identity.key(), "index_id": index_id})

    def _read(self, record: Mapping[str, Any]) -> EarlierSubmission | None:
        # A record of an earlier release has no phase and no task.
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
    """Return the random text that distinguishes this task's database from others; written at its first use.

    Two Airflow installations that run the same DAG have the same names and run ids.

    :raises TwelveLabsRecordError: the stored value is not a text.
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


def unreadable(what: str, error: object) -> TwelveLabsRecordError:
    """Return the error for a record that cannot be read."""
    return TwelveLabsRecordError(
        f"Cannot read the task state of this task's {what}: {error!r}. Another release of the provider may have written"
        " it. Check on the service whether the work was done. Then set reuse='never' or delete the task's state"
    )
