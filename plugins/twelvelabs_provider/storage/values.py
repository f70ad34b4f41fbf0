"""Type checks of values, equal for all formats, before anything is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twelvelabs_provider.storage.rows import Column, Columns, ColumnType

INT64 = range(-(2**63), 2**63)
"""Range of whole numbers in Parquet and in most JSON readers."""
LARGEST_FLOAT32 = 3.4028234663852886e38


def check_columns(columns: Columns) -> None:
    """Refuse values that one of the formats cannot represent, even if that format is not written.

    :raises ValueError: naming the column and the value.
    """
    for column, values in zip(columns.schema.columns, columns.values, strict=True):
        rule = _RULES[column.type]
        kinds = set(map(type, values))
        if type(None) in kinds:
            if column.always:
                raise ValueError(f"{column.name} is missing")
            kinds.discard(type(None))
        if not kinds <= rule.usual:
            _check_each(column, rule, values)
        rule.check(column.name, values)


@dataclass(frozen=True)
class _Rule:
    """Rule for the values of a column.

    :param usual: types that are valid without a further check.
    :param kinds: base classes of other valid types.
    :param words: name of the type in errors.
    :param check: check of the values beyond their types.
    """

    usual: frozenset[type]
    kinds: tuple[type, ...]
    words: str
    check: Callable[[str, Sequence[Any]], None]


def _check_each(column: Column, rule: _Rule, values: Iterable[Any]) -> None:
    for value in values:
        fits = isinstance(value, rule.kinds) and (not isinstance(value, bool) or bool in rule.usual)
        if value is not None and not fits:
            raise ValueError(f"{column.name} is {_shown(value)}, not {rule.words}")


def _anything(name: str, values: Sequence[Any]) -> None:
    """Accept every value of the type."""


def _finite(name: str, values: Sequence[Any]) -> None:
    # None and 0 are left out by filter; both are fine
    if not all(map(math.isfinite, filter(None, values))):
        raise ValueError(f"{name} is not a finite number")


def _in_64_bits(name: str, values: Sequence[Any]) -> None:
    given = [value for value in values if value is not None]
    if given and not (INT64.start <= min(given) and max(given) < INT64.stop):
        raise ValueError(f"{name} is {max(given, key=abs)}, which does not fit into 64 bits")


def _texts(name: str, values: Sequence[Any]) -> None:
    for value in filter(None, values):
        if not all(isinstance(item, str) for item in value):
            raise ValueError(f"{name} is {_shown(value)}, not a list of texts")


def _vectors(name: str, values: Sequence[Any]) -> None:
    for vector in filter(None, values):
        # a sum is not finite when one of its terms is not
        finite = math.isfinite(sum(vector))
        if not finite or max(vector) > LARGEST_FLOAT32 or min(vector) < -LARGEST_FLOAT32:
            raise ValueError(f"{name} holds what is not a finite number of 32 bits")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


_RULES: Mapping[ColumnType, _Rule] = {
    ColumnType.TEXT: _Rule(frozenset({str}), (str,), "a text", _anything),
    ColumnType.NUMBER: _Rule(frozenset({float, int}), (float, int), "a number", _finite),
    ColumnType.WHOLE: _Rule(frozenset({int}), (int,), "a whole number", _in_64_bits),
    ColumnType.FLAG: _Rule(frozenset({bool}), (bool,), "true or false", _anything),
    ColumnType.TEXTS: _Rule(frozenset({list, tuple}), (list, tuple), "a list of texts", _texts),
    ColumnType.VECTOR: _Rule(frozenset({list, tuple}), (list, tuple), "a list of numbers", _vectors),
    ColumnType.JSON: _Rule(frozenset({dict, list, str, int, float, bool}), (object,), "JSON", _anything),
}
