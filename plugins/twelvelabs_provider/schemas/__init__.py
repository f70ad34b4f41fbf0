"""JSON Schemas (draft 2020-12) of published rows and manifests: ``{name}.v{version}.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from twelvelabs_provider.storage.locations import PACKAGE
from twelvelabs_provider.storage.rows import REST, Column, ColumnType, RowSchema
from twelvelabs_provider.storage.values import INT64

DRAFT = "https://json-schema.org/draft/2020-12/schema"
PARQUET_TYPES: Mapping[ColumnType, str] = {
    ColumnType.TEXT: "string",
    ColumnType.NUMBER: "double",
    ColumnType.WHOLE: "int64",
    ColumnType.FLAG: "bool",
    ColumnType.TEXTS: "list<string>",
    ColumnType.VECTOR: "list<float>",
    ColumnType.JSON: "string",
}
"""Arrow types of columns in Parquet."""

_JSON_TYPES: Mapping[ColumnType, Mapping[str, Any]] = {
    ColumnType.TEXT: {"type": "string"},
    ColumnType.NUMBER: {"type": "number"},
    ColumnType.WHOLE: {"type": "integer", "minimum": INT64.start, "maximum": INT64.stop - 1},
    ColumnType.FLAG: {"type": "boolean"},
    ColumnType.TEXTS: {"type": "array", "items": {"type": "string"}},
    ColumnType.VECTOR: {"type": "array", "items": {"type": "number"}},
    ColumnType.JSON: {"type": ["object", "array", "string", "number", "boolean"]},
}


def file_name(name: str, version: int) -> str:
    """Return the name of a schema's file in this package."""
    return f"{name}.v{version}.json"


def load(name: str, version: int) -> dict[str, Any]:
    """Return the schema that a manifest names.

    :param name: ``schema.name`` of the manifest; ``manifest`` for manifests themselves.
    :param version: ``schema.version`` of the manifest.
    :raises FileNotFoundError: there is none of that name and version.
    """
    schema: dict[str, Any] = json.loads(files(__name__).joinpath(file_name(name, version)).read_text("utf-8"))
    return schema


def json_schema(schema: RowSchema) -> dict[str, Any]:
    """Return the JSON Schema of one row; ``x-parquet`` is the type of a column in Parquet."""
    rendered = {
        "$schema": DRAFT,
        "$id": f"urn:{PACKAGE}:rows:{schema.name}:{schema.version}",
        "title": f"{schema.name}, version {schema.version}",
        "type": "object",
        "properties": {column.name: _property(column) for column in schema.columns},
        "required": list(schema.names),
    }
    if not schema.rest:
        return {**rendered, "additionalProperties": False}
    beside = f"What the service tells besides; in Parquet together in the column {REST}, as JSON text."
    return {**rendered, "additionalProperties": {"description": beside, "x-parquet": PARQUET_TYPES[ColumnType.JSON]}}


def _property(column: Column) -> dict[str, Any]:
    rendered = dict(_JSON_TYPES[column.type])
    if not column.always:
        kinds = rendered["type"]
        rendered["type"] = [*([kinds] if isinstance(kinds, str) else kinds), "null"]
    return {**rendered, "description": column.meaning, "x-parquet": PARQUET_TYPES[column.type]}
