"""Records: a dataclass that is the definition of a table."""

from __future__ import annotations

import json
import sqlite3
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import Field, asdict, dataclass, field, fields, is_dataclass
from enum import Enum
from functools import partial
from typing import Annotated, Any, ClassVar, Self

from twelvelabs_local.ids import new_id
from twelvelabs_local.times import now

_SQL_TYPES: Sequence[tuple[type, str]] = ((int, "INTEGER"), (float, "REAL"), (str, "TEXT"))


class Record:
    """A row of a table. The fields of a subclass are the columns.

    A column's SQL type comes from the field's type. ``Annotated`` adds SQL to the column, for example ``PRIMARY KEY``.
    A field that is neither text nor a number is stored as JSON; it may be a dataclass.

    :param table: the table; without it the subclass only describes the rows of a query.
    :param constraints: constraints of the table, in SQL.
    :param indexes: comma-separated columns of each index.
    """

    table: ClassVar[str] = ""
    constraints: ClassVar[Sequence[str]] = ()
    indexes: ClassVar[Sequence[str]] = ()

    def __init_subclass__(cls, table: str = "", constraints: Sequence[str] = (), indexes: Sequence[str] = ()) -> None:
        cls.table, cls.constraints, cls.indexes = table, constraints, indexes

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        """Read a row."""
        return cls(**{column.name: column.read(row[column.name]) for column in columns(cls)})


@dataclass(frozen=True, kw_only=True)
class Resource(Record):
    """A record with the service's id and times."""

    id: Annotated[str, "PRIMARY KEY"] = field(default_factory=new_id)
    created_at: str = field(default_factory=now)
    updated_at: str = ""

    def __post_init__(self) -> None:
        # a new resource has one time, not two that differ by a millisecond
        object.__setattr__(self, "updated_at", self.updated_at or self.created_at)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    :param sql: its definition in ``CREATE TABLE``.
    :param added_sql: its definition in ``ALTER TABLE``, which old rows must satisfy.
    :param decode: makes the field's value of the stored value, or None when they are the same.
    :param is_json: whether the value is stored as JSON.
    """

    name: str
    sql: str
    added_sql: str
    decode: Callable[[Any], Any] | None
    is_json: bool

    def read(self, value: Any) -> Any:
        """Return a field's value."""
        return value if value is None or self.decode is None else self.decode(value)

    def write(self, value: Any) -> Any:
        """Return a value as it is stored."""
        return json.dumps(value, ensure_ascii=False, default=asdict) if self.is_json and value is not None else value


_columns: dict[type[Record], Sequence[Column]] = {}


def columns(record: type[Record]) -> Sequence[Column]:
    """Return the columns of a record."""
    if record not in _columns:
        hints = typing.get_type_hints(record, include_extras=True)
        _columns[record] = [_column(one, hints[one.name]) for one in fields(record)]  # type: ignore[arg-type]
    return _columns[record]


def table_sql(record: type[Record]) -> str:
    """Return the statements that create a record's table and indexes."""
    definitions = ", ".join([*(column.sql for column in columns(record)), *record.constraints])
    statements = [f"CREATE TABLE IF NOT EXISTS {record.table} ({definitions});\n"]
    for names in record.indexes:
        index = "_".join((record.table, "by", *names.split(", ")))
        statements.append(f"CREATE INDEX IF NOT EXISTS {index} ON {record.table} ({names});\n")
    return "".join(statements)


def _column(one: Field[Any], hint: Any) -> Column:
    extra = ""
    if typing.get_origin(hint) is Annotated:
        hint, extra = typing.get_args(hint)
    nullable = typing.get_origin(hint) in (typing.Union, types.UnionType)
    kind = typing.get_args(hint)[0] if nullable else hint
    sql_type = next((name for base, name in _SQL_TYPES if isinstance(kind, type) and issubclass(kind, base)), None)
    name, not_null, default = f'"{one.name}" {sql_type or "TEXT"}', "" if nullable else " NOT NULL", _default(one)
    sql, decode = f"{name}{not_null}{default} {extra}".strip(), _decode(kind, sql_type)
    return Column(one.name, sql, f"{name}{default}", decode, is_json=sql_type is None)


def _decode(kind: Any, sql_type: str | None) -> Callable[[Any], Any] | None:
    if sql_type is None:
        return partial(_read_dataclass, kind) if isinstance(kind, type) and is_dataclass(kind) else json.loads
    return kind if issubclass(kind, bool | Enum) else None


def _read_dataclass(kind: type[Any], text: str) -> Any:
    return kind(**json.loads(text))


def _default(one: Field[Any]) -> str:
    """Return the default that rows of an older data folder get when the column is added."""
    if isinstance(one.default, str):
        return f" DEFAULT '{one.default}'"
    return f" DEFAULT {one.default + 0}" if isinstance(one.default, int | float) else ""
