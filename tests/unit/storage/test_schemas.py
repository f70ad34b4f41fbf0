"""Row definitions: JSON Schema, Arrow, dataclasses and documentation agree."""

from __future__ import annotations

import dataclasses
from typing import Any

import jsonschema
import pytest

from tests import output_schemas
from tests.output_schemas import ALL
from twelvelabs_provider import schemas
from twelvelabs_provider.api.analysis.generation import Generation
from twelvelabs_provider.api.analysis.summaries import Summary, SummaryKind
from twelvelabs_provider.api.models import Video
from twelvelabs_provider.api.search.request import Match
from twelvelabs_provider.operators.entities import EntityOutcome, Outcome
from twelvelabs_provider.operators.list_videos import video_row
from twelvelabs_provider.results import kinds
from twelvelabs_provider.results.import_rows import ImportedFile
from twelvelabs_provider.results.search_rows import match_row
from twelvelabs_provider.storage.catalog import CATALOG_ROWS, CatalogEntry
from twelvelabs_provider.storage.layout import ResultKind
from twelvelabs_provider.storage.parquet import arrow_schema
from twelvelabs_provider.storage.rows import REST, RowSchema
from twelvelabs_provider.storage.video_list import ListedVideo

DUE = "the rows have changed: python -m tests.output_schemas"
each_schema = pytest.mark.parametrize("schema", ALL, ids=lambda schema: schema.name)


def fields_of(kind: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def test_schema_files_are_up_to_date() -> None:
    there = {path.name: path.read_text("utf-8") for path in output_schemas.FOLDER.glob("*.json")}
    assert set(there) >= {"manifest.v1.json"}
    assert {name: there.get(name) for name in output_schemas.files()} == output_schemas.files(), DUE
    stems = {name.partition(".v")[0] for name in there}
    assert stems == {"manifest", *(schema.name for schema in ALL)}


def test_documentation_of_the_schemas_is_up_to_date() -> None:
    text = output_schemas.DOCUMENT.read_text("utf-8")
    assert output_schemas.document(text) == text, DUE


def test_documentation_describes_every_manifest_field() -> None:
    text = output_schemas.DOCUMENT.read_text("utf-8").partition("## The manifest")[2].partition("## Versions")[0]
    assert [name for name in schemas.load("manifest", 1)["properties"] if f"`{name}`" not in text] == []


@each_schema
def test_schemas_are_valid_json_schemas(schema: RowSchema) -> None:
    loaded = schemas.load(str(schema.name), schema.version)
    jsonschema.Draft202012Validator.check_schema(loaded)
    assert loaded == schemas.json_schema(schema)
    assert list(loaded["properties"]) == list(schema.names)
    assert len(set(schema.names)) == len(schema.names) and REST not in schema.names
    assert all(column.meaning for column in schema.columns)


@each_schema
def test_arrow_schema_matches_the_json_schema(schema: RowSchema) -> None:
    loaded, arrow = schemas.load(str(schema.name), schema.version), arrow_schema(schema)
    words = {"list<item: string>": "list<string>", "list<item: float>": "list<float>"}
    found = {field.name: (words.get(str(field.type), str(field.type)), field.nullable) for field in arrow}
    if schema.rest:
        assert found.pop(REST) == (loaded["additionalProperties"]["x-parquet"], True)
    assert found == {name: (rule["x-parquet"], "null" in rule["type"]) for name, rule in loaded["properties"].items()}
    assert arrow.metadata == {b"twelvelabs.schema": f"{schema.name}.v{schema.version}".encode()}


def test_unknown_schema_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        schemas.load("transcription", 99)


def test_rows_have_the_fields_of_their_schema() -> None:
    assert fields_of(ImportedFile) == list(kinds.IMPORTS.names)
    assert fields_of(ListedVideo) == list(kinds.VIDEO_LIST.names)
    assert list(EntityOutcome(0, "Ada", Outcome.CREATED).row()) == list(kinds.ENTITIES.names)
    assert set(fields_of(CatalogEntry)) == set(CATALOG_ROWS.names)
    match = Match(video_id="v", start=0, end=1, rank=1)
    assert list(match_row(match, 1)) == list(kinds.SEARCH.names)
    video = Video.read({"_id": "v", "updated_at": 1})
    assert set(video_row(video)) == set(kinds.VIDEOS.names)


def test_every_kind_has_a_schema() -> None:
    assert set(kinds.SEGMENTS) == set(ResultKind)
    assert set(kinds.SUMMARIES) == set(SummaryKind)
    for kind in SummaryKind:
        if not kind.timed:
            document = Summary(kind=kind, generation=Generation(text="")).document()
            assert list(document) == list(kinds.SUMMARIES[kind].names)
    assert all(schema in ALL for schema in vars(kinds).values() if isinstance(schema, RowSchema))
