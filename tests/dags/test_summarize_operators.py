"""Summaries have the same shape in all generations and modes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import Account, Connect, billed, read_rows
from tests.engine.client import Api
from tests.task_context import task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsRefusedError, TwelveLabsUnusableAnswerError
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.operators.index_videos import TwelveLabsIndexVideosOperator
from twelvelabs_provider.operators.indexes import TwelveLabsCreateIndexOperator
from twelvelabs_provider.operators.summarize import TwelveLabsSummarizeVideoOperator

pytestmark = pytest.mark.engine

GENERATIONS = ("v1.3", "v1.2")
FIELDS = {
    "summary": {"summary"},
    "titles": {"title"},
    "topics": {"topics"},
    "hashtags": {"hashtags"},
    "gist": {"title", "topics", "hashtags"},
}


@pytest.fixture(scope="module")
def videos(engine: Any, clip: Path) -> dict[str, dict[str, str]]:
    """The clip in an index that generates text, as each generation knows it."""
    today = Api(engine)
    models = [{"model_name": "pegasus1.2", "model_options": ["visual", "audio"]}]
    index = today.expect(201, "POST", "/indexes", json={"index_name": "in short", "models": models})["_id"]
    asset = today.asset(clip)
    video = today.expect(202, "POST", f"/indexes/{index}/indexed-assets", json={"asset_id": asset})["_id"]
    today.finished(f"/indexes/{index}/indexed-assets/{video}")
    old = Api(engine, "v1.2")
    engines = [{"engine_name": "pegasus1.1", "engine_options": ["visual", "conversation"]}]
    old_index = old.expect(201, "POST", "/indexes", json={"index_name": "in short, old", "engines": engines})["_id"]
    return {
        "v1.3": {"index_id": index, "video_id": video},
        "v1.2": {"index_id": old_index, "video_id": old.index_video(old_index, clip)},
    }


def summarize(tmp_path: Path, **fields: Any) -> TwelveLabsSummarizeVideoOperator:
    given = {"output_path": str(tmp_path), "poll_interval": 0.05, **fields}
    return TwelveLabsSummarizeVideoOperator(task_id="t", **given)


@pytest.mark.parametrize("kind", FIELDS)
@pytest.mark.parametrize("api_version", GENERATIONS)
def test_summary_is_one_object(
    api_version: str, kind: str, connect: Connect, account: Account, videos: Any, tmp_path: Path
) -> None:
    connect(api_version)
    before = billed(account, "analysis")
    result = summarize(tmp_path, kind=kind, **videos[api_version]).execute(task_context())
    assert billed(account, "analysis") == before + 1
    data = result["data"]
    assert set(data) == FIELDS[kind] and result["kind"] == kind and result["mode"] == "sync"
    assert json.loads(Path(result["files"]["json"].removeprefix("file://")).read_text()) == data
    said = {"summary": "SUMMER 2031", "title": "WINTER", "topics": "winter", "hashtags": "#winter"}
    assert all(text in data[name] for name, text in said.items() if name in data)
    manifest = json.loads(Path(result["manifest"].removeprefix("file://")).read_text())
    assert (manifest["kind"], manifest["origin"], manifest["video_id"]) == (kind, "generated", result["video_id"])


@pytest.mark.parametrize("api_version", GENERATIONS)
def test_chapters_and_highlights_are_rows(api_version: str, connect: Connect, videos: Any, tmp_path: Path) -> None:
    connect(api_version)
    operator = summarize(tmp_path, kind="chapters", formats=["jsonl", "vtt"], **videos[api_version])
    result = operator.execute(task_context())
    rows = read_rows(Path(result["manifest"].removeprefix("file://")))
    assert [(row["number"], row["value"]) for row in rows] == [(1, "WINTER"), (2, "SUMMER 2031")]
    assert [(row["start"], row["end"]) for row in rows] == [(0.0, 3.0), (3.0, pytest.approx(6.0, abs=0.1))]
    assert all(row["summary"] for row in rows) and result["rows"] == 2 and result["data"] is None
    assert "WINTER" in Path(result["files"]["vtt"].removeprefix("file://")).read_text()

    result = summarize(tmp_path, kind="highlights", **videos[api_version]).execute(task_context())
    rows = read_rows(Path(result["manifest"].removeprefix("file://")))
    assert [row["value"] for row in rows] == ["WINTER", "SUMMER 2031"] and set(rows[0]) == set(rows[1])
    assert {"start", "end", "value", "summary"} == set(rows[0])


def test_asset_is_summarized_without_index_and_worker(
    connect: Connect, clip: Path, engine: Any, tmp_path: Path
) -> None:
    asset_id = Api(engine).asset(clip)
    operator = summarize(tmp_path, kind="gist", asset_id=asset_id, deferrable=True, prompt="For children.")
    result, _ = run_to_end(operator, task_context())
    assert result["mode"] == "async" and result["data"]["title"] == "WINTER"
    (file,) = (tmp_path / "assets" / asset_id).glob("gist-*[!t].json")
    assert json.loads(file.read_text()) == result["data"]


def test_retired_model_is_not_requested(connect: Connect, videos: Any, tmp_path: Path) -> None:
    connect("v1.3")
    operator = TwelveLabsAnalyzeVideoOperator(
        task_id="t", output_path=str(tmp_path), prompt="What?", model_name="pegasus1.2", **videos["v1.3"]
    )
    with pytest.raises(TwelveLabsRefusedError, match=r"pegasus1\.2 was retired on 2026-08-18"):
        operator.execute(task_context())


@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_retired_model_is_refused_before_index_and_video_are_read(
    api_version: str, connect: Connect, account: Account, videos: Any, clip: Path, tmp_path: Path
) -> None:
    connect(api_version)
    before, index_id = account.holdings(), videos["v1.3"]["index_id"]
    for operator in (
        TwelveLabsCreateIndexOperator(task_id="t", index_name="retired", models={"pegasus1.2": ["visual"]}),
        TwelveLabsIndexVideoOperator(task_id="t", source=str(clip), index_id=index_id),
        TwelveLabsIndexVideosOperator(task_id="t", videos=[str(clip)], index_id=index_id, output_path=str(tmp_path)),
    ):
        with pytest.raises(TwelveLabsInputError, match="was retired on 2026-08-18"):
            operator.execute(task_context())
    assert account.holdings() == before


def test_prompts_in_an_older_generation(connect: Connect, videos: Any, tmp_path: Path) -> None:
    connect("v1.2")
    for mode in ("auto", "stream"):
        operator = TwelveLabsAnalyzeVideoOperator(
            task_id="t", output_path=str(tmp_path), prompt="What?", mode=mode, output_name=mode, **videos["v1.2"]
        )
        assert "WINTER" in operator.execute(task_context())["preview"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown kind": ({"kind": "poem"}, "kind='poem'"),
    "an unknown format": ({"kind": "chapters", "formats": ["docx"]}, "docx"),
    "a window": ({"start": 1}, "summarizes whole videos"),
    "a task": ({"mode": "async"}, "summarizes whole videos"),
}


@pytest.mark.parametrize("name", WRONG)
def test_invalid_arguments_are_refused_before_any_request(
    name: str, connect: Connect, account: Account, videos: Any, tmp_path: Path
) -> None:
    connect("v1.2")
    before = billed(account, "analysis")
    fields, said = WRONG[name]
    with pytest.raises(TwelveLabsInputError, match=said):
        summarize(tmp_path, **fields, **videos["v1.2"]).execute(task_context())
    assert billed(account, "analysis") == before


LACKING: dict[str, tuple[str, dict[str, Any], str]] = {
    "a prompt for a gist": ("v1.2", {"kind": "gist", "prompt": "x"}, "gist takes neither prompt nor temperature"),
    "any text": ("v1.1", {"kind": "gist"}, "API v1.1 has no POST /gist"),
}


@pytest.mark.parametrize("name", LACKING)
def test_kind_that_a_generation_lacks_is_refused(name: str, connect: Connect, videos: Any, tmp_path: Path) -> None:
    api_version, fields, said = LACKING[name]
    connect(api_version)
    with pytest.raises(TwelveLabsRefusedError, match=said):
        summarize(tmp_path, **fields, **videos["v1.2"]).execute(task_context())


def test_older_generation_has_no_analysis_tasks(connect: Connect, videos: Any, tmp_path: Path) -> None:
    connect("v1.2")
    with pytest.raises(TwelveLabsRefusedError, match="video_id"):
        TwelveLabsAnalyzeVideoOperator(
            task_id="t", output_path=str(tmp_path), prompt="x", mode="async", **videos["v1.2"]
        ).execute(task_context())


def test_answer_of_another_shape_is_saved(
    connect: Connect, videos: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from twelvelabs_provider.api.analysis.generation import Generation
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

    connect("v1.3")
    execute = TwelveLabsHook.execute

    def odd(hook: TwelveLabsHook, call: Any) -> Any:
        return Generation(id="g", text='{"headline": "x"}') if call.path == "/analyze" else execute(hook, call)

    monkeypatch.setattr(TwelveLabsHook, "execute", odd)
    with pytest.raises(TwelveLabsUnusableAnswerError, match=r"titles\.raw\.txt"):
        summarize(tmp_path, kind="titles", **videos["v1.3"]).execute(task_context())


def test_older_generation_reuses_published_results(
    connect: Connect, account: Account, videos: Any, tmp_path: Path
) -> None:
    connect("v1.2")

    def ask(run_id: str, **fields: Any) -> list[dict[str, Any]]:
        short = summarize(tmp_path, kind="summary", **videos["v1.2"], **fields)
        long = TwelveLabsAnalyzeVideoOperator(
            task_id="t", output_path=str(tmp_path), prompt="What?", **videos["v1.2"], **fields
        )
        return [dict(operator.execute(task_context(run_id=run_id))) for operator in (short, long)]

    before = billed(account, "analysis")
    first = ask("first")
    assert ask("second") == first
    assert billed(account, "analysis") == before + 2
    ask("third", if_published="replace")
    assert billed(account, "analysis") == before + 4
