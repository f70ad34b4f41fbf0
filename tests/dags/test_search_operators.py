"""Search operator: all pages in storage, a small result, and no invalid request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Library
from tests.dags.conftest import Account, Connect, Faults, billed, read_rows
from tests.task_context import task_context
from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsRefusedError
from twelvelabs_provider.operators.search import TwelveLabsSearchOperator

pytestmark = pytest.mark.engine


def search(index_id: str, output: Path, **fields: Any) -> dict[str, Any]:
    """Run the operator and return its result."""
    operator = TwelveLabsSearchOperator(task_id="t", index_id=index_id, output_path=str(output), **fields)
    result: dict[str, Any] = operator.execute(task_context())
    return result


def manifest_path(result: dict[str, Any]) -> Path:
    return Path(result["manifest"].removeprefix("file://"))


@pytest.fixture
def still(sample: Path, tmp_path: Path) -> Path:
    """A picture of the sample's tenth second."""
    from tests.engine.frames import frame_of

    return frame_of(sample, tmp_path / "still.png", 10)


def test_all_pages_are_published(library: Library, tmp_path: Path, connect: Connect, account: Account) -> None:
    before = billed(account, "search")
    result = search(
        library.index_id,
        tmp_path / "out",
        query_text="the children",
        search_options=["transcription"],
        formats=["jsonl", "json", "parquet"],
        top=1,
    )
    manifest = json.loads(manifest_path(result).read_text())
    rows = read_rows(manifest_path(result))
    assert [row["position"] for row in rows] == list(range(1, result["rows"] + 1))
    assert {row["video_id"] for row in rows} == {library.video_id}
    assert all("children" in row["transcription"] for row in rows)
    assert result["total_results"] == result["rows"] == len(rows) == 2
    assert result["top"] == [{name: rows[0][name] for name in ("video_id", "start", "end", "rank")}]
    assert (result["queries"], billed(account, "search")) == (1, before + 1)
    assert manifest["kind"] == "search"
    assert manifest["options"]["search_options"] == ["transcription"]
    assert manifest["search_pool"]["index_id"] == library.index_id
    assert Path(result["files"]["parquet"].removeprefix("file://")).stat().st_size
    assert manifest_path(result).parent == tmp_path / "out" / library.index_id / "search"


def test_max_results_limits_the_results(library: Library, tmp_path: Path, connect: Connect) -> None:
    result = search(
        library.index_id, tmp_path, query_text="the", search_options="transcription", max_results="3", output_name="few"
    )
    assert result["rows"] == 3 < result["total_results"]
    assert (tmp_path / library.index_id / "search" / "few.jsonl").exists()


@pytest.mark.parametrize("group_by", ["clip", "video"])
def test_expired_page_restarts_the_search(
    group_by: str, library: Library, tmp_path: Path, connect: Connect, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    from twelvelabs_provider.operators import search as module

    monkeypatch.setattr(module, "LARGEST_PAGE", 2)
    operator = TwelveLabsSearchOperator(
        task_id="t",
        index_id=library.index_id,
        output_path=str(tmp_path),
        query_text="the",
        search_options=["transcription"],
        group_by=group_by,
    )
    before, real = billed(account, "search"), operator.hook.execute
    pages: list[str] = []

    def expiring(call: Any) -> Any:
        if call.path.startswith("/search/"):
            pages.append(call.path)
            if len(pages) == 2:
                url = f"{account.engine.base_url}/_local/searches/expire"
                requests.post(url, headers=account.headers, timeout=30).raise_for_status()
        return real(call)

    monkeypatch.setattr(operator.hook, "execute", expiring)
    result = operator.execute(task_context())
    rows = read_rows(manifest_path(result))
    places = [(row["start"], row["end"]) for row in rows]
    assert len(set(places)) == len(places)
    if group_by == "video":
        # one video is one page
        assert (result["queries"], pages) == (1, [])
    else:
        assert result["queries"] == 2
        assert len(rows) == result["total_results"]
        assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    assert billed(account, "search") == before + result["queries"]


def test_image_finds_its_moment(library: Library, still: Path, tmp_path: Path, connect: Connect) -> None:
    result = search(library.index_id, tmp_path, query_images=[str(still)], search_options=["visual"])
    best = result["top"][0]
    assert best["start"] <= 10 <= best["end"]
    manifest = json.loads(manifest_path(result).read_text())
    assert manifest["options"]["query_images"][0].endswith(str(still))


def test_same_query_has_the_same_files(library: Library, tmp_path: Path, connect: Connect) -> None:
    first, second, other = (
        search(library.index_id, tmp_path, query_text=text, search_options=["transcription"])["manifest"]
        for text in ("children", "children", "garden")
    )
    assert first == second != other


@pytest.mark.parametrize("api_version", ["v1.2", "v1.1"])
def test_search_in_older_generations(api_version: str, library: Library, tmp_path: Path, connect: Connect) -> None:
    connect(api_version)
    result = search(library.index_id, tmp_path, query_text="children", search_options=["transcription"])
    rows = read_rows(manifest_path(result))
    assert [(row["rank"], row["modules"]) for row in rows] == [(None, ["conversation"])] * 2
    assert all(row["score"] > 0 and row["confidence"] in ("high", "medium", "low") for row in rows)
    assert "children" in rows[0]["transcription"]
    assert set(result["top"][0]) == {"video_id", "start", "end", "score", "confidence"}


def test_fields_as_json_text(library: Library, tmp_path: Path, connect: Connect) -> None:
    result = search(
        library.index_id,
        tmp_path,
        query_text="children",
        search_options='["transcription", "visual"]',
        transcription_options="lexical",
        filter=json.dumps({"id": [library.video_id], "duration": {"gte": 10}}),
        formats='["json"]',
        query_images="[]",
        query_tree="None",
        operator="None",
    )
    assert result["rows"] == 2
    assert set(result["files"]) == {"json"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"query_text": "x", "search_options": ["visul"]}, "'visul'"),
        ({"query_text": "x", "index_id": "None"}, "index_id"),
        ({"query_text": "x", "max_results": "many"}, "max_results='many'"),
        ({"query_text": "x", "max_results": 0}, "max_results=0"),
        ({"query_text": "x", "formats": ["srt"]}, "'srt'"),
        ({"query_text": "x", "filter": "duration > 3"}, "filter='duration > 3'"),
        ({"query_text": "x", "transcription_options": ["lexical"]}, "need the search option"),
        ({"query_text": "x", "transcription_options": ["exact"]}, "'exact'"),
        ({"query_text": "x", "output": "https://host/x"}, "is a URL"),
        ({"query_images": ["/no/such/image.png"]}, "/no/such/image.png"),
        ({"query_text": "x", "group_by": "index"}, "group_by='index'"),
    ],
)
def test_invalid_arguments_are_refused_before_any_request(
    fields: dict[str, Any], said: str, library: Library, tmp_path: Path, connect: Connect, account: Account
) -> None:
    before = billed(account, "search")
    with pytest.raises(TwelveLabsInputError, match=said):
        search(**{"index_id": library.index_id, "output": tmp_path, **fields})
    assert billed(account, "search") == before
    assert not list(tmp_path.rglob("*.json*"))


