"""Remote job of a task that is killed, times out, or ends without a worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import Asset

from tests.task_context import TaskStateStore, task_context
from tests.unit.scripted_server import Reply, ScriptedServer
from twelvelabs_provider.exceptions import TwelveLabsJobTimeoutError
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob
from twelvelabs_provider.operators.entity import TwelveLabsCreateEntityOperator
from twelvelabs_provider.operators.job import Result, TwelveLabsJobOperator
from twelvelabs_provider.sensors.batch import TwelveLabsAnalyzeBatchSensor
from twelvelabs_provider.sensors.indexing import TwelveLabsIndexingSensor
from twelvelabs_provider.version_compat import AirflowSensorTimeout, AirflowTaskTimeout, TaskDeferred

CANCEL = "POST /v1.3/analyze/tasks/t1/cancel"
RUNNING = Reply({"task_id": "t1", "status": "processing"})
READY = Reply({"task_id": "t1", "status": "ready"})
INDEXING = Reply({"_id": "v1", "status": "indexing", "system_metadata": {"duration": 300.0}})


Said = Callable[[], str]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Said:
    """Return a function that tells what was logged; Airflow's releases log in different ways."""
    return lambda: "".join((*capsys.readouterr(), caplog.text))


class Analysis(TwelveLabsJobOperator):
    """Waits for an analysis that it submitted."""

    kind = JobKind.ANALYSIS_TASK

    def submit(self, context: Any) -> PendingJob:
        return self.pending(context, JobRef(self.kind, "t1", "i1"))

    def complete(self, context: Any, pending: PendingJob, state: JobState) -> Result:
        return {"done": pending.job.id}

    def request_values(self) -> tuple[Any, ...]:
        return ("what",)


class Indexing(Analysis):
    """Waits for something that cannot be stopped."""

    kind = JobKind.INDEXED_ASSET


class Theirs(Analysis):
    """Waits for a job that another task submitted."""

    def owns(self, pending: PendingJob) -> bool:
        return False


def deferred_by(task: Any, where: Any) -> Any:
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(where)
    return deferred.value.trigger


def waiting(kind: type[Analysis], server: ScriptedServer, memory: TaskStateStore, **fields: Any) -> Analysis:
    """Return an operator that has just been deferred."""
    server.script.append(RUNNING if kind is not Indexing else INDEXING)
    operator = kind(task_id="t", deferrable=True, **fields)
    deferred_by(operator, task_context(memory))
    return operator


def test_killed_task_cancels_its_job_and_deletes_its_record(server: ScriptedServer) -> None:
    memory = TaskStateStore()
    operator = waiting(Analysis, server, memory)
    assert "twelvelabs_job" in memory
    server.script.append(Reply({}))
    operator.on_kill()
    assert server.asked[-1] == CANCEL
    assert "twelvelabs_job" not in memory, "a retry shall not attach to it"


@pytest.mark.parametrize(
    ("kind", "fields", "answers", "message"),
    [
        (Indexing, {}, [], "indexed asset t1 cannot be cancelled: it continues, and a retry attaches to it"),
        (Theirs, {}, [], "belongs to another task"),
        (Analysis, {"cancel_on_kill": False}, [], "continues, and a retry attaches to it"),
        (Analysis, {}, [Reply({"code": "generic_error", "message": "oops"}, status=500)], "could not be cancelled"),
        (Analysis, {}, [Reply({"code": "conflict", "message": "it is ready"}, status=409)], "has already ended"),
    ],
)
def test_job_that_is_not_cancelled_stays_recorded(
    server: ScriptedServer,
    said: Said,
    kind: type[Analysis],
    fields: dict[str, Any],
    answers: list[Reply],
    message: str,
) -> None:
    memory = TaskStateStore()
    operator = waiting(kind, server, memory, **fields)
    server.script += answers
    operator.on_kill()
    assert len(server.asked) == 1 + len(answers)
    assert "twelvelabs_job" in memory
    assert message in said()


class Reworded(Analysis):
    """Asks for something else."""

    def request_values(self) -> tuple[Any, ...]:
        return ("something else",)


@pytest.mark.parametrize(
    ("kind", "fields", "tries", "stopped"),
    [
        (Analysis, {}, {"max_tries": 1}, True),
        (Reworded, {}, {"max_tries": 1}, True),
        (Reworded, {}, {}, True),
        (Analysis, {"reuse": "never"}, {"try_number": 2}, True),
        (Analysis, {"cancel_on_kill": False}, {"max_tries": 1}, False),
        (Indexing, {}, {"max_tries": 1}, False),
        (Analysis, {"reuse": "always"}, {"max_tries": 1}, False),
        (Analysis, {}, {"try_number": 2}, False),
    ],
    ids=["clear", "clear, other question", "retry, other question", "never", "not to be cancelled", "indexing",
         "always", "retry"],
)  # fmt: skip
def test_attempt_that_submits_again_cancels_the_earlier_job(
    server: ScriptedServer, kind: type[Analysis], fields: dict[str, Any], tries: dict[str, Any], stopped: bool
) -> None:
    """No task fetches its result, and the triggerer may have missed the cancellation."""
    memory = TaskStateStore()
    waiting(Indexing if kind is Indexing else Analysis, server, memory)
    server.asked.clear()
    still = INDEXING if kind is Indexing else RUNNING
    attached = not stopped and (fields.get("reuse") == "always" or "try_number" in tries)
    server.script += [Reply({})] if stopped else [still] if attached else []
    server.script.append(still)
    deferred_by(kind(task_id="t", deferrable=True, **fields), task_context(memory, **tries))
    assert [asked for asked in server.asked if asked.startswith("POST")] == ([CANCEL] if stopped else [])


