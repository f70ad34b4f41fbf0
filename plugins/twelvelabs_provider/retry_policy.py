"""When Airflow tries a failed task again: as the service's own answer says (Airflow 3.3 and newer)."""

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
from twelvelabs_provider.version_compat import AIRFLOW_V_3_3_PLUS, RetryDecision, RetryPolicy

if TYPE_CHECKING:
    from airflow.sdk import Context

_LONGEST_REASON = 300


class TwelveLabsRetryPolicy(RetryPolicy):
    """Retries when the service says that it is time, and not at all what it refuses for good.

    ``retry_policy=TwelveLabsRetryPolicy()`` goes to any operator, or into ``default_args``:

    - a rate limit or a quota: a retry after the delay that the service asks for; where it does not say when a quota is
      renewed, after an hour; a quota that is renewed after more than 7 days fails the task;
    - a passing failure, a lost answer, a service that cannot be reached: a retry after the service's delay, else after
      the task's ``retry_delay``;
    - a refusal for good: no retry, the reason is the service's words; also in a task of your own that uses the hook;
    - anything else: what the task says.

    It never retries beyond ``retries``, and failures that Airflow itself never retries do not come here.

    :raises RuntimeError: this Airflow is older than 3.3. The module can be imported there; leave ``retry_policy`` away.
    """

    def __init__(self) -> None:
        if not AIRFLOW_V_3_3_PLUS:
            raise RuntimeError(
                "TwelveLabsRetryPolicy needs Airflow 3.3 or newer: leave retry_policy away, refusals for good are not"
                " retried anyway, and on_quota='wait' waits for a quota"
            )

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Return what is to become of a failed task.

        :param exception: what it raised; the service's answer is looked for among its causes too.
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
        return RetryDecision.fail(f"quota renewed at {clock_text(time.time() + wait)} only: {_reason(error)}")

    def serialize(self) -> dict[str, Any]:
        """Return nothing: there is nothing to set."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> TwelveLabsRetryPolicy:
        """Return the policy."""
        return cls()


def _causes(exception: BaseException | None) -> Iterator[BaseException]:
    """Return an exception and what it was raised from."""
    seen: set[int] = set()
    while exception is not None and id(exception) not in seen:
        seen.add(id(exception))
        yield exception
        exception = exception.__cause__


def _reason(error: TwelveLabsError) -> str:
    text = str(error)
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "..."
