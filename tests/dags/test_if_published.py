"""Reuse of published results: the same request in another run bills nothing."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import Account, Connect
from tests.published import check_published
from tests.task_context import task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.batch import TwelveLabsAnalyzeBatchOperator
from twelvelabs_provider.operators.embed import TwelveLabsEmbedOperator
from twelvelabs_provider.operators.extract import TwelveLabsExtractTextInVideoOperator
from twelvelabs_provider.operators.knowledge_ask import TwelveLabsAskKnowledgeStoreOperator
from twelvelabs_provider.operators.knowledge_search import TwelveLabsSearchKnowledgeStoreOperator
from twelvelabs_provider.operators.search import TwelveLabsSearchOperator
from twelvelabs_provider.operators.summarize import TwelveLabsSummarizeVideoOperator

if TYPE_CHECKING:
    from tests.conftest import Library
    from tests.engine_process import Engine

pytestmark = pytest.mark.engine

Make = Callable[..., Any]
QUICK: dict[str, Any] = {"task_id": "t", "poll_interval": 0.05}
TITLE = {
    "type": "json_schema",
    "json_schema": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
}
SCREEN = {
    "analysis_mode": "time_based_metadata",
    "response_format": {
        "type": "segment_definitions",
        "segment_time_format": "seconds",
        "segment_definitions": [
            {
                "id": "screen",
                "description": "Text that is shown",
                "fields": [{"name": "text", "type": "string", "description": "The text"}],
            }
        ],
    },
}


def text_in_video(library: Library, output: Path, **fields: Any) -> Any:
    video: dict[str, Any] = {"index_id": library.index_id, "video_id": library.video_id}
    return TwelveLabsExtractTextInVideoOperator(output_path=str(output), **video, **QUICK, **fields)


def analyze(library: Library, output: Path, **fields: Any) -> Any:
    given: dict[str, Any] = {"prompt": "What is it about?", "asset_id": library.asset_id, **fields}
    return TwelveLabsAnalyzeVideoOperator(output_path=str(output), **QUICK, **given)


def summarize(library: Library, output: Path, **fields: Any) -> Any:
    given: dict[str, Any] = {"asset_id": library.asset_id, **fields}
    return TwelveLabsSummarizeVideoOperator(output_path=str(output), **QUICK, **given)


def batch(library: Library, output: Path, **fields: Any) -> Any:
    given: dict[str, Any] = {"prompt": "What is it about?", "items": [library.asset_id], **fields}
    return TwelveLabsAnalyzeBatchOperator(output_path=str(output), **QUICK, **given)


def embed(library: Library, output: Path, **fields: Any) -> Any:
    return TwelveLabsEmbedOperator(output_path=str(output), **QUICK, **fields)


def search(library: Library, output: Path, **fields: Any) -> Any:
    given: dict[str, Any] = {"query_text": "the children", "search_options": ["transcription"], **fields}
    return TwelveLabsSearchOperator(task_id="t", index_id=library.index_id, output_path=str(output), **given)


QUESTIONS: dict[str, tuple[Make, dict[str, Any]]] = {
    "on-screen text": (text_in_video, {}),
    "on-screen text, deferred": (text_in_video, {"deferrable": True}),
    "a text": (analyze, {"mode": "sync"}),
    "a streamed text": (analyze, {"mode": "stream"}),
    "a task's text": (analyze, {"mode": "async", "deferrable": True}),
    "JSON": (analyze, {"response_format": TITLE}),
    "segments": (analyze, {"prompt": None, **SCREEN}),
    "chapters": (summarize, {"kind": "chapters"}),
    "a gist": (summarize, {"kind": "gist", "deferrable": True}),
    "a batch": (batch, {"deferrable": True}),
    "a text's vector": (embed, {"text": "winter"}),
    "a video's vectors": (embed, {"video": "asset", "mode": "async", "deferrable": True}),
    "a search": (search, {}),
}


def made(name: str, library: Library, output: Path, **fields: Any) -> Any:
    make, given = QUESTIONS[name]
    if given.get("video") == "asset":
        given = {**given, "video": library.asset_id}
    return make(library, output, **given, **fields)


def events(account: Account) -> int:
    """Return how many events the engine would have billed."""
    return len(account.get("/_local/billing")["events"])


@pytest.mark.parametrize("name", QUESTIONS)
def test_next_run_returns_the_same_result_without_billing(
    name: str,
    connect: Connect,
    account: Account,
    library: Library,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    before = events(account)
    first, _ = run_to_end(made(name, library, tmp_path), task_context(run_id=f"first {name}"))
    assert events(account) > before
    held, files = events(account), {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    operator = made(name, library, tmp_path)
    second, deferrals = run_to_end(operator, task_context(run_id="second"))
    assert (second, deferrals) == (first, 0)
    assert events(account) == held
    assert f"Reusing the published result {first['manifest']}" in caplog.text + "".join(capsys.readouterr())
    (heard,) = operator._published
    assert heard.entry.manifest == first["manifest"], "asset events and lineage name the result"
    unchanged = {path: path.stat().st_mtime_ns for path in files if "_catalog" not in str(path)}
    assert unchanged.items() <= files.items()
    check_published(tmp_path)


@pytest.mark.parametrize("name", ["a text", "a task's text", "a text's vector", "on-screen text", "a search"])
def test_replace_bills_again_except_in_a_retry_after_publishing(
    name: str, connect: Connect, account: Account, library: Library, tmp_path: Path
) -> None:
    def run(**context: Any) -> None:
        run_to_end(made(name, library, tmp_path, if_published="replace"), task_context(**context))

    run(run_id="first")
    held = events(account)
    run(run_id="first")
    assert events(account) == held, "the worker died after it published, without a state store"
    run(run_id="second")
    assert events(account) == held + 1
    run(run_id="second", max_tries=5)
    assert events(account) == held + 2, "a clear"


CHANGED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a prompt": ("a text", {"output_name": "x"}, {"output_name": "x", "prompt": "Who is in it?"}),
    "a stretch": ("a text", {"output_name": "x"}, {"output_name": "x", "end": 5}),
    "a temperature": ("a text", {"output_name": "x"}, {"output_name": "x", "temperature": 0.9}),
    "a stretch of chapters": ("chapters", {}, {"start": 2}),
    "a text": ("a text's vector", {}, {"text": "summer"}),
    "options": ("a video's vectors", {"output_name": "x"}, {"output_name": "x", "options": ["visual"]}),
    "a question of a batch": ("a batch", {"output_name": "x"}, {"output_name": "x", "prompt": "Who is in it?"}),
    "a stretch of on-screen text": ("on-screen text", {}, {"end": "5"}),
    "how many are wanted": ("a search", {"output_name": "x"}, {"output_name": "x", "max_results": 1}),
}


@pytest.mark.parametrize("what", CHANGED)
def test_another_question_is_requested(
    what: str, connect: Connect, account: Account, library: Library, tmp_path: Path
) -> None:
    name, before, after = CHANGED[what]
    make, usual = QUESTIONS[name]
    usual = {**usual, "video": library.asset_id} if "video" in usual else usual
    run_to_end(make(library, tmp_path, **{**usual, **before}), task_context())
    held = events(account)
    run_to_end(make(library, tmp_path, **{**usual, **after}), task_context())
    assert events(account) == held + 1


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("on-screen text", ["jsonl"], ["srt", "vtt", "json"]),
        ("on-screen text", ["json"], ["jsonl"]),
        ("on-screen text", ["parquet"], ["jsonl", "srt"]),
        ("a text", ["txt"], ["jsonl", "parquet"]),
        ("a text", ["parquet"], ["txt"]),
        ("JSON", ["jsonl"], ["json"]),
        ("segments", ["json"], ["jsonl", "srt"]),
        ("segments", ["jsonl"], ["vtt"]),
        ("chapters", ["jsonl"], ["vtt", "parquet"]),
        ("a gist", ["json"], ["jsonl"]),
        ("a batch", ["jsonl"], ["json"]),
        ("a text's vector", ["parquet"], ["jsonl"]),
        ("a search", ["jsonl"], ["json", "parquet"]),
    ],
)
def test_missing_formats_are_created_from_published_files(
    name: str,
    before: list[str],
    after: list[str],
    connect: Connect,
    account: Account,
    library: Library,
    tmp_path: Path,
) -> None:
    first, _ = run_to_end(made(name, library, tmp_path, formats=before), task_context())
    held = events(account)
    second, _ = run_to_end(made(name, library, tmp_path, formats=after), task_context(run_id="second"))
    assert events(account) == held
    assert set(second["files"]) >= set(after) and second["rows"] == first["rows"]
    for file in second["files"].values():
        assert Path(file.removeprefix("file://")).exists()
    third, _ = run_to_end(made(name, library, tmp_path, formats=before), task_context(run_id="third"))
    assert (events(account), third["rows"]) == (held, first["rows"]), "the first format was kept"
    check_published(tmp_path)


def test_damaged_file_is_recreated_from_another_format(
    connect: Connect, account: Account, library: Library, tmp_path: Path
) -> None:
    def run(run_id: str) -> dict[str, Any]:
        operator = text_in_video(library, tmp_path, formats=["jsonl", "srt"])
        return dict(run_to_end(operator, task_context(run_id=run_id))[0])

    first = run("first")
    files = {format: Path(uri.removeprefix("file://")) for format, uri in first["files"].items()}
    whole, held = files["srt"].read_text(), events(account)
    files["srt"].write_text("half")
    assert run("second")["rows"] == first["rows"]
    assert (files["srt"].read_text(), events(account)) == (whole, held)
    files["jsonl"].unlink()
    assert run("third")["rows"] == first["rows"]
    assert files["jsonl"].exists() and events(account) == held + 1, "nothing but the subtitles was left"


def test_incomplete_batch_result_is_reused_only_if_allowed(
    connect: Connect, account: Account, library: Library, tmp_path: Path
) -> None:
    run_to_end(batch(library, tmp_path), context := task_context())
    (manifest,) = tmp_path.glob("batches/*.manifest.json")
    document = json.loads(manifest.read_text())
    document["result"] |= {"ready": 0, "failed": 1}
    manifest.write_text(json.dumps(document))
    held = events(account)
    run_to_end(batch(library, tmp_path, fail_on_partial_error=False), context)
    assert events(account) == held
    run_to_end(batch(library, tmp_path), task_context(run_id="again"))
    assert events(account) == held + 1


def test_search_is_repeated_when_the_index_has_changed(
    connect: Connect, account: Account, engine: Engine, library: Library, tmp_path: Path, clip: Path
) -> None:
    from tests.engine.client import Api

    api = Api(engine)
    index_id = api.create_index("searched twice")
    fields: dict[str, Any] = {
        "task_id": "t",
        "index_id": index_id,
        "output_path": str(tmp_path),
        "query_text": "winter",
    }
    TwelveLabsSearchOperator(**fields).execute(task_context())
    held = events(account)
    TwelveLabsSearchOperator(**fields).execute(task_context(run_id="second"))
    assert events(account) == held
    video = api.expect(202, "POST", f"/indexes/{index_id}/indexed-assets", json={"asset_id": library.asset_id})
    api.finished(f"/indexes/{index_id}/indexed-assets/{video['_id']}")
    held = events(account)
    TwelveLabsSearchOperator(**fields).execute(task_context(run_id="third"))
    assert events(account) == held + 1


def test_every_billing_operator_has_if_published() -> None:
    for operator in (
        TwelveLabsExtractTextInVideoOperator, TwelveLabsAnalyzeVideoOperator, TwelveLabsSummarizeVideoOperator,
        TwelveLabsAnalyzeBatchOperator, TwelveLabsEmbedOperator, TwelveLabsSearchOperator,
        TwelveLabsAskKnowledgeStoreOperator, TwelveLabsSearchKnowledgeStoreOperator,
    ):  # fmt: skip
        assert "if_published" in inspect.signature(operator.__init__).parameters, operator
    with pytest.raises(ValueError, match="if_published='again' is not one of skip, replace"):
        TwelveLabsEmbedOperator(task_id="t", output_path="x", text="x", if_published="again")  # type: ignore[arg-type]
