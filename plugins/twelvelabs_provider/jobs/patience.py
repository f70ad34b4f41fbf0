"""When a look that failed is no reason to stop waiting: the same answer for worker and triggerer."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from twelvelabs_provider.api.errors import (
    TwelveLabsError,
    TwelveLabsNotFoundError,
    TwelveLabsPermanentError,
    TwelveLabsRateLimitError,
)
from twelvelabs_provider.jobs.job import PendingJob

log = logging.getLogger(__name__)

# Seconds without any answer after which nobody waits on; the job itself goes on.
LONGEST_SILENCE = 900.0
# Seconds in which a new job may be unknown to a part of the service that has not heard of it yet.
SETTLING = 30.0


@dataclass
class Patience:
    """How long the service has been silent.

    :param answered_at: epoch seconds of its last answer, or of the beginning of the wait.
    """

    answered_at: float

    def bears(self, error: TwelveLabsError, pending: PendingJob, now: float) -> bool:
        """Tell whether to look again after an error; say so in the log if it is.

        A refusal for good is not borne, nor is silence beyond :data:`LONGEST_SILENCE`. An answer that asks to wait is
        an answer: silence counts from the moment that it names.
        """
        if isinstance(error, TwelveLabsPermanentError):
            borne = isinstance(error, TwelveLabsNotFoundError) and now - pending.started_at < SETTLING
        else:
            borne = now - self.answered_at <= LONGEST_SILENCE
        if isinstance(error, TwelveLabsRateLimitError):
            borne = True
            self.answered_at = now + (error.retry_after or 0.0)
        if borne:
            log.warning("%s could not be looked at and is left alone: %s", pending.job, error)
        return borne
