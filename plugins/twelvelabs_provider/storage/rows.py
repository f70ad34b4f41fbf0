"""Schemas of rows: the columns of a table, their order and types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

REST = "extra"
"""The Parquet column for further fields of a row."""


class ColumnType(StrEnum):
    """Type of a column."""

    TEXT = "text"
    NUMBER = "number"
    WHOLE = "whole"
    """64 bits, signed."""
    FLAG = "flag"
    TEXTS = "texts"
    """A list of texts."""
    VECTOR = "vector"
    """A list of numbers; 32-bit in Parquet."""
    JSON = "json"
    """Any JSON value; its text in Parquet."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    :param meaning: description with the unit, for the documentation.
    :param always: never null.
    """

    name: str
    type: ColumnType = ColumnType.TEXT
    meaning: str = ""
    always: bool = False


@dataclass(frozen=True)
class RowSchema:
    """The columns of a table, in the order in which they are written.

    A row is a mapping of these names; one that is missing is written as null. The version is raised when a reader of
    the former rows would misread the new ones or miss a column; a column more at the end does not raise it.

    :param name: name of the documented schema; None for rows without documentation.
    :param rest: rows may hold more names than these: in JSON they stand beside the columns, in Parquet they are the
        JSON text in the column :data:`REST`.
    """

    columns: Sequence[Column]
    name: str | None = None
    version: int = 1
    rest: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    def described(self) -> list[dict[str, str]]:
        """Return names and types, for a manifest."""
        return [{"name": column.name, "type": column.type.value} for column in self.columns]

    def identity(self) -> dict[str, Any] | None:
        """Return name and version, for a manifest; None for a schema without documentation."""
        return {"name": self.name, "version": self.version} if self.name else None


@dataclass(frozen=True)
class Columns:
    """Some rows, column by column.

    :param values: a list for each column, all of one length.
    :param rest: further fields of each row; None if no row has any.
    """

    schema: RowSchema
    values: Sequence[Sequence[Any]]
    rest: Sequence[Mapping[str, Any]] | None = None


def columns_of(schema: RowSchema, rows: Sequence[Mapping[str, Any]]) -> Columns:
    """Some rows, column by column.

    :raises ValueError: a row has a field that is no column.
    """
    names, known = schema.names, frozenset(schema.names)
    rest = None
    if not all(row.keys() <= known for row in rows):
        rest = [{name: value for name, value in row.items() if name not in names} for row in rows]
        if not schema.rest:
            surplus = next(more for more in rest if more)
            raise ValueError(f"the table has no column {min(surplus)!r}")
    return Columns(schema, [[row.get(name) for row in rows] for name in names], rest)
