"""Operators for indexed videos: list, update, delete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import Account, Connect, read_rows
from tests.engine.client import Api
from tests.task_context import task_context
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsRefusedError
from twelvelabs_provider.hooks import twelvelabs
from twelvelabs_provider.operators.indexes import TwelveLabsUpdateIndexOperator
from twelvelabs_provider.operators.list_videos import (
    TwelveLabsDeleteVideoOperator,
    TwelveLabsListVideosOperator,
    TwelveLabsUpdateVideoMetadataOperator,
)

if TYPE_CHECKING:
    from tests.conftest import Library
    from tests.engine_process import Engine

pytestmark = pytest.mark.engine

UNKNOWN = "6650000000000000000000ff"


def listed(index_id: str, **fields: Any) -> dict[str, Any]:
    """Run the operator and return its result."""
    result: dict[str, Any] = TwelveLabsListVideosOperator(task_id="t", index_id=index_id, **fields).execute(
        task_context()
    )
    return result


def noted(index_id: str, video_id: str, **fields: Any) -> dict[str, Any]:
    """Change a video's metadata with the operator and return its result."""
    operator = TwelveLabsUpdateVideoMetadataOperator(task_id="t", index_id=index_id, video_id=video_id, **fields)
    result: dict[str, Any] = operator.execute(task_context())
    return result


@pytest.fixture
def copies(engine: Engine, library: Library) -> tuple[str, list[str]]:
    """An index with the sample indexed three times: its id and those of the videos, oldest first."""
    api = Api(engine)
    index_id = api.create_index(f"copies {api.get('/indexes')['page_info']['total_results']}")
    path = f"/indexes/{index_id}/indexed-assets"
    ids = [str(api.expect(202, "POST", path, json={"asset_id": library.asset_id})["_id"]) for _ in range(3)]
    for video_id in ids:
        api.finished(f"{path}/{video_id}")
    return index_id, ids


def rendered(operator: Any, **context: Any) -> Any:
    """Return the operator with its templates rendered, as texts, which is Airflow's usual way."""
    operator.render_template_fields(context)
    return operator


def test_filters_rendered_to_text_are_parsed(
    connect: Connect, account: Account, copies: tuple[str, list[str]], tmp_path: Path
) -> None:
    index_id, ids = copies
    note = TwelveLabsUpdateVideoMetadataOperator(
        task_id="note", index_id="{{ index }}", video_id="{{ videos[1] }}", user_metadata="{{ metadata | tojson }}"
    )
    context = {"index": index_id, "videos": ids, "metadata": {"category": "news", "views": 3}}
    assert rendered(note, **context).execute(task_context())["fields"] == ["category", "views"]
    gone = TwelveLabsDeleteVideoOperator(task_id="gone", index_id="{{ index }}", video_id="{{ videos[2] }}")
    for _ in range(2):
        assert rendered(gone, **context).execute(task_context()) is None
    rows = TwelveLabsListVideosOperator(
        task_id="rows",
        index_id="{{ index }}",
        filters={"user_metadata": {"category": "{{ metadata.category }}"}, "duration": {"gte": "{{ 1 + 1 }}"}},
        output_path=f"{tmp_path}/{{{{ index }}}}",
        output_name="{{ metadata.category }}",
        formats="{{ ['jsonl'] | tojson }}",
    )
    result = rendered(rows, **context).execute(task_context())
    assert result["manifest"] == f"file://{tmp_path}/{index_id}/{index_id}/news.manifest.json"
    assert [row["video_id"] for row in read_rows(Path(result["manifest"].removeprefix("file://")))] == [ids[1]]
    assert account.get(f"/v1.3/indexes/{index_id}/videos")["page_info"]["total_results"] == 2


