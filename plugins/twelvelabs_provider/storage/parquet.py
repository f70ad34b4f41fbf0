"""Parquet encoder of rows, one row group at a time."""

from __future__ import annotations

import importlib.util
from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.encoding import Block, BlockEncoder, R, Shape, json_value, utf8
from twelvelabs_provider.storage.locations import PACKAGE
from twelvelabs_provider.storage.rows import REST, Column, Columns, ColumnType, RowSchema

GROUP_ROWS = 65_536
GROUP_BYTES = 16 * 2**20
"""Bytes in Arrow's form that are held before a row group is written."""


def ensure_parquet() -> None:
    """Check that pyarrow is installed, without importing it.

    :raises TwelveLabsInputError: pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise TwelveLabsInputError(
            f"The format parquet needs pyarrow: pip install '{PACKAGE}[parquet]', or leave parquet out."
        )


def arrow_schema(schema: RowSchema) -> Any:
    """Return the columns as an Arrow schema."""
    import pyarrow

    fields = [_arrow_field(pyarrow, column) for column in schema.columns]
    if schema.rest:
        fields.append(pyarrow.field(REST, pyarrow.string()))
    named = {"twelvelabs.schema": f"{schema.name}.v{schema.version}"} if schema.name else None
    return pyarrow.schema(fields, metadata=named)


class ParquetRows(BlockEncoder[R]):
    """Encoder that holds at most one row group; its bytes are returned with its last row.

    :param schema: the columns.
    :param shape: what makes columns of rows, as the schema has them.
    """

    def __init__(self, schema: RowSchema, shape: Shape[R]) -> None:
        ensure_parquet()
        import pyarrow
        from pyarrow import parquet

        self._arrow = pyarrow
        self._schema = arrow_schema(schema)
        self._shape = shape
        self._sink = _Sink()
        self._writer = parquet.ParquetWriter(pyarrow.PythonFile(self._sink, mode="w"), self._schema)
        self._batches: list[Any] = []
        self._rows = 0

    def block(self, block: Block[R]) -> bytes:
        # Arrow's errors are ValueErrors (and TypeErrors), which name the value that does not fit its column.
        batch = self._batch(block.once(self._shape))
        self._batches.append(batch)
        self._rows += batch.num_rows
        self.kept += batch.nbytes
        if self._rows < GROUP_ROWS and self.kept < GROUP_BYTES:
            return b""
        return self._write_group()

    def footer(self) -> bytes:
        last = self._write_group() if self._batches else b""
        self._writer.close()
        return last + self._sink.taken()

    def _batch(self, columns: Columns) -> Any:
        values = [_arrow_values(column, some) for column, some in _each(columns)]
        try:
            arrays = self._arrays(values)
        except UnicodeEncodeError:
            arrays = self._arrays([[_sayable(value) for value in some] for some in values])
        return self._arrow.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _arrays(self, values: Sequence[Sequence[Any]]) -> list[Any]:
        return [_arrow_array(self._arrow, some, kind) for some, kind in zip(values, self._schema.types, strict=True)]

    def _write_group(self) -> bytes:
        table = self._arrow.Table.from_batches(self._batches)
        self._writer.write_table(table, row_group_size=self._rows)
        self._batches.clear()
        self._rows = self.kept = 0
        return self._sink.taken()


class _Sink:
    """File object for Arrow that collects the bytes."""

    closed = False

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._position = 0

    def write(self, data: Any) -> int:
        piece = memoryview(data)
        self._bytes += piece
        self._position += piece.nbytes
        return piece.nbytes

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Do nothing: :meth:`take` returns the bytes."""

    def close(self) -> None:
        """Do nothing: :meth:`take` returns the last bytes."""

    def taken(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


def _arrow_field(arrow: Any, column: Column) -> Any:
    types = {
        ColumnType.TEXT: arrow.string(),
        ColumnType.JSON: arrow.string(),
        ColumnType.NUMBER: arrow.float64(),
        ColumnType.WHOLE: arrow.int64(),
        ColumnType.FLAG: arrow.bool_(),
        ColumnType.TEXTS: arrow.list_(arrow.string()),
        ColumnType.VECTOR: arrow.list_(arrow.float32()),
    }
    return arrow.field(column.name, types[column.type], nullable=not column.always)


def _each(columns: Columns) -> Sequence[tuple[Column, Sequence[Any]]]:
    """Return the columns of the Parquet file, with their values."""
    pairs = list(zip(columns.schema.columns, columns.values, strict=True))
    if not columns.schema.rest:
        return pairs
    count = len(columns.values[0])
    rest = [None] * count if columns.rest is None else [more or None for more in columns.rest]
    return [*pairs, (Column(REST, ColumnType.JSON), rest)]


def _arrow_values(column: Column, values: Sequence[Any]) -> Sequence[Any]:
    if column.type is not ColumnType.JSON:
        return values
    return [None if value is None else json_value(value) for value in values]


def _arrow_array(arrow: Any, values: Sequence[Any], kind: Any) -> Any:
    """Return values as an Arrow array; plain columns without ``pyarrow.array``.

    ``pyarrow.array`` imports pandas if it is installed: 60 MiB, and more time than the segments of a film.
    """
    count, missing = len(values), values.count(None)
    if missing == count:
        return arrow.nulls(count, kind)
    if missing or kind not in (arrow.float64(), arrow.int64(), arrow.string()):
        return arrow.array(values, type=kind)
    if kind == arrow.string():
        texts = [value.encode() for value in values]
        offsets = array("i", accumulate(map(len, texts), initial=0))
        buffers = [None, arrow.py_buffer(offsets), arrow.py_buffer(b"".join(texts))]
    else:
        buffers = [None, arrow.py_buffer(array("d" if kind == arrow.float64() else "q", values))]
    return arrow.Array.from_buffers(kind, count, buffers)


def _sayable(value: Any) -> Any:
    """Return a value without lone surrogates, as the other formats write it."""
    if isinstance(value, str):
        return utf8(value).decode()
    return [_sayable(item) for item in value] if isinstance(value, list | tuple) else value
