"""How long a wait tolerates polls that fail: the same rules on the worker and in the triggerer."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from twelvelabs_provider.api.errors import (
    TwelveLabsBadRequestError,
    TwelveLabsError,
    TwelveLabsPermanentError,
    TwelveLabsRateLimitError,
    TwelveLabsUnsupportedError,
    is_missing,
)
from twelvelabs_provider.jobs.polling import SHORTEST_PAUSE

log = logging.getLogger(__name__)

# Seconds without an answer after which a wait ends; the job continues on the service.
LONGEST_SILENCE = 900.0
# Seconds of refused polls (key, permission, firewall, wrong address) after which a wait ends, retryably.
LONGEST_REFUSAL = 300.0
# Seconds in which a new job may be unknown to a replica of the service.
SETTLING = 30.0
_MOST_DOUBLINGS = 16


def is_final(error: TwelveLabsError) -> bool:
    """Return whether an error is the answer about this very job, which no later poll can change.

    A rejected key, a missing permission, a redirect or a page of a proxy says nothing about the job.
    """
    if isinstance(error, TwelveLabsBadRequestError):
        return error.details.code is not None
    return is_missing(error) or isinstance(error, TwelveLabsUnsupportedError)


@dataclass
class Outage:
    """Polls that failed in a row.

    :param failing_since: epoch seconds of the first one; None after an answer.
    :param refused_since: epoch seconds since which every poll was refused; None if the last one was not.
    :param failures: how many have failed.
    """

    failing_since: float | None = None
    refused_since: float | None = None
    failures: int = 0

    def answered(self) -> None:
        """Start over after an answer."""
        self.failing_since, self.refused_since, self.failures = None, None, 0

    def tolerates(self, error: TwelveLabsError, what: object, now: float, age: float | None = None) -> bool:
        """Return whether to poll again after an error, and log it if so.

        A request to wait (429) counts as an answer: the silence begins at the moment that it names.

        :param what: what was polled, for the log.
        :param now: epoch seconds.
        :param age: seconds since the submission of the job; None for a poll of many jobs.
        """
        self.failures += 1
        if isinstance(error, TwelveLabsRateLimitError):
            self.failing_since = now + (error.retry_after or 0.0)
        self.failing_since = now if self.failing_since is None else self.failing_since
        if not isinstance(error, TwelveLabsPermanentError):
            self.refused_since = None
            borne = now - self.failing_since <= LONGEST_SILENCE
        elif age is not None and is_final(error):
            borne = is_missing(error) and age < SETTLING
        else:
            self.refused_since = now if self.refused_since is None else self.refused_since
            borne = now - self.refused_since <= LONGEST_REFUSAL
        if borne:
            log.warning("Could not poll %s, polling again: %s", what, error)
        return borne

    def pause(self, regular: float) -> float:
        """Return the seconds to the next poll: sooner than the regular one after the first failures.

        The next poll reads the connection again, so that a changed key or host takes effect soon.

        :param regular: seconds that the next poll would otherwise wait.
        """
        return (
            min(regular, SHORTEST_PAUSE * 2.0 ** min(self.failures - 1, _MOST_DOUBLINGS)) if self.failures else regular
        )


def ended_by(error: TwelveLabsError, outage: Outage, now: float) -> str:
    """Return the reason for a wait that ends because polls kept failing, for its message."""
    if isinstance(error, TwelveLabsPermanentError) and outage.refused_since is not None:
        minutes = round((now - outage.refused_since) / 60)
        return f"refused for {minutes} min, check the connection: {error}"
    return str(error)
