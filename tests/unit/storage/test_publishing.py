"""Publishing and reading in ``@task`` functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet
import pytest

from tests.task_context import task_context
from tests.unit.storage.published import put
from twelvelabs_provider import publish_document, publish_rows, read_catalog, read_rows
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsOutputError
from twelvelabs_provider.storage.formats import Format

ROWS = [{"id": "a", "start": 1, "words": ["x"], "more": {"n": 1}}, {"id": "b", "start": 2.5, "vector": [0.5, 1.0]}]
FILLED = [{"id": None, "start": None, "words": None, "more": None, "vector": None} | row for row in ROWS]
SIGNED = "https://user:hunter2@host/a.mp4?X-Amz-Signature=0123456789abcdef0123456789abcdef"


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that starts a mapped task instance in this process, as Airflow does."""

    def start(map_index: int = -1) -> None:
        context = task_context()
        context["ti"].map_index = map_index
        monkeypatch.setattr("airflow.sdk.definitions._internal.contextmanager._CURRENT_CONTEXT", [context])

    return start


def manifest_of(result: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(result["manifest"].removeprefix("file://")).read_text())
    return content


@pytest.mark.parametrize("format", ["jsonl", "json", "parquet"])
def test_rows_can_be_read_from_every_format(format: str, tmp_path: Path) -> None:
    result = publish_rows(ROWS, tmp_path, "tables/all", formats=[format])
    assert result["files"] == {format: f"file://{tmp_path}/tables/all.{format}"}
    assert list(read_rows(result)) == FILLED
    assert list(read_rows(result["manifest"])) == FILLED
    assert list(read_rows(tmp_path / "tables" / "all.manifest.json", conn_id="ignored")) == FILLED
    assert json.loads(json.dumps(result)) == result


def test_columns_are_inferred(tmp_path: Path) -> None:
    result = publish_rows(ROWS, str(tmp_path), "all", formats=["jsonl", "parquet"])
    assert {one["name"]: one["type"] for one in manifest_of(result)["columns"]} == {
        "id": "text", "start": "number", "words": "texts", "more": "json", "vector": "vector",
    }  # fmt: skip


