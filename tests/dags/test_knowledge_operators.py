"""Knowledge store operators: items billed once, waits in every mode, searches and answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Library
from tests.dags.conftest import Account, Connect, Faults, billed, load_dag, read_rows
from tests.engine.client import Api
from tests.engine.knowledge import FilledStore, filled_store
from tests.engine.videos import make_video
from tests.task_context import TaskStateStore, task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsRefusedError, TwelveLabsUnknownOutcomeError
from twelvelabs_provider.operators.knowledge_ask import TwelveLabsAskKnowledgeStoreOperator
from twelvelabs_provider.operators.knowledge_search import TwelveLabsSearchKnowledgeStoreOperator
from twelvelabs_provider.operators.knowledge_store import (
    TwelveLabsCreateKnowledgeStoreItemOperator,
    TwelveLabsCreateKnowledgeStoreOperator,
    TwelveLabsDeleteKnowledgeStoreOperator,
)
from twelvelabs_provider.sensors.knowledge_store import TwelveLabsKnowledgeStoreItemSensor

if TYPE_CHECKING:
    from tests.engine_process import Engine

pytestmark = pytest.mark.engine

UNKNOWN = "665000000000000000000abc"


@pytest.fixture(scope="module")
def searchable_store(engine: Engine, library: Library, clip: Path) -> FilledStore:
    """The sample, which speaks, and the silent clip."""
    api = Api(engine)
    return filled_store(api, "dag searchable", [library.asset_id, api.asset(clip)])


@pytest.fixture
def store_id(connect: Connect, request: pytest.FixtureRequest) -> str:
    """A store of this test's own."""
    return create_store(request.node.name)


def create_store(name: str, **fields: Any) -> str:
    operator = TwelveLabsCreateKnowledgeStoreOperator(task_id="t", store_name=name, **fields)
    return str(operator.execute(task_context()))


def item(store_id: str, asset_id: str, **fields: Any) -> TwelveLabsCreateKnowledgeStoreItemOperator:
    usual = {"poll_interval": 0.2}
    return TwelveLabsCreateKnowledgeStoreItemOperator(
        task_id="t", knowledge_store_id=store_id, asset_id=asset_id, **{**usual, **fields}
    )


