"""Polls that fail: how long a wait tolerates them, on the worker and in the triggerer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from twelvelabs_provider.api.errors import (
    TwelveLabsBadRequestError,
    TwelveLabsConfigurationError,
    TwelveLabsError,
    TwelveLabsPermanentError,
    TwelveLabsRateLimitError,
    TwelveLabsUnsupportedError,
    is_missing,
)
from twelvelabs_provider.exceptions import TwelveLabsUnreachableError
from twelvelabs_provider.jobs.polling import LONGEST_PAUSE, SHORTEST_PAUSE

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

T = TypeVar("T")
log = logging.getLogger(__name__)

# Seconds without a response after which a wait ends; the job continues on the service.
LONGEST_SILENCE = 900.0
# Seconds of refused polls (key, permission, firewall, wrong address) after which a wait ends, retryably.
LONGEST_REFUSAL = 300.0
# Seconds in which a new job may be unknown to a replica of the service.
SETTLING = 30.0
_MOST_DOUBLINGS = 16


def is_final(error: TwelveLabsError) -> bool:
    """Return whether an error is about the job itself, so that no later poll can succeed.

    A rejected key, a missing permission, a redirect or a page of a proxy says nothing about the job.
    """
    if isinstance(error, TwelveLabsBadRequestError):
        return error.details.code is not None
    return is_missing(error) or isinstance(error, TwelveLabsUnsupportedError)


@dataclass
class Outage:
    """Polls that failed in a row.

    :param failing_since: epoch seconds of the first one; None after a response.
    :param refused_since: epoch seconds since which every poll was refused; None if the last one was not.
    :param failures: how many have failed.
    """

    failing_since: float | None = None
    refused_since: float | None = None
    failures: int = 0

    def end(self) -> None:
        """Reset after a response."""
        self.failing_since, self.refused_since, self.failures = None, None, 0

    def tolerates(self, error: TwelveLabsError, what: object, now: float, age: float | None = None) -> bool:
        """Return whether to poll again after an error, and log it if so.

        A request to wait (429) counts as a response: the silence begins at the time that it names.

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
            tolerated = now - self.failing_since <= LONGEST_SILENCE
        elif age is not None and is_final(error):
            tolerated = is_missing(error) and age < SETTLING
        else:
            self.refused_since = now if self.refused_since is None else self.refused_since
            tolerated = now - self.refused_since <= LONGEST_REFUSAL
        if tolerated:
            log.warning("Could not poll %s, polling again: %s", what, error)
        return tolerated

    def pause(self, regular: float) -> float:
        """Return the seconds to the next poll, which comes sooner than usual after the first failures.

        The next poll reads the connection again, so that a changed key or host takes effect soon.

        :param regular: seconds to the next poll without an outage.
        """
        if not self.failures:
            return regular
        return min(regular, SHORTEST_PAUSE * 2.0 ** min(self.failures - 1, _MOST_DOUBLINGS))

    def reason(self, error: TwelveLabsError, now: float) -> str:
        """Return the message of a wait that ends because its polls kept failing."""
        if isinstance(error, TwelveLabsPermanentError) and self.refused_since is not None:
            minutes = round((now - self.refused_since) / 60)
            return f"refused for {minutes} min, check the connection: {error}"
        return str(error)


def poll_through_outage(hook: TwelveLabsHook, poll: Callable[[], T], what: str, until: float) -> T:
    """Poll until there is a response, although the service refuses requests for a while.

    After each failure the connection is read again, so that a rotated key or a changed host takes effect. The worker
    keeps its slot, because the next process would not know for how long the service has refused.

    :param poll: reads something; it is repeated, so it must change nothing.
    :param what: what is polled, for the log.
    :param until: epoch seconds after which it is not repeated.
    :raises TwelveLabsUnreachableError: the service has refused for too long; a retry continues.
    :raises TwelveLabsPermanentError: the request itself is wrong, or the connection is.
    :raises TwelveLabsError: any other failure.
    """
    outage = Outage()
    while True:
        try:
            return poll()
        except TwelveLabsConfigurationError:
            raise
        except TwelveLabsError as error:
            changed = hook.reread()
            if not isinstance(error, TwelveLabsPermanentError) or is_final(error):
                raise
            now = time.time()
            if not outage.tolerates(error, what, now) or now >= until:
                reason = outage.reason(error, now)
                raise TwelveLabsUnreachableError(f"Cannot poll {what} ({reason}); a retry continues") from error
        # A connection that differs at each reading is no reason to poll without a pause.
        pause = 0.0 if changed and outage.failures == 1 else outage.pause(LONGEST_PAUSE)
        time.sleep(min(pause, max(0.0, until - time.time())))
