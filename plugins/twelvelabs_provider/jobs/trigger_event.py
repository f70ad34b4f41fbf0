"""Why a wait is over: what the trigger tells the operator, and nothing large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsEventError, TwelveLabsRefusedError, TwelveLabsUnreachableError
from twelvelabs_provider.jobs.job import JobRef, PendingJob


class EventReason(StrEnum):
    """Why the trigger stopped waiting."""

    ENDED = "ended"
    DEADLINE = "deadline"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


def unreachable(job: JobRef, why: object) -> str:
    """Return the message for a job that can no longer be looked at."""
    return f"{job} could not be looked at any more ({why}); it goes on, a retry looks again"


@dataclass(frozen=True)
class JobEvent:
    """The trigger's event.

    :param message: the last error in words, for ``refused`` and ``unreachable``.
    :param ready: the job was seen ready; not told to the worker, which looks for itself.
    """

    reason: EventReason
    pending: PendingJob
    message: str = ""
    ready: bool = field(default=False, compare=False)

    def raise_for_reason(self) -> None:
        """Raise where the trigger could not wait to the end; otherwise the job is to be looked at afresh.

        :raises TwelveLabsRefusedError: the service refused for good.
        :raises TwelveLabsUnreachableError: it could not be asked any more; the job goes on.
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
        """Read an event.

        :raises TwelveLabsEventError: if it is missing or not ours.
        """
        try:
            fields = dict(payload or {})
            return cls(
                EventReason(fields["reason"]), PendingJob.from_json(fields["pending"]), str(fields.get("message") or "")
            )
        except (KeyError, TypeError, ValueError) as error:
            raise TwelveLabsEventError(
                f"the task was woken by an event that is not one of ours ({error!r}); the remote job is left as it is"
            ) from error
