"""Operators for entities and entity collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.entities import (
    Entity,
    EntityCollection,
    NewEntity,
    add_entity_assets,
    create_entity,
    create_entity_collection,
    delete_entity,
    delete_entity_collection,
    list_entities,
    list_entity_collections,
    update_entity,
)
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import choice_of, texts_of
from twelvelabs_provider.inputs.user_metadata import plain_metadata_of
from twelvelabs_provider.jobs.idempotency import created_once
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.operators.job import Result, TwelveLabsJobOperator
from twelvelabs_provider.task import COMMON_FIELDS, DELETE_COLOR, required

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context


class TwelveLabsCreateEntityCollectionOperator(TwelveLabsOperator):
    """Creates a collection of entities, or reuses the one with this name; returns its id.

    Service page: https://docs.twelvelabs.io/api-reference/entities/entity-collections/create

    :param collection_name: unique name; if several exist, the oldest is reused (templated).
    :param description: of a new collection (templated).
    :param if_exists: ``reuse`` or ``fail``.
    :return: the id of the collection.
    :raises TwelveLabsInputError: the name exists, and ``if_exists`` is ``fail``.
    """

    template_fields = (*COMMON_FIELDS, "collection_name", "description")
    returns_fields = False

    def __init__(
        self, *, collection_name: str, description: str | None = None, if_exists: str = "reuse", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.collection_name = collection_name
        self.description = description
        self.if_exists = if_exists

    def run_operator(self, context: Context) -> str:
        """Find the collection or create it."""
        required(self, collection_name=self.collection_name)
        self.if_exists = choice_of("if_exists", self.if_exists, ("reuse", "fail"))
        found = self._find()
        if found is None:
            call = create_entity_collection(self.collection_name, description=self.description)
            collection = created_once(lambda: self.hook.execute(call), self._find)
            self.log.info("Created entity collection %r: %s", self.collection_name, collection.id)
            return collection.id
        if self.if_exists == "fail":
            raise TwelveLabsInputError(
                f"entity collection {self.collection_name!r} already exists as {found.id}, and if_exists='fail'"
            )
        self.log.info("Reusing entity collection %r: %s", found.name, found.id)
        return found.id

    def _find(self) -> EntityCollection | None:
        name = self.collection_name
        listed = self.hook.items(lambda paging: list_entity_collections(name=name, paging=paging))
        same = [collection for collection in listed if collection.name == name]
        return same[-1] if same else None


class TwelveLabsCreateEntityOperator(TwelveLabsJobOperator):
    """Creates an entity from images, and waits until searches can refer to it (``<@entity_id>``).

    An entity is identified by its name in the collection, so a retry or a lost response creates no duplicate.

    Service page: https://docs.twelvelabs.io/api-reference/entities/entity-collections/entities/create

    :param entity_collection_id: the collection (templated).
    :param entity_name: unique in the collection (templated).
    :param asset_ids: at least one image of it: a list, its JSON text, or one id (templated).
    :param description: text (templated).
    :param metadata: names to texts, numbers and booleans, as a mapping or its JSON text (templated).
    :param if_exists: ``reuse`` an entity of this name if it has the images, ``update`` it (add missing images, replace
        given description and metadata), or ``fail``.
    :return: ``entity_collection_id``, ``entity_id``, ``entity_name``, ``status``, ``asset_count``.
    :raises TwelveLabsInputError: an argument is invalid; the entity exists, with ``fail``, or lacks images, with
        ``reuse``.
    :raises TwelveLabsJobTimeoutError: the entity is not ready at the deadline; a retry attaches to it.
    """

    chained_fields = ("entity_id",)
    template_fields = (
        *COMMON_FIELDS,
        "entity_collection_id",
        "entity_name",
        "asset_ids",
        "description",
        "metadata",
    )
    has_nothing_to_fetch = True

    def __init__(
        self,
        *,
        entity_collection_id: str,
        entity_name: str,
        asset_ids: Sequence[str] | str,
        description: str | None = None,
        metadata: Mapping[str, Any] | str | None = None,
        if_exists: str = "reuse",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.entity_collection_id = entity_collection_id
        self.entity_name = entity_name
        self.asset_ids = asset_ids
        self.description = description
        self.metadata = metadata
        self.if_exists = if_exists

    def submit(self, context: Context) -> PendingJob:
        """Create the entity, or reuse or update the existing one."""
        required(self, entity_collection_id=self.entity_collection_id, entity_name=self.entity_name)
        self.if_exists = choice_of("if_exists", self.if_exists, ("reuse", "update", "fail"))
        wanted = self._wanted()
        found = self._find()
        if found is None:
            call = create_entity(self.entity_collection_id, wanted)
            entity = created_once(lambda: self.hook.execute(call), self._find)
            self.log.info("Creating entity %r: %s", entity.name, entity.id)
        else:
            entity = self._existing(found, wanted)
        job = JobRef(JobKind.ENTITY, entity.id, self.entity_collection_id)
        return self.pending(context, job, asset_count=len(entity.asset_ids))

    def complete(self, context: Context, pending: PendingJob, state: JobState) -> Result:
        """Return what was made."""
        self.log.info("%s is %s", pending.job, state.status)
        return self._result(pending, state.status)

    def detached_result(self, pending: PendingJob) -> Result:
        """Name the entity, for a sensor."""
        return self._result(pending, None)

    def request_values(self) -> tuple[Any, ...]:
        """Return the entity and its values."""
        return (self.entity_collection_id, self.entity_name, self.asset_ids, self.description, self.metadata)

    def _wanted(self) -> NewEntity:
        asset_ids = texts_of("asset_ids", self.asset_ids)
        if not asset_ids:
            raise TwelveLabsInputError(f"asset_ids={self.asset_ids!r}: an entity needs at least one image asset")
        return NewEntity(
            self.entity_name,
            tuple(dict.fromkeys(asset_ids)),
            self.description,
            plain_metadata_of("metadata", self.metadata) if self.metadata else None,
        )

    def _find(self) -> Entity | None:
        name, collection_id = self.entity_name, self.entity_collection_id
        listed = self.hook.items(lambda paging: list_entities(collection_id, name=name, paging=paging))
        return next((entity for entity in listed if entity.name == name), None)

    def _existing(self, found: Entity, wanted: NewEntity) -> Entity:
        lacking = [asset_id for asset_id in wanted.asset_ids if asset_id not in found.asset_ids]
        if self.if_exists == "fail" or (lacking and self.if_exists == "reuse"):
            why = f"lacks the assets {', '.join(lacking)}" if self.if_exists == "reuse" else "if_exists='fail'"
            raise TwelveLabsInputError(
                f"entity {found.name!r} already exists as {found.id} and {why}: take another name or if_exists='update'"
            )
        if self.if_exists == "reuse":
            self.log.info("Reusing entity %r: %s", found.name, found.id)
            return found
        return self._updated(found, wanted, lacking)

    def _updated(self, found: Entity, wanted: NewEntity, lacking: Sequence[str]) -> Entity:
        entity, where = found, (self.entity_collection_id, found.id)
        given = {"description": wanted.description, "metadata": wanted.metadata}
        if any(value is not None and value != getattr(found, name) for name, value in given.items()):
            entity = self.hook.execute(update_entity(*where, description=wanted.description, metadata=wanted.metadata))
        if lacking:
            entity = self.hook.execute(add_entity_assets(*where, lacking))
        self.log.info("Added %d assets to entity %r: %s", len(lacking), found.name, found.id)
        return entity

    def _result(self, pending: PendingJob, status: str | None) -> Result:
        return {
            "entity_collection_id": self.entity_collection_id,
            "entity_id": pending.job.id,
            "entity_name": self.entity_name,
            "status": status,
            "asset_count": pending.memo.get("asset_count"),
        }


class TwelveLabsDeleteEntityOperator(TwelveLabsOperator):
    """Deletes an entity; its assets stay. An entity that does not exist counts as deleted.

    Service page: https://docs.twelvelabs.io/api-reference/entities/entity-collections/entities/delete

    :param entity_collection_id: the collection (templated).
    :param entity_id: the entity (templated).
    """

    template_fields = (*COMMON_FIELDS, "entity_collection_id", "entity_id")
    returns_fields = False
    ui_color = DELETE_COLOR

    def __init__(self, *, entity_collection_id: str, entity_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.entity_collection_id = entity_collection_id
        self.entity_id = entity_id

    def run_operator(self, context: Context) -> None:
        """Delete the entity."""
        required(self, entity_collection_id=self.entity_collection_id, entity_id=self.entity_id)
        self.hook.execute(delete_entity(self.entity_collection_id, self.entity_id))
        self.log.info("Deleted entity %s", self.entity_id)


class TwelveLabsDeleteEntityCollectionOperator(TwelveLabsOperator):
    """Deletes a collection and its entities; their assets stay. A collection that does not exist counts as deleted.

    Service page: https://docs.twelvelabs.io/api-reference/entities/entity-collections/delete

    :param entity_collection_id: the collection (templated).
    """

    template_fields = (*COMMON_FIELDS, "entity_collection_id")
    returns_fields = False
    ui_color = DELETE_COLOR

    def __init__(self, *, entity_collection_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.entity_collection_id = entity_collection_id

    def run_operator(self, context: Context) -> None:
        """Delete the collection."""
        required(self, entity_collection_id=self.entity_collection_id)
        self.hook.execute(delete_entity_collection(self.entity_collection_id))
        self.log.info("Deleted entity collection %s and its entities", self.entity_collection_id)