@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_all_pages_are_published_as_rows(
    api_version: str,
    connect: Connect,
    copies: tuple[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect(api_version)
    index_id, ids = copies
    asked: list[int] = []

    def two_per_page(page: int) -> Paging:
        asked.append(page)
        return Paging(page, 2)

    monkeypatch.setattr(twelvelabs, "Paging", two_per_page)
    noted(index_id, ids[1], user_metadata={"category": "news"})
    result = listed(index_id, output_path=str(tmp_path), formats='["jsonl", "json"]')
    assert asked == [1, 2]
    assert (result["index_id"], result["rows"], set(result["files"])) == (index_id, 3, {"jsonl", "json"})
    rows = read_rows(Path(result["manifest"].removeprefix("file://")))
    assert [row["video_id"] for row in rows] == ids
    assert [row["user_metadata"] for row in rows] == [{}, {"category": "news"}, {}]
    assert {row["filename"] for row in rows} == {"sample.mp4"}
    assert all(row["duration"] > 30 and row["fps"] and row["width"] and row["created_at"] for row in rows)
    manifest = json.loads(Path(result["manifest"].removeprefix("file://")).read_text())
    assert (manifest["kind"], manifest["index_id"], manifest["provenance"]["task_id"]) == ("videos", index_id, "t")


def test_without_output_path_many_ids_are_refused(connect: Connect, copies: tuple[str, list[str]]) -> None:
    index_id, ids = copies
    assert listed(index_id) == {"index_id": index_id, "rows": 3, "video_ids": ids}
    assert listed(index_id, max_videos=3)["video_ids"] == ids
    with pytest.raises(TwelveLabsInputError, match=r"more than 2 such videos.*output_path"):
        listed(index_id, max_videos=2)


@pytest.mark.parametrize(
    ("filters", "there"),
    [
        ({"filename": "sample.mp4"}, True),
        ({"filename": "other.mp4"}, False),
        ({"duration": {"gte": 30, "lte": "60.5"}}, True),
        ('{"duration": {"gte": 60}}', False),
        ({"size": 1}, False),
        ({"created_at": "2026-01-01T00:00:00Z"}, True),
        ({"created_at": "2126-01-01"}, False),
        ({"status": "ready"}, True),
        ({"status": ["failed", "pending"]}, False),
        ("", True),
        (None, True),
    ],
    ids=str,
)
def test_list_filters(filters: Any, there: bool, connect: Connect, library: Library) -> None:
    assert listed(library.index_id, filters=filters)["video_ids"] == ([library.video_id] if there else [])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"filters": {"colour": "red"}}, "has no 'colour'"),
        ({"filters": "duration > 5"}, "not a JSON object"),
        ({"filters": {"duration": {"gt": 5}}}, "gte, lte or both"),
        ({"filters": {"duration": "long"}}, r"filters\['duration'\]='long' must be a number"),
        ({"filters": {"width": float("nan")}}, "must be a number"),
        ({"filters": {"created_at": "yesterday"}}, "must be a time"),
        ({"filters": {"user_metadata": {"page": 2}}}, "its own parameter"),
        ({"filters": {"user_metadata": {"tags": ["a"]}}}, "a text, a number or a boolean"),
        ({"formats": ["srt"]}, "srt"),
        ({"formats": []}, "formats"),
        ({"output_path": "gopher://hole"}, "gopher"),
        ({"output_path": "/tmp", "output_name": ""}, "output_name"),
        ({"index_id": "None"}, "index_id"),
    ],
)
def test_invalid_arguments_are_refused_before_any_request(
    fields: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", raising=False)
    with pytest.raises(TwelveLabsInputError, match=said):
        listed(**{"index_id": UNKNOWN, **fields})


def test_metadata_is_merged_and_removed(connect: Connect, account: Account, copies: tuple[str, list[str]]) -> None:
    index_id, (video_id, *_) = copies
    path = f"/v1.3/indexes/{index_id}/videos/{video_id}"
    result = noted(index_id, video_id, user_metadata={"category": "news", "views": 3, "tags": ["a", "b"]})
    assert result == {"index_id": index_id, "video_id": video_id, "fields": ["category", "tags", "views"]}
    noted(index_id, video_id, user_metadata='{"views": null, "public": true}')
    assert account.get(path)["user_metadata"] == {"category": "news", "tags": ["a", "b"], "public": True}


def test_title_in_an_older_generation(connect: Connect, account: Account, copies: tuple[str, list[str]]) -> None:
    index_id, (video_id, *_) = copies
    with pytest.raises(TwelveLabsRefusedError, match="user_metadata"):
        noted(index_id, video_id, video_title="Winter")
    connect("v1.2")
    noted(index_id, video_id, user_metadata={"category": "news"}, video_title="Winter")
    metadata = account.get(f"/v1.2/indexes/{index_id}/videos/{video_id}")["metadata"]
    assert (metadata["video_title"], metadata["category"]) == ("Winter", "news")


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (None, "nothing to change"),
        ("{}", "nothing to change"),
        ("category=news", "not a JSON object"),
        (["category"], "mapping of names"),
        ({"filename": "x"}, "keeps this name"),
        ({"deep": {"er": 1}}, "a list of texts, or None"),
        ({"odd": float("inf")}, "a list of texts, or None"),
    ],
)
def test_invalid_metadata_is_refused_before_any_request(
    metadata: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", raising=False)
    with pytest.raises(TwelveLabsInputError, match=said):
        noted(UNKNOWN, UNKNOWN, user_metadata=metadata)


def test_unknown_video_fails_an_update_but_not_a_delete(connect: Connect, library: Library) -> None:
    with pytest.raises(TwelveLabsRefusedError, match=UNKNOWN):
        noted(library.index_id, UNKNOWN, user_metadata={"a": "b"})
    TwelveLabsDeleteVideoOperator(task_id="t", index_id=library.index_id, video_id=UNKNOWN).execute(task_context())


def test_index_is_renamed_and_an_existing_name_refused(
    connect: Connect, account: Account, copies: tuple[str, list[str]], library: Library
) -> None:
    index_id, _ = copies
    for _ in range(2):
        done = TwelveLabsUpdateIndexOperator(task_id="t", index_id=index_id, new_name=f"renamed {index_id}").execute(
            task_context()
        )
        assert done == index_id
    assert account.get(f"/v1.3/indexes/{index_id}")["index_name"] == f"renamed {index_id}"
    with pytest.raises(TwelveLabsRefusedError, match="library"):
        TwelveLabsUpdateIndexOperator(task_id="t", index_id=index_id, new_name="library").execute(task_context())
