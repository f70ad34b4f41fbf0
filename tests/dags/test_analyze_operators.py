"""Analysis operators in every mode: invalid requests bill nothing, and received answers are never lost."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import Account, Connect, load_dag
from tests.dags.conftest import billed as billed_of
from tests.task_context import TaskStateStore, pushed, task_context
from tests.task_runs import run_to_end
from tests.unit.scripted_server import Lost, Reply, ScriptedServer, Unframed, connection_text
from twelvelabs_provider.exceptions import (
    TwelveLabsInputError,
    TwelveLabsLostAnswerError,
    TwelveLabsRefusedError,
    TwelveLabsUnknownOutcomeError,
    TwelveLabsUnusableAnswerError,
)
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.sensors.analysis import TwelveLabsAnalysisSensor

if TYPE_CHECKING:
    from tests.conftest import Library

pytestmark = pytest.mark.engine

ASSET = {"_id": "6650000000000000000000aa", "status": "ready", "duration": 60.0}
TITLE = {
    "type": "json_schema",
    "json_schema": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
}
SEGMENTS = {
    "type": "segment_definitions",
    "segment_definitions": [
        {
            "id": "screen",
            "description": "readable text on screen",
            "fields": [{"name": "text", "type": "string", "description": "the text"}],
        }
    ],
}


def analyze(tmp_path: Path, **fields: Any) -> TwelveLabsAnalyzeVideoOperator:
    usual = {"output_path": str(tmp_path), "output_name": "analysis", "poll_interval": 0.05}
    given = {"prompt": "What is it about?", **usual, **fields}
    return TwelveLabsAnalyzeVideoOperator(task_id="t", **given)


def manifest_of(result: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(result["manifest"].removeprefix("file://")).read_text())
    return found


def text_of(uri: str) -> str:
    return Path(uri.removeprefix("file://")).read_text()


def billed(account: Account) -> int:
    return billed_of(account, "analysis")


def asset_of(library: Library) -> dict[str, Any]:
    return {"index_id": library.index_id, "video_id": library.video_id}


@pytest.mark.parametrize("mode", ["sync", "stream", "async"])
def test_every_mode_returns_the_same_text_and_is_billed_once(
    mode: str,
    connect: Connect,
    account: Account,
    library: Library,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = billed(account)
    with caplog.at_level(logging.INFO):
        operator = analyze(tmp_path, asset_id=library.asset_id, mode=mode, source_uri="s3://bucket/film.mp4")
        result = operator.execute(task_context(run_id=mode))
    assert billed(account) == before + 1
    assert "good morning" in result["preview"] and result["data"] is None and len(result["preview"]) <= 1000
    assert text_of(result["files"]["txt"]).startswith(result["preview"])
    assert result["mode"] == mode and result["finish_reason"] == "stop" and result["usage"]["output_tokens"] > 0
    assert bool(result["analysis_task_id"]) is (mode == "async")
    manifest = manifest_of(result)
    assert manifest["origin"] == "generated" and manifest["source"] == {"uri": "s3://bucket/film.mp4"}
    assert manifest["asset_id"] == library.asset_id and len(manifest["prompt_hash"]) == 64
    assert manifest["generation"]["finish_reason"] == "stop" and manifest["options"]["mode"] == mode
    assert (tmp_path / "assets" / library.asset_id / "analysis.txt").exists()
    if mode == "stream":
        logged = caplog.text + "".join(capsys.readouterr())
        assert "good morning" in logged, "the text comes into the log as it is written"


def test_deferred_analysis_holds_no_worker(connect: Connect, library: Library, tmp_path: Path) -> None:
    operator = analyze(tmp_path, **asset_of(library), deferrable=True)
    result, deferrals = run_to_end(operator, task_context())
    assert result["mode"] == "async" and deferrals >= 0
    assert (tmp_path / library.index_id / library.video_id / "analysis.txt").exists()
    assert result["asset_id"] == library.asset_id


def test_schema_as_json_text(connect: Connect, library: Library, tmp_path: Path) -> None:
    operator = analyze(tmp_path, asset_id=library.asset_id, response_format=json.dumps(TITLE), max_tokens="600")
    result = operator.execute(task_context())
    assert result["mode"] == "sync" and result["preview"] is None
    assert list(result["data"]) == ["title"] and json.loads(text_of(result["files"]["json"])) == result["data"]


def test_segments_are_published_as_rows(connect: Connect, library: Library, tmp_path: Path) -> None:
    operator = analyze(
        tmp_path,
        asset_id=library.asset_id,
        prompt=None,
        analysis_mode="time_based_metadata",
        response_format=SEGMENTS,
        output_name="screen",
    )
    result = operator.execute(task_context())
    assert result["mode"] == "async", "only a task can do it"
    rows = [json.loads(line) for line in text_of(result["files"]["jsonl"]).splitlines()]
    assert rows and result["rows"] == len(rows) == manifest_of(result)["rows"]
    assert set(rows[0]) == {"start", "end", "value", "definition", "text"}
    assert rows[0]["definition"] == "screen" and rows[0]["value"] == rows[0]["text"]
    assert len(json.loads(text_of(result["files"]["json"]))["screen"]) == len(rows)


def test_video_as_file_and_as_url(connect: Connect, clip: Path, site: Callable[[Path], str], tmp_path: Path) -> None:
    inline = analyze(tmp_path, video_file=str(clip)).execute(task_context())
    assert "WINTER" in inline["preview"] and inline["mode"] == "sync"
    by_url = analyze(tmp_path, video_url=site(clip) + "?X-Amz-Signature=0123456789abcdef").execute(task_context())
    assert "WINTER" in by_url["preview"]
    assert by_url["mode"] == "async", "its length is unknown"
    assert manifest_of(by_url)["source"]["uri"] == site(clip)
    memory = TaskStateStore()
    attached = analyze(
        tmp_path, prompt=None, analysis_task_id=by_url["analysis_task_id"], source_uri="http://x/?sig=0123456789abcdef"
    )
    assert attached.execute(task_context(memory))["preview"] == by_url["preview"]
    assert memory and "0123456789abcdef" not in json.dumps(memory)
    assert not [path for path in tmp_path.rglob("*.json") if "0123456789abcdef" in path.read_text()]


def test_analysis_is_submitted_watched_and_published_by_three_tasks(
    connect: Connect, library: Library, tmp_path: Path
) -> None:
    handed = analyze(tmp_path, asset_id=library.asset_id, wait_for_completion=False, response_format=TITLE).execute(
        task_context()
    )
    task_id = handed["job_id"]
    sensor = TwelveLabsAnalysisSensor(task_id="s", analysis_task_id=task_id, poke_interval=0.05)
    watched = sensor.execute(task_context())
    assert watched["analysis_task_id"] == task_id and watched["status"] == "ready" and watched["duration"] > 30
    published = analyze(tmp_path, prompt=None, analysis_task_id=task_id).execute(task_context())
    assert published["analysis_task_id"] == task_id and list(published["data"]) == ["title"]


def test_sensor_without_a_task_id_fails(connect: Connect) -> None:
    with pytest.raises(TwelveLabsRefusedError):
        TwelveLabsAnalysisSensor(task_id="s", analysis_task_id="0" * 24).execute(task_context())
    with pytest.raises(TwelveLabsInputError, match="nothing to wait for"):
        TwelveLabsAnalysisSensor(task_id="s", analysis_task_id="None").execute(task_context())


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no video": ({"asset_id": None}, "Name one video"),
    "two videos": ({"video_url": "https://example.org/a.mp4"}, "asset_id and video_url"),
    "a video without its index": ({"asset_id": None, "index_name": None, "video_id": "v"}, "index_id"),
    "no number": ({"temperature": "warm"}, "temperature='warm'"),
    "many words": ({"max_tokens": "lots"}, "max_tokens='lots'"),
    "an unknown mode": ({"mode": "fast"}, "mode='fast'"),
    "a schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"type": "string", "maxLength": 3}}},
        "/response_format/json_schema/maxLength",
    ),
    "no JSON": ({"response_format": "{"}, "response_format"),
    "a mark at once": ({"custom_id": "a", "mode": "stream"}, "/custom_id"),
    "a bad mark": ({"custom_id": "a b"}, "/custom_id: 'a b'"),
    "a window behind the end": ({"start": 5000}, "beyond the video's end"),
    "a window backwards": ({"start": 5, "end": 4}, "must be after"),
    "no place": ({"output_path": ""}, "output_path"),
}


@pytest.mark.parametrize("name", WRONG)
def test_invalid_arguments_bill_nothing(
    name: str, connect: Connect, account: Account, library: Library, tmp_path: Path
) -> None:
    before = billed(account)
    fields, said = WRONG[name]
    operator = analyze(tmp_path, **{"asset_id": library.asset_id, **fields})
    with pytest.raises(TwelveLabsInputError, match=said):
        operator.execute(task_context())
    assert billed(account) == before


@pytest.mark.parametrize("name", [name for name in WRONG if name != "a window behind the end"])
def test_invalid_arguments_are_refused_before_any_request(
    name: str, scripted: Callable[..., ScriptedServer], tmp_path: Path
) -> None:
    server, (fields, said) = scripted(), WRONG[name]
    with pytest.raises(TwelveLabsInputError, match=said):
        analyze(tmp_path, **{"asset_id": "a1", "index_name": "films", **fields}).execute(task_context())
    assert server.requests == []


REFUSED: dict[str, dict[str, Any]] = {
    "no question": {"prompt": None},
    "two questions": {"prompt_v2": {"input_text": "x"}},
    "a hot one": {"temperature": "1.5"},
    "few words": {"max_tokens": 5},
    "segments at once": {"response_format": SEGMENTS, "mode": "sync"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_service_refuses_invalid_values_without_billing(
    name: str, connect: Connect, account: Account, library: Library, tmp_path: Path
) -> None:
    before = billed(account)
    with pytest.raises(TwelveLabsRefusedError, match="HTTP 400"):
        analyze(tmp_path, **{"asset_id": library.asset_id, **REFUSED[name]}).execute(task_context())
    assert billed(account) == before


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ScriptedServer]]:
    """Return a function that starts a server which answers from a script, behind ``twelvelabs_default``."""
    running: list[ScriptedServer] = []

    def start(*script: Any) -> ScriptedServer:
        server = ScriptedServer(*script)
        running.append(server)
        server.__enter__()
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(server.origin, max_attempts=1))
        return server

    yield start
    for server in running:
        server.__exit__()


def lines(*events: Any) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


STARTED = {"event_type": "stream_start", "metadata": {"generation_id": "g"}}
PIECE = {"event_type": "text_generation", "text": "The video shows\na"}
ENDED = {"event_type": "stream_end", "finish_reason": "stop", "metadata": {"generation_id": "g"}}
BROKEN: dict[str, Any] = {
    "without an end": Unframed(lines(STARTED, PIECE)),
    "within an event": Unframed(lines(STARTED, PIECE) + b'{"event_type": "text_gen'),
    "with an error": Unframed(lines(STARTED, PIECE, {"event_type": "stream_error", "error": {"message": "overload"}})),
    "with a bare error": Unframed(lines(STARTED, PIECE, {"code": "token_limit_exceeded", "message": "too long"})),
}


@pytest.mark.parametrize("resubmit", [False, True])
@pytest.mark.parametrize("how", BROKEN)
def test_truncated_stream_saves_the_received_text(
    how: str, resubmit: bool, scripted: Callable[..., ScriptedServer], tmp_path: Path
) -> None:
    server = scripted(Reply(ASSET), BROKEN[how])
    operator = analyze(tmp_path, asset_id=ASSET["_id"], mode="stream", resubmit_lost=resubmit)
    error = TwelveLabsLostAnswerError if resubmit else TwelveLabsUnknownOutcomeError
    with pytest.raises(error, match=r"analysis\.partial\.txt"):
        operator.execute(task_context())
    folder = tmp_path / "assets" / str(ASSET["_id"])
    assert [path.name for path in folder.iterdir()] == ["analysis.partial.txt"]
    assert (folder / "analysis.partial.txt").read_text() == "The video shows\na"
    assert len(server.asked) == 2, "it is not requested again automatically"


def test_saved_partial_answer_is_deleted_after_success(scripted: Callable[..., ScriptedServer], tmp_path: Path) -> None:
    server = scripted(Reply(ASSET), BROKEN["without an end"])
    operator = analyze(tmp_path, asset_id=ASSET["_id"], mode="stream", resubmit_lost=True)
    with pytest.raises(TwelveLabsLostAnswerError):
        operator.execute(task_context())
    odd = {"event_type": "thought", "text": "hm"}
    server.script += [Reply(ASSET), Unframed(lines(STARTED, PIECE, odd, {**PIECE, "text": " b"}, ENDED))]
    result = operator.execute(task_context())
    assert text_of(result["files"]["txt"]) == "The video shows\na b"
    assert sorted(path.name for path in (tmp_path / "assets" / str(ASSET["_id"])).iterdir()) == [
        "analysis.manifest.json",
        "analysis.txt",
    ]


def test_lost_answer_is_not_requested_again_without_resubmit_lost(
    scripted: Callable[..., ScriptedServer], tmp_path: Path
) -> None:
    memory = TaskStateStore()
    server = scripted(Reply(ASSET), Lost(), Reply(ASSET))
    for said in ("response was lost", "An earlier attempt sent this question"):
        with pytest.raises(TwelveLabsUnknownOutcomeError, match=said):
            analyze(tmp_path, asset_id=ASSET["_id"], mode="sync").execute(task_context(memory))
    assert len(server.asked) == 3
    server.script += [Reply(ASSET), Reply({"id": "g", "data": "a text", "finish_reason": "stop"})]
    operator = analyze(tmp_path, asset_id=ASSET["_id"], mode="sync", resubmit_lost=True)
    assert operator.execute(task_context(memory))["preview"] == "a text"
    assert not memory.jobs(), "nothing is remembered of what is published"


def test_refused_request_is_not_a_lost_answer(scripted: Callable[..., ScriptedServer], tmp_path: Path) -> None:
    memory = TaskStateStore()
    refused = Reply({"code": "parameter_invalid", "message": "no"}, status=400)
    scripted(Reply(ASSET), refused, Reply(ASSET), refused)
    for mode in ("sync", "stream"):
        with pytest.raises(TwelveLabsRefusedError, match="parameter_invalid"):
            analyze(tmp_path, asset_id=ASSET["_id"], mode=mode).execute(task_context(memory))
    assert not memory.jobs()


def test_retry_publishes_a_recorded_answer_without_billing(
    scripted: Callable[..., ScriptedServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = TaskStateStore()
    server = scripted(Reply(ASSET), Reply({"id": "g", "data": "a text", "usage": {"output_tokens": 2}}), Reply(ASSET))
    with monkeypatch.context() as patch:
        patch.setattr("twelvelabs_provider.results.analyses.publish_document", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            analyze(tmp_path, asset_id=ASSET["_id"], mode="sync").execute(task_context(memory))
    result = analyze(tmp_path, asset_id=ASSET["_id"], mode="sync").execute(task_context(memory))
    assert (result["preview"], result["usage"]["output_tokens"]) == ("a text", 2)
    assert len(server.asked) == 3


UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "cut off": ({"data": '{"title": "The', "finish_reason": "length", "error": {"message": "max_tokens"}}, "cut off"),
    "no JSON": ({"data": "The title is Winter.", "finish_reason": "stop"}, "not the JSON"),
}


@pytest.mark.parametrize("how", UNUSABLE)
def test_answer_that_is_not_the_requested_json_is_saved(
    how: str, scripted: Callable[..., ScriptedServer], tmp_path: Path
) -> None:
    body, said = UNUSABLE[how]
    scripted(Reply(ASSET), Reply({"id": "g", **body}))
    operator = analyze(tmp_path, asset_id=ASSET["_id"], mode="sync", response_format=TITLE)
    with pytest.raises(TwelveLabsUnusableAnswerError, match=said) as caught:
        operator.execute(context := task_context())
    (kept,) = (tmp_path / "assets" / str(ASSET["_id"])).glob("*.raw.txt")
    assert kept.read_text() == body["data"] and str(kept) in str(caught.value)
    assert pushed(context) == {"incomplete": kept.as_uri()}


def test_truncated_text_is_a_result_with_a_warning(scripted: Callable[..., ScriptedServer], tmp_path: Path) -> None:
    body = {"id": "g", "data": "The video", "finish_reason": "length", "error": {"message": "raise max_tokens"}}
    scripted(Reply(ASSET), Reply(body))
    result = analyze(tmp_path, asset_id=ASSET["_id"]).execute(task_context())
    assert result["finish_reason"] == "length" and result["warning"] == "raise max_tokens"
    assert manifest_of(result)["generation"]["warning"] == "raise max_tokens"


@pytest.mark.parametrize(
    ("fields", "asset", "mode"),
    [
        ({}, {"duration": 3600.0}, "sync"),
        ({}, {"duration": 3601.0}, "async"),
        ({}, {"duration": None}, "async"),
        ({"start": 0, "end": 60}, {"duration": 7000.0}, "sync"),
        ({"custom_id": "mine"}, {"duration": 60.0}, "async"),
        ({"deferrable": True}, {"duration": 60.0}, "async"),
        ({"wait_for_completion": False}, {"duration": 60.0}, "async"),
    ],
)
def test_mode_auto_follows_duration_and_schema(
    fields: dict[str, Any], asset: dict[str, Any], mode: str, scripted: Callable[..., ScriptedServer], tmp_path: Path
) -> None:
    server = scripted(Reply({**ASSET, **asset}), Reply({"code": "x", "message": "enough"}, status=400))
    with pytest.raises(TwelveLabsRefusedError):
        analyze(tmp_path, asset_id=ASSET["_id"], **fields).execute(task_context())
    assert server.asked[-1] == "POST /v1.3/analyze" + ("/tasks" if mode == "async" else "")


def test_analysis_of_a_url_with_a_new_signature_is_found(
    connect: Connect, account: Account, clip: Path, site: Callable[[Path], str], tmp_path: Path
) -> None:
    before, results = billed(account), []
    for signature in ("a" * 16, "b" * 16):
        url = f"{site(clip)}?X-Amz-Signature={signature}"
        operator = analyze(tmp_path, video_url=url, prompt="Signed?")
        results.append(operator.execute(task_context(run_id="signed"))["analysis_task_id"])
    assert len(set(results)) == 1 and billed(account) == before + 1


DAG_FILE = """
import pendulum
from airflow.sdk import DAG

