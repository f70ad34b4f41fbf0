"""One way to wait for a job that somebody else started, whatever its kind."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseSensorOperator, PokeReturnValue

from twelvelabs_provider.exceptions import TwelveLabsWatchedJobFailedError
from twelvelabs_provider.hooks.connection import DEFAULT_CONN_ID
from twelvelabs_provider.jobs.durations import Duration, seconds_of
from twelvelabs_provider.jobs.job import JobRef, JobState, PendingJob, Phase
from twelvelabs_provider.jobs.waiting import BACKSTOP, clock_text, deadline_from
from twelvelabs_provider.jobs.wake import Wake
from twelvelabs_provider.links import TwelveLabsPlaygroundLink
from twelvelabs_provider.task import COMMON_FIELDS, TwelveLabsTask, ends_without_worker, refusals_end_the_task
from twelvelabs_provider.triggers.job import TwelveLabsJobTrigger
from twelvelabs_provider.version_compat import AirflowSensorTimeout, conf

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsJobSensor(TwelveLabsTask, BaseSensorOperator):
    """Base of the sensors: waits until a job is ready; the same outcome in poke, reschedule and deferrable mode.

    :param twelvelabs_conn_id: connection of type ``twelvelabs``.
    :param multiple_outputs: push each field of the result under its own name too: ``task.output["status"]``.
    :param deferrable: wait in the triggerer, without a worker.
    :param end_in_triggerer: end a deferred sensor without another worker when the job is ready; ``status`` is then
        None, and so is what was not known before the wait. Not for tasks with outlets, nor for tasks whose result
        another one expands over; a job that fails wakes a worker all the same, which says why.
    :raises TwelveLabsWatchedJobFailedError: if the job failed; a retry of the sensor cannot change that.
    :raises AirflowSensorTimeout: if it is not ready after ``timeout`` seconds.
    """

    template_fields: Sequence[str] = COMMON_FIELDS
    operator_extra_links = (TwelveLabsPlaygroundLink(),)
    ui_color = "#e6f1f2"

    # The result is known without another look at the service.
    has_nothing_to_fetch: ClassVar[bool] = True

    def __init__(
        self,
        *,
        twelvelabs_conn_id: str = DEFAULT_CONN_ID,
        multiple_outputs: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        end_in_triggerer: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(multiple_outputs=multiple_outputs, **kwargs)
        self.twelvelabs_conn_id = twelvelabs_conn_id
        self.deferrable = deferrable
        self.end_in_triggerer = end_in_triggerer

    @staticmethod
    def _coerce_timeout(timeout: Duration) -> timedelta:
        return timedelta(seconds=seconds_of("timeout", timeout, or_zero=True))

    @staticmethod
    def _coerce_poke_interval(poke_interval: Duration) -> timedelta:
        return timedelta(seconds=seconds_of("poke_interval", poke_interval, or_zero=True))

    @staticmethod
    def _coerce_max_wait(max_wait: Duration | None) -> timedelta | None:
        return None if max_wait is None else timedelta(seconds=seconds_of("max_wait", max_wait, or_zero=True))

    @abstractmethod
    def job(self) -> JobRef:
        """Return which job is waited for.

        :raises TwelveLabsInputError: if the arguments name none.
        """

    @abstractmethod
    def result(self, state: JobState) -> dict[str, Any]:
        """Return the small result for a job that is ready."""

    def describe(self, state: JobState) -> str | None:
        """Return the playground's page for the job, if there is one."""
        return None

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        self.read_arguments()
        job = self.job()
        with refusals_end_the_task():
            # Begun long ago, as far as this task can know: an id that is not there is wrong, not new.
            state = self.look(PendingJob(job, begun_at=0, started_at=0, deadline=math.inf))
        self.playground_url = self.describe(state) or self.playground_url
        if state.phase in (Phase.FAILED, Phase.CANCELED):
            raise TwelveLabsWatchedJobFailedError(state.told_of(job))
        return PokeReturnValue(is_done=state.phase is Phase.READY, xcom_value=self.result(state))

    def execute(self, context: Context) -> Any:
        """Wait; a job that is ready already is never deferred."""
        if not self.deferrable:
            return super().execute(context)
        looked = self.poke(context)
        if looked.is_done:
            return looked.xcom_value
        now = time.time()
        pending = PendingJob(self.job(), now, now, deadline_from(now, self.timeout, self.execution_timeout))
        self.log.info("waiting for %s without a worker until %s", pending.job, clock_text(pending.deadline))
        trigger = TwelveLabsJobTrigger(
            self.twelvelabs_conn_id,
            pending.as_json(),
            self.poke_interval,
            running_at=now,
            end_in_triggerer=self._ends_without_worker(context, looked.xcom_value or {}),
        )
        self.defer(
            trigger=trigger,
            method_name="execute_complete",
            timeout=pending.deadline - now + BACKSTOP,
        )

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Wake up from the triggerer; the state is read afresh, the event only says that it is time."""
        wake = Wake.from_payload(event)
        wake.must_be_answered()
        looked = self.poke(context)
        if not looked.is_done:
            raise AirflowSensorTimeout(f"{wake.pending.job} was not ready after {self.timeout:g} seconds")
        return looked.xcom_value

    def _ends_without_worker(self, context: Context, known: dict[str, Any]) -> bool:
        if not self.end_in_triggerer:
            return False
        return ends_without_worker(self, context, {**known, "status": None} if self.has_nothing_to_fetch else None)
