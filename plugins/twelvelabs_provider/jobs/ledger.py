"""What a task remembers of its remote job from one try to the next, so that a retry attaches instead of paying again.

Airflow keeps it in the task's state store (3.3 and newer; it survives worker loss, deferral and retries). Where there
is no store, nothing is remembered, and a retry starts anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from twelvelabs_provider.exceptions import TwelveLabsRecordError
from twelvelabs_provider.jobs.job import PendingJob

_KEY = "twelvelabs_job"
_UPLOAD_KEY = "twelvelabs_upload"


class StateStore(Protocol):
    """The part of Airflow's task state store that is used."""

    def get(self, key: str, default: Any = None) -> Any: ...
    def set(self, key: str, value: Any) -> None: ...
    def delete(self, key: str) -> None: ...


@dataclass(frozen=True)
class Identity:
    """One task instance, whichever try: the same on a retry, another after a user's clear.

    :param life: ``ti.max_tries``, which moves when a user clears the task and stays for retries.
    :param asked: fingerprint of what is asked for; other arguments make another job.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    life: int
    asked: str

    def key(self) -> str:
        """Return 64 hexadecimal digits; parts are joined by NUL, which no id can hold."""
        parts = (self.dag_id, self.run_id, self.task_id, self.map_index, self.life, self.asked)
        return _digest(*map(str, parts))

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
class Ledger:
    """The memory of one task instance.

    :param store: Airflow's state store, None where this Airflow has none.
    """

    store: StateStore | None
    identity: Identity

    def recall(self) -> PendingJob | None:
        """Return the job that an earlier try of the same life submitted for the same question.

        A store that cannot be read raises: not knowing is not the same as there being nothing.

        :raises TwelveLabsRecordError: if the record is not one of ours.
        """
        record = None if self.store is None else self.store.get(_KEY)
        if not isinstance(record, Mapping) or record.get("identity") != self.identity.key():
            return None
        try:
            return PendingJob.from_json(record["pending"])
        except (KeyError, ValueError) as error:
            raise TwelveLabsRecordError(
                f"the record of this task's remote job cannot be read ({error}); it may be of another release of the"
                " provider. Clear the task to start anew"
            ) from error

    def record(self, pending: PendingJob) -> None:
        """Remember a job, at once after the service gave its id."""
        if self.store is not None:
            self.store.set(_KEY, {"identity": self.identity.key(), "pending": pending.as_json()})

    def forget(self) -> None:
        """Remember nothing: the job ended without a result, and a retry shall submit anew."""
        for key in (_KEY, _UPLOAD_KEY):
            if self.store is not None and self.store.get(key) is not None:
                self.store.delete(key)

    def recall_upload(self) -> BegunUpload | None:
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


def fingerprint(*asked: Any) -> str:
    """Return a short digest of what is asked for; only its own text form counts."""
    return _digest(*map(repr, asked))[:32]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
