"""Entity collections and entities."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twelvelabs_local.identity import new_id, now
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.jobs import JobKind, drop, enqueue
from twelvelabs_local.store.knowledge_records import Entity, EntityCollection


@dataclass(frozen=True)
class NewEntity:
    """A checked entity.

    :param asset_ids: assets that exist.
    """

    name: str
    asset_ids: Sequence[str]
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def create_collection(db: Database, name: str, description: str | None) -> EntityCollection:
    """Create a collection."""
    moment = now()
    values = {"id": new_id(), "name": name, "description": description, "created_at": moment, "updated_at": moment}
    db.insert("entity_collections", values)
    created = find_collection(db, values["id"] or "")
    assert created is not None
    return created


def find_collection(db: Database, collection_id: str) -> EntityCollection | None:
    """Return a collection, or None."""
    row = db.first("SELECT * FROM entity_collections WHERE id = ?", collection_id)
    return EntityCollection.of(row) if row else None


def delete_collection(db: Database, collection_id: str) -> None:
    """Delete a collection with its entities."""
    with db.transaction():
        for row in db.all("SELECT id FROM entities WHERE collection_id = ?", collection_id):
            drop(db, JobKind.PREPARE_ENTITY, row["id"])
        db.run("DELETE FROM entity_collections WHERE id = ?", collection_id)


def create_entity(db: Database, collection_id: str, new: NewEntity) -> Entity:
    """Create an entity in ``processing`` and queue the look at its pictures."""
    moment = now()
    values = {
        "id": new_id(),
        "collection_id": collection_id,
        "name": new.name,
        "description": new.description,
        "metadata": json.dumps(new.metadata),
        "status": "processing",
        "created_at": moment,
        "updated_at": moment,
    }
    with db.transaction():
        db.insert("entities", values)
        _add(db, str(values["id"]), new.asset_ids)
        enqueue(db, JobKind.PREPARE_ENTITY, str(values["id"]))
        created = find_entity(db, str(values["id"]))
    assert created is not None
    return created


def find_entity(db: Database, entity_id: str) -> Entity | None:
    """Return an entity, or None."""
    row = db.first("SELECT * FROM entities WHERE id = ?", entity_id)
    return Entity.of(row) if row else None


def asset_ids_of(db: Database, entity_id: str) -> list[str]:
    """Return the assets of an entity in the order in which they were added."""
    rows = db.all("SELECT asset_id FROM entity_assets WHERE entity_id = ? ORDER BY rowid", entity_id)
    return [row["asset_id"] for row in rows]


def add_assets(db: Database, entity_id: str, asset_ids: Iterable[str]) -> None:
    """Add assets to an entity; those that it has stay."""
    with db.transaction():
        _add(db, entity_id, asset_ids)
        settle_entity(db, entity_id)


def remove_assets(db: Database, entity_id: str, asset_ids: Sequence[str]) -> bool:
    """Take assets away from an entity; return False, and take none, when none would be left."""
    with db.transaction():
        if not set(asset_ids_of(db, entity_id)) - set(asset_ids):
            return False
        for asset_id in asset_ids:
            db.run("DELETE FROM entity_assets WHERE entity_id = ? AND asset_id = ?", entity_id, asset_id)
        settle_entity(db, entity_id)
    return True


def delete_entity(db: Database, entity_id: str) -> None:
    """Delete an entity; its assets stay."""
    with db.transaction():
        drop(db, JobKind.PREPARE_ENTITY, entity_id)
        db.run("DELETE FROM entities WHERE id = ?", entity_id)


def settle_entity(db: Database, entity_id: str) -> None:
    """Bring an entity to the status that its assets allow: ready once none is being prepared and one is an image."""
    sql = (
        "SELECT coalesce(sum(assets.status = 'processing'), 0) AS unknown, "
        "coalesce(sum(assets.status = 'ready' AND assets.file_type LIKE 'image/%'), 0) AS pictures "
        "FROM entity_assets JOIN assets ON assets.id = entity_assets.asset_id WHERE entity_id = ?"
    )
    with db.transaction():
        found = db.first(sql, entity_id)
        assert found is not None
        ready = found["pictures"] > 0 and found["unknown"] == 0
        db.update("entities", entity_id, {"status": "ready" if ready else "processing", "updated_at": now()})


def release_entities(db: Database, asset_id: str) -> None:
    """Queue the entities that waited for an asset to be prepared."""
    sql = (
        "SELECT entity_id FROM entity_assets JOIN entities ON entities.id = entity_id "
        "WHERE asset_id = ? AND status = 'processing'"
    )
    for row in db.all(sql, asset_id):
        enqueue(db, JobKind.PREPARE_ENTITY, row["entity_id"])


def _add(db: Database, entity_id: str, asset_ids: Iterable[str]) -> None:
    for asset_id in asset_ids:
        db.run("INSERT OR IGNORE INTO entity_assets (entity_id, asset_id) VALUES (?, ?)", entity_id, asset_id)
