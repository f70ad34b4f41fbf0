"""Rows as Parquet, a row group at a time."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Mapping
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.encoding import Encoder, Fields, R, utf8
from twelvelabs_provider.storage.locations import PACKAGE
from twelvelabs_provider.storage.rows import Column, ColumnType, RowSchema

GROUP_ROWS = 10_000
GROUP_WEIGHT = 500_000
"""Values (numbers of vectors count each, texts by their length) that are held before a row group is written."""
_CHARACTERS_PER_VALUE = 16


def ensure_parquet() -> None:
    """Find out that Parquet can be written, without loading what writes it.

    :raises TwelveLabsInputError: pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise TwelveLabsInputError(
            f"The format parquet needs pyarrow: pip install '{PACKAGE}[parquet]', or leave parquet out."
        )


class ParquetRows(Encoder[R]):
    """Keeps the rows of one row group at most; the bytes of a group are returned with its last row.

    :param schema: the columns.
    :param fields: names and values of a row, as the schema has them.
    """

    def __init__(self, schema: RowSchema, fields: Fields[R]) -> None:
        ensure_parquet()
        import pyarrow
        from pyarrow import parquet

        self._arrow = pyarrow
        self._schema = pyarrow.schema([(column.name, _arrow_type(pyarrow, column)) for column in schema.columns])
        self._json = [column.name for column in schema.columns if column.type is ColumnType.JSON]
        numbers = (ColumnType.NUMBER, ColumnType.VECTOR)
        self._numbers = [column.name for column in schema.columns if column.type in numbers]
        self._fields = fields
        self._sink = _Sink()
        self._writer = parquet.ParquetWriter(pyarrow.PythonFile(self._sink, mode="w"), self._schema)
        self._rows: list[Mapping[str, Any]] = []
        self._weight = 0

    def row(self, row: R) -> bytes:
        values = dict(self._fields(row))
        for name in self._json:
            values[name] = None if values[name] is None else _json_value(values[name])
        for name in self._numbers:
            _ensure_finite(name, values[name])
        self._rows.append(values)
        self._weight += sum(_weight(value) for value in values.values())
        if len(self._rows) < GROUP_ROWS and self._weight < GROUP_WEIGHT:
            return b""
        return self._write_group()

    def footer(self) -> bytes:
        last = self._write_group() if self._rows else b""
        self._writer.close()
        return last + self._sink.taken()

    def _write_group(self) -> bytes:
        # Arrow's errors are ValueErrors (and TypeErrors), which name the value that does not fit its column.
        try:
            batch = self._arrow.RecordBatch.from_pylist(self._rows, schema=self._schema)
        except UnicodeEncodeError:
            rows = [{name: _sayable(value) for name, value in row.items()} for row in self._rows]
            batch = self._arrow.RecordBatch.from_pylist(rows, schema=self._schema)
        self._writer.write_batch(batch, row_group_size=len(self._rows))
        self._rows.clear()
        self._weight = 0
        return self._sink.taken()


class _Sink:
    """The file that Arrow writes to: it hands on what has come."""

    closed = False

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._position = 0

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._bytes += piece
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Do nothing: the bytes are asked for."""

    def close(self) -> None:
        """Do nothing: the last bytes are still to be asked for."""

    def taken(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


def _arrow_type(arrow: Any, column: Column) -> Any:
    types = {
        ColumnType.TEXT: arrow.string(),
        ColumnType.JSON: arrow.string(),
        ColumnType.NUMBER: arrow.float64(),
        ColumnType.WHOLE: arrow.int64(),
        ColumnType.FLAG: arrow.bool_(),
        ColumnType.TEXTS: arrow.list_(arrow.string()),
        ColumnType.VECTOR: arrow.list_(arrow.float32()),
    }
    return types[column.type]


def _json_value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)


def _ensure_finite(name: str, value: Any) -> None:
    """Refuse what the JSON forms of the same table could not say."""
    # a sum is not finite when one of its terms is not
    total = sum(value) if isinstance(value, list | tuple) else value
    if total is not None and not math.isfinite(total):
        raise ValueError(f"{name} is not a finite number")


def _sayable(value: Any) -> Any:
    """A value without lone surrogates, as the other forms write it."""
    if isinstance(value, str):
        return utf8(value).decode()
    return [_sayable(item) for item in value] if isinstance(value, list | tuple) else value


def _weight(value: Any) -> int:
    if isinstance(value, str):
        return 1 + len(value) // _CHARACTERS_PER_VALUE
    return 1 + len(value) if isinstance(value, list | tuple) else 1
