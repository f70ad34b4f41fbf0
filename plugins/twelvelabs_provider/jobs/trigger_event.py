"""Events of the triggers that wait for jobs: why the wait has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsEventError, TwelveLabsRefusedError, TwelveLabsUnreachableError
from twelvelabs_provider.jobs.job import JobRef, PendingJob


class EventReason(StrEnum):
    """Why the wait has ended."""

    ENDED = "ended"
    DEADLINE = "deadline"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


def unreachable(job: JobRef, why: object) -> str:
    """Return the message for a job that can no longer be polled."""
    return f"Cannot poll {job}: {why}. The job continues; a retry polls it again"


@dataclass(frozen=True)
class JobEvent:
    """Event of a trigger that waits for one job.

    :param message: the last error, for ``refused`` and ``unreachable``.
    :param ready: whether the job is ready; not part of the payload, because the worker reads the job again.
    """

    reason: EventReason
    pending: PendingJob
    message: str = ""
    ready: bool = field(default=False, compare=False)

    def raise_for_reason(self) -> None:
        """Raise if the wait ended with an error; otherwise the caller reads the job again.

        :raises TwelveLabsRefusedError: the service refused the request, and a retry cannot help.
        :raises TwelveLabsUnreachableError: the polls kept failing; the job continues.
        """
        if self.reason is EventReason.REFUSED:
            raise TwelveLabsRefusedError(self.message)
        if self.reason is EventReason.UNREACHABLE:
            raise TwelveLabsUnreachableError(unreachable(self.pending.job, self.message))

    def as_payload(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"reason": self.reason.value, "pending": self.pending.as_json(), "message": self.message}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any] | None) -> JobEvent:
        """Read a payload.

        :raises TwelveLabsEventError: it is missing, or of another format.
        """
        try:
            fields = dict(payload or {})
            return cls(
                EventReason(fields["reason"]), PendingJob.from_json(fields["pending"]), str(fields.get("message") or "")
            )
        except (KeyError, TypeError, ValueError) as error:
            raise TwelveLabsEventError(
                f"Unknown trigger event ({error!r}); the remote job continues, and a retry attaches to it"
            ) from error
