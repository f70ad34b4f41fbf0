"""Published files in DuckDB and pandas: equal values in every format."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.output_schemas import ALL
from tests.published import check_published
from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsOutputError
from twelvelabs_provider.storage.formats import SEGMENT_COLUMNS, Format
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.storage.publish import (
    TABLE_FORMATS,
    DocumentFormat,
    ResultFacts,
    document_formats,
    publish_document,
    publish_rows,
    publish_segments,
)
from twelvelabs_provider.storage.rows import Column, ColumnType, RowSchema

each_schema = pytest.mark.parametrize("schema", ALL, ids=lambda schema: schema.name)
FACTS = ResultFacts(Provenance("dag", "run", "task"))
LONG = "Größe 数 \U0001f3a5 \u2028 \x85 \t\n\"quoted\" '\\' " * 5_000
NESTED = {"a": [1, {"b": None, "ü": [True, 0.5, "x\u2029y"]}], "big": 2**62}
VALUES: Mapping[ColumnType, Sequence[Any]] = {
    ColumnType.TEXT: ("", "plain", LONG, "null", "1.5", "2031-01-01", '{"a": 1}'),
    ColumnType.NUMBER: (0.0, -1.5, 1e-9, 12345.678, 1e300, 3, 0.1),
    ColumnType.WHOLE: (0, -(2**63), 2**63 - 1, 7, -1, 2**53 + 1, 1),
    ColumnType.FLAG: (True, False, True, True, False, False, True),
    ColumnType.TEXTS: ([], ["a", "ü"], [LONG], [""], ["a"] * 100, ["x,y"], ['"']),
    ColumnType.VECTOR: ([0.5, -1.0], [1e-20, 3e38], [0.1] * 1024, [0.0], [-0.25], [1, 2], [0.5]),
    ColumnType.JSON: ({}, NESTED, [1, "a"], "text", 1.5, True, [None]),
}
DUCKDB = {
    ColumnType.TEXT: "VARCHAR",
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.WHOLE: "BIGINT",
    ColumnType.FLAG: "BOOLEAN",
    ColumnType.TEXTS: "VARCHAR[]",
    ColumnType.VECTOR: "FLOAT[]",
    ColumnType.JSON: "JSON",
}


def rows_of(schema: RowSchema) -> list[dict[str, Any]]:
    """A row for each value of each type, and one with all nulls that there may be."""
    count = len(VALUES[ColumnType.TEXT])
    rows = [{column.name: VALUES[column.type][number] for column in schema.columns} for number in range(count)]
    least = {column.name: VALUES[column.type][0] for column in schema.columns if column.always}
    return [*rows, least]


def put(folder: Path, schema: RowSchema, rows: Sequence[Mapping[str, Any]]) -> dict[str, Path]:
    """Publish rows in all formats that a table has, as segments where they are some."""
    place = ResultPath(("group",), "name", str(schema.name))
    if tuple(schema.columns[:3])[:2] == SEGMENT_COLUMNS[:2] and schema.names[2] == "value":
        segments = (
            Segment(row["start"], row["end"], row["value"], {name: row[name] for name in list(row)[3:]}) for row in rows
        )
        published = publish_segments(str(folder), place, segments, TABLE_FORMATS, FACTS, schema)
    else:
        published = publish_rows(str(folder), place, rows, schema, TABLE_FORMATS, FACTS)
    return {format: Path(uri.removeprefix("file://")) for format, uri in published.files.items()}


@each_schema
@pytest.mark.parametrize("some", ["some", "none"])
def test_published_files_follow_their_schema(schema: RowSchema, some: str, tmp_path: Path) -> None:
    put(tmp_path, schema, rows_of(schema) if some == "some" else [])
    assert check_published(tmp_path) == [schema.name]


@each_schema
@pytest.mark.parametrize("some", ["some", "none"])
def test_duckdb_reads_the_same_in_both(schema: RowSchema, some: str, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    files = put(tmp_path, schema, rows_of(schema) if some == "some" else [])
    names = ", ".join(f'"{name}"' for name in schema.names)
    wanted = ", ".join(f"\"{column.name}\": '{DUCKDB[column.type]}'" for column in schema.columns)
    with duckdb.connect() as connection:
        lines = connection.sql(
            f"SELECT {names} FROM read_json('{files['jsonl']}', format='newline_delimited', columns={{{wanted}}})"
        ).fetchall()
        parquet = connection.sql(f"SELECT {names} FROM read_parquet('{files['parquet']}')").fetchall()
    embedded = [column.type is ColumnType.JSON for column in schema.columns]

    def plain(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        return [
            [json.loads(value) if is_json and value is not None else value
             for value, is_json in zip(row, embedded, strict=True)]
            for row in rows
        ]  # fmt: skip

    assert len(parquet) == (len(rows_of(schema)) if some == "some" else 0)
    assert plain(lines) == plain(parquet)


@each_schema
def test_pandas_reads_the_same_in_both(schema: RowSchema, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    rows = rows_of(schema)
    files = put(tmp_path, schema, rows)
    frame = pandas.read_parquet(files["parquet"], dtype_backend="pyarrow")
    with files["jsonl"].open(encoding="utf-8") as lines:
        same = pandas.DataFrame([json.loads(line) for line in lines], columns=list(schema.names), dtype=object)
    assert list(frame.columns) == [*schema.names, *(["extra"] if schema.rest else [])]
    assert len(frame) == len(same) == len(rows)
    for column in schema.columns:
        if column.type in (ColumnType.TEXT, ColumnType.NUMBER, ColumnType.WHOLE, ColumnType.FLAG):
            found = [None if pandas.isna(value) else value for value in frame[column.name]]
            assert found == list(same[column.name]), column.name
    assert len(pandas.read_json(files["jsonl"], lines=True, dtype=False)) == len(rows)


def test_pandas_reads_no_rows(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    for schema in ALL:
        frame = pandas.read_parquet(put(tmp_path / str(schema.name), schema, [])["parquet"])
        assert len(frame) == 0 and list(frame.columns)[: len(schema.names)] == list(schema.names)


BAD: dict[ColumnType, Sequence[Any]] = {
    ColumnType.TEXT: (1, ["a"], {"a": 1}, b"a"),
    ColumnType.NUMBER: (float("nan"), float("inf"), -float("inf"), "1", True),
    ColumnType.WHOLE: (2**63, -(2**63) - 1, 1.0, "1", True),
    ColumnType.FLAG: (1, "true"),
    ColumnType.TEXTS: ("a", [1], ["a", None]),
    ColumnType.VECTOR: ([float("nan")], [float("inf"), -float("inf")], [1e39], ["a"], [None], "ab"),
    ColumnType.JSON: ({"a": float("nan")}, [float("inf")]),
}


@pytest.mark.parametrize("format", TABLE_FORMATS)
@pytest.mark.parametrize("kind", list(BAD))
def test_value_that_one_format_cannot_hold_is_refused_in_all(kind: ColumnType, format: Format, tmp_path: Path) -> None:
    schema = RowSchema((Column("good"), Column("bad", kind)))
    for bad in BAD[kind]:
        rows = [{"good": "a"}] * 40 + [{"good": "b", "bad": bad}] + [{"good": "c"}] * 40
        with pytest.raises(TwelveLabsOutputError, match="Row 41 cannot be written"):
            publish_rows(str(tmp_path), ResultPath(("a",), "b", "c"), rows, schema, [format], FACTS)
        assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize("format", TABLE_FORMATS)
def test_required_fields_are_never_null(format: Format, tmp_path: Path) -> None:
    schema = RowSchema((Column("id", always=True), Column("more")))
    with pytest.raises(TwelveLabsOutputError, match=r"Row 2 cannot be written as .*: id is missing"):
        publish_rows(str(tmp_path), ResultPath(("a",), "b", "c"), [{"id": "a"}, {}], schema, [format], FACTS)


def test_long_rows_are_written_in_small_blocks(tmp_path: Path) -> None:
    schema = RowSchema((Column("text"), Column("number", ColumnType.WHOLE)))
    taken: list[int] = []

    def rows() -> Any:
        for number in range(200):
            taken.append(number)
            yield {"text": "x" * (1_000_000 if 20 < number < 40 else 10), "number": number}

    published = publish_rows(str(tmp_path), ResultPath(("a",), "b", "c"), rows(), schema, TABLE_FORMATS, FACTS)
    assert published.rows == len(taken) == 200
    numbers = [json.loads(line)["number"] for line in (tmp_path / "a" / "b.jsonl").open()]
    assert numbers == list(range(200))


@pytest.mark.parametrize(("content", "plain"), [("ein Text ü\u2028", "txt"), ({"a": ["ü", None]}, "json")])
def test_document_is_read_as_one_row(content: Any, plain: str, tmp_path: Path) -> None:
    (schema,) = [schema for schema in ALL if schema.name == "analysis"]
    row = {"text": content} if plain == "txt" else {"data": content}
    formats = document_formats([plain, "JSONL", "parquet"], DocumentFormat(plain))
    place = ResultPath(("a",), "b", "analysis")
    published = publish_document(str(tmp_path), place, content, FACTS, formats=formats, schema=schema, row=row)
    assert list(published.files) == [plain, "jsonl", "parquet"] and published.rows == 1
    assert check_published(tmp_path) == ["analysis"]
    assert json.loads((tmp_path / "a" / "b.jsonl").read_text()) == {"text": None, "data": None, **row}
    publish_document(str(tmp_path), place, content, FACTS, schema=schema, row=row)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted([f"b.{plain}", "b.manifest.json"])
