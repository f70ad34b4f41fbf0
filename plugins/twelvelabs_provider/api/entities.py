"""Entities: people and things that a search can name by id (v1.3 only).

Service pages: https://docs.twelvelabs.io/api-reference/entities/entity-collections
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from twelvelabs_provider.api.call import Call, Method, change, delete, get, only_current, path_of, post
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.resources import Paging, page_of
from twelvelabs_provider.api.service_model import (
    NO_FIELDS,
    Fields,
    Identifier,
    Moment,
    ServiceModel,
    Shown,
    Text,
    named,
)

T = TypeVar("T")
_INSTEAD = "older generations have no entities: describe the person or thing in the search text"


class EntityStatus(StrEnum):
    """Whether an entity can be searched for."""

    PROCESSING = "processing"
    READY = "ready"


class EntityCollection(ServiceModel):
    """A group of entities."""

    id: Identifier = named("_id", "id")
    name: str
    description: str | None = None
    created_at: Moment = None
    updated_at: Moment = None


class Entity(ServiceModel):
    """A person or a thing.

    :param asset_ids: the images that show it.
    :param status: an :class:`EntityStatus`, or one that is newer than this package.
    :param metadata: values of the account: texts, numbers, booleans.
    """

    id: Identifier = named("_id", "id")
    collection_id: str | None = named("entity_collection_id", default=None)
    name: str
    description: str | None = None
    asset_ids: tuple[str, ...] = ()
    status: str
    metadata: Fields = NO_FIELDS
    created_at: Moment = None
    updated_at: Moment = None


@dataclass(frozen=True)
class NewEntity:
    """An entity to create.

    :param asset_ids: image assets, at least one.
    :param metadata: texts, numbers, booleans.
    """

    name: str
    asset_ids: tuple[str, ...]
    description: str | None = None
    metadata: Mapping[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the entity."""
        body: dict[str, Any] = {"name": self.name, "asset_ids": list(self.asset_ids)}
        if self.description is not None:
            body["description"] = self.description
        if self.metadata is not None:
            body["metadata"] = dict(self.metadata)
        return body


class CreatedEntity(ServiceModel):
    """An entity that a bulk request created."""

    id: Identifier = named("_id", "id")
    name: str = ""
    status: str = ""


class RefusedEntity(ServiceModel):
    """An entity that a bulk request did not create.

    :param position: its position in the request, from 0.
    """

    position: int = named("entity_index")
    name: Text = named("entity_name", default=None)
    reason: Shown = named("error_reason")


class BulkOutcome(ServiceModel):
    """The entities that a bulk request created, and those that it did not."""

    created: tuple[CreatedEntity, ...] = named("entities", default=())
    refused: tuple[RefusedEntity, ...] = named("errors", default=())


def create_entity_collection(name: str, *, description: str | None = None) -> Call[EntityCollection]:
    """Return the call that creates a collection of entities; names need not be unique."""
    content = {"name": name, "description": description}
    return _only_v1_3(post("/entity-collections", EntityCollection.read, content))


def list_entity_collections(*, name: str | None = None, paging: Paging | None = None) -> Call[Page[EntityCollection]]:
    """Return the call for one page of the account's collections.

    :param name: only those with this name; the service compares.
    """
    query = {**(paging or Paging()).query(), "name": name}
    return _only_v1_3(page_of("/entity-collections", EntityCollection, query))


def read_entity_collection(collection_id: str) -> Call[EntityCollection]:
    """Return the call that reads a collection."""
    return _only_v1_3(get(path_of("entity-collections", collection_id), EntityCollection.read))


def update_entity_collection(
    collection_id: str, *, name: str | None = None, description: str | None = None
) -> Call[EntityCollection]:
    """Return the call that changes a collection; None keeps a value."""
    content = {"name": name, "description": description}
    path = path_of("entity-collections", collection_id)
    return _only_v1_3(change(Method.PATCH, path, EntityCollection.read, content))


def delete_entity_collection(collection_id: str) -> Call[None]:
    """Return the call that deletes a collection and its entities and keeps their assets."""
    return _only_v1_3(delete(path_of("entity-collections", collection_id)))


def create_entity(collection_id: str, entity: NewEntity) -> Call[Entity]:
    """Return the call that creates an entity. Read it until its status is ready."""
    return _only_v1_3(post(path_of("entity-collections", collection_id, "entities"), Entity.read, entity.body()))


def create_entities(collection_id: str, entities: Sequence[NewEntity]) -> Call[BulkOutcome]:
    """Return the call that creates many entities; the service may create only some of them."""
    content = {"entities": [entity.body() for entity in entities]}
    return _only_v1_3(post(path_of("entity-collections", collection_id, "entities", "bulk"), BulkOutcome.read, content))


def list_entities(
    collection_id: str, *, name: str | None = None, status: EntityStatus | None = None, paging: Paging | None = None
) -> Call[Page[Entity]]:
    """Return the call for one page of the entities in a collection.

    :param name: only those with this name; the service compares.
    """
    query = {**(paging or Paging()).query(), "name": name, "status": status}
    return _only_v1_3(page_of(path_of("entity-collections", collection_id, "entities"), Entity, query))


def list_entities_of_asset(asset_id: str, *, paging: Paging | None = None) -> Call[Page[Entity]]:
    """Return the call for one page of the entities in an asset."""
    return _only_v1_3(page_of(path_of("assets", asset_id, "entities"), Entity, (paging or Paging()).place()))


def read_entity(collection_id: str, entity_id: str) -> Call[Entity]:
    """Return the call that reads an entity."""
    return _only_v1_3(get(_path(collection_id, entity_id), Entity.read))


def update_entity(
    collection_id: str,
    entity_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Call[Entity]:
    """Return the call that changes an entity; None keeps a value.

    :param metadata: replaces the metadata.
    """
    content = {"name": name, "description": description, "metadata": metadata}
    return _only_v1_3(change(Method.PATCH, _path(collection_id, entity_id), Entity.read, content))


def delete_entity(collection_id: str, entity_id: str) -> Call[None]:
    """Return the call that deletes an entity and keeps its assets."""
    return _only_v1_3(delete(_path(collection_id, entity_id)))


def add_entity_assets(collection_id: str, entity_id: str, asset_ids: Sequence[str]) -> Call[Entity]:
    """Return the call that adds images to an entity; the service processes it again."""
    path = _path(collection_id, entity_id, "assets")
    return _only_v1_3(change(Method.POST, path, Entity.read, {"asset_ids": list(asset_ids)}))


def remove_entity_assets(collection_id: str, entity_id: str, asset_ids: Sequence[str]) -> Call[Entity]:
    """Return the call that removes images from an entity; it keeps at least one."""
    path = _path(collection_id, entity_id, "assets")
    return _only_v1_3(change(Method.DELETE, path, Entity.read, {"asset_ids": list(asset_ids)}))


def _path(collection_id: str, entity_id: str, *more: str) -> str:
    return path_of("entity-collections", collection_id, "entities", entity_id, *more)


def _only_v1_3(call: Call[T]) -> Call[T]:
    return only_current(call, _INSTEAD)
