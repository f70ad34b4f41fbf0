"""Writes what follows from the row definitions: the JSON Schema files, and the tables of kinds in ``docs/outputs.md``.

``python -m tests.output_schemas``; :mod:`tests.unit.storage.test_schemas` says when it is due.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from twelvelabs_provider import schemas
from twelvelabs_provider.results.extraction_outcome import EXTRACTION
from twelvelabs_provider.results.indexing_outcome import INDEXING
from twelvelabs_provider.results.kinds import KINDS
from twelvelabs_provider.storage.catalog.entry import CATALOG_ROWS
from twelvelabs_provider.storage.rows import REST, ColumnType, RowSchema

ROOT = Path(__file__).parents[1]
FOLDER = Path(schemas.__file__).parent
DOCUMENT = ROOT / "docs" / "outputs.md"
BEGIN, END = "<!-- python -m tests.output_schemas: begin -->", "<!-- end -->"
ALL: tuple[RowSchema, ...] = (*KINDS, INDEXING, EXTRACTION, CATALOG_ROWS)

_WORDS = {
    ColumnType.TEXT: "text",
    ColumnType.NUMBER: "number",
    ColumnType.WHOLE: "whole number",
    ColumnType.FLAG: "true or false",
    ColumnType.TEXTS: "list of texts",
    ColumnType.VECTOR: "list of numbers",
    ColumnType.JSON: "any JSON value",
}


def main() -> None:
    """Write all of it."""
    for name, text in files().items():
        (FOLDER / name).write_text(text, "utf-8")
    DOCUMENT.write_text(document(DOCUMENT.read_text("utf-8")), "utf-8")


def files() -> dict[str, str]:
    """Name and content of the schema files of all rows."""
    return {
        schemas.file_name(schema.name or "", schema.version): _pretty(schemas.json_schema(schema)) for schema in ALL
    }


def document(text: str) -> str:
    """The document with the tables as they should be."""
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    tables = "\n".join(line for schema in ALL for line in _table(schema))
    return f"{head}{BEGIN}\n\n{tables}\n{END}{tail}"


def _table(schema: RowSchema) -> Iterator[str]:
    yield f"### {schema.name}, version {schema.version}"
    yield ""
    yield "| column | in JSON | in Parquet | null | |"
    yield "|---|---|---|---|---|"
    for column in schema.columns:
        null = "" if column.always else "yes"
        parquet = schemas.PARQUET_TYPES[column.type]
        json_text = ", its JSON text" if column.type is ColumnType.JSON else ""
        yield f"| `{column.name}` | {_WORDS[column.type]} | {parquet}{json_text} | {null} | {column.meaning} |"
    if schema.rest:
        beside = "what the service or the question adds"
        yield f"| further names; `{REST}` in Parquet | any JSON values | string, their JSON object | yes | {beside} |"
    yield ""


def _pretty(schema: dict[str, object]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
