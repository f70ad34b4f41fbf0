"""Parquet of every kind of result, and formats that a kind does not support."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import parquet

from tests.dags.conftest import Account, Connect, billed
from tests.dags.test_analyze_operators import SEGMENTS, TITLE, analyze
from tests.published import check_published
from tests.task_context import task_context
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.operators.extract import (
    TwelveLabsExtractTextInVideoOperator,
    TwelveLabsExtractTranscriptionOperator,
)
from twelvelabs_provider.operators.knowledge_ask import TwelveLabsAskKnowledgeStoreOperator
from twelvelabs_provider.operators.summarize import TwelveLabsSummarizeVideoOperator

if TYPE_CHECKING:
    from tests.conftest import Library

pytestmark = pytest.mark.engine

DEFINED = {"prompt": None, "analysis_mode": "time_based_metadata", "response_format": SEGMENTS}


def rows_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(result["files"]["parquet"].removeprefix("file://")).to_pylist()
    return rows


def schema_of(result: dict[str, Any]) -> str:
    named = json.loads(Path(result["manifest"].removeprefix("file://")).read_text())["schema"]
    return f"{named['name']}.v{named['version']}"


def summarize(tmp_path: Path, **fields: Any) -> TwelveLabsSummarizeVideoOperator:
    return TwelveLabsSummarizeVideoOperator(task_id="t", output_path=str(tmp_path), poll_interval=0.05, **fields)


@pytest.mark.parametrize("operator", [TwelveLabsExtractTranscriptionOperator, TwelveLabsExtractTextInVideoOperator])
def test_transcript_and_on_screen_text_in_every_format(
    operator: Any, connect: Connect, library: Library, tmp_path: Path
) -> None:
    video = {"index_id": library.index_id, "video_id": library.video_id}
    given = {"output_path": str(tmp_path), "formats": '["jsonl", "srt", "parquet"]', **video}
    result = operator(task_id="t", **given).execute(task_context())
    rows = rows_of(result)
    assert len(rows) == result["rows"] > 0 and set(rows[0]) == {"start", "end", "value", "extra"}
    assert schema_of(result) == f"{result['kind']}.v1"


def test_answer_is_one_row(connect: Connect, library: Library, tmp_path: Path) -> None:
    result = analyze(tmp_path, asset_id=library.asset_id, formats="parquet").execute(task_context())
    assert list(result["files"]) == ["parquet"] and schema_of(result) == "analysis.v1"
    (row,) = rows_of(result)
    assert row["text"].startswith(result["preview"]) and row["data"] is None
    both = analyze(tmp_path, asset_id=library.asset_id, response_format=TITLE, formats=["json", "jsonl", "parquet"])
    result = both.execute(task_context())
    assert json.loads(rows_of(result)[0]["data"]) == result["data"]
    assert not (tmp_path / "assets" / library.asset_id / "analysis.txt").exists()


def test_segments_in_every_format(connect: Connect, library: Library, tmp_path: Path) -> None:
    formats = ["jsonl", "json", "srt", "vtt", "parquet"]
    result = analyze(tmp_path, asset_id=library.asset_id, formats=formats, **DEFINED).execute(task_context())
    assert list(result["files"]) == formats and schema_of(result) == "analysis_segments.v1"
    row = rows_of(result)[0]
    assert row["definition"] == "screen" and json.loads(row["extra"]) == {"text": row["value"]}
    assert row["value"] in Path(result["files"]["srt"].removeprefix("file://")).read_text()


@pytest.mark.parametrize(("kind", "columns"), [
    ("gist", ["title", "topics", "hashtags"]),
    ("chapters", ["start", "end", "value", "number", "summary"]),
    ("highlights", ["start", "end", "value", "summary"]),
])  # fmt: skip
def test_summary_in_every_format(
    kind: str, columns: list[str], connect: Connect, library: Library, tmp_path: Path
) -> None:
    operator = summarize(tmp_path, kind=kind, asset_id=library.asset_id, formats=["jsonl", "parquet"])
    result = operator.execute(task_context())
    assert list(rows_of(result)[0]) == columns and schema_of(result) == f"{kind}.v1"
    assert check_published(tmp_path) == [kind]


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a text has no cues": (analyze, {"formats": ["txt", "srt"]}, "no format 'srt' of a text; valid are txt, jsonl"),
    "JSON is no text": (
        analyze,
        {"formats": "txt", "response_format": TITLE},
        "'txt' of one JSON value; valid are json",
    ),
    "segments are no text": (analyze, {"formats": ["txt"], **DEFINED}, "no format 'txt'; valid are jsonl, json, srt"),
    "a gist has no cues": (summarize, {"formats": ["vtt"], "kind": "gist"}, "no format 'vtt' of one JSON value"),
    "there are chapters": (summarize, {"formats": ["docx"], "kind": "chapters"}, "no format 'docx'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_unsupported_format_is_refused_without_billing(
    name: str, connect: Connect, account: Account, library: Library, tmp_path: Path
) -> None:
    make, fields, said = REFUSED[name]
    before = billed(account, "analysis")
    with pytest.raises(TwelveLabsInputError, match=said):
        make(tmp_path, asset_id=library.asset_id, **fields).execute(task_context())
    assert billed(account, "analysis") == before
    assert not list(tmp_path.iterdir())


def test_knowledge_store_answer_has_no_subtitle_formats(connect: Connect, tmp_path: Path) -> None:
    operator = TwelveLabsAskKnowledgeStoreOperator(
        task_id="t", knowledge_store_id="k", question="What?", output_path=str(tmp_path), formats=["srt"]
    )
    with pytest.raises(TwelveLabsInputError, match="no format 'srt' of one JSON value; valid are json, jsonl, parquet"):
        operator.execute(task_context())
