"""Encoders of rows: the base class, and the two JSON formats that every kind of row has.

Rows come in blocks. What several formats need of a block (its columns, its cues) is made once for all of them.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from twelvelabs_provider.storage.rows import Columns, ColumnType

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)
M = TypeVar("M")
Shape = Callable[[Sequence[R]], Columns]
"""Makes columns of rows; raises for rows that no format can represent."""

_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str)
# JSON escapes control characters, so a list that is joined with one can be split again.
_BETWEEN = "\x1f"
_LIST = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(_BETWEEN, ": "))
_SCALARS = frozenset({ColumnType.TEXT, ColumnType.NUMBER, ColumnType.WHOLE, ColumnType.FLAG})
# Valid inside JSON strings, but many readers split lines at them.
_LINE_BREAKS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}


class Block(Generic[R]):
    """Consecutive rows, and the columns that encoders share.

    :param rows: at least one.
    """

    def __init__(self, rows: Iterable[R]) -> None:
        self.rows = list(rows)
        self._made: dict[Hashable, Any] = {}

    def once(self, make: Callable[[Sequence[R]], M]) -> M:
        """Return the columns of the rows, computed once for all encoders."""
        if make not in self._made:
            self._made[make] = make(self.rows)
        made: M = self._made[make]
        return made


class Encoder(ABC, Generic[R_contra]):
    """Encodes rows as the bytes of one file, in the order of the calls."""

    kept = 0
    """Approximate size of rows that are held and not returned yet."""

    def header(self) -> bytes:
        """Return the bytes before the first row."""
        return b""

    @abstractmethod
    def row(self, row: R_contra) -> bytes:
        """Bytes that are due after this row; they may hold rows of earlier calls, or none.

        :raises ValueError: the row holds what the format cannot say.
        """

    def block(self, block: Block[Any]) -> bytes:
        """Bytes that are due after these rows.

        :raises ValueError: one of the rows holds what the format cannot say.
        """
        return b"".join(map(self.row, block.rows))

    def footer(self) -> bytes:
        """Return the bytes after the last row."""
        return b""


class BlockEncoder(Encoder[R]):
    """An encoder of whole blocks."""

    def row(self, row: R) -> bytes:
        """Return the bytes of one row."""
        return self.block(Block([row]))

    @abstractmethod
    def block(self, block: Block[R]) -> bytes:
        """Return the bytes of a block."""


class JsonLines(BlockEncoder[R]):
    """One JSON object per line.

    :param shape: what makes columns of rows.
    """

    def __init__(self, shape: Shape[R]) -> None:
        self._shape = shape

    def block(self, block: Block[R]) -> bytes:
        lines = json_rows(block.once(self._shape))
        lines.append("")
        return _utf8_lines("\n".join(lines))


class JsonArray(BlockEncoder[R]):
    """A JSON array with one object per line.

    :param shape: what makes columns of rows.
    """

    def __init__(self, shape: Shape[R]) -> None:
        self._shape = shape
        self._separator = "\n"

    def header(self) -> bytes:
        return b"["

    def block(self, block: Block[R]) -> bytes:
        separator, self._separator = self._separator, ",\n"
        return _utf8_lines(separator + ",\n".join(json_rows(block.once(self._shape))))

    def footer(self) -> bytes:
        return b"\n]\n"


def json_rows(columns: Columns) -> list[str]:
    """Return each row as a JSON object.

    :raises ValueError: a row holds a number that JSON cannot represent (NaN, infinity).
    """
    names = (_JSON.encode(name).replace("%", "%%") for name in columns.schema.names)
    template = f"{{{', '.join(f'{name}: %s' for name in names)}}}"
    kinds = (column.type for column in columns.schema.columns)
    texts = [_json_values(kind, values) for kind, values in zip(kinds, columns.values, strict=True)]
    rows = [template % row for row in zip(*texts, strict=True)]
    if columns.rest is None:
        return rows
    return [_with_rest(row, more) for row, more in zip(rows, columns.rest, strict=True)]


def json_value(value: Any) -> str:
    """Return a value as one line of JSON.

    :raises ValueError: it holds a number that JSON cannot represent (NaN, infinity).
    """
    return _JSON.encode(value)


def json_text(value: Any) -> bytes:
    """Return a value as one line of JSON in UTF-8; see :func:`json_value`."""
    return _utf8_lines(json_value(value))


def utf8(text: str) -> bytes:
    """Return a text as UTF-8; a lone surrogate, which JSON escapes can produce, becomes ``?``."""
    return text.encode("utf-8", errors="replace")


def _json_values(kind: ColumnType, values: Sequence[Any]) -> Sequence[str]:
    if kind in _SCALARS:
        return _LIST.encode(values)[1:-1].split(_BETWEEN)
    return list(map(_JSON.encode, values))


def _with_rest(row: str, rest: Mapping[str, Any]) -> str:
    return f"{row[:-1]}, {_JSON.encode(rest)[1:]}" if rest else row


def _utf8_lines(text: str) -> bytes:
    for character, escaped in _LINE_BREAKS.items():
        if character in text:
            text = text.replace(character, escaped)
    return utf8(text)
