"""Publishing what is not segments: tables of any rows, and single documents.

Both appear as the segments of a video do: every file whole or not at all, the manifest last. For instance::

    SCHEMA = RowSchema((Column("item", ColumnType.WHOLE), Column("text"), Column("vector", ColumnType.VECTOR)))
    place = TablePlace((index_id, "search"), name, "search")
    facts = TableFacts(Provenance.of(context["ti"]), Origin.SERVICE, index_id=index_id, details={"total_results": 7})
    publish_rows(output_path, place, rows, SCHEMA, table_formats(["jsonl", "parquet"]), facts)
    publish_document(output_path, place, "Once upon a time...", facts)

Rows are taken one at a time, so a generator of any length is fine. Check ``table_formats()`` and ``check_output()``
before anything is paid for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.encoding import Encoder, JsonArray, JsonLines, Shape, json_text, utf8
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import TablePlace
from twelvelabs_provider.storage.locations import redact_url
from twelvelabs_provider.storage.manifest import Answer, Facts, Origin, Provenance, Published, without_secrets
from twelvelabs_provider.storage.parquet import ParquetRows, ensure_parquet
from twelvelabs_provider.storage.publish import check_output, publish_files
from twelvelabs_provider.storage.rows import Column, Columns, ColumnType, RowSchema, columns_of
from twelvelabs_provider.storage.values import check_columns

__all__ = [
    "TABLE_FORMATS", "Column", "ColumnType", "DocumentFormat", "RowSchema", "TableFacts", "TablePlace", "check_output",
    "document_formats", "publish_document", "publish_rows", "table_formats",
]  # fmt: skip

Row = Mapping[str, Any]
TABLE_FORMATS = (Format.JSONL, Format.JSON, Format.PARQUET)
_NOTHING: Row = MappingProxyType({})


class DocumentFormat(StrEnum):
    """How a document is written; the value is the file's suffix too."""

    TXT = "txt"
    JSON = "json"
    JSONL = "jsonl"
    """One row, to be read together with those of other documents."""
    PARQUET = "parquet"
    """The same row."""


@dataclass(frozen=True)
class TableFacts:
    """What the publishing task knows about a table or a document.

    :param provenance: the task instance; ``Provenance.of(context["ti"])``.
    :param origin: who made the rows.
    :param source_uri: what it was made from, where that is one thing; a query string is dropped.
    :param index_id: the index, where there is one.
    :param video_id: the video (or asset), where it is about one.
    :param model: who answered.
    :param options: what was asked for; URLs among the values lose their query strings.
    :param details: what the kind adds (counts, ids), as further entries of the manifest; treated like options.
    :param answer: of a result that is billed.
    """

    provenance: Provenance
    origin: Origin = Origin.SERVICE
    source_uri: str | None = None
    index_id: str | None = None
    video_id: str | None = None
    asset_id: str | None = None
    model: str | None = None
    options: Row = field(default_factory=lambda: _NOTHING)
    prompt_hash: str | None = None
    details: Row = field(default_factory=lambda: _NOTHING)
    answer: Answer | None = None

    def described(self) -> Row:
        """The manifest's entries about what was asked."""
        return {
            "origin": self.origin,
            "source": {"uri": redact_url(self.source_uri)} if self.source_uri else None,
            "index_id": self.index_id,
            "video_id": self.video_id,
            "asset_id": self.asset_id,
            "model": self.model,
            "options": without_secrets(self.options),
            "prompt_hash": self.prompt_hash,
            **without_secrets(self.details),
            **(self.answer.described() if self.answer else {}),
        }


def table_formats(values: Sequence[str]) -> tuple[Format, ...]:
    """The formats that a table was asked for: any of ``jsonl``, ``json``, ``parquet``.

    :raises TwelveLabsInputError: for another one, or for ``parquet`` where pyarrow is not installed.
    """
    return Format.parse_all(values, among=TABLE_FORMATS)


def document_formats(values: Sequence[str], plain: DocumentFormat) -> tuple[DocumentFormat, ...]:
    """The formats that a document was asked for: as it is, or as the one row of a table.

    :param values: names; none means ``plain``.
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


def publish_rows(
    output: str,
    place: TablePlace,
    rows: Iterable[Row],
    schema: RowSchema,
    formats: Sequence[Format],
    facts: Facts | Callable[[], Facts],
) -> Published:
    """Publish a table of any length, row by row; nothing is visible until all rows are through.

    When the rows fail, what an earlier run published stays as it was, and the error goes through unchanged.

    :param output: local path or object storage URI.
    :param place: where the table lies below it.
    :param rows: mappings with the schema's names; missing ones are written as null.
    :param schema: the columns, in order; the same in every format.
    :param formats: of :data:`TABLE_FORMATS`, at least one; each gets a file.
    :param facts: what the manifest says besides; a function is asked once the rows are through.
    :raises TwelveLabsOutputError: a row does not fit the schema, or the files could not be written.
    """

    shape = _table_shape(schema)
    encoders: dict[str, Encoder[Row]] = {format: _ENCODERS[format](schema, shape) for format in formats}
    return publish_files(output, place, rows, encoders, facts, _SUFFIXES, schema)


def publish_document(
    output: str,
    place: TablePlace,
    content: str | Mapping[str, Any] | Sequence[Any],
    facts: Facts,
    *,
    formats: Sequence[DocumentFormat] = (),
    schema: RowSchema | None = None,
    row: Row | None = None,
) -> Published:
    """Publish one document: a text as ``.txt``, anything else as ``.json``, and either as a row.

    :param output: local path or object storage URI.
    :param place: where the document lies below it.
    :param content: a text, or a JSON value.
    :param facts: what the manifest says besides.
    :param formats: of :func:`document_formats`; none means the one that fits the content.
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
    return publish_files(output, place, [content], encoders, facts, _SUFFIXES, schema)


def _document_encoder(format: DocumentFormat, schema: RowSchema | None, shape: Shape[Any] | None) -> Encoder[Any]:
    if schema is None or shape is None or format in (DocumentFormat.TXT, DocumentFormat.JSON):
        return _Document()
    return _ENCODERS[Format(format)](schema, shape)


def _one_row(schema: RowSchema, row: Row) -> Shape[Any]:
    """The shape of a document whose row is known."""
    table = _table_shape(schema)
    return lambda _: table([row])


def _table_shape(schema: RowSchema) -> Shape[Row]:
    def shape(rows: Sequence[Row]) -> Columns:
        columns = columns_of(schema, rows)
        check_columns(columns)
        return columns

    return shape


class _Document(Encoder[Any]):
    """The one row is the file."""

    def row(self, row: Any) -> bytes:
        return utf8(row) if isinstance(row, str) else json_text(row) + b"\n"


_ENCODERS: Mapping[Format, Callable[[RowSchema, Shape[Any]], Encoder[Any]]] = {
    Format.JSONL: lambda _, shape: JsonLines(shape),
    Format.JSON: lambda _, shape: JsonArray(shape),
    Format.PARQUET: ParquetRows,
}
# A place that held a document may come to hold a table, and the other way round.
_SUFFIXES = (*Format, DocumentFormat.TXT)
