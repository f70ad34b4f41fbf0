"""Knowledge stores and the items in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from twelvelabs_local.api.bodies import changed, optional_text, text
from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.api.knowledge import item_body, marked_id, metadata_of, store_of
from twelvelabs_local.api.lists import PAGING, listing, one_of, read_paging, refuse_unknown
from twelvelabs_local.errors import ServiceError, invalid, missing, not_exist, unknown
from twelvelabs_local.identity import is_id, now
from twelvelabs_local.store import knowledge as store
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.knowledge import KnowledgeItem, KnowledgeStore

TYPES = ("video", "image")
STATUSES = ("queued", "pending", "processing", "ready", "failed")
SCHEMA_WORDS = (
    "additionalProperties", "description", "enum", "format", "items", "maxItems", "maximum", "minItems", "minimum",
    "prefixItems", "properties", "required", "title", "type",
)  # fmt: skip
"""What a schema of an ingestion configuration may say."""


async def create(call: Call) -> Response:
    """POST /knowledge-stores."""
    body = await call.body(("name", "description", "ingestion_config", "metadata"))
    config = body.get("ingestion_config")
    if config is not None:
        _check_config(config)
    created = call.db.insert(
        KnowledgeStore(
            name=text(body, "name"),
            description=optional_text(body, "description"),
            ingestion_config=config or None,
            metadata=metadata_of(body),
        )
    )
    return answer(_store_body(call, created), 201)


async def list_all(call: Call) -> Response:
    """GET /knowledge-stores."""
    query = call.request.query_params
    refuse_unknown(query, PAGING)
    page = call.db.page(KnowledgeStore, [], read_paging(query, call.dialect))

    def body(store: KnowledgeStore) -> Mapping[str, Any]:
        return _store_body(call, store)

    return answer(listing(page, body))


async def read(call: Call) -> Response:
    """GET /knowledge-stores/{knowledge_store_id}."""
    return answer(_store_body(call, store_of(call)))


async def update(call: Call) -> Response:
    """PATCH /knowledge-stores/{knowledge_store_id}."""
    found = store_of(call)
    body = await call.body(("name", "description", "metadata"))
    values = changed(body, "name", "description")
    if "metadata" in body:
        values["metadata"] = metadata_of(body)
    call.db.update(KnowledgeStore, found.id, **values, updated_at=now())
    return answer(_store_body(call, store_of(call)))


async def delete(call: Call) -> Response:
    """DELETE /knowledge-stores/{knowledge_store_id}."""
    store.delete_store(call.db, store_of(call).id)
    return Response()


async def create_item(call: Call) -> Response:
    """POST /knowledge-stores/{knowledge_store_id}/items."""
    found = store_of(call)
    body = await call.body(("asset_type", "asset_id", "metadata"))
    asset = _asset(call, text(body, "asset_id"))
    asset_type = body.get("asset_type")
    if asset_type is not None and asset_type not in TYPES:
        raise invalid("asset_type", f"It is {asset_type!r}; it must be one of {', '.join(TYPES)}.")
    known = asset.file_type.split("/")[0] if asset.file_type else None
    if known and known not in TYPES:
        raise invalid("asset_id", f"The asset {asset.id} is neither video nor image: its type is {asset.file_type}.")
    if known and asset_type and known != asset_type:
        raise invalid("asset_type", f"It is {asset_type}, and the asset {asset.id} is of type {asset.file_type}.")
    item = store.create_item(
        call.db,
        KnowledgeItem(
            store_id=found.id,
            asset_id=asset.id,
            asset_type=asset_type or known or "video",
            filename=asset.filename,
            probe=asset.probe,
            metadata=metadata_of(body),
        ),
    )
    call.work_to_do()
    return answer(item_body(item), 202)


async def list_items(call: Call) -> Response:
    """GET /knowledge-stores/{knowledge_store_id}/items."""
    query = call.request.query_params
    refuse_unknown(query, (*PAGING, "status"))
    conditions = [Condition("store_id = ?", [store_of(call).id]), *one_of(query, "status", "status", STATUSES)]
    page = call.db.page(KnowledgeItem, conditions, read_paging(query, call.dialect))

    def body(item: KnowledgeItem) -> Mapping[str, Any]:
        return item_body(item)

    return answer(listing(page, body))


async def read_item(call: Call) -> Response:
    """GET /knowledge-stores/{knowledge_store_id}/items/{item_id}."""
    return answer(item_body(_item(call)))


async def delete_item(call: Call) -> Response:
    """DELETE /knowledge-stores/{knowledge_store_id}/items/{item_id}."""
    store.delete_item(call.db, _item(call).id)
    return Response()


def _item(call: Call) -> KnowledgeItem:
    found = store_of(call)
    item_id = marked_id(call, "item_id", store.ITEM)
    item = call.db.find(KnowledgeItem, id=item_id)
    if item is None or item.store_id != found.id:
        raise not_exist(item_id, "knowledge-store-items")
    return item


def _asset(call: Call, asset_id: str) -> Asset:
    asset = call.db.find(Asset, id=asset_id) if is_id(asset_id) else None
    if asset is None:
        raise not_exist(asset_id, "assets", 400)
    if asset.status == "failed":
        raise invalid("asset_id", f"The asset {asset_id} is failed; upload the file again.")
    return asset


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


def _check_config(config: Any) -> None:
    """Check an ingestion configuration; it is kept and shown, and enriches nothing here.

    :raises ServiceError: for what the service would refuse.
    """
    if not isinstance(config, dict):
        raise invalid("ingestion_config", "It must be an object.")
    if extra := set(config) - {"enrichment_config"}:
        raise unknown([f"ingestion_config.{name}" for name in extra])
    enrichment = config.get("enrichment_config")
    if enrichment is None:
        raise missing("ingestion_config.enrichment_config")
    kind = enrichment.get("type") if isinstance(enrichment, dict) else None
    if kind == "description":
        text(enrichment, "description")
    elif kind == "json_schema":
        schema = enrichment.get("json_schema")
        if not isinstance(schema, dict) or schema.get("type") != "object" or "properties" not in schema:
            raise invalid("json_schema", 'It must be a schema with "type": "object" and properties.')
        _check_schema(schema, "json_schema")
    else:
        raise invalid("enrichment_config.type", f"It is {kind!r}; it must be json_schema or description.")


def _check_schema(schema: Any, path: str) -> None:
    """Refuse words that a schema may not have, and properties without a description."""
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


_STORE = "/knowledge-stores/{knowledge_store_id}"
ROUTES: Sequence[Entry] = (
    ("POST", "/knowledge-stores", create),
    ("GET", "/knowledge-stores", list_all),
    ("GET", _STORE, read),
    ("PATCH", _STORE, update),
    ("DELETE", _STORE, delete),
    ("POST", _STORE + "/items", create_item),
    ("GET", _STORE + "/items", list_items),
    ("GET", _STORE + "/items/{item_id}", read_item),
    ("DELETE", _STORE + "/items/{item_id}", delete_item),
)
