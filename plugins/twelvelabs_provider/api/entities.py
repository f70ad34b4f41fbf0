"""Entities: people and things, known by their pictures, that a search can ask for by id (v1.3 alone).

Service pages: https://docs.twelvelabs.io/api-reference/entities/entity-collections
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import pendulum

from twelvelabs_provider.api.call import Call, Method, change, delete, get, only_current, path_of, post
from twelvelabs_provider.api.models import Json, Page
from twelvelabs_provider.api.reading import as_object, identifier, moment_from, page_from, text_from
from twelvelabs_provider.api.redaction import clean_text
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.api.serializable import Answer

T = TypeVar("T")
_INSTEAD = "older generations know no entities: describe the person or thing in the words of a search"


class EntityStatus(StrEnum):
    """Whether an entity can be searched for."""

    PROCESSING = "processing"
    READY = "ready"


@dataclass(frozen=True)
class EntityCollection(Answer):
    """A group of entities."""

    id: str
    name: str
    description: str | None
    created_at: pendulum.DateTime | None
    updated_at: pendulum.DateTime | None
    raw: Json = field(repr=False)


@dataclass(frozen=True)
class Entity(Answer):
    """A person or thing.

    :param asset_ids: the pictures that show it.
    :param status: an :class:`EntityStatus`, or a word that the service has learnt since.
    :param metadata: the account's own values: texts, numbers, booleans.
    """

    id: str
    collection_id: str | None
    name: str
    description: str | None
    asset_ids: tuple[str, ...]
    status: str
    metadata: Json
    created_at: pendulum.DateTime | None
    updated_at: pendulum.DateTime | None
    raw: Json = field(repr=False)


@dataclass(frozen=True)
class NewEntity:
    """What an entity is made of.

    :param asset_ids: image assets, one at least.
    :param metadata: texts, numbers, booleans.
    """

    name: str
    asset_ids: tuple[str, ...]
    description: str | None = None
    metadata: Mapping[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        """Return the entity as the service takes it."""
        body: dict[str, Any] = {"name": self.name, "asset_ids": list(self.asset_ids)}
        if self.description is not None:
            body["description"] = self.description
        if self.metadata is not None:
            body["metadata"] = dict(self.metadata)
        return body


@dataclass(frozen=True)
class CreatedEntity(Answer):
    """One entity that a bulk request made."""

    id: str
    name: str
    status: str


@dataclass(frozen=True)
class RefusedEntity(Answer):
    """One entity that a bulk request did not make.

    :param position: its place in the request, from 0.
    """

    position: int
    name: str
    reason: str


@dataclass(frozen=True)
class BulkOutcome(Answer):
    """What a bulk request made, and what it did not."""

    created: tuple[CreatedEntity, ...]
    refused: tuple[RefusedEntity, ...]
    raw: Json = field(repr=False)


def create_entity_collection(name: str, *, description: str | None = None) -> Call[EntityCollection]:
    """Return the call that creates a collection of entities; names need not be unique."""
    content = {"name": name, "description": description}
    return _today(post("/entity-collections", entity_collection_from, content))


def list_entity_collections(*, name: str | None = None, paging: Paging | None = None) -> Call[Page[EntityCollection]]:
    """Return the call for one page of the account's collections.

    :param name: only those of this name, as the service compares names.
    """
    query = {**(paging or Paging()).query(), "name": name}
    read = partial(page_from, item=entity_collection_from, what="the list of entity collections")
    return _today(get("/entity-collections", read, query))


def read_entity_collection(collection_id: str) -> Call[EntityCollection]:
    """Return the call that reads a collection."""
    return _today(get(path_of("entity-collections", collection_id), entity_collection_from))


def update_entity_collection(
    collection_id: str, *, name: str | None = None, description: str | None = None
) -> Call[EntityCollection]:
    """Return the call that changes a collection; what is None stays as it is."""
    content = {"name": name, "description": description}
    path = path_of("entity-collections", collection_id)
    return _today(change(Method.PATCH, path, entity_collection_from, content))


def delete_entity_collection(collection_id: str) -> Call[None]:
    """Return the call that deletes a collection and its entities; their assets stay."""
    return _today(delete(path_of("entity-collections", collection_id)))


def create_entity(collection_id: str, entity: NewEntity) -> Call[Entity]:
    """Return the call that creates an entity; it is ready some time later."""
    return _today(post(path_of("entity-collections", collection_id, "entities"), entity_from, entity.body()))


def create_entities(collection_id: str, entities: Sequence[NewEntity]) -> Call[BulkOutcome]:
    """Return the call that creates many entities; some may be refused while others are made."""
    content = {"entities": [entity.body() for entity in entities]}
    return _today(post(path_of("entity-collections", collection_id, "entities", "bulk"), bulk_outcome_from, content))


def list_entities(
    collection_id: str, *, name: str | None = None, status: EntityStatus | None = None, paging: Paging | None = None
) -> Call[Page[Entity]]:
    """Return the call for one page of the entities in a collection.

    :param name: only those of this name, as the service compares names.
    """
    query = {**(paging or Paging()).query(), "name": name, "status": status}
    read = partial(page_from, item=entity_from, what="the entities of a collection")
    return _today(get(path_of("entity-collections", collection_id, "entities"), read, query))


def list_entities_of_asset(asset_id: str, *, paging: Paging | None = None) -> Call[Page[Entity]]:
    """Return the call for one page of the entities that an asset shows."""
    read = partial(page_from, item=entity_from, what="the entities of an asset")
    query = (paging or Paging()).place()
    return _today(get(path_of("assets", asset_id, "entities"), read, query))


def read_entity(collection_id: str, entity_id: str) -> Call[Entity]:
    """Return the call that reads an entity."""
    return _today(get(_path(collection_id, entity_id), entity_from))


def update_entity(
    collection_id: str,
    entity_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Call[Entity]:
    """Return the call that changes an entity; what is None stays as it is.

    :param metadata: replaces all of it.
    """
    content = {"name": name, "description": description, "metadata": metadata}
    return _today(change(Method.PATCH, _path(collection_id, entity_id), entity_from, content))


def delete_entity(collection_id: str, entity_id: str) -> Call[None]:
    """Return the call that deletes an entity; its assets stay."""
    return _today(delete(_path(collection_id, entity_id)))


def add_entity_assets(collection_id: str, entity_id: str, asset_ids: Sequence[str]) -> Call[Entity]:
    """Return the call that adds pictures to an entity, which is processed anew."""
    path = _path(collection_id, entity_id, "assets")
    return _today(change(Method.POST, path, entity_from, {"asset_ids": list(asset_ids)}))


def remove_entity_assets(collection_id: str, entity_id: str, asset_ids: Sequence[str]) -> Call[Entity]:
    """Return the call that takes pictures away from an entity; the last one cannot be taken."""
    path = _path(collection_id, entity_id, "assets")
    return _today(change(Method.DELETE, path, entity_from, {"asset_ids": list(asset_ids)}))


def entity_collection_from(answer: Any) -> EntityCollection:
    """Read a collection of entities."""
    what = "an entity collection"
    raw = as_object(answer, what)
    return EntityCollection(
        id=identifier(raw, what),
        name=text_from(raw, "name", what),
        description=raw.get("description"),
        created_at=moment_from(raw.get("created_at")),
        updated_at=moment_from(raw.get("updated_at")),
        raw=raw,
    )


def entity_from(answer: Any) -> Entity:
    """Read an entity."""
    what = "an entity"
    raw = as_object(answer, what)
    return Entity(
        id=identifier(raw, what),
        collection_id=raw.get("entity_collection_id"),
        name=text_from(raw, "name", what),
        description=raw.get("description"),
        asset_ids=tuple(raw.get("asset_ids") or ()),
        status=text_from(raw, "status", what),
        metadata=raw.get("metadata") or {},
        created_at=moment_from(raw.get("created_at")),
        updated_at=moment_from(raw.get("updated_at")),
        raw=raw,
    )


def bulk_outcome_from(answer: Any) -> BulkOutcome:
    """Read what a bulk request made and refused."""
    raw = as_object(answer, "a bulk of entities")
    return BulkOutcome(
        tuple(_created(as_object(entry, "a created entity")) for entry in raw.get("entities") or ()),
        tuple(_refused(as_object(entry, "a refused entity")) for entry in raw.get("errors") or ()),
        raw,
    )


def _created(entry: Json) -> CreatedEntity:
    return CreatedEntity(identifier(entry, "a created entity"), str(entry.get("name")), str(entry.get("status")))


def _refused(entry: Json) -> RefusedEntity:
    what = "a refused entity"
    position = int(text_from(entry, "entity_index", what))
    reason = clean_text(text_from(entry, "error_reason", what))
    return RefusedEntity(position, str(entry.get("entity_name") or ""), reason)


def _path(collection_id: str, entity_id: str, *more: str) -> str:
    return path_of("entity-collections", collection_id, "entities", entity_id, *more)


def _today(call: Call[T]) -> Call[T]:
    return only_current(call, _INSTEAD)
