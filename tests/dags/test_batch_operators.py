"""Batch operator: batches of limited size, billed once, one row per video."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import Connect, Faults, load_dag, read_rows, rows_of
from tests.dags.test_waiting import MODES
from tests.engine.client import Api
from tests.engine.suspended_worker import suspended_worker
from tests.task_context import TaskStateStore, pushed, task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.exceptions import (
    TwelveLabsInputError,
    TwelveLabsJobTimeoutError,
    TwelveLabsPartialFailureError,
    TwelveLabsRefusedError,
    TwelveLabsWatchedJobFailedError,
)
from twelvelabs_provider.jobs import batch_submission
from twelvelabs_provider.operators.batch import TwelveLabsAnalyzeBatchOperator
from twelvelabs_provider.sensors.batch import TwelveLabsAnalyzeBatchSensor
from twelvelabs_provider.version_compat import TaskDeferred

if TYPE_CHECKING:
    from tests.conftest import Library
    from tests.engine_process import Engine

pytestmark = pytest.mark.engine

NOWHERE = "0" * 24
PROMPT = "Which words are shown?"


@pytest.fixture(autouse=True)
def in_pairs(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a batch take two items at most, so that a few items make many batches."""
    monkeypatch.setattr(batch_submission, "MOST_ITEMS", 2)


@pytest.fixture
def api(engine: Engine) -> Api:
    return Api(engine)


def analyse(items: Any, output: Path, **fields: Any) -> TwelveLabsAnalyzeBatchOperator:
    usual = {"prompt": PROMPT, "deferrable": False, "poll_interval": 0.2}
    return TwelveLabsAnalyzeBatchOperator(task_id="t", items=items, output_path=str(output), **{**usual, **fields})


def woken(items: Any, output: Path, deferred: TaskDeferred) -> Any:
    """Return an operator as a new process has it when the trigger has fired."""
    operator = analyse(items, output, deferrable=True)
    event = asyncio.run(anext(deferred.trigger.run()))
    return SimpleNamespace(
        execute=lambda context: operator.execute_complete(context, event.payload),
        execute_complete=operator.execute_complete,
    )


def batches(api: Api) -> int:
    return int(api.get("/analyze/batches")["page_info"]["total_results"])


def run_id(request: pytest.FixtureRequest) -> str:
    return str(request.node.nodeid)


@pytest.mark.parametrize("deferrable", [True, False])
def test_more_items_than_the_active_batch_limit(
    deferrable: bool, api: Api, library: Library, tmp_path: Path, request: pytest.FixtureRequest, engine: Engine
) -> None:
    items: list[Any] = [library.asset_id] * 12
    items.append({"asset_id": library.asset_id, "custom_id": "last", "prompt": "What is said?", "max_tokens": 600})
    before, context = batches(api), task_context(TaskStateStore(), run_id=run_id(request))
    operator: Any = analyse(items, tmp_path, deferrable=deferrable)
    if deferrable:
        with suspended_worker(engine), pytest.raises(TaskDeferred) as deferred:
            operator.execute(context)
        assert batches(api) == before + 5
        operator = woken(items, tmp_path, deferred.value)
    result, _ = run_to_end(operator, context)
    assert (result["items"], result["ready"], result["failed"], result["batches"]) == (13, 13, 0, 7)
    assert batches(api) == before + 7 and len(set(result["batch_ids"])) == 7
    rows = rows_of(result)
    assert [row["item"] for row in rows] == list(range(13))
    assert [row["custom_id"] for row in rows] == [None] * 12 + ["last"]
    assert all(row["status"] == "ready" and row["data"] and row["finish_reason"] == "stop" for row in rows)
    assert rows[-1]["output_tokens"]
    task = api.get(f"/analyze/tasks/{rows[-1]['task_id']}")
    assert task["custom_id"].endswith("-12-12-last") and task["request_params"]["max_tokens"] == 600
    manifest = json.loads(Path(result["manifest"].removeprefix("file://")).read_text())
    assert manifest["items"] == {"ready": 13} and manifest["batch_ids"] == result["batch_ids"]
    assert len(json.dumps(result)) < 2000


