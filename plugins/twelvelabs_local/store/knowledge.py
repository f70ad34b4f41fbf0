"""Knowledge stores, their items and the collections of items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.ids import new_prefixed_id
from twelvelabs_local.store.assets import TERMINAL, Asset
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.job_queue import JobKind, cancel_job, enqueue
from twelvelabs_local.store.passages import delete_passages
from twelvelabs_local.store.record import Record, Resource
from twelvelabs_local.times import now

STORE, ITEM, COLLECTION = "ks", "ksi", "ksic"
"""Prefixes of ids."""


@dataclass(frozen=True, kw_only=True)
class KnowledgeStore(Resource, table="knowledge_stores"):
    """A corpus of videos and images."""

    id: Annotated[str, "PRIMARY KEY"] = field(default_factory=partial(new_prefixed_id, STORE))
    name: str
    description: str | None = None
    ingestion_config: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KnowledgeItem(Resource, table="knowledge_items", indexes=("store_id, created_at", "asset_id")):
    """An asset inside a knowledge store. The item stays when its asset is deleted."""

    id: Annotated[str, "PRIMARY KEY"] = field(default_factory=partial(new_prefixed_id, ITEM))
    store_id: Annotated[str, "REFERENCES knowledge_stores (id) ON DELETE CASCADE"]
    asset_id: str
    asset_type: str
    status: str = "queued"
    filename: str
    probe: Probe | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    error_message: str | None = None


@dataclass(frozen=True, kw_only=True)
class ItemCollection(Resource, table="item_collections", constraints=("UNIQUE (store_id, name)",)):
    """A named selection of the items in a knowledge store."""

    id: Annotated[str, "PRIMARY KEY"] = field(default_factory=partial(new_prefixed_id, COLLECTION))
    store_id: Annotated[str, "REFERENCES knowledge_stores (id) ON DELETE CASCADE"]
    name: str
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CollectedItem(Record, table="collected_items", constraints=("PRIMARY KEY (collection_id, item_id)",)):
    """An item of an item collection."""

    collection_id: Annotated[str, "REFERENCES item_collections (id) ON DELETE CASCADE"]
    item_id: Annotated[str, "REFERENCES knowledge_items (id) ON DELETE CASCADE"]


def delete_store(db: Database, store_id: str) -> None:
    """Delete a store, its items and its collections. The assets stay."""
    with db.transaction():
        for item in db.select(KnowledgeItem, "WHERE store_id = ?", store_id):
            delete_item(db, item.id)
        db.delete(KnowledgeStore, id=store_id)


def create_item(db: Database, item: KnowledgeItem) -> KnowledgeItem:
    """Insert an item. Its ingestion is queued as soon as its asset is prepared."""
    with db.transaction():
        db.insert(item)
        # read inside the transaction: the worker may have prepared the asset meanwhile
        asset = db.find(Asset, id=item.asset_id)
        if asset is None or asset.status in TERMINAL:
            enqueue(db, JobKind.INGEST_ITEM, item.id)
    return item


def ready_items(db: Database, store_id: str) -> list[KnowledgeItem]:
    """Return the ready items of a store, oldest first."""
    return db.select(KnowledgeItem, "WHERE store_id = ? AND status = 'ready' ORDER BY created_at, id", store_id)


def start_item(db: Database, item_id: str, probe: Probe) -> bool:
    """Move an item to ``processing``; return whether it still exists."""
    return db.update(KnowledgeItem, item_id, status="processing", probe=probe, updated_at=now()) == 1


def finish_item(db: Database, item_id: str) -> bool:
    """Move an item to ``ready``; return whether it still exists."""
    return db.update(KnowledgeItem, item_id, status="ready", updated_at=now()) == 1


def fail_item(db: Database, item_id: str, message: str) -> None:
    """Move an item to ``failed``."""
    db.update(KnowledgeItem, item_id, status="failed", error_message=message, updated_at=now())


def queue_items_of(db: Database, asset_id: str) -> None:
    """Queue the items of a prepared asset."""
    for item in db.select(KnowledgeItem, "WHERE asset_id = ? AND status = 'queued'", asset_id):
        with db.transaction():
            db.update(KnowledgeItem, item.id, status="pending", updated_at=now())
            enqueue(db, JobKind.INGEST_ITEM, item.id)


def delete_item(db: Database, item_id: str) -> None:
    """Delete an item and its passages. Its asset stays."""
    with db.transaction():
        cancel_job(db, JobKind.INGEST_ITEM, item_id)
        delete_passages(db, item_id)
        db.delete(KnowledgeItem, id=item_id)


def members_of(db: Database, collection_id: str) -> list[str]:
    """Return the items of a collection in the order in which they were added."""
    return [one.item_id for one in db.select(CollectedItem, "WHERE collection_id = ? ORDER BY rowid", collection_id)]


def add_members(db: Database, collection_id: str, item_ids: Iterable[str]) -> None:
    """Add items to a collection. Items that it contains are skipped."""
    with db.transaction():
        for item_id in item_ids:
            db.insert_new(CollectedItem(collection_id=collection_id, item_id=item_id))
        db.update(ItemCollection, collection_id, updated_at=now())


def remove_members(db: Database, collection_id: str, item_ids: Iterable[str]) -> None:
    """Remove items from a collection. Other items are skipped."""
    with db.transaction():
        for item_id in item_ids:
            db.delete(CollectedItem, collection_id=collection_id, item_id=item_id)
        db.update(ItemCollection, collection_id, updated_at=now())
