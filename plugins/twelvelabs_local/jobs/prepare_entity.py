"""The job of a new entity."""

from __future__ import annotations

from twelvelabs_local.jobs.context import JobContext
from twelvelabs_local.store.entities import Entity, update_entity_status


def prepare_entity(context: JobContext, entity_id: str) -> None:
    """Move an entity to ``ready`` if its images are prepared. Otherwise the job of its last image queues it again."""
    if context.db.find(Entity, id=entity_id) is not None:
        update_entity_status(context.db, entity_id)
