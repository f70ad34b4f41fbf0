"""Rows of entities and knowledge stores as typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.store.record import Record


@dataclass(frozen=True)
class EntityCollection(Record):
    """A group of entities."""

    id: str
    name: str
    description: str | None
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Entity(Record):
    """A person or thing, known by pictures."""

    _json = ("metadata",)
    id: str
    collection_id: str
    name: str
    description: str | None
    metadata: Mapping[str, Any]
    status: str
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class KnowledgeStore(Record):
    """A corpus of videos and images."""

    _json = ("ingestion_config", "metadata")
    id: str
    name: str
    description: str | None
    ingestion_config: Mapping[str, Any] | None
    metadata: Mapping[str, Any]
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class KnowledgeItem(Record):
    """An asset inside a knowledge store."""

    _json = ("probe", "metadata")
    id: str
    store_id: str
    asset_id: str
    asset_type: str
    status: str
    filename: str
    probe: Mapping[str, Any] | None
    metadata: Mapping[str, Any]
    error_message: str | None
    created_at: str
    updated_at: str

    def probed(self) -> Probe | None:
        """Return what is known about the content, once it is."""
        return Probe(**self.probe) if self.probe else None


@dataclass(frozen=True)
class ItemCollection(Record):
    """A named selection of the items in a knowledge store."""

    _json = ("metadata",)
    id: str
    store_id: str
    name: str
    description: str | None
    metadata: Mapping[str, Any]
    created_at: str
    updated_at: str
