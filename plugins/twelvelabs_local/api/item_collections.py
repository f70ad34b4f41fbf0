"""Collections of the items in a knowledge store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.crud import Crud
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.knowledge import KnowledgeChange, Metadata, item_body, marked_id, store_of
from twelvelabs_local.api.lists import NamedQuery, PageQuery, listing
from twelvelabs_local.api.parameters import Distinct, NonEmpty, at_least_one
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.errors import invalid, not_exist
from twelvelabs_local.store import knowledge as store
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.knowledge import ItemCollection, KnowledgeItem


class NewItemCollection(RequestModel):
    """A new collection of items."""

    name: NonEmpty
    description: str | None = None
    metadata: Metadata = {}


class ItemIds(RequestModel):
    """Items that are added or removed."""

    item_ids: Annotated[list[str], at_least_one("id"), Distinct]


def _collection_of(call: Call) -> ItemCollection:
    found = store_of(call)
    collection_id = marked_id(call, "collection_id", store.COLLECTION)
    collection = call.db.find(ItemCollection, id=collection_id)
    if collection is None or collection.store_id != found.id:
        raise not_exist(collection_id, "knowledge-store-item-collections")
    return collection


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


def _create(call: Call, new: NewItemCollection) -> ItemCollection:
    store_id = store_of(call).id
    _check_name(call, store_id, new.name)
    return call.db.insert(ItemCollection(store_id=store_id, **new.given()))


def _check_change(call: Call, found: ItemCollection, change: KnowledgeChange) -> None:
    if change.name and change.name != found.name:
        _check_name(call, found.store_id, change.name)


def _check_name(call: Call, store_id: str, name: str) -> None:
    if call.db.count(ItemCollection, store_id=store_id, name=name):
        raise invalid("name", f"The knowledge store has a collection named {name!r} already; names are unique in it.")


COLLECTIONS = Crud(
    record=ItemCollection,
    find=_collection_of,
    show=_body,
    new=NewItemCollection,
    create=_create,
    query=NamedQuery,
    conditions=lambda call, _: [Condition("store_id = ?", [store_of(call).id])],
    delete=lambda db, collection_id: db.delete(ItemCollection, id=collection_id),
    change=KnowledgeChange,
    check=_check_change,
)


async def list_items(call: Call) -> Response:
    """GET /knowledge-stores/{knowledge_store_id}/item-collections/{collection_id}/items."""
    sql = "id IN (SELECT item_id FROM collected_items WHERE collection_id = ?)"
    condition = Condition(sql, [_collection_of(call).id])
    query = call.query(PageQuery)
    return answer(listing(call, KnowledgeItem, [condition], query, item_body))


async def add_items(call: Call) -> Response:
    """POST /knowledge-stores/{knowledge_store_id}/item-collections/{collection_id}/items/add."""
    found = _collection_of(call)
    item_ids = (await call.json(ItemIds)).item_ids
    for item_id in item_ids:
        item = call.db.find(KnowledgeItem, id=item_id)
        if item is None or item.store_id != found.store_id:
            raise not_exist(item_id, "knowledge-store-items", 400)
    store.add_members(call.db, found.id, item_ids)
    return COLLECTIONS.shown(call)


async def remove_items(call: Call) -> Response:
    """POST /knowledge-stores/{knowledge_store_id}/item-collections/{collection_id}/items/remove."""
    found = _collection_of(call)
    store.remove_members(call.db, found.id, (await call.json(ItemIds)).item_ids)
    return Response()


_ALL = "/knowledge-stores/{knowledge_store_id}/item-collections"
_ONE = _ALL + "/{collection_id}"
ROUTES: Sequence[Endpoint] = (
    *COLLECTIONS.routes(_ALL, _ONE),
    ("GET", _ONE + "/items", list_items),
    ("POST", _ONE + "/items/add", add_items),
    ("POST", _ONE + "/items/remove", remove_items),
)
