"""The sensor for indexing that was started elsewhere."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue

from twelvelabs_provider.exceptions import (
    TwelveLabsInputError,
    TwelveLabsWatchedJobFailedError,
)
from twelvelabs_provider.hooks.connection import DEFAULT_CONN_ID
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob, Phase
from twelvelabs_provider.jobs.waiting import BACKSTOP, clock_text, deadline_from
from twelvelabs_provider.jobs.wake import Wake
from twelvelabs_provider.links import TwelveLabsPlaygroundLink, index_url, video_url
from twelvelabs_provider.task import COMMON_FIELDS, TwelveLabsTask, refusals_end_the_task
from twelvelabs_provider.triggers.job import TwelveLabsJobTrigger
from twelvelabs_provider.version_compat import AirflowSensorTimeout, conf

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsIndexingSensor(TwelveLabsTask, BaseSensorOperator):
    """Waits until a video is indexed; the same outcome in poke, reschedule and deferrable mode.

    Say which by ``indexing_task_id`` (what ``POST /tasks`` answered, every generation) or by ``index_id`` and
    ``video_id`` (an indexed asset, v1.3).

    Service pages: https://docs.twelvelabs.io/api-reference/tasks/retrieve and
    https://docs.twelvelabs.io/api-reference/indexed-assets/retrieve

    :param indexing_task_id: the indexing task (templated).
    :param index_id: the index of the video (templated).
    :param video_id: the video, which is the indexed asset (templated).
    :param deferrable: wait in the triggerer, without a worker.
    :return: ``index_id``, ``video_id``, ``duration`` in seconds, ``status``.
    :raises TwelveLabsWatchedJobFailedError: if the indexing failed; a retry of the sensor cannot change that.
    :raises AirflowSensorTimeout: if it is not ready after ``timeout`` seconds.
    """

    template_fields = (*COMMON_FIELDS, "indexing_task_id", "index_id", "video_id")
    operator_extra_links = (TwelveLabsPlaygroundLink(),)
    ui_color = "#e6f1f2"

    def __init__(
        self,
        *,
        indexing_task_id: str | None = None,
        index_id: str | None = None,
        video_id: str | None = None,
        twelvelabs_conn_id: str = DEFAULT_CONN_ID,
        multiple_outputs: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(multiple_outputs=multiple_outputs, **kwargs)
        self.indexing_task_id = indexing_task_id
        self.index_id = index_id
        self.video_id = video_id
        self.twelvelabs_conn_id = twelvelabs_conn_id
        self.deferrable = deferrable

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        job = self._job()
        with refusals_end_the_task():
            # Begun long ago, as far as this task can know: an id that is not there is wrong, not new.
            state = self.look(PendingJob(job, begun_at=0, started_at=0, deadline=math.inf))
        self._link(state)
        return PokeReturnValue(is_done=self._is_ready(job, state), xcom_value=self._result(state))

    def execute(self, context: Context) -> Any:
        """Wait; a job that is ready already is never deferred."""
        if not self.deferrable:
            return super().execute(context)
        looked = self.poke(context)
        if looked.is_done:
            return looked.xcom_value
        now = time.time()
        pending = PendingJob(self._job(), now, now, deadline_from(now, self.timeout, self.execution_timeout))
        self.log.info("waiting for %s without a worker until %s", pending.job, clock_text(pending.deadline))
        self.defer(
            trigger=TwelveLabsJobTrigger(self.twelvelabs_conn_id, pending.as_json(), self.poke_interval),
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

    def _job(self) -> JobRef:
        if self.indexing_task_id:
            return JobRef(JobKind.INDEXING_TASK, self.indexing_task_id)
        if self.index_id and self.video_id:
            return JobRef(JobKind.INDEXED_ASSET, self.video_id, self.index_id)
        raise TwelveLabsInputError(
            "nothing to wait for: give indexing_task_id, or index_id and video_id (got"
            f" {self.indexing_task_id!r}, {self.index_id!r}, {self.video_id!r})"
        )

    def _is_ready(self, job: JobRef, state: JobState) -> bool:
        if state.phase in (Phase.FAILED, Phase.CANCELED):
            raise TwelveLabsWatchedJobFailedError(state.told_of(job))
        return state.phase is Phase.READY

    def _link(self, state: JobState) -> None:
        index_id = self.index_id or state.index_id
        if index_id:
            self.playground_url = video_url(index_id, state.video_id) if state.video_id else index_url(index_id)

    def _result(self, state: JobState) -> dict[str, Any]:
        return {
            "index_id": self.index_id or state.index_id,
            "video_id": state.video_id,
            "duration": state.duration,
            "status": state.status,
        }
