from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsOutputError
from twelvelabs_provider.storage import parquet
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.manifest import Origin, Provenance
from twelvelabs_provider.storage.publish import (
    TABLE_FORMATS,
    Column,
    ColumnType,
    ResultFacts,
    ResultPath,
    RowSchema,
    publish_document,
    publish_rows,
    table_formats,
)

PLACE = ResultPath(("index 1", "search"), "red/apples", "search")
STEM = "red_apples-" + hashlib.sha256(b"red/apples").hexdigest()[:8]
SCHEMA = RowSchema(
    (
        Column("id"),
        Column("rank", ColumnType.WHOLE),
        Column("start", ColumnType.NUMBER),
        Column("ok", ColumnType.FLAG),
        Column("words", ColumnType.TEXTS),
        Column("vector", ColumnType.VECTOR),
        Column("extra", ColumnType.JSON),
    )
)
FULL = {
    "id": "Größe \u2028",
    "rank": 1,
    "start": 1.5,
    "ok": True,
    "words": ["a", "b"],
    "vector": [0.5, -1.0],
    "extra": {"x": [1]},
}
EMPTY = dict.fromkeys(FULL)
FACTS = ResultFacts(
    Provenance("dag", "run", "task", 3),
    Origin.SERVICE,
    index_id="index 1",
    options={"query_media_url": "https://user:pw@host/a.png?sig=hunter2"},
    details={"search_pool": {"total_count": 5}},
)


def read(folder: Path, suffix: str) -> Any:
    path = folder / "index 1" / "search" / f"{STEM}.{suffix}"
    if suffix == "jsonl":
        return [json.loads(line) for line in path.read_text().split("\n") if line]
    return json.loads(path.read_text()) if suffix != "parquet" else pyarrow.parquet.read_table(path).to_pylist()


def manifest_of(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "index 1" / "search" / f"{STEM}.manifest.json").read_text())
    for entry in manifest["files"]:
        content = (folder / "index 1" / "search" / entry["name"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["bytes"], entry["sha256"])
    return manifest


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and "_catalog" not in path.parts)


def test_every_format_has_the_same_rows(tmp_path: Path) -> None:
    published = publish_rows(str(tmp_path), PLACE, [FULL, {"id": "b"}], SCHEMA, TABLE_FORMATS, FACTS)
    rows = [FULL, {**EMPTY, "id": "b"}]
    assert read(tmp_path, "jsonl") == read(tmp_path, "json") == rows
    assert list(read(tmp_path, "jsonl")[1]) == list(FULL)
    assert read(tmp_path, "parquet") == [{**FULL, "extra": '{"x": [1]}'}, rows[1]]
    assert (published.rows, set(published.files)) == (2, {"jsonl", "json", "parquet"})


def test_manifest_has_facts_and_columns_and_no_secret(tmp_path: Path) -> None:
    publish_rows(str(tmp_path), PLACE, [FULL], SCHEMA, TABLE_FORMATS, FACTS)
    manifest = manifest_of(tmp_path)
    assert manifest["kind"] == "search"
    assert manifest["search_pool"] == {"total_count": 5}
    assert manifest["provenance"] == {"dag_id": "dag", "run_id": "run", "task_id": "task", "map_index": 3}
    assert manifest["columns"][1] == {"name": "rank", "type": "whole"}
    assert manifest["options"] == {"query_media_url": "https://host/a.png"}


def test_facts_may_be_known_only_at_the_end(tmp_path: Path) -> None:
    seen: list[int] = []

    def rows() -> Iterator[Mapping[str, Any]]:
        for number in range(3):
            seen.append(number)
            yield {"id": str(number)}

    def facts() -> ResultFacts:
        return ResultFacts(Provenance("d", "r", "t"), details={"pages": len(seen)})

    publish_rows(str(tmp_path), PLACE, rows(), SCHEMA, [Format.JSONL], facts)
    assert manifest_of(tmp_path)["pages"] == 3


class BoomError(Exception):
    pass


@pytest.mark.parametrize("count", [0, 3, 20_000])
def test_failing_rows_keep_the_old_version(tmp_path: Path, count: int) -> None:
    publish_rows(str(tmp_path), PLACE, [FULL], SCHEMA, TABLE_FORMATS, FACTS)
    before = names_in(tmp_path)

    def failing() -> Iterator[Mapping[str, Any]]:
        yield from ({"id": str(number)} for number in range(count))
        raise BoomError

    with pytest.raises(BoomError):
        publish_rows(str(tmp_path), PLACE, failing(), SCHEMA, TABLE_FORMATS, FACTS)
    assert names_in(tmp_path) == before
    assert read(tmp_path, "jsonl") == [FULL]
    manifest_of(tmp_path)


