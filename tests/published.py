"""Checks of published results: manifests and rows against their JSON Schemas."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema

from twelvelabs_provider import schemas

Row = dict[str, Any]
_DOCUMENTS = frozenset({"analysis", "analysis_segments"})
"""Schemas whose json file is not made of rows, but the answer as it is."""


def check_published(folder: Path) -> list[str]:
    """Judge every result below a folder that is whole; return the names of the row schemas that were met."""
    manifests = sorted(folder.rglob("*.manifest.json"))
    return [name for manifest in manifests if (name := check_result(manifest))]


def check_result(manifest: Path) -> str | None:
    """Judge one result; return the name of its row schema."""
    document = json.loads(manifest.read_text("utf-8"))
    if "provider" not in document:  # made by hand
        return None
    _validator("manifest", 1).validate(document)
    if not document["schema"]:
        return None
    name, version = document["schema"]["name"], document["schema"]["version"]
    found = {}
    for file in document["files"]:
        path = manifest.parent / file["name"]
        if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]:
            found[file["format"]] = path
    _check_rows(name, version, found, document["rows"])
    return str(name)


def _check_rows(name: str, version: int, files: Mapping[str, Path], count: int) -> None:
    schema = schemas.load(name, version)
    forms = {format: _rows_in(path, schema, name) for format, path in files.items()}
    rows = [some for some in forms.values() if some is not None]
    for some in rows:
        assert len(some) == count
        for row in some:
            _validator(name, version).validate(row)
            assert list(row)[: len(schema["properties"])] == list(schema["properties"])
    for some in rows[1:]:
        assert [_rounded(row) for row in some] == [_rounded(row) for row in rows[0]]


def _rows_in(path: Path, schema: Mapping[str, Any], name: str) -> list[Row] | None:
    """The rows of a file, as JSON has them; None for a file that has none."""
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if path.suffix == ".json" and name not in _DOCUMENTS:
        content = json.loads(path.read_text("utf-8"))
        return content if isinstance(content, list) else [content]
    return _rows_of_parquet(path, schema) if path.suffix == ".parquet" else None


def _rows_of_parquet(path: Path, schema: Mapping[str, Any]) -> list[Row]:
    from pyarrow import parquet

    table = parquet.read_table(path)
    properties: Mapping[str, Any] = schema["properties"]
    assert [name for name in table.column_names if name != "extra"] == list(properties)
    embedded = {name for name, rule in properties.items() if "object" in rule["type"]}
    rows = []
    for row in table.to_pylist():
        extra = json.loads(row.pop("extra", None) or "{}")
        plain = {name: json.loads(value) if name in embedded and value else value for name, value in row.items()}
        rows.append({**plain, **extra})
    return rows


def _rounded(value: Any) -> Any:
    """Numbers to what 32 bits hold: so are vectors in Parquet."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, Mapping):
        return {name: _rounded(inner) for name, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, Sequence) and not isinstance(value, str) else value


@lru_cache
def _validator(name: str, version: int) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schemas.load(name, version))
