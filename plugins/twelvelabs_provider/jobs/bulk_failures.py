"""Failures in work on many videos: which concern all of them, and when to give up."""

from __future__ import annotations

import time
from dataclasses import dataclass

from twelvelabs_provider.api.errors import (
    TwelveLabsAuthError,
    TwelveLabsConfigurationError,
    TwelveLabsPermissionError,
    TwelveLabsQuotaError,
    TwelveLabsRateLimitError,
    TwelveLabsRedirectError,
    TwelveLabsUnsupportedError,
)
from twelvelabs_provider.exceptions import TwelveLabsOutputError, TwelveLabsUnreachableError

MOST_ATTEMPTS = 3
"""Attempts of one step of a video within one attempt of the task."""
REFUSED_PAUSE = 15.0
"""Seconds to wait after a 429 without Retry-After."""
_CONCERN_ALL = (
    TwelveLabsAuthError, TwelveLabsPermissionError, TwelveLabsRedirectError, TwelveLabsConfigurationError,
    TwelveLabsUnsupportedError, TwelveLabsQuotaError, TwelveLabsOutputError,
)  # fmt: skip


def of_one_video(error: BaseException) -> Exception | None:
    """Return an error of one video; None for one that ends the work: key, permission, quota, output, or a signal."""
    return error if isinstance(error, Exception) and not isinstance(error, _CONCERN_ALL) else None


@dataclass
class Failures:
    """Failed requests of one task.

    :param most: videos that are worked on at once; more failures in a row than they can cause are an outage.
    :param refused_until: epoch seconds until which the service accepts no more requests.
    """

    most: int
    refused_until: float = 0.0
    _in_a_row: int = 0

    def note_refusal(self, error: TwelveLabsRateLimitError) -> None:
        """Note that the service accepts no more requests for now."""
        self.refused_until = max(self.refused_until, time.time() + (error.retry_after or REFUSED_PAUSE))

    def note(self) -> None:
        """Count a failed request."""
        self._in_a_row += 1

    def end(self) -> None:
        """Start to count again after a success."""
        self._in_a_row = 0

    @property
    def are_too_many(self) -> bool:
        """Whether the service keeps failing."""
        return self._in_a_row > 2 * MOST_ATTEMPTS + 2 * self.most

    def unreachable(self, error: Exception) -> TwelveLabsUnreachableError:
        """Return the error that ends the attempt, rather than fail every single video."""
        return TwelveLabsUnreachableError(
            f"{self._in_a_row} requests in a row have failed ({error}); a retry continues"
        )