@pytest.mark.parametrize(
    ("row", "format", "named"),
    [
        ({"id": "a", "color": "red"}, Format.JSONL, "'color'"),
        ({"start": float("nan")}, Format.JSON, "Row 1"),
        ({"start": float("inf")}, Format.PARQUET, "start"),
        ({"vector": [1.0, float("nan")]}, Format.PARQUET, "vector"),
        ({"rank": "first"}, Format.PARQUET, "first"),
    ],
)
def test_row_that_does_not_match_the_schema_is_named(
    tmp_path: Path, row: dict[str, Any], format: Format, named: str
) -> None:
    with pytest.raises(TwelveLabsOutputError, match=named):
        publish_rows(str(tmp_path), PLACE, [row], SCHEMA, [format], FACTS)
    assert names_in(tmp_path) == []


def test_lone_surrogate_is_written(tmp_path: Path) -> None:
    publish_rows(str(tmp_path), PLACE, [{"id": "a\ud800", "words": ["\udfff"]}], SCHEMA, TABLE_FORMATS, FACTS)
    assert [(row["id"], row["words"]) for row in read(tmp_path, "parquet")] == [("a?", ["?"])]
    assert [(row["id"], row["words"]) for row in read(tmp_path, "jsonl")] == [("a?", ["?"])]


def test_table_without_rows(tmp_path: Path) -> None:
    publish_rows(str(tmp_path), PLACE, [], SCHEMA, TABLE_FORMATS, FACTS)
    assert read(tmp_path, "jsonl") == read(tmp_path, "json") == read(tmp_path, "parquet") == []


def test_formats_that_are_no_longer_requested_are_deleted(tmp_path: Path) -> None:
    publish_rows(str(tmp_path), PLACE, [FULL], SCHEMA, TABLE_FORMATS, FACTS)
    publish_document(str(tmp_path), PLACE, "ein Text", FACTS)
    assert names_in(tmp_path) == [f"{STEM}.manifest.json", f"{STEM}.txt"]
    publish_rows(str(tmp_path), PLACE, [FULL], SCHEMA, [Format.JSON], FACTS)
    assert names_in(tmp_path) == [f"{STEM}.json", f"{STEM}.manifest.json"]


@pytest.mark.parametrize(("content", "suffix"), [("zwei\nZeilen ü", "txt"), ({"a": ["ü"]}, "json"), ([], "json")])
def test_document_in_every_format(tmp_path: Path, content: Any, suffix: str) -> None:
    published = publish_document(str(tmp_path), PLACE, content, FACTS)
    text = (tmp_path / "index 1" / "search" / f"{STEM}.{suffix}").read_text()
    assert (text if suffix == "txt" else json.loads(text)) == content
    assert list(published.files) == [suffix]
    assert manifest_of(tmp_path)["rows"] == 1


@pytest.mark.parametrize(("values", "named"), [(["srt"], "'srt'"), ([], r"\[\]"), ("jsonl", "'jsonl'")])
def test_unsupported_table_formats_are_refused(values: Any, named: str) -> None:
    with pytest.raises(TwelveLabsInputError, match=named) as caught:
        table_formats(values)
    assert "jsonl, json, parquet." in str(caught.value)


def test_parquet_without_pyarrow_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TwelveLabsInputError, match=r"pip install 'airflow-provider-twelvelabs\[parquet\]'"):
        table_formats(["parquet"])
    assert table_formats(["jsonl"]) == (Format.JSONL,)


def test_vectors_are_written_in_several_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_BYTES", 50_000)
    rows = ({"rank": number, "vector": [float(number)] * 1024} for number in range(100))
    publish_rows(str(tmp_path), PLACE, rows, SCHEMA, [Format.PARQUET], FACTS)
    file = pyarrow.parquet.ParquetFile(tmp_path / "index 1" / "search" / f"{STEM}.parquet")
    assert file.metadata.num_row_groups == 2
    assert [row["rank"] for row in file.read(columns=["rank"]).to_pylist()] == list(range(100))


MANY = """
import resource, sys
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.storage.publish import *

schema = RowSchema((Column("n", ColumnType.WHOLE), Column("text")))
place, facts = ResultPath(("a",), "b", "c"), ResultFacts(Provenance("d", "r", "t"))
rows = lambda count: ({"n": n, "text": f"{n} some words that take room " * 4} for n in range(count))
publish_rows(sys.argv[1], place, rows(30_000), schema, TABLE_FORMATS, facts)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
publish_rows(sys.argv[1], place, rows(200_000), schema, TABLE_FORMATS, facts)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.large
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", MANY, str(tmp_path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 24 * 1024
    assert (tmp_path / "a" / "b.jsonl").read_bytes().count(b"\n") == 200_000
