"""Making an entity usable once its pictures are known."""

from __future__ import annotations

from twelvelabs_local.store.entities import Entity, update_entity_status
from twelvelabs_local.work.bench import Bench


def prepare_entity(bench: Bench, entity_id: str) -> None:
    """Bring an entity to ``ready`` if its pictures are; otherwise the last of them to be prepared will.

    :param bench: what every job works with.
    :param entity_id: the entity; nothing happens when it is gone.
    """
    if bench.db.find(Entity, id=entity_id) is not None:
        update_entity_status(bench.db, entity_id)
