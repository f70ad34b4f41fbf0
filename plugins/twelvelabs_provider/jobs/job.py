"""A remote job: its identity, its state, and the record that travels between worker and triggerer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from twelvelabs_provider.api.jobs import JobKind, JobRef, Phase
from twelvelabs_provider.api.redaction import clean_text

__all__ = ["JobKind", "JobRef", "JobState", "Memo", "PendingJob", "Phase", "PlannedWork"]

Memo = Mapping[str, Any]

NO_RESPONSE = "no response"
"""Status of a job whose poll failed; it counts as running."""


@dataclass(frozen=True)
class JobState:
    """State of a job.

    :param status: the status as the service writes it.
    :param detail: the reason of a failure, if the service gives one.
    :param video_id: the video that the job creates, once known.
    :param duration: seconds of video, once known.
    :param index_id: the index that it belongs to, if the response says so.
    :param size: bytes of the file, once known.
    :param created_at: epoch seconds of its creation by the clock of the service, if the response says so.
    :param changed_at: epoch seconds of its last change by the clock of the service, if the response says so.
    """

    phase: Phase
    status: str
    detail: str | None = None
    video_id: str | None = None
    duration: float | None = None
    index_id: str | None = None
    size: int | None = None
    created_at: float | None = None
    changed_at: float | None = None

    def __post_init__(self) -> None:
        """Remove control characters and secrets from texts that go into logs, events and messages."""
        object.__setattr__(self, "status", clean_text(self.status))
        object.__setattr__(self, "detail", clean_text(self.detail) or None)

    def running_at(self, now: float) -> float:
        """Return the time at which the job was still running, by the earlier of two clocks: the service's and ours.

        :param now: epoch seconds at which this state was read.
        """
        changed_at = self.changed_at if self.changed_at is not None else self.created_at
        return now if changed_at is None else min(now, changed_at)

    def failure_of(self, job: JobRef) -> str:
        """Return the message for a job that ended without a result."""
        return f"{job} ended as {self.status!r}: {self.detail or 'the service gives no reason'}"


@dataclass(frozen=True)
class PendingJob:
    """A submitted job that a task waits for.

    :param begun_at: epoch seconds at which the task's work began; the deadline counts from here.
    :param started_at: epoch seconds of this job's submission.
    :param deadline: epoch seconds; absolute, so that no restart prolongs it.
    :param memo: what the operator needs again when it resumes; plain JSON, no secret.
    :param created_at: epoch seconds of the job's creation by the clock of the service; 0 if the service does not say,
        None if the job has not been read yet.
    """

    job: JobRef
    begun_at: float
    started_at: float
    deadline: float
    memo: Memo = field(default_factory=dict)
    created_at: float | None = None

    def as_read(self, state: JobState) -> PendingJob:
        """Return the job with the creation time that the service states.

        Lists are read back to this time, because a job can be much older than the task that waits for it.
        """
        return replace(self, created_at=state.created_at or self.created_at or 0.0)

    def followed_by(self, job: JobRef, now: float, **memo: Any) -> PendingJob:
        """Return the next job of the same work, with the same deadline."""
        return replace(self, job=job, started_at=now, memo={**self.memo, **memo}, created_at=None)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        # Not dataclasses.asdict, which copies deeply: thousands of jobs are serialized at once.
        return {
            "job": {"kind": self.job.kind.value, "id": self.job.id, "index_id": self.job.index_id},
            "begun_at": self.begun_at,
            "started_at": self.started_at,
            "deadline": self.deadline,
            "memo": dict(self.memo),
            "created_at": self.created_at,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PendingJob:
        """Read what :meth:`as_json` wrote.

        :raises ValueError: if it is something else.
        """
        try:
            job, created_at = value["job"], value.get("created_at")
            return cls(
                JobRef(JobKind(job["kind"]), str(job["id"]), job.get("index_id")),
                float(value["begun_at"]),
                float(value["started_at"]),
                float(value["deadline"]),
                dict(value.get("memo") or {}),
                None if created_at is None else float(created_at),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a pending job: {error!r}") from error


@dataclass(frozen=True)
class PlannedWork:
    """Planned work without a submitted job.

    :param begun_at: epoch seconds at which it began; the deadline counts from here.
    :param deadline: epoch seconds.
    :param memo: what the operator needs again later; plain JSON, no secret.
    """

    begun_at: float
    deadline: float
    memo: Memo = field(default_factory=dict)

    @classmethod
    def of(cls, pending: PendingJob) -> PlannedWork:
        """Return the work that a job belongs to."""
        return cls(pending.begun_at, pending.deadline, pending.memo)

    def with_memo(self, **memo: Any) -> PlannedWork:
        """Return the same work with more entries in its memo."""
        return replace(self, memo={**self.memo, **memo})

    def submitted_as(self, job: JobRef, now: float, **memo: Any) -> PendingJob:
        """Return the submitted job, with the same deadline."""
        return PendingJob(job, self.begun_at, now, self.deadline, {**self.memo, **memo})

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"job": None, "begun_at": self.begun_at, "deadline": self.deadline, "memo": dict(self.memo)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PlannedWork:
        """Read what :meth:`as_json` wrote.

        :raises ValueError: if it is something else.
        """
        try:
            return cls(float(value["begun_at"]), float(value["deadline"]), dict(value.get("memo") or {}))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not planned work: {error!r}") from error
