"""Quota that is used up: when it is renewed, and whether a task waits for it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from twelvelabs_provider.api.errors import TwelveLabsQuotaError
from twelvelabs_provider.exceptions import TwelveLabsQuotaUsedUpError
from twelvelabs_provider.inputs.policies import OnQuota
from twelvelabs_provider.jobs.polling import clock_text

UNKNOWN_RENEWAL = 3600.0
"""Seconds before the next request if the service does not say when the quota is renewed."""
LONGEST_RENEWAL = 7 * 86400.0
"""Seconds that a task waits for a quota at most."""


@dataclass(frozen=True)
class Renewal:
    """When a quota is renewed.

    :param at: epoch seconds of the renewal; if the service does not state it, of the next request.
    :param stated: whether the service states it.
    :param refused_at: epoch seconds of the refused request.
    """

    at: float
    stated: bool
    refused_at: float

    def __str__(self) -> str:
        if not self.stated:
            return "the service does not say when it is renewed"
        return f"it is renewed at {clock_text(self.at)}"

    @property
    def too_late(self) -> bool:
        """Whether it is further away than :data:`LONGEST_RENEWAL`, so that no task waits for it."""
        return self.at - self.refused_at > LONGEST_RENEWAL

    def comes_by(self, latest: float | None) -> bool:
        """Return whether it comes in time.

        :param latest: epoch seconds at which the task must have ended; None for no limit.
        """
        return latest is None or self.at < latest


def renewal_of(error: TwelveLabsQuotaError, now: float | None = None) -> Renewal:
    """Return the renewal of the quota in an error.

    :param now: epoch seconds of the refused request.
    """
    now = time.time() if now is None else now
    if error.retry_after is None:
        return Renewal(now + UNKNOWN_RENEWAL, stated=False, refused_at=now)
    return Renewal(now + error.retry_after, stated=True, refused_at=now)


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
