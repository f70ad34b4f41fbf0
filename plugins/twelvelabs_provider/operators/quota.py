"""A task that meets a used-up quota: it leaves its worker until the quota is renewed, or fails and says when."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import BaseOperator

from twelvelabs_provider.api.errors import TwelveLabsQuotaError
from twelvelabs_provider.exceptions import TwelveLabsQuotaUsedUpError
from twelvelabs_provider.jobs.quota import OnQuota, Renewal, renewal_of
from twelvelabs_provider.jobs.waiting import BACKSTOP, clock_text
from twelvelabs_provider.triggers.quota import TwelveLabsQuotaTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsQuotaOperator(BaseOperator):
    """Base of what may wait for a quota.

    :param on_quota: what to do when a quota is used up that is renewed later than a worker should be held for (the
        requests of a day, say): ``wait`` leaves the worker until then and runs the task again as a retry would, without
        counting as one, as long as ``execution_timeout`` (and ``timeout``, where there is one) allows; ``fail`` fails
        and says when it is renewed. None waits where ``deferrable`` is True, and fails elsewhere.
    :raises TwelveLabsQuotaUsedUpError: a quota is used up, and the task is not to wait or has no time to; a retry is
        refused too until the quota is renewed.
    """

    def __init__(self, *, on_quota: Literal["wait", "fail"] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.on_quota = None if on_quota is None else OnQuota(on_quota).value

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Wake up as Airflow says; a quota may be used up now too."""
        with self.within_quota(context):
            return super().resume_execution(next_method, next_kwargs, context)

    def execute_after_quota(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Go on once a quota is renewed."""
        return self.go_on(context, (event or {}).get("memo"))

    @abstractmethod
    def go_on(self, context: Context, memo: Any) -> Any:
        """Run the task again, :meth:`within_quota`.

        :param memo: what :meth:`quota_memo` returned, None where it did not arrive.
        """

    def quota_memo(self) -> dict[str, Any] | None:
        """Return what the task wants to know after the wait: plain JSON, no secret."""
        return None

    def latest_end(self, context: Context) -> float | None:
        """Return the epoch seconds at which the task has to have ended; None for no limit."""
        if self.execution_timeout is None:
            return None
        began = getattr(context["ti"], "start_date", None)
        return (began.timestamp() if began else time.time()) + self.execution_timeout.total_seconds()

    @contextmanager
    def within_quota(self, context: Context) -> Iterator[None]:
        """Wait or fail if a quota turns out to be used up.

        :raises TwelveLabsQuotaUsedUpError: saying when it is renewed.
        """
        try:
            yield
        except TwelveLabsQuotaError as error:
            renewal = renewal_of(error)
            latest = self.latest_end(context)
            if self._on_quota is OnQuota.FAIL:
                raise TwelveLabsQuotaUsedUpError(
                    f"{error}: a quota is used up, and {renewal}; on_quota='wait' waits for it without a worker"
                ) from error
            if not renewal.comes_by(latest):
                raise TwelveLabsQuotaUsedUpError(
                    f"{error}: a quota is used up, and {renewal}, but the task's time is up at"
                    f" {clock_text(latest or 0.0)}: give it longer (execution_timeout, timeout) or clear it later"
                ) from error
            self._sleep_until(renewal, error)

    @property
    def _on_quota(self) -> OnQuota:
        if self.on_quota is not None:
            return OnQuota(self.on_quota)
        return OnQuota.WAIT if getattr(self, "deferrable", False) else OnQuota.FAIL

    def _sleep_until(self, renewal: Renewal, error: TwelveLabsQuotaError) -> None:
        self.log.warning("%s: a quota is used up, and %s", error, renewal)
        self.log.info("leaving the worker until %s", clock_text(renewal.at))
        self.defer(
            trigger=TwelveLabsQuotaTrigger(renewal.at, self.quota_memo()),
            method_name="execute_after_quota",
            timeout=timedelta(seconds=renewal.at - time.time() + BACKSTOP),
        )