from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.summarize import TwelveLabsSummarizeVideoOperator

SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
with DAG("ask", schedule=None, start_date=pendulum.datetime(2026, 1, 1)):
    common = {"output_path": "{{ dag_run.conf.output }}", "asset_id": "{{ dag_run.conf.asset_id }}", "poll_interval": 1}
    asked = TwelveLabsAnalyzeVideoOperator(
        task_id="asked",
        prompt="What is {{ dag.dag_id }} about?",
        response_format={"type": "json_schema", "json_schema": SCHEMA},
        max_tokens="{{ 600 }}",
        temperature="{{ 0.1 }}",
        end="{{ 30 }}",
        video_url="{{ None }}",
        **common,
    )
    summarized = TwelveLabsSummarizeVideoOperator(
        task_id="summarized",
        kind="{{ 'chapters' }}",
        prompt="Title: {{ ti.xcom_pull('asked').data.title }}",
        deferrable=True,
        **common,
    )
    asked >> summarized
"""


@pytest.mark.usefixtures("airflow_database")
def test_dag_with_templates(
    connect: Connect, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path))
    file, output = tmp_path / "ask.py", tmp_path / "out"
    file.write_text(DAG_FILE)
    dag_run = load_dag("ask", file).test(run_conf={"asset_id": library.asset_id, "output": str(output)})
    assert str(dag_run.state) == "success"
    folder = output / "assets" / library.asset_id
    # Two questions about one video: their names hold digests of them.
    names = sorted(path.name for path in folder.iterdir())
    assert [re.sub(r"-\w{12}", "", name) for name in names] == [
        "analysis.json", "analysis.manifest.json", "chapters.jsonl", "chapters.manifest.json",
    ]  # fmt: skip
    manifest = json.loads((folder / names[1]).read_text())
    assert manifest["window"] == {"start": None, "end": 30.0} and manifest["options"]["max_tokens"] == 600
    assert manifest["provenance"]["task_id"] == "asked"
