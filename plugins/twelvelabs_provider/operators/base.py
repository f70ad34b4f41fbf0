"""Base class of the operators."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.sdk import BaseOperator

from twelvelabs_provider.api.errors import TwelveLabsQuotaError
from twelvelabs_provider.exceptions import TwelveLabsQuotaUsedUpError
from twelvelabs_provider.hooks.connection_type import DEFAULT_CONN_ID
from twelvelabs_provider.inputs.policies import OnQuota
from twelvelabs_provider.jobs.attempt_clock import AttemptClock, attempt_number
from twelvelabs_provider.jobs.polling import BACKSTOP, clock_text
from twelvelabs_provider.links import TwelveLabsPlaygroundLink
from twelvelabs_provider.task import COMMON_FIELDS, TwelveLabsTask, push_chained_fields, push_result
from twelvelabs_provider.version_compat import TaskDeferralTimeout

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from twelvelabs_provider.storage.catalog.writing import Publication


class TwelveLabsOperator(TwelveLabsTask, BaseOperator):
    """Base of all operators.

    :param twelvelabs_conn_id: connection of type ``twelvelabs``.
    :param on_quota: what to do when a quota is used up that is renewed later than a worker should be held for, such as
        the requests of a day: ``wait`` leaves the worker until then and runs the task again, without counting as a
        retry, within ``execution_timeout`` (and ``timeout``, if there is one) and for 7 days at most; ``fail`` fails
        and says when the quota is renewed. None waits if ``deferrable`` is True, and fails otherwise. The task's time
        counts from the start of the attempt, through all its waits.
    :param multiple_outputs: push each field of the result under its own name too. False pushes only the few fields
        that DAGs chain, such as ``task.output["video_id"]``: ``chained_fields`` of the class names them. Has no effect
        where the result is a single value or nothing.
    :raises TwelveLabsInputError: an argument is empty after rendering, or invalid; raised before any request.
    :raises TwelveLabsRefusedError: the service refused the request; Airflow does not retry.
    :raises TwelveLabsTransientError: the request failed for now; a retry may help.
    :raises TwelveLabsQuotaUsedUpError: a quota is used up, and the task does not wait or has no time to; a retry fails
        too until the quota is renewed.
    """

    template_fields: Sequence[str] = COMMON_FIELDS
    operator_extra_links = (TwelveLabsPlaygroundLink(),)
    ui_color = "#d9e8f6"

    # Airflow refuses multiple_outputs for a result without fields, after the work is done.
    returns_fields: ClassVar[bool] = True

    # What this attempt published, for asset events and lineage.
    _published: Sequence[Publication] = ()
    _result: Any = None
    # The task resumed without its trigger event.
    _without_event = False

    def __init__(
        self,
        *,
        twelvelabs_conn_id: str = DEFAULT_CONN_ID,
        on_quota: Literal["wait", "fail"] | None = None,
        multiple_outputs: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(multiple_outputs=multiple_outputs and self.returns_fields, **kwargs)
        self.twelvelabs_conn_id = twelvelabs_conn_id
        self.on_quota = None if on_quota is None else OnQuota(on_quota).value

    @abstractmethod
    def run_operator(self, context: Context) -> Any:
        """Do the work of this operator and return its small result."""

    def execute(self, context: Context) -> Any:
        """Read the arguments and run; a request that the service refuses fails the task without a retry."""
        self.read_arguments()
        # Airflow 3.1 runs pre_execute in a context of its own, where this would have no effect.
        self._published = _listen()
        self._result = self.run_within_quota(context)
        push_chained_fields(self, context, self._result)
        return self._result

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after a deferral, with the arguments rendered again."""
        self.read_arguments()
        self._published = _listen()
        with self.within_quota(context):
            self._result = self._resume(next_method, next_kwargs, context)
        push_chained_fields(self, context, self._result)
        return self._result

    def _resume(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            pass
        self.log.warning("No trigger event before the deadline (is a triggerer running?); continuing without it")
        return self.resume_without_event(context)

    def run_within_quota(self, context: Context, memo: Mapping[str, Any] | None = None) -> Any:
        """Run; if a quota is used up, wait for it or fail.

        :param memo: what :meth:`quota_memo` returned before a wait; None or empty if there was none.
        """
        with self.refusals_end_the_task(), self.within_quota(context):
            return self.run_operator(context)

    def execute_after_quota(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Run again when a quota is renewed."""
        memo = (event or {}).get("memo") or {}
        self.clock.fix(context, memo.get("begun_at"))
        if not memo.get("job"):
            self.ensure_time_left(context)
        return self.run_within_quota(context, memo)

    def resume_without_event(self, context: Context) -> Any:
        """Run again after a deferral that ended without a trigger event."""
        self._without_event = True
        self.clock.fix(context)
        self.ensure_time_left(context)
        return self.run_within_quota(context)

    def quota_memo(self) -> dict[str, Any] | None:
        """Return what the task needs after a wait for a quota: plain JSON, no secret."""
        return None

    def deadline(self, context: Context) -> float | None:
        """Return the epoch seconds by which the task has to end; None for no limit."""
        if self.execution_timeout is None:
            return None
        return self.clock.fix(context) + self.execution_timeout.total_seconds()

    def ensure_time_left(self, context: Context) -> None:
        """Raise after the deadline, since further requests would be billed for nothing.

        :raises TwelveLabsQuotaUsedUpError: naming the deadline.
        """
        deadline = self.deadline(context)
        if deadline is not None and time.time() >= deadline:
            raise TwelveLabsQuotaUsedUpError(
                f"The deadline passed at {clock_text(deadline)}, during a wait for a quota. Nothing more was sent."
                " Give the task more time (execution_timeout, timeout) or clear it"
            )

    def may_have_sent_before(self, context: Context) -> bool:
        """Tell whether an earlier attempt may have sent requests whose outcome this process does not know."""
        return attempt_number(context) > 1 or self._without_event

    @cached_property
    def clock(self) -> AttemptClock:
        """The start time of this attempt."""
        return AttemptClock()

    @contextmanager
    def within_quota(self, context: Context) -> Iterator[None]:
        """Wait for a quota that is used up, or fail.

        :raises TwelveLabsQuotaUsedUpError: saying when the quota is renewed.
        """
        try:
            yield
        except TwelveLabsQuotaError as error:
            from twelvelabs_provider.jobs.quota import ensure_worth_waiting, renewal_of
            from twelvelabs_provider.triggers.timer import TwelveLabsTimerTrigger

            default = OnQuota.WAIT if getattr(self, "deferrable", False) else OnQuota.FAIL
            policy, renewal = OnQuota(self.on_quota or default), renewal_of(error)
            # Only a task that may wait needs its deadline, which may be read from the task state.
            deadline = self.deadline(context) if policy is OnQuota.WAIT else None
            ensure_worth_waiting(error, renewal, policy, deadline)
            self.log.warning("Leaving the worker until %s: a quota is used up (%s)", clock_text(renewal.at), error)
            self.defer(
                trigger=TwelveLabsTimerTrigger(
                    renewal.at, {"job": None, "begun_at": self.clock.store(context), **(self.quota_memo() or {})}
                ),
                method_name="execute_after_quota",
                timeout=timedelta(seconds=max(0.0, renewal.at - time.time()) + BACKSTOP),
            )

    def push_before_failure(self, context: Context, result: Mapping[str, Any]) -> None:
        """Push the result of a task that is about to fail, so that others can read what it published.

        Airflow pushes a return value only when the task succeeds, and removes this one before the next attempt.
        """
        self._result = dict(result)
        try:
            push_result(self, context, result)
        except Exception as error:
            # The failure that follows is the one to report.
            self.log.warning("Cannot push the result of the failed task: %r", error)

    def post_execute(self, context: Context, result: Any = None) -> None:
        """Fill the asset events of the outlets; what a user's ``post_execute`` wrote there stays."""
        super().post_execute(context, result)
        from twelvelabs_provider.asset_events import register_events

        register_events(context, self.outlets, self._published)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Return the inputs and outputs of the task without any request; None without OpenLineage."""
        from twelvelabs_provider.lineage import lineage_of

        try:
            return lineage_of(self._published, self._result)
        except ImportError:
            return None


def _listen() -> Sequence[Publication]:
    # Only a running task publishes; a DAG file does not need the catalog.
    from twelvelabs_provider.storage.catalog.writing import listen

    return listen()
