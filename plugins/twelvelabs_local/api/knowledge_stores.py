"""Knowledge stores and the items in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import field_validator, model_validator

from twelvelabs_local.api.call import Call
from twelvelabs_local.api.crud import Crud
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.knowledge import (
    ASSET_TYPES,
    AssetType,
    KnowledgeChange,
    Metadata,
    item_body,
    marked_id,
    store_of,
)
from twelvelabs_local.api.lists import SortedQuery, among
from twelvelabs_local.api.parameters import NonEmpty
from twelvelabs_local.api.request_model import RequestModel, missing_field
from twelvelabs_local.errors import ServiceError, invalid, not_exist
from twelvelabs_local.ids import is_id
from twelvelabs_local.store import knowledge as store
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.knowledge import KnowledgeItem, KnowledgeStore

SCHEMA_WORDS = (
    "additionalProperties", "description", "enum", "format", "items", "maxItems", "maximum", "minItems", "minimum",
    "prefixItems", "properties", "required", "title", "type",
)  # fmt: skip
"""The keywords that the schema of an ingestion configuration may have."""


class Enrichment(RequestModel):
    """How the service describes items; the engine stores and shows it, and describes nothing."""

    type: Literal["json_schema", "description"]
    description: NonEmpty | None = None
    json_schema: dict[str, Any] | None = None

    @field_validator("json_schema")
    @classmethod
    def _check_json_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        if schema.get("type") != "object" or "properties" not in schema:
            raise ValueError('It must be a schema with "type": "object" and properties.')
        _check_schema(schema, "json_schema")
        return schema

    @model_validator(mode="after")
    def _check_content(self) -> Enrichment:
        if getattr(self, self.type) is None:
            raise missing_field(self.type)
        return self


class IngestionConfig(RequestModel):
    """An ingestion configuration."""

    enrichment_config: Enrichment


class NewStore(RequestModel):
    """A new knowledge store."""

    name: NonEmpty
    description: str | None = None
    ingestion_config: IngestionConfig | None = None
    metadata: Metadata = {}


class NewItem(RequestModel):
    """A new item."""

    asset_id: NonEmpty
    asset_type: AssetType | None = None
    metadata: Metadata = {}


class ItemQuery(SortedQuery):
    """The query of a list of items."""

    status: list[Literal["queued", "pending", "processing", "ready", "failed"]] = []


def _check_schema(schema: Any, path: str) -> None:
    """Reject unsupported keywords, and properties without a description."""
    if not isinstance(schema, dict):
        raise _unsupported(path, "it must be an object")
    if extra := sorted(set(schema) - set(SCHEMA_WORDS)):
        raise _unsupported(path, f"the keyword {extra[0]!r} is not supported")
    if isinstance(schema.get("type"), list):
        raise _unsupported(path, "a list of types is not supported; leave an optional property out of required")
    for name, part in (schema.get("properties") or {}).items():
        if not isinstance(part, dict) or not part.get("description"):
            raise _unsupported(f"{path}.{name}", "a property needs a description")
        _check_schema(part, f"{path}.{name}")
    if "items" in schema:
        _check_schema(schema["items"], f"{path}.items")


def _unsupported(path: str, why: str) -> ServiceError:
    return ServiceError(422, "json_schema_invalid", f"The schema is not supported at {path}: {why}.")


def _store_body(call: Call, found: KnowledgeStore) -> Mapping[str, Any]:
    body: dict[str, Any] = {
        "_id": found.id,
        "name": found.name,
        "description": found.description or "",
        "item_count": call.db.count(KnowledgeItem, store_id=found.id),
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "metadata": found.metadata,
    }
    return {**body, "ingestion_config": found.ingestion_config} if found.ingestion_config else body


def _create_store(call: Call, new: NewStore) -> KnowledgeStore:
    config = new.ingestion_config.given() if new.ingestion_config else None
    return call.db.insert(
        KnowledgeStore(name=new.name, description=new.description, ingestion_config=config, metadata=new.metadata)
    )


def _item_of(call: Call) -> KnowledgeItem:
    found = store_of(call)
    item_id = marked_id(call, "item_id", store.ITEM)
    item = call.db.find(KnowledgeItem, id=item_id)
    if item is None or item.store_id != found.id:
        raise not_exist(item_id, "knowledge-store-items")
    return item


def _create_item(call: Call, new: NewItem) -> KnowledgeItem:
    store_id, asset = store_of(call).id, _asset(call, new.asset_id)
    known = asset.file_type.split("/")[0] if asset.file_type else None
    if known and known not in ASSET_TYPES:
        raise invalid("asset_id", f"The asset {asset.id} is neither video nor image: its type is {asset.file_type}.")
    if known and new.asset_type and known != new.asset_type:
        raise invalid("asset_type", f"It is {new.asset_type}, and the asset {asset.id} is of type {asset.file_type}.")
    item = store.create_item(
        call.db,
        KnowledgeItem(
            store_id=store_id,
            asset_id=asset.id,
            asset_type=new.asset_type or known or "video",
            filename=asset.filename,
            probe=asset.probe,
            metadata=new.metadata,
        ),
    )
    call.work_to_do()
    return item


def _asset(call: Call, asset_id: str) -> Asset:
    asset = call.db.find(Asset, id=asset_id) if is_id(asset_id) else None
    if asset is None:
        raise not_exist(asset_id, "assets", 400)
    if asset.status == "failed":
        raise invalid("asset_id", f"The asset {asset_id} is failed; upload the file again.")
    return asset


STORES = Crud(
    record=KnowledgeStore,
    find=store_of,
    show=_store_body,
    new=NewStore,
    create=_create_store,
    query=SortedQuery,
    conditions=lambda _, __: [],
    delete=store.delete_store,
    change=KnowledgeChange,
)
ITEMS = Crud(
    record=KnowledgeItem,
    find=_item_of,
    show=lambda _, item: item_body(item),
    new=NewItem,
    create=_create_item,
    query=ItemQuery,
    conditions=lambda call, query: [
        Condition("store_id = ?", [store_of(call).id]),
        *among("status", query.status),
    ],
    delete=store.delete_item,
    change=None,
    created=202,
)

_STORE = "/knowledge-stores/{knowledge_store_id}"
ROUTES: Sequence[Endpoint] = (
    *STORES.routes("/knowledge-stores", _STORE),
    *ITEMS.routes(_STORE + "/items", _STORE + "/items/{item_id}"),
)
