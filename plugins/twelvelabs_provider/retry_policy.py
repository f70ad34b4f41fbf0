"""Retry policy that follows the errors of the service (Airflow 3.3 and newer)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.errors import (
    TwelveLabsError,
    TwelveLabsPermanentError,
    TwelveLabsQuotaError,
    TwelveLabsTransientError,
)
from twelvelabs_provider.jobs.polling import clock_text
from twelvelabs_provider.jobs.quota import LONGEST_RENEWAL, UNKNOWN_RENEWAL
from twelvelabs_provider.version_compat import AIRFLOW_V_3_3_PLUS
from twelvelabs_provider.version_compat.retries import RetryDecision, RetryPolicy

if TYPE_CHECKING:
    from airflow.sdk import Context

_LONGEST_REASON = 300


class TwelveLabsRetryPolicy(RetryPolicy):
    """Retries after the delay that the service requests, and never after a permanent error.

    Pass ``retry_policy=TwelveLabsRetryPolicy()`` to any operator or in ``default_args``:

    - a rate limit or a quota: retry after the delay that the service requests, or after an hour if it states none. A
      quota that is renewed after more than 7 days fails the task.
    - a transient error, a lost response, an unreachable service: retry after the delay that the service requests, else
      after the task's ``retry_delay``.
    - a permanent error: no retry, also in your own tasks that use the hook.
    - any other error: the task's own settings apply.

    It never retries more often than ``retries``. Airflow does not ask the policy about failures that it never retries.

    :raises RuntimeError: Airflow is older than 3.3. The module can still be imported; omit ``retry_policy`` there.
    """

    def __init__(self) -> None:
        if not AIRFLOW_V_3_3_PLUS:
            raise RuntimeError(
                "TwelveLabsRetryPolicy needs Airflow 3.3 or newer: omit retry_policy. Permanent errors are not retried"
                " anyway, and on_quota='wait' waits for a quota"
            )

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Decide whether to retry a failed task.

        :param exception: the exception that it raised; its causes are searched for an error of the service.
        """
        error = next((cause for cause in _causes(exception) if isinstance(cause, TwelveLabsError)), None)
        if isinstance(error, TwelveLabsPermanentError):
            return RetryDecision.fail(_reason(error))
        if not isinstance(error, TwelveLabsTransientError):
            return RetryDecision.default()
        wait, quota = error.retry_after, isinstance(error, TwelveLabsQuotaError)
        if wait is None:
            return RetryDecision.retry(timedelta(seconds=UNKNOWN_RENEWAL) if quota else None, _reason(error))
        if wait <= LONGEST_RENEWAL:
            return RetryDecision.retry(timedelta(seconds=math.ceil(wait)), _reason(error))
        if not quota:
            return RetryDecision.retry(None, _reason(error))
        return RetryDecision.fail(f"Quota is not renewed before {clock_text(time.time() + wait)}: {_reason(error)}")

    def serialize(self) -> dict[str, Any]:
        """Return no arguments."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> TwelveLabsRetryPolicy:
        """Return the policy."""
        return cls()


def _causes(exception: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and its chain of causes."""
    seen: set[int] = set()
    while exception is not None and id(exception) not in seen:
        seen.add(id(exception))
        yield exception
        exception = exception.__cause__


def _reason(error: TwelveLabsError) -> str:
    text = str(error)
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "..."
