"""Indexes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence

from twelvelabs_local.errors import ServiceError
from twelvelabs_local.identity import new_id, now
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.records import Index, Model

_IMPLIED: Mapping[str, Sequence[str]] = {
    "visual": ("visual",),
    "text_in_video": ("visual",),
    "logo": ("visual",),
    "conversation": ("audio",),
}
"""What a legacy option became in the current generation."""


def create_index(db: Database, name: str, models: Sequence[Model], addons: Sequence[str], legacy: bool) -> Index:
    """Create an index.

    :param db: the database.
    :param name: a name that no other index has.
    :param models: models with their options.
    :param addons: add-ons.
    :param legacy: whether the options are those of v1.1 and v1.2.
    :raises ServiceError: ``index_name_already_exists``.
    """
    moment = now()
    saved = [{"name": model.name, "options": list(model.options)} for model in models]
    index = Index(new_id(), name, int(legacy), saved, addons, moment, moment)
    values = {**vars(index), "models": json.dumps(saved), "addons": json.dumps(addons)}
    try:
        db.insert("indexes", values)
    except sqlite3.IntegrityError as error:
        raise _name_taken(name) from error
    return index


def rename_index(db: Database, index: Index, name: str) -> None:
    """Give an index another name.

    :raises ServiceError: ``index_name_already_exists``.
    """
    try:
        db.update("indexes", index.id, {"name": name, "updated_at": now()})
    except sqlite3.IntegrityError as error:
        raise _name_taken(name) from error


def find_index(db: Database, index_id: str) -> Index | None:
    """Return an index, or None."""
    row = db.first("SELECT * FROM indexes WHERE id = ?", index_id)
    return Index.of(row) if row else None


def index_totals(db: Database, index_id: str) -> tuple[int, float]:
    """Return how many videos of an index are ready, and their seconds."""
    row = db.first(
        "SELECT count(*) AS n, coalesce(sum(duration), 0) AS seconds FROM videos "
        "WHERE index_id = ? AND status = 'ready'",
        index_id,
    )
    return (row["n"], round(row["seconds"], 3)) if row else (0, 0.0)


def offered(index: Index, option: str) -> bool:
    """Tell whether an index was created with an option, in the words of either generation.

    :param index: the index.
    :param option: ``visual``, ``audio``, ``conversation``, ``text_in_video`` or ``logo``.
    """
    options = {name for model in index.named_models() for name in model.options}
    if not index.legacy:
        return any(name in options for name in _IMPLIED.get(option, (option,)))
    if option in ("visual", "audio"):
        return any(option in _IMPLIED[name] for name in options)
    return option in options


def _name_taken(name: str) -> ServiceError:
    message = f"An index with the name {name} already exists. Choose another name or use the index that has it."
    return ServiceError(400, "index_name_already_exists", message)
