"""A task that meets a used-up quota: it leaves its worker until the quota is renewed, or fails and says when."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import BaseOperator

from twelvelabs_provider.api.errors import TwelveLabsQuotaError
from twelvelabs_provider.exceptions import TwelveLabsQuotaUsedUpError
from twelvelabs_provider.jobs.polling import BACKSTOP, clock_text
from twelvelabs_provider.jobs.quota import LONGEST_RENEWAL, OnQuota, Renewal, renewal_of
from twelvelabs_provider.triggers.timer import TwelveLabsTimerTrigger
from twelvelabs_provider.version_compat import TaskDeferralTimeout

if TYPE_CHECKING:
    from airflow.sdk import Context

_STATE_KEY = "twelvelabs_quota"


class TwelveLabsQuotaOperator(BaseOperator):
    """Base of what may wait for a quota.

    :param on_quota: what to do when a quota is used up that is renewed later than a worker should be held for (the
        requests of a day, say): ``wait`` leaves the worker until then and runs the task again as a retry would, without
        counting as one, as long as ``execution_timeout`` (and ``timeout``, where there is one) allows, and for 7 days
        at most; ``fail`` fails and says when it is renewed. None waits where ``deferrable`` is True, and fails
        elsewhere. The task's time counts from the start of the try, through all its waits.
    :raises TwelveLabsQuotaUsedUpError: a quota is used up, and the task is not to wait or has no time to; a retry is
        refused too until the quota is renewed.
    """

    # The try that waited for a quota or missed its trigger event, and the epoch seconds at which it began.
    _resumed: tuple[int, float] | None = None
    _without_event = False

    def __init__(self, *, on_quota: Literal["wait", "fail"] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.on_quota = None if on_quota is None else OnQuota(on_quota).value

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after a deferral; a quota may be used up now too, and the trigger event may be missing."""
        with self.within_quota(context):
            try:
                return super().resume_execution(next_method, next_kwargs, context)
            except TaskDeferralTimeout:
                pass
            self.log.warning("no trigger event before the deadline (is a triggerer running?); continuing without it")
            return self.resume_without_event(context)

    def execute_after_quota(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Continue once a quota is renewed."""
        memo = (event or {}).get("memo") or {}
        self.fix_beginning(context, memo.get("begun_at"))
        if not memo.get("job"):
            self.must_have_time(context)
        return self.go_on(context, memo)

    def resume_without_event(self, context: Context) -> Any:
        """Continue after a deferral that ended without a trigger event."""
        self._without_event = True
        self.fix_beginning(context)
        self.must_have_time(context)
        return self.go_on(context, None)

    @abstractmethod
    def go_on(self, context: Context, memo: Any) -> Any:
        """Run the task again, :meth:`within_quota`.

        :param memo: what :meth:`quota_memo` returned, with ``begun_at``; None or empty where it did not arrive.
        """

    def quota_memo(self) -> dict[str, Any] | None:
        """Return what the task needs after the wait: plain JSON, no secret."""
        return None

    def begun_at(self, context: Context) -> float | None:
        """Return the epoch seconds from which the task's time counts, if a wait for a quota has fixed them.

        A retry begins with a time of its own.
        """
        fixed = self._resumed
        return fixed[1] if fixed and fixed[0] == _try_number(context) else None

    def is_repeated(self, context: Context) -> bool:
        """Tell whether an earlier attempt may have sent requests whose outcome this process does not know."""
        return _try_number(context) > 1 or self._without_event

    def latest_end(self, context: Context) -> float | None:
        """Return the epoch seconds at which the task has to have ended; None for no limit."""
        if self.execution_timeout is None:
            return None
        return self.fix_beginning(context) + self.execution_timeout.total_seconds()

    def known_beginning(self, context: Context) -> float | None:
        """Return the epoch seconds at which this try began, None where nothing tells them."""
        candidates = (self.begun_at(context), _noted_beginning(context), _started_at(context))
        return next((moment for moment in candidates if moment is not None), None)

    def fix_beginning(self, context: Context, begun_at: float | None = None) -> float:
        """Fix and return the epoch seconds from which the time of this try counts.

        :param begun_at: what the trigger event says; without it, what the process or Airflow knows.
        """
        known = self.known_beginning(context) if begun_at is None else float(begun_at)
        beginning = time.time() if known is None else known
        self._resumed = (_try_number(context), beginning)
        return beginning

    def must_have_time(self, context: Context) -> None:
        """Refuse to continue after the deadline: what would be sent would be billed for nothing.

        :raises TwelveLabsQuotaUsedUpError: saying when it was.
        """
        latest = self.latest_end(context)
        if latest is not None and time.time() >= latest:
            raise TwelveLabsQuotaUsedUpError(
                f"the task's time was up at {clock_text(latest)}, during a wait for a quota; nothing more was sent."
                " Give it longer (execution_timeout, timeout) or clear it"
            )

    @contextmanager
    def within_quota(self, context: Context) -> Iterator[None]:
        """Wait or fail if a quota turns out to be used up.

        :raises TwelveLabsQuotaUsedUpError: saying when it is renewed.
        """
        try:
            yield
        except TwelveLabsQuotaError as error:
            renewal = renewal_of(error)
            self._must_be_waited_for(context, renewal, error)
            self._sleep_until(context, renewal, error)

    @property
    def _on_quota(self) -> OnQuota:
        if self.on_quota is not None:
            return OnQuota(self.on_quota)
        return OnQuota.WAIT if getattr(self, "deferrable", False) else OnQuota.FAIL

    def _must_be_waited_for(self, context: Context, renewal: Renewal, error: TwelveLabsQuotaError) -> None:
        if self._on_quota is OnQuota.FAIL:
            what = "on_quota='wait' waits for it without a worker"
        elif renewal.too_late:
            what = f"a task waits for it {LONGEST_RENEWAL / 86400:.0f} days at most: clear it then"
        elif not renewal.comes_by(latest := self.latest_end(context)):
            what = (
                f"but the task's time is up at {clock_text(latest or 0.0)}: give it longer (execution_timeout, timeout)"
                " or clear it later"
            )
        else:
            return
        joined = ", " if what.startswith("but") else "; "
        raise TwelveLabsQuotaUsedUpError(f"{error}: a quota is used up, and {renewal}{joined}{what}") from error

    def _sleep_until(self, context: Context, renewal: Renewal, error: TwelveLabsQuotaError) -> None:
        begun_at = self.fix_beginning(context)
        _note_beginning(context, begun_at)
        self.log.warning("%s: a quota is used up, and %s", error, renewal)
        self.log.info("leaving the worker until %s", clock_text(renewal.at))
        self.defer(
            trigger=TwelveLabsTimerTrigger(
                renewal.at, {"job": None, "begun_at": begun_at, **(self.quota_memo() or {})}
            ),
            method_name="execute_after_quota",
            timeout=timedelta(seconds=max(0.0, renewal.at - time.time()) + BACKSTOP),
        )


def _try_number(context: Context) -> int:
    return int(getattr(context["ti"], "try_number", 1) or 1)


def _started_at(context: Context) -> float | None:
    """Return Airflow's start date of the try, which it keeps over deferrals."""
    began = getattr(context["ti"], "start_date", None)
    return float(began.timestamp()) if began else None


def _noted_beginning(context: Context) -> float | None:
    """Return the beginning that this try noted before it waited; a trigger event may have been lost."""
    store: Any = context.get("task_state_store")
    noted = None if store is None else store.get(_STATE_KEY)
    if not isinstance(noted, Mapping) or noted.get("try_number") != _try_number(context):
        return None
    begun_at = noted.get("begun_at")
    return float(begun_at) if isinstance(begun_at, int | float) else None


def _note_beginning(context: Context, begun_at: float) -> None:
    store: Any = context.get("task_state_store")
    if store is not None:
        store.set(_STATE_KEY, {"try_number": _try_number(context), "begun_at": begun_at})
