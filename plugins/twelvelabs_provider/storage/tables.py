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

from twelvelabs_provider.storage.encoding import Encoder, JsonArray, JsonLines, json_text, utf8
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import TablePlace
from twelvelabs_provider.storage.locations import redact_url
from twelvelabs_provider.storage.manifest import Origin, Provenance, Published, without_secrets
from twelvelabs_provider.storage.parquet import ParquetRows
from twelvelabs_provider.storage.publish import check_output, publish_files
from twelvelabs_provider.storage.rows import Column, ColumnType, RowSchema

__all__ = [
    "TABLE_FORMATS", "Column", "ColumnType", "RowSchema", "TableFacts", "TablePlace", "check_output",
    "publish_document", "publish_rows", "table_formats",
]  # fmt: skip

Row = Mapping[str, Any]
TABLE_FORMATS = (Format.JSONL, Format.JSON, Format.PARQUET)
_NOTHING: Row = MappingProxyType({})


class DocumentFormat(StrEnum):
    """How a document is written; the value is the file's suffix too."""

    TXT = "txt"
    JSON = "json"


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
        }


def table_formats(values: Sequence[str]) -> tuple[Format, ...]:
    """The formats that a table was asked for: any of ``jsonl``, ``json``, ``parquet``.

    :raises TwelveLabsInputError: for another one, or for ``parquet`` where pyarrow is not installed.
    """
    return Format.parse_all(values, among=TABLE_FORMATS)


def publish_rows(
    output: str,
    place: TablePlace,
    rows: Iterable[Row],
    schema: RowSchema,
    formats: Sequence[Format],
    facts: TableFacts | Callable[[], TableFacts],
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

    def described() -> _WithColumns:
        return _WithColumns(facts() if callable(facts) else facts, schema)

    encoders: dict[str, Encoder[Row]] = {format: _ENCODERS[format](schema) for format in formats}
    return publish_files(output, place, rows, encoders, described, _SUFFIXES)


def publish_document(
    output: str, place: TablePlace, content: str | Mapping[str, Any] | Sequence[Any], facts: TableFacts
) -> Published:
    """Publish one document: a text as ``.txt``, anything else as ``.json``.

    :param output: local path or object storage URI.
    :param place: where the document lies below it.
    :param content: a text, or a JSON value.
    :param facts: what the manifest says besides.
    :return: ``rows`` is 1.
    :raises TwelveLabsOutputError: the file could not be written.
    """
    format = DocumentFormat.TXT if isinstance(content, str) else DocumentFormat.JSON
    return publish_files(output, place, [content], {format: _Document()}, facts, _SUFFIXES)


class _Document(Encoder[Any]):
    """The one row is the file."""

    def row(self, row: Any) -> bytes:
        return utf8(row) if isinstance(row, str) else json_text(row) + b"\n"


@dataclass(frozen=True)
class _WithColumns:
    """The facts of a table, and its columns."""

    facts: TableFacts
    schema: RowSchema

    @property
    def provenance(self) -> Provenance:
        return self.facts.provenance

    def described(self) -> Row:
        return {**self.facts.described(), "columns": self.schema.described()}


_ENCODERS: Mapping[Format, Callable[[RowSchema], Encoder[Row]]] = {
    Format.JSONL: lambda schema: JsonLines(schema.fields),
    Format.JSON: lambda schema: JsonArray(schema.fields),
    Format.PARQUET: lambda schema: ParquetRows(schema, schema.fields),
}
# A place that held a document may come to hold a table, and the other way round.
_SUFFIXES = (*TABLE_FORMATS, DocumentFormat.TXT)