def test_retry_attaches_to_a_job_whose_status_read_fails(server: ScriptedServer) -> None:
    memory = TaskStateStore()
    waiting(Analysis, server, memory)
    server.script += [Reply({"code": "generic_error", "message": "oops"}, status=500), RUNNING]
    deferred_by(Analysis(task_id="t", deferrable=True), task_context(memory, try_number=2))
    assert len(server.asked) == 3
    assert "twelvelabs_job" in memory


def test_job_of_another_task_is_not_cancelled_by_a_clear(server: ScriptedServer) -> None:
    memory = TaskStateStore()
    waiting(Theirs, server, memory)
    server.script.append(RUNNING)
    deferred_by(Reworded(task_id="t", deferrable=True), task_context(memory, max_tries=1))
    assert CANCEL not in server.asked


def test_reused_job_is_not_cancelled_by_a_kill(server: ScriptedServer, said: Said) -> None:
    memory = TaskStateStore()
    operator = waiting(Analysis, server, memory, reuse="always")
    operator.on_kill()
    assert CANCEL not in server.asked
    assert "twelvelabs_job" in memory
    assert "continues, and a retry attaches to it" in said()
    server.script += [RUNNING, RUNNING]
    again = Analysis(task_id="t", deferrable=True, reuse="always")
    assert deferred_by(again, task_context(memory, max_tries=1)).cancel_on_kill is False


@pytest.mark.parametrize("cancel_on_timeout", [True, False])
def test_execution_timeout_cancels_with_cancel_on_timeout_only(server: ScriptedServer, cancel_on_timeout: bool) -> None:
    """Airflow calls on_kill for it as well."""
    operator = waiting(Analysis, server, TaskStateStore(), cancel_on_timeout=cancel_on_timeout)
    server.script.append(Reply({}))
    with pytest.raises(AirflowTaskTimeout):
        try:
            raise AirflowTaskTimeout
        except AirflowTaskTimeout:
            operator.on_kill()
            raise
    assert (CANCEL in server.asked) == cancel_on_timeout


@pytest.mark.parametrize("deferrable", [True, False])
def test_deadline_cancels_the_job_with_cancel_on_timeout(server: ScriptedServer, deferrable: bool) -> None:
    memory = TaskStateStore()
    operator = Analysis(task_id="t", deferrable=deferrable, timeout=1e-6, cancel_on_timeout=True)
    server.script += [RUNNING, Reply({})]
    with pytest.raises(TwelveLabsJobTimeoutError, match=r"still running at its deadline.*t1 was cancelled; a retry"):
        operator.execute(task_context(memory))
    assert server.asked[-1] == CANCEL
    assert "twelvelabs_job" not in memory


def test_deadline_error_names_a_job_that_cannot_be_cancelled(server: ScriptedServer) -> None:
    memory = TaskStateStore()
    server.script.append(INDEXING)
    with pytest.raises(
        TwelveLabsJobTimeoutError, match=r"deadline.*cannot be cancelled: it continues, and a retry attach"
    ):
        Indexing(task_id="t", timeout=1e-6, cancel_on_timeout=True).execute(task_context(memory))
    assert "twelvelabs_job" in memory


def late(operator: Analysis, where: Any) -> Any:
    """Resume a task as Airflow does when its own limit of a deferral has passed."""
    return operator.resume_execution("__fail__", {"error": "Trigger timeout"}, where)


def test_finished_job_is_completed_after_a_trigger_timeout(server: ScriptedServer) -> None:
    where = task_context(TaskStateStore())
    server.script.append(RUNNING)
    deferred_by(Analysis(task_id="t", deferrable=True), where)
    server.script.append(READY)
    assert late(Analysis(task_id="t", deferrable=True), where) == {"done": "t1"}


@pytest.mark.parametrize("cancel_on_timeout", [True, False])
def test_trigger_timeout_after_the_deadline_is_a_job_timeout(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, cancel_on_timeout: bool
) -> None:
    where = task_context(TaskStateStore())
    server.script.append(RUNNING)
    deferred_by(Analysis(task_id="t", deferrable=True, timeout=60), where)
    later = time.time() + 600
    monkeypatch.setattr("twelvelabs_provider.operators.job.time.time", lambda: later)
    server.script += [RUNNING, Reply({})]
    message = "t1 was cancelled" if cancel_on_timeout else "a retry attaches to it"
    with pytest.raises(TwelveLabsJobTimeoutError, match=message):
        late(Analysis(task_id="t", deferrable=True, cancel_on_timeout=cancel_on_timeout), where)
    assert (CANCEL in server.asked) == cancel_on_timeout


