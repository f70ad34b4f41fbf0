"""Schemas of tables that a task makes: from given Python types, or from the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.rows import Column, ColumnType, RowSchema

Row = Mapping[str, Any]
INFERRED_FROM = 1000
"""Rows of an iterator from which the columns are inferred."""

_BY_PYTHON_TYPE: Mapping[Any, ColumnType] = {
    str: ColumnType.TEXT,
    float: ColumnType.NUMBER,
    int: ColumnType.WHOLE,
    bool: ColumnType.FLAG,
    list[str]: ColumnType.TEXTS,
    list[float]: ColumnType.VECTOR,
    dict: ColumnType.JSON,
    list: ColumnType.JSON,
}


def given_schema(columns: Mapping[str, Any]) -> RowSchema:
    """Return the schema of named columns.

    :param columns: name to type, in order: ``str``, ``float``, ``int``, ``bool``, ``list[str]``, ``list[float]``,
        ``dict`` and ``list`` (any JSON), or the names of :class:`ColumnType`.
    :raises TwelveLabsInputError: there is no column, or a type is unknown.
    """
    if not columns:
        raise TwelveLabsInputError("columns is empty: give a type for each column, or leave it out.")
    return RowSchema(tuple(Column(str(name), _type_of(str(name), kind)) for name, kind in columns.items()))


def inferred_schema(rows: Iterable[Row]) -> tuple[RowSchema, Iterable[Row]]:
    """Return the schema that rows have, and the rows.

    All rows of a list are looked at, and the first :data:`INFERRED_FROM` of an iterator.

    :raises TwelveLabsInputError: no row has a field.
    """
    if isinstance(rows, Sequence):
        sample: Sequence[Row] = rows
    else:
        source = iter(rows)
        sample = list(islice(source, INFERRED_FROM))
        rows = chain(sample, source)
    names = list(dict.fromkeys(name for row in sample for name in row))
    if sample and not names:
        raise TwelveLabsInputError("The rows have no fields.")
    return RowSchema(tuple(Column(name, _inferred(row.get(name) for row in sample)) for name in names)), rows


def _type_of(name: str, kind: Any) -> ColumnType:
    try:
        return ColumnType(kind) if isinstance(kind, str) else _BY_PYTHON_TYPE[kind]
    except (KeyError, TypeError, ValueError):
        known = "str, float, int, bool, list[str], list[float], dict, list"
        raise TwelveLabsInputError(
            f"columns[{name!r}] is {kind!r}: give one of {known}, or a name: {', '.join(ColumnType)}."
        ) from None


def _inferred(values: Iterable[Any]) -> ColumnType:
    kinds = {_kind_of(value) for value in values if value is not None}
    if kinds == {ColumnType.WHOLE, ColumnType.NUMBER}:
        return ColumnType.NUMBER
    if not kinds:
        return ColumnType.TEXT
    return kinds.pop() if len(kinds) == 1 else ColumnType.JSON


def _kind_of(value: Any) -> ColumnType:
    if not isinstance(value, list | tuple):
        return _BY_PYTHON_TYPE.get(type(value), ColumnType.JSON)
    if value and all(isinstance(item, str) for item in value):
        return ColumnType.TEXTS
    return ColumnType.VECTOR if value and all(type(item) is float for item in value) else ColumnType.JSON