@pytest.mark.parametrize("fields", [{}, {"filter": {"duration": {"gt": 3}}}, {"query_text": "word " * 501}])
def test_service_refuses_an_invalid_search_without_billing(
    fields: dict[str, Any], library: Library, tmp_path: Path, connect: Connect, account: Account
) -> None:
    before = billed(account, "search")
    with pytest.raises(TwelveLabsRefusedError, match="HTTP 400"):
        search(library.index_id, tmp_path, **{"query_text": "x" if "filter" in fields else None, **fields})
    assert billed(account, "search") == before


def test_output_path_is_checked_before_the_query(
    library: Library, tmp_path: Path, connect: Connect, account: Account
) -> None:
    before, file = billed(account, "search"), tmp_path / "file"
    file.touch()
    with pytest.raises(TwelveLabsInputError, match="cannot be written"):
        search(library.index_id, file, query_text="x")
    assert billed(account, "search") == before


def test_error_names_what_a_generation_lacks(library: Library, tmp_path: Path, connect: Connect) -> None:
    with pytest.raises(TwelveLabsRefusedError, match="boolean queries"):
        search(library.index_id, tmp_path, query_tree={"$and": [{"text": "x"}]})
    connect("v1.2")
    with pytest.raises(TwelveLabsRefusedError, match="audio"):
        search(library.index_id, tmp_path, query_text="x", search_options=["audio"])


def test_refused_search_publishes_nothing(library: Library, tmp_path: Path, connect: Connect) -> None:
    with pytest.raises(TwelveLabsRefusedError, match="does not exist"):
        search("0" * 24, tmp_path, query_text="x")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_lost_query_is_not_repeated(
    library: Library, tmp_path: Path, connect: Connect, account: Account, faults: Faults
) -> None:
    before = billed(account, "search")
    faults("/search")
    with pytest.raises(TwelveLabsAmbiguousError):
        search(library.index_id, tmp_path, query_text="children", search_options=["transcription"])
    assert billed(account, "search") == before + 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_every_field_is_templated(library: Library, tmp_path: Path, connect: Connect) -> None:
    operator = TwelveLabsSearchOperator(
        task_id="t",
        index_id="{{ given.index_id }}",
        query_text="{{ given.words }}",
        search_options=["{{ given.option }}"],
        filter="{{ given.filter | tojson }}",
        max_results="{{ 2 - 1 }}",
        output_path=str(tmp_path / "{{ given.option }}"),
        output_name="{{ given.words }}",
        formats="{{ ['json'] | tojson }}",
    )
    given = {"index_id": library.index_id, "words": "children", "option": "transcription"}
    context: Any = {**task_context(), "given": {**given, "filter": {"filename": "sample.mp4"}}}
    operator.render_template_fields(context)
    assert operator.execute(context)["rows"] == 1
    assert (tmp_path / "transcription" / library.index_id / "search" / "children.json").exists()


def test_signature_of_an_image_url_is_stored_nowhere(
    library: Library, still: Path, tmp_path: Path, site: Any, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    from twelvelabs_provider.hooks import masking

    hidden: list[str] = []
    monkeypatch.setattr(masking, "mask_secret", hidden.extend)
    signed = site(still) + "?X-Amz-Signature=5ecre7f00dba5eba11"
    operator = TwelveLabsSearchOperator(
        task_id="t", index_id=library.index_id, output_path=str(tmp_path), query_images=[signed]
    )
    operator.render_template_fields(task_context())
    assert "5ecre7f00dba5eba11" in hidden
    result = operator.execute(task_context())
    assert result["rows"]
    assert "5ecre7f00dba5eba11" not in json.dumps(result) + manifest_path(result).read_text()