def test_columns_of_an_iterator_are_those_of_its_first_rows(tmp_path: Path) -> None:
    def rows(last: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for number in range(2000):
            yield {"number": number}
        yield last

    whole = publish_rows(rows({"number": 2000}), tmp_path, "numbers")
    assert sum(row["number"] for row in read_rows(whole)) == sum(range(2001))
    for unfit, said in (({"number": 0.5}, "number is 0.5"), ({"other": 1}, "no column 'other'")):
        with pytest.raises(TwelveLabsOutputError, match=said):
            publish_rows(rows(unfit), tmp_path, "numbers")
    assert len(list(read_rows(whole))) == 2001, "the earlier result stays"


def test_given_columns(tmp_path: Path) -> None:
    columns = {"score": float, "count": int, "ok": bool, "tags": list[str], "vector": list[float], "any": dict}
    result = publish_rows([{"count": 1}], tmp_path, "t", columns={**columns, "more": "json"}, formats=["parquet"])
    table = pyarrow.parquet.read_table(result["files"]["parquet"].removeprefix("file://"))
    assert [str(field.type) for field in table.schema] == [
        "double", "int64", "bool", "list<element: string>", "list<element: float>", "string", "string",
    ]  # fmt: skip
    nothing = publish_rows([], tmp_path, "none", columns=columns, formats=["parquet"])
    assert list(read_rows(nothing)) == []


@pytest.mark.parametrize("format", ["jsonl", "json", "parquet"])
def test_no_rows(format: str, tmp_path: Path) -> None:
    assert list(read_rows(publish_rows([], tmp_path, "none", formats=[format]))) == []


def test_the_default_name_is_that_of_the_task_instance(tmp_path: Path, running: Any) -> None:
    results = []
    for map_index in (0, 1):
        running(map_index)
        results.append(publish_rows([{"n": map_index}], tmp_path, kind="numbers"))
    assert [list(read_rows(result)) for result in results] == [[{"n": 0}], [{"n": 1}]]
    assert {Path(result["manifest"]).parent.name for result in results} == {"numbers"}
    assert manifest_of(results[1])["provenance"] == {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": 1}
    again = publish_rows([{"n": 2}], tmp_path, kind="numbers")
    assert again["manifest"] == results[1]["manifest"], "a retry replaces the result"
    assert manifest_of(publish_rows([{"n": 3}], tmp_path))["kind"] == "t"


def test_outside_a_task_a_name_is_needed(tmp_path: Path) -> None:
    with pytest.raises(TwelveLabsInputError, match="name is needed"):
        publish_rows(ROWS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_secret_is_published(tmp_path: Path) -> None:
    rows = [{"url": SIGNED, "more": [{"url": SIGNED}], "talk": "at 9:00, see https://host/?v=1"}]
    publish_rows(rows, tmp_path, "rows", source_uri=SIGNED, details={"from": SIGNED})
    publish_document({"urls": [SIGNED]}, tmp_path, "json", details={"from": SIGNED})
    publish_document(f"Read {SIGNED}", tmp_path, "text")
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 9
    assert not any("hunter2" in content or "0123456789abcdef" in content for content in written)
    assert any("https://host/?v=1" in content for content in written)


def test_documents(tmp_path: Path) -> None:
    text = publish_document("Once upon a time", tmp_path, "stories/one", asset_id="x", origin="generated")
    assert text["files"] == {"txt": f"file://{tmp_path}/stories/one.txt"}
    assert (manifest_of(text)["asset_id"], manifest_of(text)["origin"]) == ("x", "generated")
    data = publish_document([1, {"a": None}], tmp_path, "data")
    assert json.loads((tmp_path / "data.json").read_text()) == [1, {"a": None}]
    for result in (text, data):
        with pytest.raises(TwelveLabsInputError, match="no rows"):
            read_rows(result)


def test_the_catalog_is_filtered_and_its_entries_can_be_read(tmp_path: Path) -> None:
    put(str(tmp_path), "video1", words=["one", "two"])
    put(str(tmp_path), "video2", kind="chapters")
    publish_rows(ROWS, tmp_path, "report", kind="report")
    (entry,) = read_catalog(tmp_path, kind="transcription", index_id="idx", dag_id="dag", run_id="run")
    assert (entry.video_id, entry.rows) == ("video1", 2)
    assert [row["value"] for row in read_rows(entry)] == ["one", "two"]
    assert {entry.kind for entry in read_catalog(tmp_path)} == {"transcription", "chapters", "report"}
    assert [entry.uri for entry in read_catalog(tmp_path, kind="report")] == [f"file://{tmp_path}"]
    assert list(read_catalog(tmp_path, video_id="video3")) == []


@pytest.mark.usefixtures("memory")
def test_addresses_of_the_catalog_keep_the_connection() -> None:
    output = "memory://conn@bucket/results"
    result = publish_rows([{"n": 1}], output, "numbers", formats=["parquet"])
    assert result["manifest"] == f"{output}/numbers.manifest.json", "as operators return it"
    (entry,) = read_catalog(output)
    assert (entry.uri, entry.manifest) == (output, f"{output}/numbers.manifest.json")
    assert list(read_rows(entry)) == list(read_rows(result)) == [{"n": 1}]
    with pytest.raises(TwelveLabsInputError, match="names the connection 'conn', but 'other'"):
        read_rows(entry, conn_id="other")


def test_subtitles_alone_have_no_rows(tmp_path: Path) -> None:
    put(str(tmp_path), "video", formats=[Format.SRT])
    (entry,) = read_catalog(tmp_path)
    with pytest.raises(TwelveLabsInputError, match="its formats are srt"):
        read_rows(entry)


@pytest.mark.parametrize("format", ["jsonl", "json", "parquet"])
def test_a_file_of_another_version_is_not_taken_for_the_result(format: str, tmp_path: Path) -> None:
    result = publish_rows([{"n": 1}], tmp_path, "numbers", formats=[format])
    other = publish_rows([{"n": 2}], tmp_path, "others", formats=[format])
    (tmp_path / f"others.{format}").rename(tmp_path / f"numbers.{format}")
    with pytest.raises(TwelveLabsOutputError, match="Read it again"):
        list(read_rows(result))
    with pytest.raises(TwelveLabsOutputError, match="Read it again"):
        list(read_rows(other))


def test_invalid_results_are_refused(tmp_path: Path) -> None:
    missing = tmp_path / "x.manifest.json"
    with pytest.raises(TwelveLabsOutputError, match="No result at"):
        read_rows(missing)
    missing.write_text("{")
    with pytest.raises(TwelveLabsOutputError, match="Cannot read"):
        read_rows(missing)
    with pytest.raises(TwelveLabsInputError, match="not the address of a manifest"):
        read_rows(str(tmp_path / "x.jsonl"))
    with pytest.raises(TwelveLabsInputError, match="names no manifest; its fields are video_id"):
        read_rows({"video_id": "x"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "/"}, "name='/' is empty"),
        ({"formats": ["srt"]}, "srt"),
        ({"columns": {}}, "columns is empty"),
        ({"columns": {"id": complex}}, r"columns\['id'\] is <class 'complex'>"),
        ({"columns": {"id": "texxt"}}, "texxt"),
        ({"origin": "nature"}, "origin='nature'"),
        ({"rows": [{}, {}]}, "no fields"),
        ({"output_path": ""}, "output path is empty"),
        ({"output_path": "https://host/out"}, "is a URL"),
    ],
)
def test_arguments_that_cannot_work(arguments: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(TwelveLabsInputError, match=said):
        publish_rows(**{"rows": ROWS, "output_path": tmp_path, "name": "table", **arguments})
    assert list(tmp_path.iterdir()) == []


def test_a_name_stays_below_the_output(tmp_path: Path) -> None:
    publish_rows([{"n": 1}], tmp_path / "out", "../..//_catalog/x")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    (entry,) = read_catalog(tmp_path / "out")
    assert list(read_rows(entry)) == [{"n": 1}]


def test_the_package_has_no_other_names() -> None:
    import twelvelabs_provider

    assert twelvelabs_provider.__version__
    with pytest.raises(AttributeError, match="publish_row"):
        _ = twelvelabs_provider.publish_row
    assert SimpleNamespace(**{name: getattr(twelvelabs_provider, name) for name in twelvelabs_provider.__all__})
