"""Base class of the sensors for remote jobs."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import BaseOperator, BaseSensorOperator, PokeReturnValue

from twelvelabs_provider.api.errors import TwelveLabsError, TwelveLabsPermanentError
from twelvelabs_provider.exceptions import TwelveLabsUnreachableError, TwelveLabsWatchedJobFailedError
from twelvelabs_provider.hooks.connection_type import DEFAULT_CONN_ID
from twelvelabs_provider.jobs.durations import Duration, seconds_of
from twelvelabs_provider.jobs.job import NO_RESPONSE, JobRef, JobState, PendingJob, Phase
from twelvelabs_provider.jobs.polling import BACKSTOP, clock_text, deadline_from
from twelvelabs_provider.jobs.trigger_event import EventReason, JobEvent, unreachable
from twelvelabs_provider.links import TwelveLabsPlaygroundLink
from twelvelabs_provider.task import (
    COMMON_FIELDS,
    TwelveLabsTask,
    ends_without_worker,
    push_chained_fields,
)
from twelvelabs_provider.version_compat import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferralTimeout,
    conf,
)

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsJobSensor(TwelveLabsTask, BaseSensorOperator):
    """Base of the sensors. Waits until a job is ready, with the same outcome in poke, reschedule and deferrable mode.

    :param twelvelabs_conn_id: connection of type ``twelvelabs``.
    :param multiple_outputs: push each field of the result under its own name too. False pushes only the few fields
        that DAGs chain: ``chained_fields`` of the class names them.
    :param deferrable: wait in the triggerer, without a worker.
    :param end_in_triggerer: end a deferred sensor in the triggerer when the job is ready, without another worker. In
        the result ``status`` is None, as is everything that was unknown before the wait. Not for tasks with outlets,
        nor for tasks whose result another task expands over. A job that fails always resumes on a worker, which has the
        reason.
    :raises TwelveLabsWatchedJobFailedError: the job failed; a retry of the sensor cannot change that.
    :raises AirflowSensorTimeout: the job is not ready after ``timeout`` seconds.
    """

    template_fields: Sequence[str] = COMMON_FIELDS
    operator_extra_links = (TwelveLabsPlaygroundLink(),)
    ui_color = "#e6f1f2"
    chained_fields = ("video_id", "asset_id")

    # The result is known without another request.
    has_nothing_to_fetch: ClassVar[bool] = True

    def __init__(
        self,
        *,
        twelvelabs_conn_id: str = DEFAULT_CONN_ID,
        multiple_outputs: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        end_in_triggerer: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(multiple_outputs=multiple_outputs, **kwargs)
        self.twelvelabs_conn_id = twelvelabs_conn_id
        self.deferrable = deferrable
        self.end_in_triggerer = end_in_triggerer

    @staticmethod
    def _coerce_timeout(timeout: Duration | None) -> timedelta:
        if timeout is None:  # Airflow 3.1 does not read it as the default, 3.3 does
            timeout = conf.getfloat("sensors", "default_timeout")
        return timedelta(seconds=seconds_of("timeout", timeout, or_zero=True))

    @staticmethod
    def _coerce_poke_interval(poke_interval: Duration) -> timedelta:
        return timedelta(seconds=seconds_of("poke_interval", poke_interval, or_zero=True))

    @staticmethod
    def _coerce_max_wait(max_wait: Duration | None) -> timedelta | None:
        return None if max_wait is None else timedelta(seconds=seconds_of("max_wait", max_wait, or_zero=True))

    @abstractmethod
    def job(self) -> JobRef:
        """Return the job to wait for.

        :raises TwelveLabsInputError: the arguments name no job.
        """

    @abstractmethod
    def result(self, state: JobState) -> dict[str, Any]:
        """Return the result of a job that is ready."""

    def playground_page(self, state: JobState) -> str | None:
        """Return the playground's page for the job, if there is one."""
        return None

    def poke(self, context: Context) -> PokeReturnValue:
        """Poll the job once."""
        state = self._state()
        return PokeReturnValue(is_done=state.phase is Phase.READY, xcom_value=self._result(state))

    def execute(self, context: Context) -> Any:
        """Wait for the job. A job that is already ready never defers."""
        if self.deferrable:
            with self._failing_softly():
                result = self._deferred_or_done(context, self._deadline())
        else:
            result = super().execute(context)
        push_chained_fields(self, context, result)
        return result

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Poll the job after the trigger event, and wait again if it still runs before the deadline."""
        wake = JobEvent.from_payload(event)
        with self._failing_softly():
            if not (self.silent_fail and wake.reason is EventReason.UNREACHABLE):
                wake.raise_for_reason()
            return self._deferred_or_done(context, wake.pending.deadline)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after a deferral; after Airflow's own limit of a deferral the job is polled once more."""
        result = self._resumed(next_method, next_kwargs, context)
        push_chained_fields(self, context, result)
        return result

    def _resumed(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        # BaseSensorOperator skips here for errors that it does not skip for in the other modes.
        with self._failing_softly():
            try:
                return BaseOperator.resume_execution(self, next_method, next_kwargs, context)
            except TaskDeferralTimeout as error:
                self.log.warning("No trigger event before the deadline (is a triggerer running?), polling the job now")
                try:
                    return self._deferred_or_done(context, time.time())
                except (AirflowFailException, AirflowSensorTimeout):
                    raise
                except Exception:
                    raise AirflowSensorTimeout(*error.args) from error

    def _state(self) -> JobState:
        """Return the state of the job.

        :raises TwelveLabsWatchedJobFailedError: the job failed.
        """
        self.read_arguments()
        job = self.job()
        # The job may be old: an id that does not exist is wrong, not new.
        pending = PendingJob(job, begun_at=0, started_at=0, deadline=math.inf)
        with self.refusals_end_the_task():
            state = self.poll(pending)
            if self.mode == "reschedule" and not self.deferrable:
                state = self._outlast_refusal(pending, state)
        self.playground_url = self.playground_page(state) or self.playground_url
        if state.phase in (Phase.FAILED, Phase.CANCELED):
            raise TwelveLabsWatchedJobFailedError(state.failure_of(job))
        return state

    def _outlast_refusal(self, pending: PendingJob, state: JobState) -> JobState:
        """Poll again while the service refuses, because the next process does not know for how long it has refused."""
        until = time.time() + self.timeout
        outage = self._poller.outage
        while outage.refused_since is not None and time.time() < until:
            time.sleep(outage.pause(self.poke_interval))
            state = self.poll(pending)
        return state

    def _result(self, state: JobState) -> dict[str, Any]:
        try:
            return self.result(state)
        except TwelveLabsPermanentError:
            raise
        except TwelveLabsError as error:
            raise TwelveLabsUnreachableError(unreachable(self.job(), error)) from error

    def _deadline(self) -> float:
        return deadline_from(time.time(), self.timeout, self.execution_timeout)

    def _deferred_or_done(self, context: Context, deadline: float) -> Any:
        try:
            state = self._state()
            result = self._result(state)
        except (AirflowFailException, AirflowSkipException):
            raise
        except Exception:
            if not self.silent_fail:
                raise
            self.log.exception("The poll failed; silent_fail is set, so that the sensor waits on")
            state, result = JobState(Phase.RUNNING, NO_RESPONSE), {}
        if state.phase is Phase.READY:
            return result
        now = time.time()
        if now >= deadline:
            self._time_is_up(deadline)
        # An id that existed a moment ago and does not exist now is deleted, unless the job is new.
        started_at = min(now, state.created_at or now)
        pending = PendingJob(self.job(), now, started_at, deadline).as_read(state)
        self.log.info("Waiting for %s in the triggerer, until %s", pending.job, clock_text(deadline))
        from twelvelabs_provider.triggers.job import TwelveLabsJobTrigger

        self.defer(
            trigger=TwelveLabsJobTrigger(
                self.twelvelabs_conn_id,
                pending.as_json(),
                self.poke_interval,
                running_at=state.running_at(now),
                end_in_triggerer=self._ends_without_worker(context, result),
            ),
            method_name="execute_complete",
            timeout=deadline - now + BACKSTOP,
        )

    def _time_is_up(self, deadline: float) -> NoReturn:
        late = f"{self.job()} was not ready by {clock_text(deadline)}"
        if self.execution_timeout is not None and self.execution_timeout.total_seconds() < self.timeout:
            # As in Airflow when the sensor waits on the worker: this error is retried.
            raise AirflowTaskTimeout(f"{late}, the execution_timeout of the task")
        raise AirflowSensorTimeout(f"{late}, after {self.timeout:g} seconds")

    @contextmanager
    def _failing_softly(self) -> Iterator[None]:
        """Skip the task for the errors that BaseSensorOperator skips it for in the other modes.

        A timeout skips it with ``soft_fail`` only: ``never_fail`` is about errors of a poke.
        """
        try:
            yield
        except AirflowSkipException:
            raise
        except AirflowSensorTimeout as error:
            if self.soft_fail:
                raise AirflowSkipException(f"Skipped because soft_fail is set: {error}") from error
            raise
        except AirflowFailException as error:
            if self.soft_fail or self.never_fail:
                flag = "soft_fail" if self.soft_fail else "never_fail"
                raise AirflowSkipException(f"Skipped because {flag} is set: {error}") from error
            raise
        except Exception as error:
            if self.never_fail:
                raise AirflowSkipException(f"Skipped because never_fail is set: {error}") from error
            raise

    def _ends_without_worker(self, context: Context, known: dict[str, Any]) -> bool:
        if not self.end_in_triggerer:
            return False
        return ends_without_worker(self, context, {**known, "status": None} if self.has_nothing_to_fetch else None)
