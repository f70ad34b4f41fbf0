"""Every call of entity collections and entities."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.client import Api, until
from twelvelabs_provider.api import entities
from twelvelabs_provider.api.entities import EntityCollection, EntityStatus, NewEntity
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsNotFoundError
from twelvelabs_provider.api.resources import Paging

if TYPE_CHECKING:
    from tests.engine_process import Engine
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

UNKNOWN = "665000000000000000000abc"


@pytest.fixture
def collection(hook: TwelveLabsHook, request: pytest.FixtureRequest) -> EntityCollection:
    """A collection of this test's own."""
    return hook.execute(entities.create_entity_collection(request.node.name, description="people"))


def test_collection_is_created_read_updated_and_deleted(hook: TwelveLabsHook, collection: EntityCollection) -> None:
    assert collection.description == "people"
    assert collection.created_at is not None
    assert hook.execute(entities.read_entity_collection(collection.id)) == collection
    changed = hook.execute(entities.update_entity_collection(collection.id, name="actors", description="on stage"))
    assert (changed.id, changed.name, changed.description) == (collection.id, "actors", "on stage")
    named = list(hook.items(lambda paging: entities.list_entity_collections(name="actors", paging=paging)))
    assert collection.id in [one.id for one in named]
    by_name = hook.execute(entities.list_entity_collections(paging=Paging(limit=50, sort_by="name")))
    names = [one.name for one in by_name.items]
    assert names == sorted(names, reverse=True)
    for _ in range(2):
        hook.execute(entities.delete_entity_collection(collection.id))
    with pytest.raises(TwelveLabsNotFoundError, match=collection.id):
        hook.execute(entities.read_entity_collection(collection.id))


def test_entity_is_created_read_updated_and_deleted(
    hook: TwelveLabsHook, collection: EntityCollection, portraits: list[str]
) -> None:
    ann, bob = portraits
    new = NewEntity("Ann", (ann,), "she sings", {"age": 33, "lead": True, "role": "singer", "height": 1.7})
    made = hook.execute(entities.create_entity(collection.id, new))
    assert (made.name, made.asset_ids, made.description) == ("Ann", (ann,), "she sings")
    assert made.collection_id == collection.id
    assert made.metadata == new.metadata
    ready = until(lambda: hook.execute(entities.read_entity(collection.id, made.id)).status == EntityStatus.READY)
    assert ready
    changed = hook.execute(
        entities.update_entity(collection.id, made.id, name="Anne", description="sang", metadata={"age": 34})
    )
    assert (changed.name, changed.description, changed.metadata) == ("Anne", "sang", {"age": 34})
    two = hook.execute(entities.add_entity_assets(collection.id, made.id, [bob, ann]))
    assert two.asset_ids == (ann, bob)
    one = hook.execute(entities.remove_entity_assets(collection.id, made.id, [ann]))
    assert (one.asset_ids, one.status) == ((bob,), EntityStatus.READY)
    with pytest.raises(TwelveLabsBadRequestError, match="one has to stay"):
        hook.execute(entities.remove_entity_assets(collection.id, made.id, [bob]))
    for _ in range(2):
        hook.execute(entities.delete_entity(collection.id, made.id))
    with pytest.raises(TwelveLabsNotFoundError, match=made.id):
        hook.execute(entities.read_entity(collection.id, made.id))


def test_entities_are_listed(hook: TwelveLabsHook, collection: EntityCollection, portraits: list[str]) -> None:
    ann, bob = portraits
    made = [
        hook.execute(entities.create_entity(collection.id, NewEntity(name, tuple(assets))))
        for name, assets in (("Ann", [ann]), ("Bob", [bob]), ("Both", [ann, bob]))
    ]

    def names(name: str | None = None, status: EntityStatus | None = None) -> list[str]:
        pages = hook.items(
            lambda paging: entities.list_entities(collection.id, name=name, status=status, paging=paging)
        )
        return [entity.name for entity in pages]

    assert names() == ["Both", "Bob", "Ann"]
    assert names("Bob") == ["Bob"]
    assert until(lambda: len(names(status=EntityStatus.READY)) == 3)
    assert names(status=EntityStatus.PROCESSING) == []
    small = Paging(page=2, limit=2, sort_by="name")
    page = hook.execute(entities.list_entities(collection.id, paging=small))
    assert ([one.name for one in page.items], page.total_pages, page.total_results) == (["Ann"], 2, 3)
    shown = hook.items(lambda paging: entities.list_entities_of_asset(bob, paging=paging))
    assert {made[1].id, made[2].id} <= {entity.id for entity in shown}


def test_bulk_creation_reports_created_and_refused_entities(
    hook: TwelveLabsHook, collection: EntityCollection, portraits: list[str]
) -> None:
    wanted = [
        NewEntity("Ann", (portraits[0],), "first", {"number": 1}),
        NewEntity("Nobody", (UNKNOWN,)),
        NewEntity("Bob", (portraits[1],)),
    ]
    outcome = hook.execute(entities.create_entities(collection.id, wanted))
    assert [made.name for made in outcome.created] == ["Ann", "Bob"]
    assert [(refused.position, refused.name) for refused in outcome.refused] == [(1, "Nobody")]
    assert UNKNOWN in (outcome.refused[0].reason or "")
    ids = {made.id for made in outcome.created}
    assert {entity.id for entity in hook.execute(entities.list_entities(collection.id)).items} == ids


def test_asset_that_is_not_an_image_is_refused(
    hook: TwelveLabsHook, engine: Engine, collection: EntityCollection, clip: Path
) -> None:
    video = Api(engine).asset(clip)
    with pytest.raises(TwelveLabsBadRequestError, match="not an image"):
        hook.execute(entities.create_entity(collection.id, NewEntity("Clip", (video,))))
    with pytest.raises(TwelveLabsNotFoundError, match=UNKNOWN):
        hook.execute(entities.create_entity(collection.id, NewEntity("Nobody", (UNKNOWN,))))
