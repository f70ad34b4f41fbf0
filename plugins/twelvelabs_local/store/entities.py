"""Entity collections and entities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from twelvelabs_local.store.database import Database
from twelvelabs_local.store.job_queue import JobKind, cancel_job, enqueue
from twelvelabs_local.store.record import Record, Resource
from twelvelabs_local.times import now


@dataclass(frozen=True, kw_only=True)
class EntityCollection(Resource, table="entity_collections"):
    """A group of entities."""

    name: str
    description: str | None = None


@dataclass(frozen=True, kw_only=True)
class Entity(Resource, table="entities", indexes=("collection_id, created_at",)):
    """A person or thing that images show."""

    collection_id: Annotated[str, "REFERENCES entity_collections (id) ON DELETE CASCADE"]
    name: str
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    status: str = "processing"


@dataclass(frozen=True, kw_only=True)
class EntityAsset(
    Record, table="entity_assets", constraints=("PRIMARY KEY (entity_id, asset_id)",), indexes=("asset_id",)
):
    """An asset that shows an entity."""

    entity_id: Annotated[str, "REFERENCES entities (id) ON DELETE CASCADE"]
    asset_id: Annotated[str, "REFERENCES assets (id) ON DELETE CASCADE"]


def delete_collection(db: Database, collection_id: str) -> None:
    """Delete a collection and its entities."""
    with db.transaction():
        for entity in db.select(Entity, "WHERE collection_id = ?", collection_id):
            cancel_job(db, JobKind.PREPARE_ENTITY, entity.id)
        db.delete(EntityCollection, id=collection_id)


def create_entity(db: Database, entity: Entity, asset_ids: Iterable[str]) -> Entity:
    """Insert an entity and queue the check of its images.

    :param asset_ids: existing assets.
    """
    with db.transaction():
        db.insert(entity)
        _add(db, entity.id, asset_ids)
        enqueue(db, JobKind.PREPARE_ENTITY, entity.id)
    return entity


def asset_ids_of(db: Database, entity_id: str) -> list[str]:
    """Return the assets of an entity in the order in which they were added."""
    return [one.asset_id for one in db.select(EntityAsset, "WHERE entity_id = ? ORDER BY rowid", entity_id)]


def add_assets(db: Database, entity_id: str, asset_ids: Iterable[str]) -> None:
    """Add assets to an entity."""
    with db.transaction():
        _add(db, entity_id, asset_ids)
        update_entity_status(db, entity_id)


def remove_assets(db: Database, entity_id: str, asset_ids: Sequence[str]) -> bool:
    """Remove assets from an entity. Return False, and remove none, when no asset would remain."""
    with db.transaction():
        if not set(asset_ids_of(db, entity_id)) - set(asset_ids):
            return False
        for asset_id in asset_ids:
            db.delete(EntityAsset, entity_id=entity_id, asset_id=asset_id)
        update_entity_status(db, entity_id)
    return True


def delete_entity(db: Database, entity_id: str) -> None:
    """Delete an entity. Its assets stay."""
    with db.transaction():
        cancel_job(db, JobKind.PREPARE_ENTITY, entity_id)
        db.delete(Entity, id=entity_id)


def update_entity_status(db: Database, entity_id: str) -> None:
    """Set an entity's status: ready once all its assets are prepared and one of them is an image."""
    sql = (
        "SELECT coalesce(sum(assets.status = 'processing'), 0), "
        "coalesce(sum(assets.status = 'ready' AND assets.file_type LIKE 'image/%'), 0) "
        "FROM entity_assets JOIN assets ON assets.id = entity_assets.asset_id WHERE entity_id = ?"
    )
    with db.transaction():
        ((processing, images),) = db.rows(sql, entity_id)
        ready = images > 0 and processing == 0
        db.update(Entity, entity_id, status="ready" if ready else "processing", updated_at=now())


def queue_entities_of(db: Database, asset_id: str) -> None:
    """Queue the entities of a prepared asset."""
    sql = (
        "SELECT entity_id FROM entity_assets JOIN entities ON entities.id = entity_id "
        "WHERE asset_id = ? AND status = 'processing'"
    )
    for row in db.rows(sql, asset_id):
        enqueue(db, JobKind.PREPARE_ENTITY, row["entity_id"])


def _add(db: Database, entity_id: str, asset_ids: Iterable[str]) -> None:
    for asset_id in asset_ids:
        db.insert_new(EntityAsset(entity_id=entity_id, asset_id=asset_id))
