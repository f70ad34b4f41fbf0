"""Knowledge stores: videos and images for search and questions (v1.3 only).

Service pages: https://docs.twelvelabs.io/api-reference/knowledge-stores
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from twelvelabs_provider.api.call import Call, Method, change, delete, get, only_current, path_of, post
from twelvelabs_provider.api.models import Json, Page
from twelvelabs_provider.api.resources import Paging, page_of
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.service_model import (
    ERROR_NAMES,
    NO_FIELDS,
    Fields,
    Identifier,
    Moment,
    Number,
    Reason,
    ServiceModel,
    Whole,
    named,
    part_of,
)

T = TypeVar("T")
_INSTEAD = "older generations have no knowledge stores: index the videos and search the index"


class AssetType(StrEnum):
    """Types of items."""

    VIDEO = "video"
    IMAGE = "image"


class ItemStatus(StrEnum):
    """Status of the ingestion of an item."""

    QUEUED = "queued"
    PENDING = "pending"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


class KnowledgeStore(ServiceModel):
    """A corpus of videos and images.

    :param ingestion_config: how the service processes its items; fixed at creation.
    """

    id: Identifier = named("_id", "id")
    name: str
    description: str | None = None
    item_count: Whole = None
    ingestion_config: Fields | None = None
    metadata: Fields = NO_FIELDS
    created_at: Moment = None
    updated_at: Moment = None


class KnowledgeStoreItem(ServiceModel):
    """An asset inside a store.

    :param status: an :class:`ItemStatus`, or one that is newer than this package.
    :param duration: seconds; None for images, and until it is known.
    """

    id: Identifier = named("_id", "id")
    asset_type: str
    asset_id: str | None = None
    status: str
    filename: str | None = None
    duration: Number = None
    error: Reason = named(*ERROR_NAMES, default=None)
    metadata: Fields = NO_FIELDS
    created_at: Moment = None
    updated_at: Moment = None

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        system = part_of(body, "system_metadata")
        return {"filename": system.get("filename"), "duration": system.get("duration"), **body}


@dataclass(frozen=True)
class Enrichment(Answer):
    """Data that the service extracts from every item: a schema or a description.

    :param json_schema: an object; every property has a ``description``.
    :param description: plain text.
    """

    json_schema: Json | None = None
    description: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the ingestion configuration.

        :raises ValueError: for both, or none. Protects money: one of the two would be ignored at every ingestion.
        """
        if (self.json_schema is None) == (self.description is None):
            raise ValueError("an enrichment has either a json_schema or a description")
        if self.json_schema is not None:
            return {"enrichment_config": {"type": "json_schema", "json_schema": dict(self.json_schema)}}
        return {"enrichment_config": {"type": "description", "description": self.description}}


def create_knowledge_store(
    name: str,
    *,
    description: str | None = None,
    enrichment: Enrichment | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Call[KnowledgeStore]:
    """Return the call that creates a store.

    :param metadata: texts by name.
    """
    content = {
        "name": name,
        "description": description,
        "ingestion_config": enrichment.body() if enrichment else None,
        "metadata": metadata,
    }
    return _only_v1_3(post("/knowledge-stores", KnowledgeStore.read, content))


def list_knowledge_stores(*, paging: Paging | None = None) -> Call[Page[KnowledgeStore]]:
    """Return the call for one page of the account's stores."""
    return _only_v1_3(page_of("/knowledge-stores", KnowledgeStore, (paging or Paging()).query()))


def read_knowledge_store(store_id: str) -> Call[KnowledgeStore]:
    """Return the call that reads a store."""
    return _only_v1_3(get(path_of("knowledge-stores", store_id), KnowledgeStore.read))


def update_knowledge_store(
    store_id: str, *, name: str | None = None, description: str | None = None, metadata: Mapping[str, str] | None = None
) -> Call[KnowledgeStore]:
    """Return the call that changes a store; None keeps a value.

    :param metadata: replaces all of it; an empty mapping clears it.
    """
    content = {"name": name, "description": description, "metadata": metadata}
    return _only_v1_3(change(Method.PATCH, path_of("knowledge-stores", store_id), KnowledgeStore.read, content))


def delete_knowledge_store(store_id: str) -> Call[None]:
    """Return the call that deletes a store and its items; their assets stay."""
    return _only_v1_3(delete(path_of("knowledge-stores", store_id)))


def create_knowledge_store_item(
    store_id: str, asset_id: str, *, asset_type: AssetType | None = None, metadata: Mapping[str, str] | None = None
) -> Call[KnowledgeStoreItem]:
    """Return the call that adds an asset to a store; it is ingested some time later, and that is billed.

    :param asset_type: None lets the service look.
    :param metadata: texts by name.
    """
    content = {"asset_id": asset_id, "asset_type": asset_type, "metadata": metadata}
    return _only_v1_3(post(path_of("knowledge-stores", store_id, "items"), KnowledgeStoreItem.read, content))


def list_knowledge_store_items(
    store_id: str, *, status: Sequence[ItemStatus] = (), paging: Paging | None = None
) -> Call[Page[KnowledgeStoreItem]]:
    """Return the call for one page of a store's items.

    :param status: any of these statuses.
    """
    query = {**(paging or Paging()).query(), "status": list(status)}
    return _only_v1_3(page_of(path_of("knowledge-stores", store_id, "items"), KnowledgeStoreItem, query))


def read_knowledge_store_item(store_id: str, item_id: str) -> Call[KnowledgeStoreItem]:
    """Return the call that reads an item."""
    return _only_v1_3(get(path_of("knowledge-stores", store_id, "items", item_id), KnowledgeStoreItem.read))


def delete_knowledge_store_item(store_id: str, item_id: str) -> Call[None]:
    """Return the call that takes an item out of a store; its asset stays."""
    return _only_v1_3(delete(path_of("knowledge-stores", store_id, "items", item_id)))


def _only_v1_3(call: Call[T]) -> Call[T]:
    return only_current(call, _INSTEAD)
