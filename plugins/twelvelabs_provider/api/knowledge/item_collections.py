"""Item collections: named selections of the items in a knowledge store (v1.3 only).

Service pages: https://docs.twelvelabs.io/api-reference/knowledge-store-item-collections
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from twelvelabs_provider.api.call import Call, Method, change, delete, get, nothing, only_current, path_of, post
from twelvelabs_provider.api.knowledge.knowledge_stores import KnowledgeStoreItem
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.resources import Paging, page_of
from twelvelabs_provider.api.service_model import (
    NO_FIELDS,
    Fields,
    Identifier,
    Moment,
    ServiceModel,
    Whole,
    named,
)

T = TypeVar("T")
_INSTEAD = "older generations have no knowledge stores: keep such videos in an index of their own"


class ItemCollection(ServiceModel):
    """A named selection of items."""

    id: Identifier = named("_id", "id")
    store_id: str | None = named("knowledge_store_id", default=None)
    name: str
    description: str | None = None
    member_count: Whole = None
    metadata: Fields = NO_FIELDS
    created_at: Moment = None
    updated_at: Moment = None


def create_item_collection(
    store_id: str, name: str, *, description: str | None = None, metadata: Mapping[str, str] | None = None
) -> Call[ItemCollection]:
    """Return the call that creates a collection.

    :param name: unique within the store.
    :param metadata: texts by name.
    """
    content = {"name": name, "description": description, "metadata": metadata}
    return _only_v1_3(post(_path(store_id), ItemCollection.read, content))


def list_item_collections(store_id: str, *, paging: Paging | None = None) -> Call[Page[ItemCollection]]:
    """Return the call for one page of a store's collections."""
    return _only_v1_3(page_of(_path(store_id), ItemCollection, (paging or Paging()).query()))


def read_item_collection(store_id: str, collection_id: str) -> Call[ItemCollection]:
    """Return the call that reads a collection."""
    return _only_v1_3(get(_path(store_id, collection_id), ItemCollection.read))


def update_item_collection(
    store_id: str,
    collection_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Call[ItemCollection]:
    """Return the call that changes a collection; None keeps a value.

    :param metadata: replaces all of it; an empty mapping clears it.
    """
    content = {"name": name, "description": description, "metadata": metadata}
    return _only_v1_3(change(Method.PATCH, _path(store_id, collection_id), ItemCollection.read, content))


def delete_item_collection(store_id: str, collection_id: str) -> Call[None]:
    """Return the call that deletes a collection; its items stay in the store."""
    return _only_v1_3(delete(_path(store_id, collection_id)))


def list_collected_items(
    store_id: str, collection_id: str, *, paging: Paging | None = None
) -> Call[Page[KnowledgeStoreItem]]:
    """Return the call for one page of the items in a collection."""
    path = _path(store_id, collection_id, "items")
    return _only_v1_3(page_of(path, KnowledgeStoreItem, (paging or Paging()).place()))


def add_collected_items(store_id: str, collection_id: str, item_ids: Sequence[str]) -> Call[ItemCollection]:
    """Return the call that adds items to a collection; those that are in it already stay."""
    path = _path(store_id, collection_id, "items", "add")
    return _only_v1_3(change(Method.POST, path, ItemCollection.read, {"item_ids": list(item_ids)}))


def remove_collected_items(store_id: str, collection_id: str, item_ids: Sequence[str]) -> Call[None]:
    """Return the call that removes items from a collection; unknown items are ignored."""
    path = _path(store_id, collection_id, "items", "remove")
    return _only_v1_3(change(Method.POST, path, nothing, {"item_ids": list(item_ids)}))


def _path(store_id: str, *more: str) -> str:
    return path_of("knowledge-stores", store_id, "item-collections", *more)


def _only_v1_3(call: Call[T]) -> Call[T]:
    return only_current(call, _INSTEAD)
