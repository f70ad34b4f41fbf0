"""Entity collections and the entities in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from twelvelabs_local.api.assets import asset_of
from twelvelabs_local.api.bodies import changed, optional_text, paging_by_name, text
from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.api.lists import PAGING, equal, listing, one_of, read_paging, refuse_unknown
from twelvelabs_local.errors import ServiceError, invalid, missing, not_exist, unknown
from twelvelabs_local.identity import is_id, now
from twelvelabs_local.store import entities as store
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Condition, Database, Paging
from twelvelabs_local.store.entities import Entity, EntityCollection

FIELDS = ("name", "description", "metadata", "asset_ids")
STATUSES = ("processing", "ready")
MOST_IN_BULK = 1000


async def create_collection(call: Call) -> Response:
    """POST /entity-collections."""
    body = await call.body(("name", "description"))
    collection = call.db.insert(
        EntityCollection(name=text(body, "name"), description=optional_text(body, "description"))
    )
    return answer(_collection_body(collection), 201)


async def list_collections(call: Call) -> Response:
    """GET /entity-collections."""
    query = call.request.query_params
    refuse_unknown(query, (*PAGING, "name"))
    page = call.db.page(EntityCollection, equal(query, "name", "name"), paging_by_name(query, call.dialect))
    return answer(listing(page, _collection_body))


async def read_collection(call: Call) -> Response:
    """GET /entity-collections/{entity_collection_id}."""
    return answer(_collection_body(_collection(call)))


async def update_collection(call: Call) -> Response:
    """PATCH /entity-collections/{entity_collection_id}."""
    collection = _collection(call)
    body = await call.body(("name", "description"))
    values = changed(body, "name", "description")
    call.db.update(EntityCollection, collection.id, **values, updated_at=now())
    return answer(_collection_body(_collection(call)))


async def delete_collection(call: Call) -> Response:
    """DELETE /entity-collections/{entity_collection_id}."""
    store.delete_collection(call.db, _collection(call).id)
    return Response()


async def create(call: Call) -> Response:
    """POST /entity-collections/{entity_collection_id}/entities."""
    collection = _collection(call)
    new = _checked(call.db, collection.id, await call.body(FIELDS))
    entity = store.create_entity(call.db, *new)
    call.work_to_do()
    return answer(entity_body(call.db, entity), 201)


async def create_bulk(call: Call) -> Response:
    """POST /entity-collections/{entity_collection_id}/entities/bulk: what cannot be made does not hinder the rest."""
    collection = _collection(call)
    asked = (await call.body(("entities",))).get("entities")
    if asked is None:
        raise missing("entities")
    if not isinstance(asked, list) or not 1 <= len(asked) <= MOST_IN_BULK:
        raise invalid("entities", f"It must be a list of 1 to {MOST_IN_BULK} objects.")
    made: list[Mapping[str, Any]] = []
    refused: list[Mapping[str, Any]] = []
    for position, item in enumerate(asked):
        try:
            entity = store.create_entity(call.db, *_checked_item(call.db, collection.id, item))
            made.append({"_id": entity.id, "name": entity.name, "status": entity.status})
        except ServiceError as error:
            name = str(item.get("name") or "") if isinstance(item, dict) else ""
            refused.append({"entity_index": position, "entity_name": name, "error_reason": error.message})
    call.work_to_do()
    counts = {"success_count": len(made), "failed_count": len(refused)}
    return answer({**counts, "entities": made, "errors": refused}, 201)


async def list_all(call: Call) -> Response:
    """GET /entity-collections/{entity_collection_id}/entities."""
    query = call.request.query_params
    refuse_unknown(query, (*PAGING, "name", "status"))
    conditions = [
        Condition("collection_id = ?", [_collection(call).id]),
        *equal(query, "name", "name"),
        *one_of(query, "status", "status", STATUSES),
    ]
    return _listed(call, conditions, paging_by_name(query, call.dialect))


async def list_by_asset(call: Call) -> Response:
    """GET /assets/{asset_id}/entities."""
    query = call.request.query_params
    refuse_unknown(query, ("page", "page_limit"))
    condition = Condition("id IN (SELECT entity_id FROM entity_assets WHERE asset_id = ?)", [asset_of(call).id])
    return _listed(call, [condition], read_paging(query, call.dialect))


async def read(call: Call) -> Response:
    """GET /entity-collections/{entity_collection_id}/entities/{entity_id}."""
    return _shown(call)


async def update(call: Call) -> Response:
    """PATCH /entity-collections/{entity_collection_id}/entities/{entity_id}."""
    entity = _entity(call)
    body = await call.body(("name", "description", "metadata"))
    values = changed(body, "name", "description")
    if "metadata" in body:
        values["metadata"] = _metadata(body)
    call.db.update(Entity, entity.id, **values, updated_at=now())
    return _shown(call)


async def delete(call: Call) -> Response:
    """DELETE /entity-collections/{entity_collection_id}/entities/{entity_id}."""
    store.delete_entity(call.db, _entity(call).id)
    return Response()


async def add_assets(call: Call) -> Response:
    """POST /entity-collections/{entity_collection_id}/entities/{entity_id}/assets."""
    entity = _entity(call)
    store.add_assets(call.db, entity.id, _asset_ids(call.db, await call.body(("asset_ids",))))
    return _shown(call)


async def remove_assets(call: Call) -> Response:
    """DELETE /entity-collections/{entity_collection_id}/entities/{entity_id}/assets."""
    entity = _entity(call)
    asset_ids = _ids(await call.body(("asset_ids",)))
    if not store.remove_assets(call.db, entity.id, asset_ids):
        raise invalid("asset_ids", f"The entity {entity.id} would have no asset left; one has to stay.")
    return _shown(call)


def _collection(call: Call) -> EntityCollection:
    collection_id = call.path_id("entity_collection_id", "entity collections")
    collection = call.db.find(EntityCollection, id=collection_id)
    if collection is None:
        raise not_exist(collection_id, "entity-collections")
    return collection


def _entity(call: Call) -> Entity:
    collection = _collection(call)
    entity_id = call.path_id("entity_id", "entities")
    entity = call.db.find(Entity, id=entity_id)
    if entity is None or entity.collection_id != collection.id:
        raise not_exist(entity_id, "entities")
    return entity


def _shown(call: Call) -> Response:
    return answer(entity_body(call.db, _entity(call)))


def _listed(call: Call, conditions: Sequence[Condition], paging: Paging) -> Response:
    def body(entity: Entity) -> Mapping[str, Any]:
        return entity_body(call.db, entity)

    return answer(listing(call.db.page(Entity, conditions, paging), body))


def _checked_item(db: Database, collection_id: str, item: Any) -> tuple[Entity, list[str]]:
    if not isinstance(item, dict):
        raise invalid("entities", "Every entry must be an object.")
    if extra := set(item) - set(FIELDS):
        raise unknown([f"entities.{name}" for name in extra])
    return _checked(db, collection_id, item)


def _checked(db: Database, collection_id: str, body: Mapping[str, Any]) -> tuple[Entity, list[str]]:
    name, description = text(body, "name"), optional_text(body, "description")
    asset_ids = _asset_ids(db, body)
    entity = Entity(collection_id=collection_id, name=name, description=description, metadata=_metadata(body))
    return entity, asset_ids


def _ids(body: Mapping[str, Any]) -> list[str]:
    ids = body.get("asset_ids")
    if ids is None:
        raise missing("asset_ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise invalid("asset_ids", "It must be a list with at least one id.")
    return list(dict.fromkeys(ids))


def _asset_ids(db: Database, body: Mapping[str, Any]) -> list[str]:
    """Return ids of images; one that is still being prepared may become an image."""
    ids = _ids(body)
    for asset_id in ids:
        asset = db.find(Asset, id=asset_id) if is_id(asset_id) else None
        if asset is None:
            raise not_exist(asset_id, "assets", 400)
        if asset.status == "failed":
            raise invalid("asset_ids", f"The asset {asset_id} is failed; upload the picture again.")
        if asset.file_type and not asset.file_type.startswith("image/"):
            raise invalid("asset_ids", f"The asset {asset_id} is not an image: its type is {asset.file_type}.")
    return ids


def _metadata(body: Mapping[str, Any]) -> dict[str, Any]:
    metadata = body.get("metadata")
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise invalid("metadata", "It must be an object.")
    for key, value in metadata.items():
        if not isinstance(value, str | int | float | bool):
            raise invalid("metadata", f"The value of {key!r} must be text, a number or a boolean.")
    return metadata


def _collection_body(collection: EntityCollection) -> Mapping[str, Any]:
    return {
        "_id": collection.id,
        "name": collection.name,
        "description": collection.description or "",
        "created_at": collection.created_at,
        "updated_at": collection.updated_at,
    }


def entity_body(db: Database, entity: Entity) -> Mapping[str, Any]:
    """Return an entity as the service shows it."""
    return {
        "_id": entity.id,
        "entity_collection_id": entity.collection_id,
        "name": entity.name,
        "description": entity.description or "",
        "metadata": entity.metadata,
        "asset_ids": store.asset_ids_of(db, entity.id),
        "status": entity.status,
        "created_at": entity.created_at,
        "updated_at": entity.updated_at,
    }


_COLLECTION = "/entity-collections/{entity_collection_id}"
_ENTITY = _COLLECTION + "/entities/{entity_id}"
ROUTES: Sequence[Entry] = (
    ("POST", "/entity-collections", create_collection),
    ("GET", "/entity-collections", list_collections),
    ("GET", _COLLECTION, read_collection),
    ("PATCH", _COLLECTION, update_collection),
    ("DELETE", _COLLECTION, delete_collection),
    ("POST", _COLLECTION + "/entities", create),
    ("GET", _COLLECTION + "/entities", list_all),
    ("POST", _COLLECTION + "/entities/bulk", create_bulk),
    ("GET", _ENTITY, read),
    ("PATCH", _ENTITY, update),
    ("DELETE", _ENTITY, delete),
    ("POST", _ENTITY + "/assets", add_assets),
    ("DELETE", _ENTITY + "/assets", remove_assets),
    ("GET", "/assets/{asset_id}/entities", list_by_asset),
)