def test_trigger_timeout_without_state_store_and_start_date() -> None:
    where = task_context()
    where["ti"].start_date = None
    with pytest.raises(TwelveLabsJobTimeoutError, match="is a triggerer running"):
        late(Analysis(task_id="t", deferrable=True), where)


@pytest.mark.parametrize(
    ("kind", "fields", "cancels"),
    [(Analysis, {}, True), (Analysis, {"cancel_on_kill": False}, False), (Theirs, {}, False)],
)
def test_trigger_cancels_only_own_jobs_with_cancel_on_kill(
    server: ScriptedServer, kind: type[Analysis], fields: dict[str, Any], cancels: bool
) -> None:
    server.script.append(RUNNING)
    assert deferred_by(kind(task_id="t", deferrable=True, **fields), task_context()).cancel_on_kill is cancels


def entity(server: ScriptedServer, **fields: Any) -> TwelveLabsCreateEntityOperator:
    """Return an operator whose entity is on its way."""
    made = {"_id": "e1", "name": "Ada", "asset_ids": ["a1"], "status": "processing"}
    server.script += [Reply({"data": [], "page_info": {"total_page": 1}}), Reply(made, status=201), Reply(made)]
    return TwelveLabsCreateEntityOperator(
        task_id="t", entity_collection_id="c1", entity_name="Ada", asset_ids=["a1"], deferrable=True, **fields
    )


def test_operator_with_nothing_to_fetch_pushes_its_result_and_ends(server: ScriptedServer) -> None:
    where = task_context()
    assert deferred_by(entity(server, end_in_triggerer=True), where).end_in_triggerer
    pushed = where["ti"].pushed
    result = {"entity_collection_id": "c1", "entity_id": "e1", "entity_name": "Ada", "status": None, "asset_count": 1}
    assert pushed == {"return_value": result, "entity_id": "e1"}


@pytest.mark.parametrize("fields", [{"multiple_outputs": True}, {"do_xcom_push": False}], ids=str)
def test_end_in_triggerer_obeys_multiple_outputs_and_do_xcom_push(
    server: ScriptedServer, fields: dict[str, Any]
) -> None:
    where = task_context()
    assert deferred_by(entity(server, end_in_triggerer=True, **fields), where).end_in_triggerer
    names = {"entity_collection_id", "entity_id", "entity_name", "status", "asset_count", "return_value"}
    assert set(where["ti"].pushed) == (names if "multiple_outputs" in fields else set())


def test_task_with_outlets_is_resumed(server: ScriptedServer, said: Said) -> None:
    where = task_context()
    operator = entity(server, end_in_triggerer=True, outlets=[Asset("library")])
    assert not deferred_by(operator, where).end_in_triggerer
    assert where["ti"].pushed == {}
    assert "outlets" in said()


def test_operator_that_fetches_its_result_is_resumed(server: ScriptedServer) -> None:
    where = task_context()
    server.script.append(RUNNING)
    assert not deferred_by(Analysis(task_id="t", deferrable=True, end_in_triggerer=True), where).end_in_triggerer
    assert where["ti"].pushed == {}


def test_sensor_pushes_its_result_and_ends_in_the_triggerer(server: ScriptedServer) -> None:
    where = task_context()
    server.script.append(INDEXING)
    sensor = TwelveLabsIndexingSensor(
        task_id="s", index_id="i1", video_id="v1", deferrable=True, end_in_triggerer=True, timeout=60
    )
    trigger = deferred_by(sensor, where)
    assert trigger.end_in_triggerer
    assert not trigger.cancel_on_kill, "it is another task's job"
    assert where["ti"].pushed["return_value"] == {
        "index_id": "i1", "video_id": "v1", "duration": 300.0, "status": None,
    }  # fmt: skip


def test_sensor_that_fetches_its_result_is_resumed(server: ScriptedServer) -> None:
    where = task_context()
    states = ("total", "queued", "processing", "ready", "failed", "canceled")
    counts = {f"{state}_items": 1 for state in states}
    server.script.append(Reply({"batch_id": "b1", "status": "processing", **counts}))
    sensor = TwelveLabsAnalyzeBatchSensor(task_id="s", batch_id="b1", deferrable=True, end_in_triggerer=True)
    assert not deferred_by(sensor, where).end_in_triggerer
    assert where["ti"].pushed == {}


def test_sensor_trigger_timeout_is_a_sensor_timeout() -> None:
    sensor = TwelveLabsIndexingSensor(task_id="s", index_id="i1", video_id="v1", deferrable=True)
    with pytest.raises(AirflowSensorTimeout):
        sensor.resume_execution("__fail__", {"error": "Trigger timeout"}, task_context())


def test_execution_timeout_limits_the_deadline_of_a_deferred_wait(server: ScriptedServer) -> None:
    server.script.append(RUNNING)
    trigger = deferred_by(
        Analysis(task_id="t", deferrable=True, execution_timeout=timedelta(seconds=90)), task_context()
    )
    assert trigger.pending["deadline"] - trigger.pending["begun_at"] == pytest.approx(90)
