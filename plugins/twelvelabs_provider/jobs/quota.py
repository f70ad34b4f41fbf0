"""Quota that is used up: when it is renewed, and whether a task waits for it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

from twelvelabs_provider.api.errors import TwelveLabsQuotaError
from twelvelabs_provider.exceptions import TwelveLabsQuotaUsedUpError
from twelvelabs_provider.jobs.polling import clock_text

UNKNOWN_RENEWAL = 3600.0
"""Seconds after which to ask again where the service does not say when."""
LONGEST_RENEWAL = 7 * 86400.0
"""Seconds; a task does not wait longer for a quota, whatever the service says."""


class OnQuota(StrEnum):
    """What a task does about a quota that is used up."""

    WAIT = "wait"
    FAIL = "fail"


@dataclass(frozen=True)
class Renewal:
    """When a quota is renewed.

    :param at: epoch seconds; where the service does not say, the moment to ask again.
    :param told: the service said so.
    :param refused_at: epoch seconds of the refusal.
    """

    at: float
    told: bool
    refused_at: float

    def __str__(self) -> str:
        return f"it is renewed at {clock_text(self.at)}" if self.told else "the service does not say when it is renewed"

    @property
    def too_late(self) -> bool:
        """Whether no task waits for it: it is further away than :data:`LONGEST_RENEWAL`."""
        return self.at - self.refused_at > LONGEST_RENEWAL

    def comes_by(self, latest: float | None) -> bool:
        """Tell whether it comes in time.

        :param latest: epoch seconds at which the task has to have ended; None for no limit.
        """
        return latest is None or self.at < latest


def renewal_of(error: TwelveLabsQuotaError, now: float | None = None) -> Renewal:
    """Return when the quota that a refusal speaks of is renewed.

    :param now: epoch seconds of the refusal.
    """
    now = time.time() if now is None else now
    if error.retry_after is None:
        return Renewal(now + UNKNOWN_RENEWAL, told=False, refused_at=now)
    return Renewal(now + error.retry_after, told=True, refused_at=now)


def ensure_worth_waiting(
    error: TwelveLabsQuotaError, renewal: Renewal, policy: OnQuota, deadline: float | None
) -> None:
    """Raise unless the task waits for the renewal of the quota.

    :param deadline: epoch seconds; None for no limit.
    :raises TwelveLabsQuotaUsedUpError: the task is set to fail, or the renewal is too late for it.
    """
    if policy is OnQuota.FAIL:
        advice = "Set on_quota='wait' to wait for it without a worker"
    elif renewal.too_late:
        advice = f"A task waits for {LONGEST_RENEWAL / 86400:.0f} days at most: clear it then"
    elif not renewal.comes_by(deadline):
        advice = (
            f"The task's deadline is {clock_text(deadline or 0.0)}: give it more time (execution_timeout, timeout) or"
            " clear it later"
        )
    else:
        return
    raise TwelveLabsQuotaUsedUpError(f"A quota is used up; {renewal}. {advice}. {error}") from error