def test_items_of_a_file(library: Library, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    named = [{"asset_id": library.asset_id, "custom_id": name} for name in ("row-1", "row-2", "row-3", "row-4")]
    lines = [json.dumps(library.asset_id), "", *map(json.dumps, named)]
    file = tmp_path / "items.jsonl"
    file.write_text("\n".join(lines))
    context = task_context(TaskStateStore(), run_id=run_id(request))
    result, _ = run_to_end(analyse(str(file), tmp_path / "out", deferrable=True), context)
    assert [row["custom_id"] for row in rows_of(result)] == [None, "row-1", "row-2", "row-3", "row-4"]
    assert result["batches"] == 3


def test_batch_is_found_after_a_lost_response_and_billed_once(
    api: Api, library: Library, tmp_path: Path, faults: Faults, request: pytest.FixtureRequest
) -> None:
    before = batches(api)
    faults("/analyze/batches", "lose_answer", after=1)
    result, _ = run_to_end(analyse([library.asset_id] * 4, tmp_path), task_context(run_id=run_id(request)))
    assert (result["ready"], batches(api)) == (4, before + 2)


@pytest.mark.parametrize("action", ["cut_body", "garbage"])
def test_batch_is_found_after_an_unreadable_response(
    action: str, api: Api, library: Library, tmp_path: Path, faults: Faults, request: pytest.FixtureRequest
) -> None:
    before = batches(api)
    faults("/analyze/batches", action)
    operator, memory = analyse([library.asset_id], tmp_path), TaskStateStore()
    if action == "garbage":
        # nothing was made: the next try looks again, and only then sends
        with pytest.raises(Exception, match="not JSON"):
            operator.execute(task_context(memory, run_id=run_id(request)))
        assert batches(api) == before
    result, _ = run_to_end(analyse([library.asset_id], tmp_path), task_context(memory, run_id=run_id(request)))
    assert (result["ready"], batches(api)) == (1, before + 1)


def test_retry_finds_the_batch_of_a_worker_that_died_before_the_response(
    api: Api, library: Library, tmp_path: Path, faults: Faults, request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    before, memory = batches(api), TaskStateStore()
    context = task_context(memory, run_id=run_id(request))
    faults("/analyze/batches", "lose_answer")
    with monkeypatch.context() as dead:
        dead.setattr(
            batch_submission.BatchSubmission, "_found_after", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            analyse([library.asset_id] * 3, tmp_path).execute(context)
    assert memory["twelvelabs_job"]["memo"]["plan"][0][4] == "sending"
    result, _ = run_to_end(analyse([library.asset_id] * 3, tmp_path), context)
    assert (result["ready"], batches(api)) == (3, before + 2)


def test_retry_sends_a_request_that_never_arrived(
    api: Api, library: Library, tmp_path: Path, faults: Faults, request: pytest.FixtureRequest
) -> None:
    before, context = batches(api), task_context(TaskStateStore(), run_id=run_id(request))
    faults("/analyze/batches", "reset")
    with pytest.raises(TwelveLabsError, match="response was lost"):
        analyse([library.asset_id], tmp_path).execute(context)
    assert batches(api) == before
    result, _ = run_to_end(analyse([library.asset_id], tmp_path), context)
    assert (result["ready"], batches(api)) == (1, before + 1)


def test_retry_without_a_state_store_finds_its_batches(
    api: Api, library: Library, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    before, context = batches(api), task_context(run_id=run_id(request))
    first, _ = run_to_end(analyse([library.asset_id] * 3, tmp_path), context)
    context["ti"].try_number = 2
    second, _ = run_to_end(analyse([library.asset_id] * 3, tmp_path), context)
    assert second == first and batches(api) == before + 2


def test_retry_attaches_and_clear_submits_again(
    api: Api, library: Library, tmp_path: Path, request: pytest.FixtureRequest, engine: Engine
) -> None:
    before, memory = batches(api), TaskStateStore()
    with suspended_worker(engine), pytest.raises(TwelveLabsJobTimeoutError, match="a retry attaches"):
        run_to_end(analyse([library.asset_id] * 3, tmp_path, timeout=0.3), task_context(memory, run_id=run_id(request)))
    result, _ = run_to_end(analyse([library.asset_id] * 3, tmp_path), task_context(memory, run_id=run_id(request)))
    assert (result["ready"], batches(api)) == (3, before + 2)
    cleared = task_context(memory, run_id=run_id(request), max_tries=5)
    run_to_end(analyse([library.asset_id] * 3, tmp_path), cleared)
    assert batches(api) == before + 2, "the published result is reused"
    run_to_end(analyse([library.asset_id] * 3, tmp_path, if_published="replace"), cleared)
    assert batches(api) == before + 4


def test_refused_large_batch_is_split(
    api: Api, library: Library, tmp_path: Path, faults: Faults, request: pytest.FixtureRequest
) -> None:
    before = batches(api)
    faults("/analyze/batches", "status", status=504)
    file = tmp_path / "items.jsonl"
    file.write_text("".join(f'"{library.asset_id}"\n' for _ in range(3)))
    result, _ = run_to_end(analyse(str(file), tmp_path / "out"), task_context(run_id=run_id(request)))
    assert (result["ready"], result["batches"], batches(api)) == (3, 3, before + 3)


def test_batch_is_sent_again_after_a_503(
    api: Api, library: Library, tmp_path: Path, faults: Faults, request: pytest.FixtureRequest
) -> None:
    before = batches(api)
    faults("/analyze/batches", "status", status=503)
    result, _ = run_to_end(analyse([library.asset_id] * 2, tmp_path), task_context(run_id=run_id(request)))
    assert (result["ready"], result["batches"], batches(api)) == (2, 1, before + 1)


def test_truncated_results_are_read_again(
    api: Api, library: Library, tmp_path: Path, faults: Faults, request: pytest.FixtureRequest
) -> None:
    faults("/analyze/batches/*/results", "cut_stream", method="GET", records=1, half_record=True)
    result, _ = run_to_end(analyse([library.asset_id] * 2, tmp_path), task_context(run_id=run_id(request)))
    assert [row["item"] for row in rows_of(result)] == [0, 1]


@pytest.mark.parametrize("strict", [True, False])
def test_failed_items_have_rows(
    strict: bool, api: Api, library: Library, tmp_path: Path, clip: Path, request: pytest.FixtureRequest, engine: Engine
) -> None:
    gone = api.asset(clip)
    context = task_context(TaskStateStore(), run_id=run_id(request))
    items = [{"asset_id": gone, "custom_id": "gone"}, library.asset_id]
    with suspended_worker(engine):
        with pytest.raises(TaskDeferred):
            analyse(items, tmp_path, deferrable=True).execute(context)
        api.expect(204, "DELETE", f"/assets/{gone}", params={"force": "true"})
    operator = analyse(items, tmp_path, fail_on_partial_error=strict)
    if strict:
        with pytest.raises(TwelveLabsPartialFailureError, match=r"1 of 2 items have no result.*manifest"):
            run_to_end(operator, context)
        result = pushed(context)
    else:
        result, _ = run_to_end(operator, context)
    assert (result["ready"], result["failed"]) == (1, 1)
    bad, good = read_rows(Path(result["manifest"].removeprefix("file://")))
    assert (bad["custom_id"], bad["status"], bad["error_code"]) == ("gone", "failed", "asset_unavailable")
    assert bad["data"] is None and bad["error_message"] and good["status"] == "ready"


def test_batch_waits_for_an_asset_that_is_not_ready(
    api: Api, tmp_path: Path, clip: Path, request: pytest.FixtureRequest, engine: Engine
) -> None:
    with suspended_worker(engine):
        asset_id = api.upload(clip)["_id"]
        with pytest.raises(TwelveLabsInputError, match=f"asset {asset_id} is processing"):
            analyse([asset_id], tmp_path, if_not_ready="fail").execute(task_context())
        operator, context = analyse([asset_id], tmp_path, deferrable=True), task_context(run_id=run_id(request))
        with pytest.raises(TaskDeferred) as deferred:
            operator.execute(context)
        assert deferred.value.trigger.pending["job"] == {"kind": "asset", "id": asset_id, "index_id": None}
    result, _ = run_to_end(operator, context)
    assert result["ready"] == 1


def test_batch_waits_while_other_tasks_fill_the_limit(
    api: Api, library: Library, tmp_path: Path, request: pytest.FixtureRequest, engine: Engine
) -> None:
    video = {"video": {"type": "asset_id", "asset_id": library.asset_id}}
    theirs = {"model_name": "pegasus1.5", "analysis_mode": "general", "defaults": {"prompt": {"input_text": PROMPT}}}
    operator, context = analyse([library.asset_id], tmp_path, deferrable=True), task_context(run_id=run_id(request))
    with suspended_worker(engine):
        made = [
            api.expect(201, "POST", "/analyze/batches", json={**theirs, "requests": [video]})["batch_id"]
            for _ in range(5)
        ]
        with pytest.raises(TaskDeferred) as deferred:
            operator.execute(context)
        assert deferred.value.trigger.pending["job"]["id"] == made[0]
        operator.on_kill()
        assert api.get(f"/analyze/batches/{made[0]}")["status"] == "pending", "it is not ours to cancel"
    result, _ = run_to_end(operator, context)
    assert result["ready"] == 1


def test_killed_task_cancels_its_batches(
    api: Api, library: Library, tmp_path: Path, request: pytest.FixtureRequest, engine: Engine
) -> None:
    with suspended_worker(engine):
        operator = analyse([library.asset_id] * 3, tmp_path, deferrable=True)
        context = task_context(TaskStateStore(), run_id=run_id(request))
        with pytest.raises(TaskDeferred):
            operator.execute(context)
        operator.on_kill()
        newest = api.get("/analyze/batches")["data"][:2]
        assert [batch["status"] for batch in newest] == ["canceled", "canceled"]
        operator.on_kill()
        before = batches(api)
    result, _ = run_to_end(analyse([library.asset_id] * 3, tmp_path), context)
    assert (result["ready"], batches(api)) == (3, before + 2), "a retry submits the items that were never started"


@pytest.mark.parametrize("how", MODES, ids=str)
def test_sensor_waits_for_a_batch_submitted_without_waiting(
    how: dict[str, Any], library: Library, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    operator = analyse([library.asset_id] * 2, tmp_path, wait_for_completion=False)
    result = operator.execute(task_context(run_id=run_id(request)))
    assert result["batch_ids"] == [result["job_id"]] and (result["items"], result["batches"]) == (2, 1)
    sensor = TwelveLabsAnalyzeBatchSensor(task_id="s", batch_id=result["job_id"], poke_interval=0.2, **how)
    outcome, _ = run_to_end(sensor, task_context())
    assert outcome == {
        "batch_id": result["job_id"], "status": "completed", "items": 2, "ready": 2, "failed": 0, "canceled": 0,
    }  # fmt: skip


def test_sensor_fails_with_a_cancelled_batch(
    api: Api, library: Library, tmp_path: Path, request: pytest.FixtureRequest, engine: Engine
) -> None:
    with suspended_worker(engine):
        operator = analyse([library.asset_id], tmp_path, wait_for_completion=False)
        batch_id = operator.execute(task_context(run_id=run_id(request)))["job_id"]
        api.expect(202, "POST", f"/analyze/batches/{batch_id}/cancel")
    sensor = TwelveLabsAnalyzeBatchSensor(task_id="s", batch_id=batch_id)
    with pytest.raises(TwelveLabsWatchedJobFailedError, match="1 of 1 items were canceled"):
        sensor.execute(task_context())
    with pytest.raises(TwelveLabsInputError, match="nothing to wait for"):
        TwelveLabsAnalyzeBatchSensor(task_id="s", batch_id="None").execute(task_context())


@pytest.mark.parametrize(
    ("items", "fields", "said"),
    [
        ([], {}, "nothing to analyze"),
        ("", {}, "empty"),
        ("[1", {}, "not a JSON list"),
        ({"asset_id": NOWHERE}, {}, "must be a list"),
        ([7], {}, r"items\[0\]=7"),
        ([{"asset": NOWHERE}], {}, "no field 'asset'"),
        ([{"custom_id": "a"}], {}, "asset_id=None"),
        ([NOWHERE], {}, f"there is no asset {NOWHERE}"),
        ([{"asset_id": NOWHERE, "custom_id": "a b"}], {}, r"items\[0\] \(a b\): custom_id"),
        ([{"asset_id": NOWHERE, "custom_id": "a"}] * 2, {}, "same batch"),
        ([{"asset_id": NOWHERE, "temperature": 3}], {}, r"items\[0\]: temperature"),
        ([{"asset_id": NOWHERE, "temperature": "hot"}], {}, "must be a number"),
        ([{"asset_id": NOWHERE, "max_tokens": 0}], {}, r"items\[0\]: max_tokens"),
        ([{"asset_id": NOWHERE, "start": 5, "end": 4}], {}, r"items\[0\]"),
        (
            [{"asset_id": NOWHERE, "min_segment_duration": 9, "max_segment_duration": 3}],
            {},
            r"items\[0\]: max_segment_duration",
        ),
        ([NOWHERE], {"prompt": None}, r"items\[0\]: prompt"),
        ([NOWHERE], {"analysis_mode": "often"}, "analysis_mode='often'"),
        ([NOWHERE], {"model_name": "pegasus1.2"}, "pegasus1.5"),
        ([NOWHERE], {"response_format": "{"}, "response_format"),
        ([NOWHERE], {"response_format": {"type": "json_schema", "json_schema": {"oneOf": []}}}, "oneOf"),
        ([NOWHERE], {"formats": ["srt"]}, "srt"),
        ([NOWHERE], {"if_not_ready": "maybe"}, "if_not_ready='maybe'"),
        ([NOWHERE], {"start": 5, "end": 2}, "must be after start=5"),
        ("https://example.com/items.jsonl", {}, "is a URL"),
        ("/nowhere/items.jsonl", {}, "does not exist"),
    ],
)
def test_invalid_arguments_are_refused_before_any_request(
    items: Any, fields: dict[str, Any], said: str, api: Api, tmp_path: Path
) -> None:
    before = batches(api)
    with pytest.raises(TwelveLabsInputError, match=said):
        analyse(items, tmp_path, **fields).execute(task_context())
    assert batches(api) == before


@pytest.mark.parametrize("fields", [{"temperature": 3}, {"analysis_mode": "time_based_metadata"}])
def test_service_refuses_an_invalid_batch_without_billing(
    fields: dict[str, Any], api: Api, library: Library, tmp_path: Path
) -> None:
    before = batches(api)
    with pytest.raises(TwelveLabsRefusedError, match="HTTP 400"):
        analyse([library.asset_id], tmp_path, **fields).execute(task_context())
    assert batches(api) == before


def test_invalid_line_of_an_item_file_is_named(library: Library, tmp_path: Path, api: Api) -> None:
    before, file = batches(api), tmp_path / "items.jsonl"
    file.write_text(f'"{library.asset_id}"\nnonsense\n')
    with pytest.raises(TwelveLabsInputError, match=r"items\[1\] of file://.* is not JSON"):
        analyse(str(file), tmp_path / "out").execute(task_context())
    assert batches(api) == before


DAG = """
import pendulum
from airflow.sdk import DAG, task
from twelvelabs_provider.operators.batch import TwelveLabsAnalyzeBatchOperator
from twelvelabs_provider.sensors.batch import TwelveLabsAnalyzeBatchSensor

with DAG("many_videos", start_date=pendulum.datetime(2026, 1, 1), schedule=None, params={"output": ""}):

    @task
    def videos():
        return [{"asset_id": "ASSET", "custom_id": f"row-{number}"} for number in range(3)]

    analysed = TwelveLabsAnalyzeBatchOperator(
        task_id="analyse",
        items=videos(),
        prompt="Which words are shown in run {{ run_id }}?",
        output_path="{{ params.output }}",
        poll_interval=0.5,
        deferrable=True,
    )
    looked = TwelveLabsAnalyzeBatchSensor(
        task_id="look", batch_id="{{ ti.xcom_pull(task_ids='analyse')['batch_ids'][0] }}"
    )
    analysed >> looked
"""


@pytest.mark.usefixtures("airflow_database")
def test_dag_analyzes_many_videos_in_one_batch(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path))
    file = tmp_path / "many_videos.py"
    file.write_text(DAG.replace("ASSET", library.asset_id))
    dag_run = load_dag("many_videos", file).test(run_conf={"output": str(tmp_path / "out")})
    assert str(dag_run.state) == "success"
    (manifest,) = (tmp_path / "out").glob("batches/*.manifest.json")
    assert [row["custom_id"] for row in read_rows(manifest)] == ["row-0", "row-1", "row-2"]
    facts = json.loads(manifest.read_text())
    assert facts["options"]["prompt"]["input_text"].endswith(f"in run {dag_run.run_id}?")
    assert facts["provenance"]["task_id"] == "analyse"