@pytest.fixture
def new_asset_id(engine: Engine, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A video without a cached extraction in the engine."""
    return Api(engine).asset(make_video(tmp_path / "unseen.mp4", (request.node.name[-20:], "SPRING"), seconds=8))


def test_store_is_created_once_per_name(connect: Connect, account: Account) -> None:
    schema = {"type": "object", "properties": {"who": {"type": "string", "description": "who is seen"}}}
    first = create_store("dag films", enrichment_schema=json.dumps(schema), metadata='{"team": "blue"}')
    assert create_store("dag films") == first
    made = account.get(f"/v1.3/knowledge-stores/{first}")
    assert made["ingestion_config"] == {"enrichment_config": {"type": "json_schema", "json_schema": schema}}
    assert made["metadata"] == {"team": "blue"}
    with pytest.raises(TwelveLabsInputError, match=first):
        create_store("dag films", if_exists="fail")
    for _ in range(2):
        TwelveLabsDeleteKnowledgeStoreOperator(task_id="t", knowledge_store_id=first).execute(task_context())
    assert create_store("dag films", enrichment_description="faces") != first


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"metadata": {"a": 1}}, r"metadata\['a'\]"),
        ({"enrichment_schema": {"type": "object"}, "enrichment_description": "faces"}, "one of them"),
        ({"if_exists": "overwrite"}, "overwrite"),
    ],
)
def test_invalid_store_is_refused(connect: Connect, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(TwelveLabsInputError, match=said):
        create_store("never made", **fields)


@pytest.mark.parametrize("deferrable", [True, False])
def test_asset_is_added_and_billed_once(store_id: str, new_asset_id: str, account: Account, deferrable: bool) -> None:
    before = billed(account, "knowledge_store_ingestion")
    operator = item(store_id, new_asset_id, deferrable=deferrable, metadata='{"shot": "1"}')
    made, deferrals = run_to_end(operator, task_context(TaskStateStore()))
    assert (deferrals > 0) is deferrable
    assert (made["status"], made["duration"], made["asset_id"]) == ("ready", 8.0, new_asset_id)
    again, _ = run_to_end(item(store_id, new_asset_id), task_context())
    assert again == made
    assert billed(account, "knowledge_store_ingestion") == before + 1
    with pytest.raises(TwelveLabsInputError, match=made["item_id"]):
        run_to_end(item(store_id, new_asset_id, if_exists="fail"), task_context())


def test_sensor_waits_for_an_item(store_id: str, new_asset_id: str) -> None:
    left, _ = run_to_end(item(store_id, new_asset_id, wait_for_completion=False), task_context())
    assert left["status"] is None
    where = {"knowledge_store_id": store_id, "item_id": left["item_id"]}
    expected = {**where, "duration": 8.0, "status": "ready"}
    for mode in ({"deferrable": True}, {"mode": "reschedule"}, {}):
        sensor = TwelveLabsKnowledgeStoreItemSensor(task_id="t", poke_interval=0.2, **where, **mode)
        assert run_to_end(sensor, task_context())[0] == expected


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"asset_type": "audio"}, "'audio'"),
        ({"metadata": {"a": 1}}, r"metadata\['a'\]"),
        ({"asset_id": ""}, "asset_id"),
    ],
)
def test_invalid_item_is_refused(store_id: str, account: Account, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(TwelveLabsInputError, match=said):
        run_to_end(item(store_id, **{"asset_id": "a", **fields}), task_context())
    assert account.get(f"/v1.3/knowledge-stores/{store_id}")["item_count"] == 0


def test_refusal_of_the_service_fails_the_task(store_id: str) -> None:
    with pytest.raises(TwelveLabsRefusedError, match=UNKNOWN):
        run_to_end(item(store_id, UNKNOWN), task_context())


def search(searchable_store: FilledStore, **fields: Any) -> dict[str, Any]:
    operator = TwelveLabsSearchKnowledgeStoreOperator(
        task_id="t", knowledge_store_id=searchable_store.store_id, **{"query": "summer winter", **fields}
    )
    result: dict[str, Any] = operator.execute(task_context())
    return result


def test_search_publishes_its_matches(connect: Connect, searchable_store: FilledStore, tmp_path: Path) -> None:
    result = search(searchable_store, output_path=str(tmp_path), formats=["jsonl", "parquet"])
    assert (result["results"], result["rows"], set(result["files"])) == (2, 2, {"jsonl", "parquet"})
    clip = searchable_store.item_ids[1]
    assert {(row["item_id"], row["start"], row["end"]) for row in result["top"]} == {(clip, 0.0, 3.0), (clip, 3.0, 6.0)}
    rows = read_rows(Path(result["manifest"].removeprefix("file://")))
    assert [row["modalities"] for row in rows] == [["visual"], ["visual"]]
    said = search(searchable_store, query="doctor", modalities='["audio"]', max_results="1")
    assert [row["item_id"] for row in said["top"]] == [searchable_store.item_ids[0]]
    assert search(searchable_store, item_ids=searchable_store.item_ids[0])["results"] == 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"modalities": "smell"}, "'smell'"),
        ({"asset_types": ["audio"]}, "'audio'"),
        ({"max_results": 0}, "max_results"),
        ({"query": "  "}, "query"),
        ({"output_path": "out", "formats": ["srt"]}, "srt"),
    ],
)
def test_invalid_search_is_refused(
    connect: Connect, searchable_store: FilledStore, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(TwelveLabsInputError, match=said):
        search(searchable_store, **fields)


def ask(searchable_store: FilledStore, **fields: Any) -> dict[str, Any]:
    operator = TwelveLabsAskKnowledgeStoreOperator(
        task_id="t", knowledge_store_id=searchable_store.store_id, **{"question": "When is it summer?", **fields}
    )
    result: dict[str, Any] = operator.execute(task_context())
    return result


def test_answer_is_logged_and_published_with_its_sources(
    connect: Connect, searchable_store: FilledStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = ask(searchable_store, output_path=str(tmp_path))
    assert "SUMMER 2031" in result["answer"]
    heard = capsys.readouterr().out
    assert all(line in heard for line in result["answer"].splitlines())
    assert result["citations"] == 1
    (document,) = (path for path in tmp_path.rglob("response/*.json") if "manifest" not in path.name)
    kept = json.loads(document.read_text())
    assert kept["answer"] == result["answer"]
    assert [(cited["item_id"], cited["start"], cited["end"]) for cited in kept["citations"]] == [
        (searchable_store.item_ids[1], 3.0, 6.0)
    ]
    manifest = json.loads(Path(result["manifest"].removeprefix("file://")).read_text())
    assert manifest["model"] == "twelvelabs-local-extractive"
    again = ask(searchable_store, question="And what is it about?", session_id=result["session_id"])
    assert again["session_id"] == result["session_id"]
    assert "SUMMER 2031" in again["answer"]


def test_answer_follows_the_json_schema(connect: Connect, searchable_store: FilledStore) -> None:
    schema = {"type": "object", "properties": {"lines": {"type": "array", "items": {"type": "string"}}}}
    result = ask(searchable_store, answer_schema=json.dumps(schema), item_ids=[searchable_store.item_ids[1]])
    assert json.loads(result["answer"]) == {"lines": ["SUMMER 2031"]}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"question": ""}, "question"),
        ({"question": "x" * 10_001}, "10,001 characters"),
        ({"answer_schema": "["}, "answer_schema"),
    ],
)
def test_invalid_question_is_refused(
    connect: Connect, searchable_store: FilledStore, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(TwelveLabsInputError, match=said):
        ask(searchable_store, **fields)


@pytest.mark.parametrize("end", ["clean", "broken"])
def test_truncated_answer_is_saved_and_not_billed_again(
    connect: Connect, searchable_store: FilledStore, account: Account, tmp_path: Path, faults: Faults, end: str
) -> None:
    before = billed(account, "response")
    faults("/responses", "cut_stream", times=None, records=5, half_record=True, end=end)
    with pytest.raises(TwelveLabsUnknownOutcomeError, match=r"characters of the answer had arrived.*clear the task"):
        ask(searchable_store, output_path=str(tmp_path))
    (kept,) = tmp_path.rglob("incomplete_response/*.txt")
    assert kept.read_text().startswith("Quoted word for word")
    assert "[1]" not in kept.read_text()
    assert billed(account, "response") == before + 1


def test_item_is_billed_once_after_a_lost_response(
    store_id: str, new_asset_id: str, account: Account, faults: Faults
) -> None:
    before = billed(account, "knowledge_store_ingestion")
    faults("/knowledge-stores/*/items", times=None)
    made, _ = run_to_end(item(store_id, new_asset_id), task_context())
    assert made["status"] == "ready"
    assert account.get(f"/v1.3/knowledge-stores/{store_id}")["item_count"] == 1
    assert billed(account, "knowledge_store_ingestion") == before + 1


def test_older_generations_name_the_nearest_alternative(connect: Connect) -> None:
    connect("v1.1")
    with pytest.raises(TwelveLabsRefusedError, match="search the index"):
        create_store("never made")
    with pytest.raises(TwelveLabsRefusedError, match="text generation"):
        TwelveLabsAskKnowledgeStoreOperator(task_id="t", knowledge_store_id="ks", question="Who?").execute(
            task_context()
        )


DAG = """
import pendulum
from airflow.sdk import DAG
from twelvelabs_provider.operators.knowledge_ask import TwelveLabsAskKnowledgeStoreOperator
from twelvelabs_provider.operators.knowledge_search import TwelveLabsSearchKnowledgeStoreOperator
from twelvelabs_provider.operators.knowledge_store import (
    TwelveLabsCreateKnowledgeStoreItemOperator, TwelveLabsCreateKnowledgeStoreOperator
)

with DAG("corpus", start_date=pendulum.datetime(2026, 1, 1), schedule=None, params={"asset": "", "output": ""}):
    store = TwelveLabsCreateKnowledgeStoreOperator(task_id="store", store_name="of {{ run_id }}")
    item = TwelveLabsCreateKnowledgeStoreItemOperator(
        task_id="item",
        knowledge_store_id=store.output,
        asset_id="{{ params.asset }}",
        metadata="{{ dict(run=run_id) | tojson }}",
        poll_interval=0.5,
        deferrable=True,
    )
    found = TwelveLabsSearchKnowledgeStoreOperator(
        task_id="found", knowledge_store_id=store.output, query="summer", output_path="{{ params.output }}"
    )
    asked = TwelveLabsAskKnowledgeStoreOperator(
        task_id="asked",
        knowledge_store_id=store.output,
        question="When is it summer?",
        item_ids="{{ ti.xcom_pull(task_ids='item')['item_id'] }}",
        output_path="{{ params.output }}",
    )
    item >> [found, asked]
"""


@pytest.mark.usefixtures("airflow_database")
def test_dag_fills_and_queries_a_knowledge_store(
    connect: Connect, engine: Engine, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path))
    file = tmp_path / "corpus.py"
    file.write_text(DAG)
    conf = {"asset": Api(engine).asset(clip), "output": str(tmp_path / "out")}
    dag_run = load_dag("corpus", file).test(run_conf=conf)
    assert str(dag_run.state) == "success"
    manifests = {path.parent.name: path for path in (tmp_path / "out").rglob("*.manifest.json")}
    assert [(row["start"], row["end"]) for row in read_rows(manifests["search"])] == [(3.0, 6.0)]
    facts = json.loads(manifests["response"].read_text())
    assert facts["provenance"]["task_id"] == "asked"
    assert facts["options"]["question"] == "When is it summer?"
