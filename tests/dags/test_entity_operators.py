"""Entities from a DAG: created once per name, waited for in each mode, reported one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import Account, Connect, load_dag, read_rows
from tests.engine.client import Api, until
from tests.engine.images import delayed_image
from tests.task_context import TaskStateStore, pushed, task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.exceptions import (
    TwelveLabsInputError,
    TwelveLabsJobFailedError,
    TwelveLabsJobTimeoutError,
    TwelveLabsRefusedError,
)
from twelvelabs_provider.operators.entities import TwelveLabsCreateEntitiesOperator
from twelvelabs_provider.operators.entity import (
    TwelveLabsCreateEntityCollectionOperator,
    TwelveLabsCreateEntityOperator,
    TwelveLabsDeleteEntityCollectionOperator,
    TwelveLabsDeleteEntityOperator,
)
from twelvelabs_provider.sensors.entity import TwelveLabsEntitySensor
from twelvelabs_provider.version_compat import TaskDeferred

if TYPE_CHECKING:
    from tests.engine_process import Engine

pytestmark = pytest.mark.engine

UNKNOWN = "665000000000000000000abc"


@pytest.fixture
def collection_id(connect: Connect, request: pytest.FixtureRequest) -> str:
    """A collection of this test's own."""
    return create_collection(request.node.name)


