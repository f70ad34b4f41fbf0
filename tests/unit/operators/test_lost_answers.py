"""Lost responses to billed requests: the job is found again, or the outcome is unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.task_context import TaskStateStore, task_context
from tests.unit.scripted_server import Lost, Reply, ScriptedServer, connection_text
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsTransientError
from twelvelabs_provider.exceptions import TwelveLabsUnknownOutcomeError
from twelvelabs_provider.operators.extract import TwelveLabsExtractTextInVideoOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.operators.indexes import TwelveLabsCreateIndexOperator

SAMPLE = Path(__file__).parents[2] / "data" / "sample.mp4"
INDEX = Reply({"_id": "i1", "index_name": "n", "models": []})
READY = Reply({"_id": "a1", "status": "ready"})


def index_video() -> TwelveLabsIndexVideoOperator:
    return TwelveLabsIndexVideoOperator(task_id="t", source=str(SAMPLE), index_id="i1")


FAILURES = [Lost(), Reply(status=502), Reply(b"<html>")]
NAMES = ["lost", "502", "garbled"]
NOTHING = Reply({"data": []})


def task(task_id: str, **fields: Any) -> dict[str, Any]:
    metadata = {"filename": fields.pop("filename", "sample.mp4"), "duration": fields.pop("duration", 37.2)}
    return {"_id": task_id, "index_id": "i1", "status": "indexing", "metadata": metadata, **fields}


def tasks(*those: dict[str, Any]) -> Reply:
    return Reply({"data": list(those)})


def begin(memory: TaskStateStore | None = None) -> Any:
    """Submit with the older generation; return the job, or raise."""
    operator = index_video()
    return operator.submit(task_context() | {"task_state_store": memory})


@pytest.fixture
def older(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    text = connection_text(server.origin, max_attempts=3, api_version="v1.2")
    monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", text)
    return server


@pytest.mark.parametrize("failure", FAILURES, ids=NAMES)
def test_without_a_state_store_a_lost_billed_upload_is_not_sent_again(older: ScriptedServer, failure: Any) -> None:
    older.script += [INDEX, NOTHING, NOTHING, failure, NOTHING]
    with pytest.raises(TwelveLabsUnknownOutcomeError, match=r"Look for sample\.mp4 in index i1"):
        index_video().execute(task_context())
    assert older.asked.count("POST /v1.2/tasks") == 1


@pytest.mark.parametrize("failure", FAILURES, ids=NAMES)
def test_indexing_task_is_found_after_a_lost_response(older: ScriptedServer, failure: Any) -> None:
    before, others = (
        task("t0"),
        [task("t2", filename="other.mp4"), task("t3", duration=12), task("t4", status="failed")],
    )
    older.script += [INDEX, NOTHING, tasks(before), failure, tasks(*others, task("t1"), before)]
    pending = begin()
    assert (pending.job.id, pending.memo["found"]) == ("t1", True)
    assert older.asked.count("POST /v1.2/tasks") == 1


def test_retry_searches_again_and_submits_if_no_task_was_created(older: ScriptedServer) -> None:
    memory = TaskStateStore()
    older.script += [INDEX, NOTHING, NOTHING, Lost(), NOTHING]
    with pytest.raises(TwelveLabsTransientError, match="A retry searches again"):
        begin(memory)
    assert memory["twelvelabs_job"]["phase"] == "intent"
    older.script += [INDEX, NOTHING, NOTHING, NOTHING, Reply({"_id": "t1"})]
    assert begin(memory).job.id == "t1"


def test_retry_attaches_to_a_task_that_appears_late(older: ScriptedServer) -> None:
    memory = TaskStateStore()
    older.script += [INDEX, NOTHING, tasks(task("t0")), Lost(), Reply(status=503), Reply(status=503), Reply(status=503)]
    with pytest.raises(TwelveLabsTransientError, match="cannot be searched now"):
        begin(memory)
    older.script[:] = [INDEX, NOTHING, tasks(task("t1"), task("t0"))]
    assert begin(memory).job.id == "t1"
    assert older.asked.count("POST /v1.2/tasks") == 1


@pytest.mark.parametrize("name", ["sample.mp4", None])
def test_several_matching_tasks_make_the_outcome_unknown(older: ScriptedServer, name: str | None) -> None:
    older.script += [INDEX, NOTHING, NOTHING, Lost(), tasks(task("t1"), task("t2", filename=name, duration=None))]
    with pytest.raises(TwelveLabsUnknownOutcomeError, match=r"2 indexing tasks.*\(t1, t2\).*clear the task"):
        begin(TaskStateStore())


def test_refused_upload_leaves_no_intent(older: ScriptedServer) -> None:
    memory = TaskStateStore()
    older.script += [INDEX, NOTHING, NOTHING, Reply({"code": "parameter_invalid", "message": "no"}, status=400)]
    with pytest.raises(TwelveLabsBadRequestError):
        begin(memory)
    assert "twelvelabs_job" not in memory


@pytest.mark.parametrize(
    ("metadata", "fits"),
    [
        ({"size": 324_072}, True),
        ({"size": 5}, False),
        ({}, True),
        ({"airflow_source": "source-of-another"}, False),
    ],
    ids=["the same size", "another size", "no size", "another's mark"],
)
def test_task_found_by_file_name_is_compared_by_size_and_mark(
    older: ScriptedServer, metadata: dict[str, Any], fits: bool
) -> None:
    found = Reply(task("t1", status="ready", video_id="v1"))
    video = Reply({"_id": "v1", "metadata": {"filename": "sample.mp4", **metadata}})
    older.script += [INDEX, NOTHING, NOTHING, Lost(), tasks(task("t1")), found, video, Reply(status=204)]
    if fits:
        assert index_video().execute(task_context())["video_id"] == "v1"
        assert older.requests[-1].json["metadata"]["airflow_source"].startswith("source-")
    else:
        with pytest.raises(TwelveLabsUnknownOutcomeError, match="of another file"):
            index_video().execute(task_context())


def test_url_with_a_new_signature_is_the_same_request() -> None:
    def asked(source: str) -> tuple[Any, ...]:
        return TwelveLabsIndexVideoOperator(task_id="t", source=source, index_id="i1").request_values()

    address = "https://bucket.example/clip.mp4?versionId=3&X-Amz-Date={}&X-Amz-Signature={}"
    assert asked(address.format("20260101", "aa")) == asked(address.format("20260102", "bb"))
    assert asked(address.format("20260101", "aa")) != asked(address.replace("Id=3", "Id=4").format("20260101", "aa"))


def test_indexed_asset_is_found_after_a_lost_response(server: ScriptedServer) -> None:
    placed = Reply({"data": [{"_id": "x9", "index": {"_id": "other"}}, {"_id": "v1", "index": {"_id": "i1"}}]})
    nowhere = Reply({"data": []})
    server.script += [INDEX, nowhere, nowhere]
    server.script += [Reply({"_id": "a1", "status": "processing"}), READY, nowhere, Lost(), placed]
    server.script += [Reply({"_id": "v1", "asset_id": "a1", "status": "ready"})]
    assert index_video().execute(task_context())["video_id"] == "v1"
    assert server.asked.count("POST /v1.3/indexes/i1/indexed-assets") == 1


def test_index_is_found_by_name_after_a_lost_response(server: ScriptedServer) -> None:
    models = [{"model_name": "marengo3.0", "model_options": ["visual", "audio"]}]
    made = Reply({"data": [{"_id": "i7", "index_name": "films", "models": models}]})
    server.script += [Reply({"data": []}), Lost(), made]
    assert TwelveLabsCreateIndexOperator(task_id="t", index_name="films").execute(task_context()) == "i7"
    assert server.asked.count("POST /v1.3/indexes") == 1
    assert json.dumps(server.asked).count("GET") == 2


def test_failed_analysis_is_submitted_again_with_a_new_key(server: ScriptedServer, tmp_path: Path) -> None:
    """Its idempotency key would answer with the failed task again and again."""
    video = Reply({"_id": "v1", "asset_id": "a1"})
    row = {"start_time": 1, "end_time": 2, "metadata": {"text": "SALE"}}
    answer = {"data": json.dumps({"onscreen_text": [row]}), "finish_reason": "stop", "model_name": "pegasus9"}
    ready = Reply({"task_id": "t2", "status": "ready", "result": answer})
    server.script += [
        video,
        Reply({"task_id": "t1", "status": "pending"}),
        Reply({"task_id": "t1", "status": "failed"}),
    ]
    server.script += [Reply({"task_id": "t2", "status": "pending"}), ready, ready, video, ready]
    operator = TwelveLabsExtractTextInVideoOperator(
        task_id="t", index_id="i1", video_id="v1", output_path=str(tmp_path), formats=["jsonl"]
    )
    result = operator.execute(task_context())
    assert result["rows"] == 1
    assert json.loads(next(tmp_path.rglob("*.manifest.json")).read_text())["model"] == "pegasus9"
    keys = [sent.headers["idempotency-key"] for sent in server.requests if sent.method == "POST"]
    assert len(keys) == len(set(keys)) == 2
