"""Indexes."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from twelvelabs_local.errors import ServiceError
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.record import Resource
from twelvelabs_local.times import now

_CURRENT_OPTIONS: Mapping[str, str] = {
    "visual": "visual",
    "text_in_video": "visual",
    "logo": "visual",
    "conversation": "audio",
}
"""Option of v1.1 and v1.2 to option of v1.3."""


@dataclass(frozen=True)
class Model:
    """A model of an index with its options."""

    name: str
    options: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Index(Resource, table="indexes"):
    """An index.

    :param legacy: whether the options are those of v1.1 and v1.2.
    """

    name: Annotated[str, "UNIQUE"]
    legacy: bool
    models: Sequence[Any]
    addons: Sequence[str]

    def named_models(self) -> list[Model]:
        """Return the models with their options."""
        return [Model(item["name"], item["options"]) for item in self.models]


def create_index(db: Database, index: Index) -> Index:
    """Create an index.

    :raises ServiceError: ``index_name_already_exists``.
    """
    try:
        return db.insert(index)
    except sqlite3.IntegrityError as error:
        raise _name_exists(index.name) from error


def rename_index(db: Database, index: Index, name: str) -> None:
    """Rename an index.

    :raises ServiceError: ``index_name_already_exists``.
    """
    try:
        db.update(Index, index.id, name=name, updated_at=now())
    except sqlite3.IntegrityError as error:
        raise _name_exists(name) from error


def index_totals(db: Database, index_id: str) -> tuple[int, float]:
    """Return the number of ready videos of an index and their total seconds."""
    sql = "SELECT count(*), coalesce(sum(duration), 0) FROM videos WHERE index_id = ? AND status = 'ready'"
    ((count, seconds),) = db.rows(sql, index_id)
    return count, round(seconds, 3)


def has_option(index: Index, option: str) -> bool:
    """Return whether an index has an option, in the terms of either generation.

    :param index: the index.
    :param option: ``visual``, ``audio``, ``conversation``, ``text_in_video`` or ``logo``.
    """
    options = {name for model in index.named_models() for name in model.options}
    if not index.legacy:
        return _CURRENT_OPTIONS.get(option, option) in options
    if option in ("visual", "audio"):
        return option in {_CURRENT_OPTIONS[name] for name in options}
    return option in options


def _name_exists(name: str) -> ServiceError:
    message = f"An index with the name {name} already exists. Choose another name or use the existing index."
    return ServiceError(400, "index_name_already_exists", message)