@pytest.fixture
def late(engine: Engine, tmp_path: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """An image that is on its way, and the function that lets it arrive."""
    with delayed_image(tmp_path / "late.png") as (link, let_go):
        form = {"method": (None, "url"), "url": (None, link)}
        yield Api(engine).expect(201, "POST", "/assets", files=form)["_id"], let_go


def create_collection(name: str, **fields: Any) -> str:
    operator = TwelveLabsCreateEntityCollectionOperator(task_id="t", collection_name=name, **fields)
    return str(operator.execute(task_context()))


def entity(collection_id: str, **fields: Any) -> TwelveLabsCreateEntityOperator:
    usual = {"entity_name": "Ann", "poll_interval": 0.2}
    return TwelveLabsCreateEntityOperator(task_id="t", entity_collection_id=collection_id, **{**usual, **fields})


def entities_in(account: Account, collection_id: str) -> list[dict[str, Any]]:
    """Return the entities of a collection by name."""
    path = f"/v1.3/entity-collections/{collection_id}/entities"
    listed: list[dict[str, Any]] = account.get(path, page_limit=50, sort_by="name", sort_option="asc")["data"]
    return listed


def test_collection_is_created_once_per_name(connect: Connect, account: Account) -> None:
    first = create_collection("dag people", description="all")
    assert create_collection("dag people") == first
    with pytest.raises(TwelveLabsInputError, match=f"'dag people' already exists as {first}"):
        create_collection("dag people", if_exists="fail")
    assert account.get("/v1.3/entity-collections", name="dag people")["page_info"]["total_results"] == 1
    for _ in range(2):
        TwelveLabsDeleteEntityCollectionOperator(task_id="t", entity_collection_id=first).execute(task_context())
    assert account.get("/v1.3/entity-collections", name="dag people")["page_info"]["total_results"] == 0


def test_entity_is_created_once_per_name(collection_id: str, portraits: list[str], account: Account) -> None:
    fields = {"asset_ids": str(portraits[:1]).replace("'", '"'), "metadata": '{"age": 33}', "description": "sings"}
    made, _ = run_to_end(entity(collection_id, **fields), task_context())
    assert made["entity_collection_id"] == collection_id
    assert (made["entity_name"], made["status"], made["asset_count"]) == ("Ann", "ready", 1)
    again, deferrals = run_to_end(entity(collection_id, asset_ids=portraits[0], deferrable=True), task_context())
    assert (again, deferrals) == (made, 0)
    (there,) = entities_in(account, collection_id)
    assert (there["_id"], there["metadata"], there["description"]) == (made["entity_id"], {"age": 33}, "sings")


def test_entity_with_missing_images_is_refused_or_updated(
    collection_id: str, portraits: list[str], account: Account
) -> None:
    made, _ = run_to_end(entity(collection_id, asset_ids=portraits[:1], metadata={"a": 1}), task_context())
    with pytest.raises(TwelveLabsInputError, match=f"lacks the assets {portraits[1]}.*update"):
        run_to_end(entity(collection_id, asset_ids=portraits), task_context())
    with pytest.raises(TwelveLabsInputError, match="if_exists='fail'"):
        run_to_end(entity(collection_id, asset_ids=portraits[:1], if_exists="fail"), task_context())
    changed = entity(collection_id, asset_ids=portraits, description="new", if_exists="update")
    updated, _ = run_to_end(changed, task_context())
    assert (updated["entity_id"], updated["asset_count"], updated["status"]) == (made["entity_id"], 2, "ready")
    (there,) = entities_in(account, collection_id)
    assert (there["asset_ids"], there["description"], there["metadata"]) == (portraits, "new", {"a": 1})


def test_deferred_task_waits_for_an_entity(collection_id: str, late: tuple[str, Callable[[], None]]) -> None:
    asset_id, let_go = late
    memory = TaskStateStore()
    first = entity(collection_id, asset_ids=[asset_id], deferrable=True)
    with pytest.raises(TaskDeferred):
        first.execute(task_context(memory))
    let_go()
    result, _ = run_to_end(entity(collection_id, asset_ids=[asset_id], deferrable=True), task_context(memory))
    assert result["status"] == "ready"


def test_worker_waits_for_an_entity(collection_id: str, late: tuple[str, Callable[[], None]], account: Account) -> None:
    asset_id, let_go = late

    def release() -> None:
        until(lambda: entities_in(account, collection_id))
        let_go()

    thread = threading.Thread(target=release)
    thread.start()
    result, deferrals = run_to_end(entity(collection_id, asset_ids=[asset_id]), task_context())
    thread.join()
    assert (result["status"], deferrals) == ("ready", 0)


def test_sensor_waits_for_an_entity(collection_id: str, late: tuple[str, Callable[[], None]]) -> None:
    asset_id, let_go = late
    left, _ = run_to_end(entity(collection_id, asset_ids=[asset_id], wait_for_completion=False), task_context())
    assert left["status"] is None
    where = {"entity_collection_id": collection_id, "entity_id": left["entity_id"]}
    waiting = TwelveLabsEntitySensor(task_id="t", deferrable=True, poke_interval=0.2, timeout=60, **where)
    with pytest.raises(TaskDeferred):
        waiting.execute(task_context())
    let_go()
    result, _ = run_to_end(waiting, task_context())
    assert result == {**where, "status": "ready"}
    poked = TwelveLabsEntitySensor(task_id="t", poke_interval=0.2, **where)
    assert run_to_end(poked, task_context())[0] == result


def test_entity_that_is_never_ready_times_out(collection_id: str, late: tuple[str, Callable[[], None]]) -> None:
    with pytest.raises(TwelveLabsJobTimeoutError, match="entity"):
        run_to_end(entity(collection_id, asset_ids=[late[0]], timeout=0.5), task_context())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"asset_ids": "[]"}, "at least one image"),
        ({"asset_ids": "[a"}, "asset_ids"),
        ({"asset_ids": ["a"], "metadata": {"a": []}}, r"metadata\['a'\]"),
        ({"asset_ids": ["a"], "metadata": "x"}, "metadata"),
        ({"asset_ids": ["a"], "entity_name": ""}, "entity_name"),
        ({"asset_ids": ["a"], "if_exists": "overwrite"}, "overwrite"),
    ],
)
def test_invalid_arguments_are_refused(collection_id: str, account: Account, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(TwelveLabsInputError, match=said):
        run_to_end(entity(collection_id, **fields), task_context())
    assert entities_in(account, collection_id) == []


def test_refusal_of_the_service_fails_the_task(collection_id: str) -> None:
    with pytest.raises(TwelveLabsRefusedError, match=UNKNOWN):
        run_to_end(entity(collection_id, asset_ids=UNKNOWN), task_context())


def test_older_generations_name_the_nearest_alternative(connect: Connect) -> None:
    connect("v1.2")
    with pytest.raises(TwelveLabsRefusedError, match="in the search text"):
        create_collection("people")


def test_deleting_an_entity_is_idempotent(collection_id: str, portraits: list[str], account: Account) -> None:
    made, _ = run_to_end(entity(collection_id, asset_ids=portraits), task_context())
    delete = TwelveLabsDeleteEntityOperator(
        task_id="t", entity_collection_id=collection_id, entity_id=made["entity_id"]
    )
    for _ in range(2):
        delete.execute(task_context())
    assert entities_in(account, collection_id) == []


def bulk(collection_id: str, entities: Any, **fields: Any) -> TwelveLabsCreateEntitiesOperator:
    usual = {"poll_interval": 0.2, "formats": ["jsonl"]}
    return TwelveLabsCreateEntitiesOperator(
        task_id="t", entity_collection_id=collection_id, entities=entities, **{**usual, **fields}
    )


def test_bulk_creation_has_one_row_per_entity(
    collection_id: str, portraits: list[str], account: Account, tmp_path: Path
) -> None:
    run_to_end(entity(collection_id, asset_ids=portraits[:1]), task_context())
    wanted = [
        {"name": "Bob", "asset_ids": portraits[1:], "metadata": {"age": 3}},
        {"name": "Nobody", "asset_ids": [UNKNOWN]},
        {"name": "Ann", "asset_ids": portraits[:1]},
    ]
    context = task_context()
    with pytest.raises(TwelveLabsJobFailedError, match="1 of 3 entities were refused: Nobody"):
        run_to_end(bulk(collection_id, wanted, output_path=str(tmp_path)), context)
    assert pushed(context)["refused"] == 1 and pushed(context)["manifest"]
    result, _ = run_to_end(
        bulk(collection_id, wanted, output_path=str(tmp_path), fail_on_partial_error=False), task_context()
    )
    assert (result["created"], result["existed"], result["refused"], result["rows"]) == (0, 2, 1, 3)
    rows = read_rows(Path(result["manifest"].removeprefix("file://")))
    there = {one["name"]: one["_id"] for one in entities_in(account, collection_id)}
    assert [(row["position"], row["name"], row["outcome"], row["entity_id"]) for row in rows] == [
        (0, "Bob", "existed", there["Bob"]),
        (1, "Nobody", "refused", None),
        (2, "Ann", "existed", there["Ann"]),
    ]
    assert UNKNOWN in rows[1]["reason"]


def test_bulk_creation_waits_for_all_entities(
    collection_id: str, portraits: list[str], late: tuple[str, Callable[[], None]], account: Account
) -> None:
    asset_id, let_go = late
    wanted = [{"name": name, "asset_ids": [asset_id]} for name in ("Ann", "Bob")]
    waiting = bulk(collection_id, wanted, deferrable=True)
    memory = TaskStateStore()
    with pytest.raises(TaskDeferred):
        waiting.execute(task_context(memory))
    let_go()
    result, _ = run_to_end(bulk(collection_id, wanted, deferrable=True), task_context(memory))
    assert {one["status"] for one in entities_in(account, collection_id)} == {"ready"}
    assert result["created"] == 2
    assert set(result["entity_ids"]) == {"Ann", "Bob"}


@pytest.mark.parametrize(
    ("entities", "said"),
    [
        ([], "one entity at least"),
        ("[", "entities"),
        (["Ann"], r"entities\[0\]"),
        ([{"asset_ids": ["a"]}], r"entities\[0\].*name"),
        ([{"name": "Ann"}], "Ann.*at least one image"),
        ([{"name": "Ann", "asset_ids": ["a"]}, {"name": "Ann", "asset_ids": ["b"]}], "twice"),
        ([{"name": "Ann", "asset_ids": ["a"], "age": 3}], "'age'"),
    ],
)
def test_invalid_entity_lists_are_refused(collection_id: str, account: Account, entities: Any, said: str) -> None:
    with pytest.raises(TwelveLabsInputError, match=said):
        run_to_end(bulk(collection_id, entities), task_context())
    assert entities_in(account, collection_id) == []


def test_existing_names_can_be_refused(collection_id: str, portraits: list[str]) -> None:
    wanted = [{"name": "Ann", "asset_ids": portraits}]
    run_to_end(bulk(collection_id, wanted), task_context())
    with pytest.raises(TwelveLabsInputError, match=r"1 of 1 entities exist already.*Ann"):
        run_to_end(bulk(collection_id, wanted, if_exists="fail"), task_context())


DAG = """
import pendulum
from airflow.sdk import DAG
from twelvelabs_provider.operators.entities import TwelveLabsCreateEntitiesOperator
from twelvelabs_provider.operators.entity import (
    TwelveLabsCreateEntityCollectionOperator, TwelveLabsCreateEntityOperator
)
from twelvelabs_provider.sensors.entity import TwelveLabsEntitySensor

with DAG("people", start_date=pendulum.datetime(2026, 1, 1), schedule=None, params={"portraits": [], "output": ""}):
    collection = TwelveLabsCreateEntityCollectionOperator(task_id="collection", collection_name="of {{ run_id }}")
    ann = TwelveLabsCreateEntityOperator(
        task_id="ann",
        entity_collection_id=collection.output,
        entity_name="Ann",
        asset_ids="{{ params.portraits | tojson }}",
        metadata="{{ dict(run=run_id) | tojson }}",
        poll_interval=0.5,
        deferrable=True,
    )
    more = TwelveLabsCreateEntitiesOperator(
        task_id="more",
        entity_collection_id=collection.output,
        entities=[
            {"name": "Bob", "asset_ids": "{{ params.portraits | tojson }}"},
            {"name": "Ann", "asset_ids": ["{{ params.portraits[0] }}"]},
        ],
        output_path="{{ params.output }}",
    )
    ready = TwelveLabsEntitySensor(
        task_id="ready", entity_collection_id=collection.output, entity_id=ann.output["entity_id"]
    )
    ann >> more >> ready
"""


@pytest.mark.usefixtures("airflow_database")
def test_dag_creates_an_entity_collection(
    connect: Connect, portraits: list[str], account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path))
    file = tmp_path / "people.py"
    file.write_text(DAG)
    dag_run = load_dag("people", file).test(run_conf={"portraits": portraits, "output": str(tmp_path / "out")})
    assert str(dag_run.state) == "success"
    (collection,) = account.get("/v1.3/entity-collections", name=f"of {dag_run.run_id}")["data"]
    ann, bob = entities_in(account, collection["_id"])
    assert (ann["metadata"], bob["asset_ids"]) == ({"run": dag_run.run_id}, portraits)
    (manifest,) = (tmp_path / "out").glob("entities/*/*.manifest.json")
    assert [row["outcome"] for row in read_rows(manifest)] == ["created", "existed"]
