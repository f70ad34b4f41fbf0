"""Publishing of segments, tables and single documents, with their manifest.

For instance::

    SCHEMA = RowSchema((Column("item", ColumnType.WHOLE), Column("text"), Column("vector", ColumnType.VECTOR)))
    path = ResultPath((index_id, "search"), name, "search")
    facts = ResultFacts(Provenance.of(context["ti"]), Origin.SERVICE, index_id=index_id, details={"total_results": 7})
    publish_rows(output_path, path, rows, SCHEMA, table_formats(["jsonl", "parquet"]), facts)
    publish_document(output_path, path, "Once upon a time...", facts)

Rows are read one at a time, so a generator of any length works. Call ``table_formats()`` and ``check_output()`` before
a request is billed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.atomic_publish import publish
from twelvelabs_provider.storage.encoding import Encoder, JsonArray, JsonLines, Shape, json_text, utf8
from twelvelabs_provider.storage.formats import SEGMENT_SCHEMA, Format, encoders_for
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.manifest import Origin, Provenance, Published, ResultFacts
from twelvelabs_provider.storage.parquet import ParquetRows, ensure_parquet
from twelvelabs_provider.storage.rows import Column, Columns, ColumnType, RowSchema, columns_of
from twelvelabs_provider.storage.stores import open_store
from twelvelabs_provider.storage.values import check_columns

__all__ = [
    "TABLE_FORMATS", "Column", "ColumnType", "DocumentFormat", "Origin", "Provenance", "ResultFacts", "ResultPath",
    "RowSchema", "check_output", "document_formats", "publish", "publish_document", "publish_rows", "publish_segments",
    "table_formats",
]  # fmt: skip

Row = Mapping[str, Any]
TABLE_FORMATS = (Format.JSONL, Format.JSON, Format.PARQUET)


class DocumentFormat(StrEnum):
    """File formats of a document; the value is the suffix."""

    TXT = "txt"
    JSON = "json"
    JSONL = "jsonl"
    """One row, to be read together with the rows of other documents."""
    PARQUET = "parquet"
    """The same row as Parquet."""


def check_output(output: str) -> None:
    """Check that results can be written, before a request is billed. Leaves no file.

    :param output: local path or object storage URI of the results.
    :raises TwelveLabsInputError: it is unknown, missing, read-only, or a file.
    :raises TwelveLabsOutputError: it cannot be written now; a retry may help.
    """
    open_store(output).check()


def table_formats(values: Sequence[str]) -> tuple[Format, ...]:
    """Return the formats of a table: any of ``jsonl``, ``json``, ``parquet``.

    :raises TwelveLabsInputError: for another one, or for ``parquet`` where pyarrow is not installed.
    """
    return Format.parse_all(values, among=TABLE_FORMATS)


def document_formats(values: Sequence[str], plain: DocumentFormat) -> tuple[DocumentFormat, ...]:
    """Return the formats of a document: as it is, or as the one row of a table.

    :param values: names; an empty list means ``plain``.
    :param plain: ``txt`` for a text, ``json`` for anything else.
    :raises TwelveLabsInputError: for another one, or for ``parquet`` where pyarrow is not installed.
    """
    valid = (plain, DocumentFormat.JSONL, DocumentFormat.PARQUET)
    for value in values:
        if value.lower() not in valid:
            what = "a text" if plain is DocumentFormat.TXT else "one JSON value"
            raise TwelveLabsInputError(
                f"formats={list(values)!r}: there is no format {value!r} of {what}; valid are {', '.join(valid)}."
            )
    formats = tuple(dict.fromkeys(DocumentFormat(value.lower()) for value in values))
    if DocumentFormat.PARQUET in formats:
        ensure_parquet()
    return formats or (plain,)


def publish_segments(
    output: str,
    path: ResultPath,
    segments: Iterable[Segment],
    formats: Sequence[Format],
    facts: ResultFacts,
    schema: RowSchema = SEGMENT_SCHEMA,
) -> Published:
    """Publish segments of a video; see :func:`publish_rows`.

    :param schema: the columns of this kind of segments.
    """
    return publish(output, path, segments, encoders_for(formats, schema), facts, schema)


def publish_rows(
    output: str,
    path: ResultPath,
    rows: Iterable[Row],
    schema: RowSchema,
    formats: Sequence[Format],
    facts: ResultFacts | Callable[[], ResultFacts],
) -> Published:
    """Publish a table of any length, row by row. The files become visible after the last row.

    If ``rows`` raises, the earlier result stays unchanged and the error is raised unchanged.

    :param output: local path or object storage URI.
    :param path: path of the table below it.
    :param rows: mappings with the schema's names; missing ones are written as null.
    :param schema: the columns, in order; the same in every format.
    :param formats: of :data:`TABLE_FORMATS`, at least one; each gets a file.
    :param facts: further entries of the manifest; a function is called after the last row.
    :raises TwelveLabsOutputError: a row does not fit the schema, or the files could not be written.
    """
    shape = _table_shape(schema)
    encoders: dict[str, Encoder[Row]] = {format: _ENCODERS[format](schema, shape) for format in formats}
    return publish(output, path, rows, encoders, facts, schema)


def publish_document(
    output: str,
    path: ResultPath,
    content: str | Mapping[str, Any] | Sequence[Any],
    facts: ResultFacts,
    *,
    formats: Sequence[DocumentFormat] = (),
    schema: RowSchema | None = None,
    row: Row | None = None,
) -> Published:
    """Publish one document: a text as ``.txt``, anything else as ``.json``, and either as a row.

    :param output: local path or object storage URI.
    :param path: path of the document below it.
    :param content: a text, or a JSON value.
    :param facts: further entries of the manifest.
    :param formats: of :func:`document_formats`; empty means the one that fits the content.
    :param schema: the columns of the row, where there is one.
    :param row: the document as a row of the schema.
    :return: ``rows`` is 1.
    :raises TwelveLabsOutputError: the file could not be written.
    """
    plain = DocumentFormat.TXT if isinstance(content, str) else DocumentFormat.JSON
    shape = _one_row(schema, row) if schema and row is not None else None
    encoders: dict[str, Encoder[Any]] = {
        format: _document_encoder(format, schema, shape) for format in formats or (plain,)
    }
    return publish(output, path, [content], encoders, facts, schema)


def _document_encoder(format: DocumentFormat, schema: RowSchema | None, shape: Shape[Any] | None) -> Encoder[Any]:
    if schema is None or shape is None or format in (DocumentFormat.TXT, DocumentFormat.JSON):
        return _Document()
    return _ENCODERS[Format(format)](schema, shape)


def _one_row(schema: RowSchema, row: Row) -> Shape[Any]:
    """Return the shape of a document whose row is known."""
    table = _table_shape(schema)
    return lambda _: table([row])


def _table_shape(schema: RowSchema) -> Shape[Row]:
    def shape(rows: Sequence[Row]) -> Columns:
        columns = columns_of(schema, rows)
        check_columns(columns)
        return columns

    return shape


class _Document(Encoder[Any]):
    """Encoder of a single document."""

    def row(self, row: Any) -> bytes:
        return utf8(row) if isinstance(row, str) else json_text(row) + b"\n"


_ENCODERS: Mapping[Format, Callable[[RowSchema, Shape[Any]], Encoder[Any]]] = {
    Format.JSONL: lambda _, shape: JsonLines(shape),
    Format.JSON: lambda _, shape: JsonArray(shape),
    Format.PARQUET: ParquetRows,
}
