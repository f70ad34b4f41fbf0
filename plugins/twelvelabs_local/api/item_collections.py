"""Collections of the items in a knowledge store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from twelvelabs_local.api.bodies import changed, optional_text, paging_by_name, text
from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.api.knowledge import item_body, marked_id, metadata_of, store_of
from twelvelabs_local.api.lists import PAGING, listing, read_paging, refuse_unknown
from twelvelabs_local.errors import ServiceError, invalid, missing, not_exist
from twelvelabs_local.identity import now
from twelvelabs_local.store import knowledge as store
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.knowledge import ItemCollection, KnowledgeItem


async def create(call: Call) -> Response:
    """POST /knowledge-stores/{knowledge_store_id}/item-collections."""
    found = store_of(call)
    body = await call.body(("name", "description", "metadata"))
    name = text(body, "name")
    if call.db.count(ItemCollection, store_id=found.id, name=name):
        raise _taken(name)
    made = call.db.insert(
        ItemCollection(
            store_id=found.id, name=name, description=optional_text(body, "description"), metadata=metadata_of(body)
        )
    )
    return answer(_body(call, made), 201)


async def list_all(call: Call) -> Response:
    """GET /knowledge-stores/{knowledge_store_id}/item-collections."""
    query = call.request.query_params
    refuse_unknown(query, PAGING)
    condition = Condition("store_id = ?", [store_of(call).id])
    page = call.db.page(ItemCollection, [condition], paging_by_name(query, call.dialect))

    def body(collection: ItemCollection) -> Mapping[str, Any]:
        return _body(call, collection)

    return answer(listing(page, body))


async def read(call: Call) -> Response:
    """GET /knowledge-stores/{knowledge_store_id}/item-collections/{collection_id}."""
    return _shown(call)


async def update(call: Call) -> Response:
    """PATCH /knowledge-stores/{knowledge_store_id}/item-collections/{collection_id}."""
    found = _collection(call)
    body = await call.body(("name", "description", "metadata"))
    values = changed(body, "name", "description")
    if values.get("name", found.name) != found.name and call.db.count(
        ItemCollection, store_id=found.store_id, name=values["name"]
    ):
        raise _taken(values["name"])
    if "metadata" in body:
        values["metadata"] = metadata_of(body)
    call.db.update(ItemCollection, found.id, **values, updated_at=now())
    return _shown(call)


async def delete(call: Call) -> Response:
    """DELETE /knowledge-stores/{knowledge_store_id}/item-collections/{collection_id}."""
    call.db.delete(ItemCollection, id=_collection(call).id)
    return Response()


async def list_items(call: Call) -> Response:
    """GET /knowledge-stores/{knowledge_store_id}/item-collections/{collection_id}/items."""
    query = call.request.query_params
    refuse_unknown(query, ("page", "page_limit"))
    sql = "id IN (SELECT item_id FROM collected_items WHERE collection_id = ?)"
    page = call.db.page(KnowledgeItem, [Condition(sql, [_collection(call).id])], read_paging(query, call.dialect))

    def body(item: KnowledgeItem) -> Mapping[str, Any]:
        return item_body(item)

    return answer(listing(page, body))


async def add_items(call: Call) -> Response:
    """POST /knowledge-stores/{knowledge_store_id}/item-collections/{collection_id}/items/add."""
    found = _collection(call)
    item_ids = _item_ids(await call.body(("item_ids",)))
    for item_id in item_ids:
        item = call.db.find(KnowledgeItem, id=item_id)
        if item is None or item.store_id != found.store_id:
            raise not_exist(item_id, "knowledge-store-items", 400)
    store.add_members(call.db, found.id, item_ids)
    return _shown(call)


async def remove_items(call: Call) -> Response:
    """POST /knowledge-stores/{knowledge_store_id}/item-collections/{collection_id}/items/remove."""
    found = _collection(call)
    store.remove_members(call.db, found.id, _item_ids(await call.body(("item_ids",))))
    return Response()


def _collection(call: Call) -> ItemCollection:
    found = store_of(call)
    collection_id = marked_id(call, "collection_id", store.COLLECTION)
    collection = call.db.find(ItemCollection, id=collection_id)
    if collection is None or collection.store_id != found.id:
        raise not_exist(collection_id, "knowledge-store-item-collections")
    return collection


def _item_ids(body: Mapping[str, Any]) -> list[str]:
    ids = body.get("item_ids")
    if ids is None:
        raise missing("item_ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise invalid("item_ids", "It must be a list with at least one id.")
    return list(dict.fromkeys(ids))


def _taken(name: str) -> ServiceError:
    return invalid("name", f"The knowledge store has a collection named {name!r} already; names are unique in it.")


def _shown(call: Call) -> Response:
    return answer(_body(call, _collection(call)))


def _body(call: Call, found: ItemCollection) -> Mapping[str, Any]:
    return {
        "_id": found.id,
        "knowledge_store_id": found.store_id,
        "name": found.name,
        "description": found.description or "",
        "metadata": found.metadata,
        "member_count": len(store.members_of(call.db, found.id)),
        "created_at": found.created_at,
        "updated_at": found.updated_at,
    }


_ALL = "/knowledge-stores/{knowledge_store_id}/item-collections"
_ONE = _ALL + "/{collection_id}"
ROUTES: Sequence[Entry] = (
    ("POST", _ALL, create),
    ("GET", _ALL, list_all),
    ("GET", _ONE, read),
    ("PATCH", _ONE, update),
    ("DELETE", _ONE, delete),
    ("GET", _ONE + "/items", list_items),
    ("POST", _ONE + "/items/add", add_items),
    ("POST", _ONE + "/items/remove", remove_items),
)
