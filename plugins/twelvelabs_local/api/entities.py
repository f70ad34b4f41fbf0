"""Entity collections and the entities in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from starlette.responses import Response

from twelvelabs_local.api.assets import asset_of
from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.crud import Crud, NamedChange
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.lists import NamedQuery, PageQuery, among, listing
from twelvelabs_local.api.parameters import Distinct, NonEmpty, at_least_one, plain_values, sized
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.errors import ServiceError, invalid, not_exist
from twelvelabs_local.ids import is_id
from twelvelabs_local.store import entities as store
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Condition, Database
from twelvelabs_local.store.entities import Entity, EntityCollection

MOST_IN_BULK = 1000
Metadata = Annotated[dict[str, Any], plain_values()]


class AssetIds(RequestModel):
    """The images of an entity."""

    asset_ids: Annotated[list[str], at_least_one("id"), Distinct]


class NewCollection(RequestModel):
    """A new entity collection."""

    name: NonEmpty
    description: str | None = None


class CollectionQuery(NamedQuery):
    """The query of a list of entity collections."""

    name: list[str] = []


class NewEntity(AssetIds):
    """A new entity."""

    name: NonEmpty
    description: str | None = None
    metadata: Metadata = {}


class NewEntities(RequestModel):
    """New entities, each of which is created or rejected for itself."""

    entities: Annotated[list[Any], sized(1, MOST_IN_BULK, "objects")]


class EntityChange(NamedChange):
    """An update of an entity."""

    metadata: Metadata | None = None


class EntityQuery(CollectionQuery):
    """The query of a list of entities."""

    status: list[Literal["processing", "ready"]] = []


def _collection_of(call: Call) -> EntityCollection:
    collection_id = call.path_id("entity_collection_id", "entity collections")
    collection = call.db.find(EntityCollection, id=collection_id)
    if collection is None:
        raise not_exist(collection_id, "entity-collections")
    return collection


def _entity_of(call: Call) -> Entity:
    collection = _collection_of(call)
    entity_id = call.path_id("entity_id", "entities")
    entity = call.db.find(Entity, id=entity_id)
    if entity is None or entity.collection_id != collection.id:
        raise not_exist(entity_id, "entities")
    return entity


def _collection_body(_: Call, collection: EntityCollection) -> Mapping[str, Any]:
    return {
        "_id": collection.id,
        "name": collection.name,
        "description": collection.description or "",
        "created_at": collection.created_at,
        "updated_at": collection.updated_at,
    }


def _entity_body(call: Call, entity: Entity) -> Mapping[str, Any]:
    return {
        "_id": entity.id,
        "entity_collection_id": entity.collection_id,
        "name": entity.name,
        "description": entity.description or "",
        "metadata": entity.metadata,
        "asset_ids": store.asset_ids_of(call.db, entity.id),
        "status": entity.status,
        "created_at": entity.created_at,
        "updated_at": entity.updated_at,
    }


def _create_collection(call: Call, new: NewCollection) -> EntityCollection:
    return call.db.insert(EntityCollection(name=new.name, description=new.description))


def _create_entity(call: Call, new: NewEntity) -> Entity:
    entity = _created(call.db, _collection_of(call), new)
    call.work_to_do()
    return entity


def _created(db: Database, collection: EntityCollection, new: NewEntity) -> Entity:
    _check_images(db, new.asset_ids)
    entity = Entity(collection_id=collection.id, name=new.name, description=new.description, metadata=new.metadata)
    return store.create_entity(db, entity, new.asset_ids)


def _check_images(db: Database, asset_ids: Sequence[str]) -> None:
    """Reject ids of anything but images; an asset in processing may turn out to be one."""
    for asset_id in asset_ids:
        asset = db.find(Asset, id=asset_id) if is_id(asset_id) else None
        if asset is None:
            raise not_exist(asset_id, "assets", 400)
        if asset.status == "failed":
            raise invalid("asset_ids", f"The asset {asset_id} is failed; upload the picture again.")
        if asset.file_type and not asset.file_type.startswith("image/"):
            raise invalid("asset_ids", f"The asset {asset_id} is not an image: its type is {asset.file_type}.")


COLLECTIONS = Crud(
    record=EntityCollection,
    find=_collection_of,
    show=_collection_body,
    new=NewCollection,
    create=_create_collection,
    query=CollectionQuery,
    conditions=lambda _, query: among("name", query.name),
    delete=store.delete_collection,
)
ENTITIES = Crud(
    record=Entity,
    find=_entity_of,
    show=_entity_body,
    new=NewEntity,
    create=_create_entity,
    query=EntityQuery,
    conditions=lambda call, query: [
        Condition("collection_id = ?", [_collection_of(call).id]),
        *among("name", query.name),
        *among("status", query.status),
    ],
    delete=store.delete_entity,
    change=EntityChange,
)


async def create_bulk(call: Call) -> Response:
    """POST /entity-collections/{entity_collection_id}/entities/bulk: an invalid entity does not stop the others."""
    collection = _collection_of(call)
    created: list[Mapping[str, Any]] = []
    errors: list[Mapping[str, Any]] = []
    for position, item in enumerate((await call.json(NewEntities)).entities):
        try:
            entity = _created(call.db, collection, NewEntity.parse(item, path="entities"))
            created.append({"_id": entity.id, "name": entity.name, "status": entity.status})
        except ServiceError as error:
            name = str(item.get("name") or "") if isinstance(item, dict) else ""
            errors.append({"entity_index": position, "entity_name": name, "error_reason": error.message})
    call.work_to_do()
    counts = {"success_count": len(created), "failed_count": len(errors)}
    return answer({**counts, "entities": created, "errors": errors}, 201)


async def list_by_asset(call: Call) -> Response:
    """GET /assets/{asset_id}/entities."""
    condition = Condition("id IN (SELECT entity_id FROM entity_assets WHERE asset_id = ?)", [asset_of(call).id])
    query = call.query(PageQuery)
    return answer(listing(call, Entity, [condition], query, lambda entity: _entity_body(call, entity)))


async def add_assets(call: Call) -> Response:
    """POST /entity-collections/{entity_collection_id}/entities/{entity_id}/assets."""
    entity = _entity_of(call)
    asset_ids = (await call.json(AssetIds)).asset_ids
    _check_images(call.db, asset_ids)
    store.add_assets(call.db, entity.id, asset_ids)
    return ENTITIES.shown(call)


async def remove_assets(call: Call) -> Response:
    """DELETE /entity-collections/{entity_collection_id}/entities/{entity_id}/assets."""
    entity = _entity_of(call)
    if not store.remove_assets(call.db, entity.id, (await call.json(AssetIds)).asset_ids):
        raise invalid("asset_ids", f"The entity {entity.id} would have no asset left; one has to stay.")
    return ENTITIES.shown(call)


_COLLECTION = "/entity-collections/{entity_collection_id}"
_ENTITY = _COLLECTION + "/entities/{entity_id}"
ROUTES: Sequence[Endpoint] = (
    *COLLECTIONS.routes("/entity-collections", _COLLECTION),
    ("POST", _COLLECTION + "/entities/bulk", create_bulk),
    *ENTITIES.routes(_COLLECTION + "/entities", _ENTITY),
    ("POST", _ENTITY + "/assets", add_assets),
    ("DELETE", _ENTITY + "/assets", remove_assets),
    ("GET", "/assets/{asset_id}/entities", list_by_asset),
)
