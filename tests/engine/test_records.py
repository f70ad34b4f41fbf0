"""Records: one dataclass gives the table, the columns and the lookup."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest

from twelvelabs_local.store.database import Condition, Database, Paging
from twelvelabs_local.store.record import Record, Resource, table_sql


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Size:
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Thing(Resource, table="things", constraints=("UNIQUE (name)",), indexes=("colour, name",)):
    name: str
    colour: Colour = Colour.RED
    size: Size | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    visible: bool = True


@dataclass(frozen=True, kw_only=True)
class Numbered(Record, table="numbered"):
    id: Annotated[int | None, "PRIMARY KEY AUTOINCREMENT"] = None
    end: float


@pytest.fixture
def db(tmp_path: Path) -> Database:
    db = Database(tmp_path / "db")
    db.connection.executescript(table_sql(Thing) + table_sql(Numbered))
    return db


def test_a_record_reads_back_as_it_was_inserted(db: Database) -> None:
    thing = db.insert(Thing(name="a", colour=Colour.BLUE, size=Size(1, 2), tags={"é": [1, None]}, visible=False))
    assert db.find(Thing, id=thing.id) == thing
    assert thing.created_at == thing.updated_at
    assert db.value("SELECT tags FROM things") == '{"é": [1, null]}'


def test_lookup_by_any_columns(db: Database) -> None:
    for name in "abc":
        db.insert(Thing(name=name, visible=name != "b"))
    assert db.find(Thing, name="b", visible=True) is None
    assert [thing.name for thing in db.select(Thing, "WHERE visible = ? ORDER BY name", True)] == ["a", "c"]
    assert db.count(Thing, visible=True) == 2
    page = db.page(Thing, [Condition("name > ?", ["a"])], Paging(page=2, limit=1, sort_by="name"))
    assert ([thing.name for thing in page.records], page.total) == (["b"], 2)


def test_update_and_delete(db: Database) -> None:
    thing = db.insert(Thing(name="a"))
    assert db.update(Thing, thing.id, tags={"x": 1}, size=Size(3, 4), colour=Colour.BLUE) == 1
    changed = db.find(Thing, id=thing.id)
    assert changed and (changed.tags, changed.size, changed.colour) == ({"x": 1}, Size(3, 4), Colour.BLUE)
    assert db.update(Thing, "missing", name="b") == 0
    assert (db.delete(Thing, name="a"), db.delete(Thing, name="a")) == (1, 0)


def test_conflicts(db: Database) -> None:
    db.insert(Thing(name="a"))
    with pytest.raises(sqlite3.IntegrityError):
        db.insert(Thing(name="a"))
    assert not db.insert_new(Thing(name="a", visible=False)) and db.insert_new(Thing(name="b"))
    db.replace(Thing(name="a", visible=False))
    assert [(thing.name, thing.visible) for thing in db.select(Thing, "ORDER BY name")] == [("a", False), ("b", True)]


def test_the_database_numbers_records_and_accepts_keywords_as_columns(db: Database) -> None:
    db.insert(Numbered(end=1.5))
    db.insert(Numbered(end=2.5))
    assert [(one.id, one.end) for one in db.select(Numbered, "ORDER BY id")] == [(1, 1.5), (2, 2.5)]


def test_a_failed_transaction_is_rolled_back(db: Database) -> None:
    def fail() -> None:
        with db.transaction():
            db.insert(Thing(name="a"))
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert db.count(Thing, name="a") == 0
