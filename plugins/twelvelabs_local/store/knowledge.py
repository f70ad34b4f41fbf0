"""Knowledge stores, their items and the collections of items."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.identity import new_marked_id, now
from twelvelabs_local.store.assets import find_asset
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.jobs import JobKind, drop, enqueue
from twelvelabs_local.store.knowledge_records import ItemCollection, KnowledgeItem, KnowledgeStore
from twelvelabs_local.store.passages import forget_passages
from twelvelabs_local.store.records import TERMINAL, Asset

STORE, ITEM, COLLECTION = "ks", "ksi", "ksic"
"""The marks of ids."""


def create_store(
    db: Database,
    name: str,
    description: str | None,
    ingestion_config: Mapping[str, Any] | None,
    metadata: Mapping[str, Any],
) -> KnowledgeStore:
    """Create a store."""
    values = {
        **_named(STORE, name, description, metadata),
        "ingestion_config": json.dumps(ingestion_config) if ingestion_config else None,
    }
    db.insert("knowledge_stores", values)
    created = find_store(db, values["id"])
    assert created is not None
    return created


def find_store(db: Database, store_id: str) -> KnowledgeStore | None:
    """Return a store, or None."""
    row = db.first("SELECT * FROM knowledge_stores WHERE id = ?", store_id)
    return KnowledgeStore.of(row) if row else None


def count_items(db: Database, store_id: str) -> int:
    """Return how many items a store has."""
    row = db.first("SELECT count(*) AS n FROM knowledge_items WHERE store_id = ?", store_id)
    return int(row["n"]) if row else 0


def delete_store(db: Database, store_id: str) -> None:
    """Delete a store with its items and collections; the assets stay."""
    with db.transaction():
        for row in db.all("SELECT id FROM knowledge_items WHERE store_id = ?", store_id):
            delete_item(db, row["id"])
        db.run("DELETE FROM knowledge_stores WHERE id = ?", store_id)


def create_item(
    db: Database, store_id: str, asset: Asset, asset_type: str, metadata: Mapping[str, Any]
) -> KnowledgeItem:
    """Create an item in ``queued``; it is ingested at once, or when its asset is prepared."""
    moment = now()
    item_id = new_marked_id(ITEM)
    with db.transaction():
        values = {
            "id": item_id,
            "store_id": store_id,
            "asset_id": asset.id,
            "asset_type": asset_type,
            "status": "queued",
            "filename": asset.filename,
            "probe": json.dumps(asset.probe) if asset.probe else None,
            "metadata": json.dumps(metadata),
            "created_at": moment,
            "updated_at": moment,
        }
        db.insert("knowledge_items", values)
        # read anew: the asset may have been prepared since it was looked at
        current = find_asset(db, asset.id)
        if current is None or current.status in TERMINAL:
            enqueue(db, JobKind.INGEST_ITEM, item_id)
        created = find_item(db, item_id)
    assert created is not None
    return created


def find_item(db: Database, item_id: str) -> KnowledgeItem | None:
    """Return an item, or None."""
    row = db.first("SELECT * FROM knowledge_items WHERE id = ?", item_id)
    return KnowledgeItem.of(row) if row else None


def items_of(db: Database, store_id: str) -> list[KnowledgeItem]:
    """Return the items of a store that are ready, oldest first."""
    sql = "SELECT * FROM knowledge_items WHERE store_id = ? AND status = 'ready' ORDER BY created_at, id"
    return [KnowledgeItem.of(row) for row in db.all(sql, store_id)]


def start_item(db: Database, item_id: str, probe: Probe) -> bool:
    """Move an item to ``processing``; return whether it is still there."""
    values = {"status": "processing", "probe": json.dumps(asdict(probe)), "updated_at": now()}
    return db.update("knowledge_items", item_id, values) == 1


def finish_item(db: Database, item_id: str) -> bool:
    """Move an item to ``ready``; return whether it is still there."""
    return db.update("knowledge_items", item_id, {"status": "ready", "updated_at": now()}) == 1


def fail_item(db: Database, item_id: str, message: str) -> None:
    """Note why an item cannot be used."""
    db.update("knowledge_items", item_id, {"status": "failed", "error_message": message, "updated_at": now()})


def release_items(db: Database, asset_id: str) -> None:
    """Queue the items that waited for an asset to be prepared."""
    for row in db.all("SELECT id FROM knowledge_items WHERE asset_id = ? AND status = 'queued'", asset_id):
        with db.transaction():
            db.update("knowledge_items", row["id"], {"status": "pending", "updated_at": now()})
            enqueue(db, JobKind.INGEST_ITEM, row["id"])


def delete_item(db: Database, item_id: str) -> None:
    """Delete an item with what was read and heard in it; its asset stays."""
    with db.transaction():
        drop(db, JobKind.INGEST_ITEM, item_id)
        forget_passages(db, item_id)
        db.run("DELETE FROM knowledge_items WHERE id = ?", item_id)


def create_collection(
    db: Database, store_id: str, name: str, description: str | None, metadata: Mapping[str, Any]
) -> ItemCollection:
    """Create a collection of items."""
    values = {**_named(COLLECTION, name, description, metadata), "store_id": store_id}
    db.insert("item_collections", values)
    created = find_collection(db, values["id"])
    assert created is not None
    return created


def find_collection(db: Database, collection_id: str) -> ItemCollection | None:
    """Return a collection, or None."""
    row = db.first("SELECT * FROM item_collections WHERE id = ?", collection_id)
    return ItemCollection.of(row) if row else None


def collection_named(db: Database, store_id: str, name: str) -> str | None:
    """Return the id of the collection of a name, or None."""
    row = db.first("SELECT id FROM item_collections WHERE store_id = ? AND name = ?", store_id, name)
    return row["id"] if row else None


def members_of(db: Database, collection_id: str) -> list[str]:
    """Return the items of a collection."""
    rows = db.all("SELECT item_id FROM collected_items WHERE collection_id = ? ORDER BY rowid", collection_id)
    return [row["item_id"] for row in rows]


def add_members(db: Database, collection_id: str, item_ids: Iterable[str]) -> None:
    """Add items to a collection; those that are in it stay."""
    with db.transaction():
        for item_id in item_ids:
            sql = "INSERT OR IGNORE INTO collected_items (collection_id, item_id) VALUES (?, ?)"
            db.run(sql, collection_id, item_id)
        db.update("item_collections", collection_id, {"updated_at": now()})


def remove_members(db: Database, collection_id: str, item_ids: Iterable[str]) -> None:
    """Take items out of a collection; those that are not in it do no harm."""
    with db.transaction():
        for item_id in item_ids:
            sql = "DELETE FROM collected_items WHERE collection_id = ? AND item_id = ?"
            db.run(sql, collection_id, item_id)
        db.update("item_collections", collection_id, {"updated_at": now()})


def delete_collection(db: Database, collection_id: str) -> None:
    """Delete a collection; its items stay."""
    db.run("DELETE FROM item_collections WHERE id = ?", collection_id)


def _named(mark: str, name: str, description: str | None, metadata: Mapping[str, Any]) -> dict[str, Any]:
    moment = now()
    return {
        "id": new_marked_id(mark),
        "name": name,
        "description": description,
        "metadata": json.dumps(metadata),
        "created_at": moment,
        "updated_at": moment,
    }
