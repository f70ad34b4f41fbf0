"""Making an entity usable once its pictures are known."""

from __future__ import annotations

from twelvelabs_local.store.entities import find_entity, settle_entity
from twelvelabs_local.work.bench import Bench


def prepare_entity(bench: Bench, entity_id: str) -> None:
    """Bring an entity to ``ready`` if its pictures are; otherwise the last of them to be prepared will.

    :param bench: what every job works with.
    :param entity_id: the entity; nothing happens when it is gone.
    """
    if find_entity(bench.db, entity_id) is not None:
        settle_entity(bench.db, entity_id)
