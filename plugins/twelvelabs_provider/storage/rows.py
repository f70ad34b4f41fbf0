"""The schema of rows: which columns a table has, in which order, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

REST = "extra"
"""The Parquet column of what rows hold beside the columns."""


class ColumnType(StrEnum):
    """What a column holds."""

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

    :param meaning: what it says and in which unit, for the documentation.
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

    :param name: of the documented schema; None for rows that are nobody's business.
    :param rest: rows may hold more names than these: in JSON they stand beside the columns, in Parquet they are the
        JSON text in the column :data:`REST`.
    """

    columns: Sequence[Column]
    name: str | None = None
    version: int = 1
    rest: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    def described(self) -> list[dict[str, str]]:
        """Names and types, for a manifest."""
        return [{"name": column.name, "type": column.type.value} for column in self.columns]

    def identity(self) -> dict[str, Any] | None:
        """Name and version, for a manifest; None where it is not a documented one."""
        return {"name": self.name, "version": self.version} if self.name else None


@dataclass(frozen=True)
class Columns:
    """Some rows, column by column.

    :param values: a list for each column, all of one length.
    :param rest: what each row holds beside the columns; None where no row holds anything.
    """

    schema: RowSchema
    values: Sequence[Sequence[Any]]
    rest: Sequence[Mapping[str, Any]] | None = None


def columns_of(schema: RowSchema, rows: Sequence[Mapping[str, Any]]) -> Columns:
    """Some rows, column by column.

    :raises ValueError: a row has a column that the table has not.
    """
    names, known = schema.names, frozenset(schema.names)
    rest = None
    if not all(row.keys() <= known for row in rows):
        rest = [{name: value for name, value in row.items() if name not in names} for row in rows]
        if not schema.rest:
            surplus = next(more for more in rest if more)
            raise ValueError(f"the table has no column {min(surplus)!r}")
    return Columns(schema, [[row.get(name) for row in rows] for name in names], rest)
