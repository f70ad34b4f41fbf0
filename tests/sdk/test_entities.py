"""Entity collections and entities with the vendor's client."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from twelvelabs.entity_collections.entities import EntitiesCreateBulkRequestEntitiesItem
from twelvelabs.errors import BadRequestError
from twelvelabs.types import Entity, EntityCollection

from tests.engine.client import Api, until

if TYPE_CHECKING:
    from twelvelabs import TwelveLabs

    from tests.engine_process import Engine

UNKNOWN = "665000000000000000000abc"


@pytest.fixture
def collection_id(client: TwelveLabs, request: pytest.FixtureRequest) -> str:
    """A collection of this test's own."""
    made = client.entity_collections.create(name=request.node.name)
    assert made.id
    return made.id


def test_collections(client: TwelveLabs) -> None:
    made = client.entity_collections.create(name="sdk people", description="all")
    assert made.id
    read = client.entity_collections.retrieve(made.id)
    assert isinstance(read, EntityCollection)
    assert (read.name, read.description) == ("sdk people", "all")
    assert read.created_at
    assert client.entity_collections.update(made.id, name="sdk actors").name == "sdk actors"
    found = [one.id for one in client.entity_collections.list(name="sdk actors", sort_by="name", sort_option="asc")]
    assert found == [made.id]
    client.entity_collections.delete(made.id)
    assert list(client.entity_collections.list(name="sdk actors")) == []


def test_entities(client: TwelveLabs, collection_id: str, portraits: list[str]) -> None:
    entities = client.entity_collections.entities
    made = entities.create(
        collection_id, name="Ann", asset_ids=portraits[:1], description="sings", metadata={"age": 33, "lead": True}
    )
    assert made.id
    assert (made.status, made.metadata) == ("processing", {"age": 33, "lead": True})
    ready = until(lambda: (one := entities.retrieve(collection_id, made.id or "")).status == "ready" and one)
    assert isinstance(ready, Entity)
    assert ready.entity_collection_id == collection_id
    assert entities.update(collection_id, made.id, metadata={"age": 34}).metadata == {"age": 34}
    assert entities.create_assets(collection_id, made.id, asset_ids=portraits[1:]).asset_ids == portraits
    assert entities.delete_assets(collection_id, made.id, asset_ids=portraits[:1]).asset_ids == portraits[1:]
    assert [one.id for one in entities.list(collection_id, name="Ann", status="ready")] == [made.id]
    assert made.id in [one.id for one in entities.list_by_asset(portraits[1])]
    entities.delete(collection_id, made.id)
    assert list(entities.list(collection_id)) == []


def test_list_continues_over_pages(client: TwelveLabs, collection_id: str, portraits: list[str]) -> None:
    entities = client.entity_collections.entities
    wanted = [
        EntitiesCreateBulkRequestEntitiesItem(name=f"Nr {number}", asset_ids=portraits[:1]) for number in range(5)
    ]
    outcome = entities.create_bulk(collection_id, entities=wanted)
    assert (outcome.success_count, outcome.failed_count) == (5, 0)
    listed = [one.name for one in entities.list(collection_id, page_limit=2, sort_by="name", sort_option="asc")]
    assert listed == [f"Nr {number}" for number in range(5)]


def test_partial_bulk_creation(client: TwelveLabs, collection_id: str, portraits: list[str]) -> None:
    wanted = [
        EntitiesCreateBulkRequestEntitiesItem(name="Nobody", asset_ids=[UNKNOWN]),
        EntitiesCreateBulkRequestEntitiesItem(name="Ann", asset_ids=portraits),
    ]
    outcome = client.entity_collections.entities.create_bulk(collection_id, entities=wanted)
    assert [made.name for made in outcome.entities or ()] == ["Ann"]
    (refused,) = list(outcome.errors or [])
    assert (refused.entity_index, refused.entity_name) == (0, "Nobody")
    assert UNKNOWN in (refused.error_reason or "")


def test_refusals_raise_client_exceptions(client: TwelveLabs, engine: Engine, collection_id: str, clip: Path) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.entity_collections.entities.create(collection_id, name="Clip", asset_ids=[Api(engine).asset(clip)])
    assert caught.value.body["code"] == "parameter_invalid"
    with pytest.raises(BadRequestError):
        client.entity_collections.create(name="")
