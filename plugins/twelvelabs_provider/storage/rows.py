"""The schema of rows: which columns a table has, in which order, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ColumnType(StrEnum):
    """What a column holds; every column may hold null too."""

    TEXT = "text"
    NUMBER = "number"
    WHOLE = "whole"
    FLAG = "flag"
    TEXTS = "texts"
    """A list of texts."""
    VECTOR = "vector"
    """A list of numbers; 32-bit in Parquet."""
    JSON = "json"
    """Any JSON value; its text in Parquet."""


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    type: ColumnType = ColumnType.TEXT


@dataclass(frozen=True)
class RowSchema:
    """The columns of a table, in the order in which they are written.

    A row is a mapping of these names; one that is missing is written as null, and there are no others.
    """

    columns: Sequence[Column]

    def fields(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """All columns of a row, in order.

        :raises ValueError: the row has a column that the table has not.
        """
        if extra := row.keys() - {column.name for column in self.columns}:
            raise ValueError(f"the table has no column {sorted(extra)[0]!r}")
        return {column.name: row.get(column.name) for column in self.columns}

    def described(self) -> list[dict[str, str]]:
        """Names and types, for a manifest."""
        return [{"name": column.name, "type": column.type.value} for column in self.columns]
