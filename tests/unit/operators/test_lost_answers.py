"""What an operator does when the answer to a billed request is lost: it looks, or it leaves it to a person."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.scripted_server import Lost, Reply, ScriptedServer, connection_text
from twelvelabs_provider.exceptions import TwelveLabsUnknownOutcomeError
from twelvelabs_provider.operators.extract import TwelveLabsExtractTextInVideoOperator
from twelvelabs_provider.operators.index import TwelveLabsCreateIndexOperator
from twelvelabs_provider.operators.video import TwelveLabsIndexVideoOperator

SAMPLE = Path(__file__).parents[2] / "data" / "sample.mp4"
INDEX = Reply({"_id": "i1", "index_name": "n", "models": []})
READY = Reply({"_id": "a1", "status": "ready"})


def context() -> Any:
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, max_tries=0)
    return {"ti": ti}


def index_video() -> TwelveLabsIndexVideoOperator:
    return TwelveLabsIndexVideoOperator(task_id="t", source=str(SAMPLE), index_id="i1")


@pytest.mark.parametrize("failure", [Lost(), Reply(status=502), Reply(b"<html>")], ids=["lost", "502", "garbled"])
def test_an_upload_that_is_billed_at_once_is_not_sent_again(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, failure: Any
) -> None:
    older = connection_text(server.origin, max_attempts=3, api_version="v1.2")
    monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", older)
    server.script += [INDEX, failure]
    with pytest.raises(TwelveLabsUnknownOutcomeError, match=r"look for sample\.mp4 in index i1"):
        index_video().execute(context())
    assert server.asked == ["GET /v1.2/indexes/i1", "POST /v1.2/tasks"]


def test_an_address_that_is_signed_anew_asks_for_the_same() -> None:
    def asked(source: str) -> tuple[Any, ...]:
        return TwelveLabsIndexVideoOperator(task_id="t", source=source, index_id="i1").asked()

    address = "https://bucket.example/clip.mp4?versionId=3&X-Amz-Date={}&X-Amz-Signature={}"
    assert asked(address.format("20260101", "aa")) == asked(address.format("20260102", "bb"))
    assert asked(address.format("20260101", "aa")) != asked(address.replace("Id=3", "Id=4").format("20260101", "aa"))


def test_an_indexing_that_was_begun_is_found(server: ScriptedServer) -> None:
    placed = Reply({"data": [{"_id": "x9", "index": {"_id": "other"}}, {"_id": "v1", "index": {"_id": "i1"}}]})
    nowhere = Reply({"data": []})
    server.script += [INDEX, Reply({"_id": "a1", "status": "processing"}), READY, nowhere, Lost(), placed]
    server.script += [Reply({"_id": "v1", "asset_id": "a1", "status": "ready"})]
    assert index_video().execute(context())["video_id"] == "v1"
    assert server.asked.count("POST /v1.3/indexes/i1/indexed-assets") == 1


def test_an_index_that_was_made_is_found_by_its_name(server: ScriptedServer) -> None:
    models = [{"model_name": "marengo3.0", "model_options": ["visual", "audio"]}]
    made = Reply({"data": [{"_id": "i7", "index_name": "films", "models": models}]})
    server.script += [Reply({"data": []}), Lost(), made]
    assert TwelveLabsCreateIndexOperator(task_id="t", index_name="films").execute(context()) == "i7"
    assert server.asked.count("POST /v1.3/indexes") == 1
    assert json.dumps(server.asked).count("GET") == 2


def test_an_analysis_that_failed_is_not_found_for_ever(server: ScriptedServer, tmp_path: Path) -> None:
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
    result = operator.execute(context())
    assert result["rows"] == 1
    assert json.loads(next(tmp_path.rglob("*.manifest.json")).read_text())["model"] == "pegasus9"
    keys = [sent.headers["idempotency-key"] for sent in server.requests if sent.method == "POST"]
    assert len(keys) == len(set(keys)) == 2
