"""Answers that are not plain JSON: published in every mode, or saved in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.task_context import task_context
from tests.unit.scripted_server import Reply, Request, ScriptedServer, Step, connection_text, forget_proxies
from twelvelabs_provider.api.analysis.batches import BatchItem, BatchOptions
from twelvelabs_provider.exceptions import TwelveLabsUnknownOutcomeError, TwelveLabsUnusableAnswerError
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.inputs.batch_items import GivenItem, GivenItems
from twelvelabs_provider.jobs.batch_plan import BatchPlan, ItemIds, PlannedBatch
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.extract import TwelveLabsExtractTextInVideoOperator
from twelvelabs_provider.operators.knowledge_ask import TwelveLabsAskKnowledgeStoreOperator
from twelvelabs_provider.operators.summarize import TwelveLabsSummarizeVideoOperator
from twelvelabs_provider.results.batch_rows import BatchRows

ASSET = {"_id": "6650000000000000000000aa", "status": "ready", "duration": 60.0}
VIDEO = {"_id": "v1", "asset_id": "a1", "system_metadata": {"filename": "x.mp4", "duration": 60.0}}
SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}}
TITLE = {"type": "json_schema", "json_schema": SCHEMA}
SEGMENTS = {"type": "segment_definitions", "segment_definitions": [{"id": "screen", "description": "text on screen"}]}
SCREEN = json.dumps({"onscreen_text": [{"start_time": 1, "end_time": 2, "metadata": {"text": 0}}]})


def escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


def around(text: str) -> dict[str, tuple[str, str]]:
    """Return the same value in the ways in which models answer, with how the answer ended."""
    return {
        "plain": (text, "stop"),
        "tail": (text + text[-4:], "stop"),
        "tail up to the limit": (text + text[-4:] * 100, "length"),
        "fence": (f"```json\n{text}\n```", "stop"),
        "prose": (f"Here it is: {text}. Anything else?", "stop"),
        "escaped": (escaped(text), "stop"),
        "mark": (f"\ufeff{text}", "stop"),
    }


class Service(ScriptedServer):
    """Answers by path, whatever the order and number of the requests."""

    answer: Any = None
    finish_reason = "stop"

    def next_step(self, request: Request) -> Step:
        """Return the answer to a request."""
        self.requests.append(request)
        name = f"{request.method} {request.path.removeprefix('/v1.3')}"
        if name == f"GET /assets/{ASSET['_id']}":
            return Reply(ASSET)
        if name == "GET /indexes/i1/videos/v1":
            return Reply(VIDEO)
        if name == "POST /analyze":
            return self._stream() if request.json["stream"] else Reply({"id": "g1", **self._result()})
        if name == "POST /analyze/tasks":
            return Reply({"task_id": "t1", "status": "pending"})
        if name == "GET /analyze/tasks/t1":
            return Reply({"task_id": "t1", "status": "ready", "result": self._result()})
        if name == "POST /responses":
            reply: Reply = self.answer
            return reply
        return Reply(status=404)

    def _result(self) -> dict[str, Any]:
        return {"data": self.answer, "finish_reason": self.finish_reason}

    def _stream(self) -> Reply:
        half = len(self.answer) // 2
        events: list[dict[str, Any]] = [
            {"event_type": "stream_start", "metadata": {"generation_id": "g1"}},
            {"event_type": "text_generation", "text": self.answer[:half]},
            {"event_type": "text_generation", "text": self.answer[half:]},
            {"event_type": "stream_end", "finish_reason": self.finish_reason, "metadata": {"generation_id": "g1"}},
        ]
        return Reply("\n".join(map(json.dumps, events)).encode())


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    forget_proxies(monkeypatch)
    with Service() as service:
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(service.origin, max_attempts=1))
        yield service


def run(service: Service, operator: Any, answer: Any, finish_reason: str = "stop") -> Any:
    service.answer, service.finish_reason = answer, finish_reason
    return operator.execute(task_context())


def analyze(output: Path, **fields: Any) -> Any:
    given = {"prompt": "What?", "response_format": TITLE, "asset_id": ASSET["_id"], "poll_interval": 0.01}
    return TwelveLabsAnalyzeVideoOperator(task_id="t", output_path=str(output), **{**given, **fields})


def file_of(result: dict[str, Any], format: str) -> str:
    return Path(result["files"][format].removeprefix("file://")).read_text()


@pytest.mark.parametrize("mode", ["sync", "stream", "async"])
def test_analysis_json_is_published_in_any_wrapping(service: Service, tmp_path: Path, mode: str) -> None:
    value = {"title": 'The "best" of\n{all}', "scenes": [{"n": 1}]}
    for text, finish_reason in around(json.dumps(value)).values():
        result = run(service, analyze(tmp_path, mode=mode), text, finish_reason)
        assert result["data"] == value == json.loads(file_of(result, "json"))
    assert not list(tmp_path.rglob("*.raw.txt"))


def test_segments_chapters_and_titles_are_published_in_any_wrapping(service: Service, tmp_path: Path) -> None:
    segments = json.dumps({"screen": [{"start_time": 1, "end_time": 2, "metadata": {"text": "HI"}}]})
    for text, finish_reason in around(segments).values():
        operator = analyze(
            tmp_path, mode="async", prompt=None, response_format=SEGMENTS, analysis_mode="time_based_metadata"
        )
        result = run(service, operator, text, finish_reason)
        assert json.loads(file_of(result, "jsonl"))["value"] == "HI"
    chapters = json.dumps({"chapters": [{"start_time": 0, "end_time": 9, "title": 1984, "summary": "It begins."}]})
    answers: dict[str, str] = {"chapters": chapters, "titles": '{"title": 1984}'}
    for kind, answer in answers.items():
        for text, finish_reason in around(answer).values():
            operator = TwelveLabsSummarizeVideoOperator(
                task_id="t", kind=kind, asset_id=str(ASSET["_id"]), output_path=str(tmp_path), mode="sync"
            )
            result = run(service, operator, text, finish_reason)
            row = json.loads(file_of(result, "jsonl" if kind == "chapters" else "json"))
            assert row.get("value", row.get("title")) == "1984"


def text_in_video(output: Path) -> Any:
    return TwelveLabsExtractTextInVideoOperator(
        task_id="t", index_id="i1", video_id="v1", output_path=str(output), poll_interval=0.01
    )


def test_on_screen_text_is_published_in_any_wrapping(service: Service, tmp_path: Path) -> None:
    for text, finish_reason in around(SCREEN).values():
        result = run(service, text_in_video(tmp_path), text, finish_reason)
        assert json.loads(file_of(result, "jsonl"))["value"] == "0"
    assert not list(tmp_path.rglob("*.raw.txt"))


@pytest.mark.parametrize("data", [{"title": "A"}, ["a"], 0])
def test_decoded_json_answer_is_accepted(service: Service, tmp_path: Path, data: Any) -> None:
    for mode in ("sync", "async"):
        assert run(service, analyze(tmp_path, mode=mode), data)["data"] == data


@pytest.mark.parametrize(
    ("text", "finish_reason", "reason"),
    [
        ('{"title": "A', "stop", "not the JSON that was asked for"),
        ('Sure: {"chapters": [{"title": "A"}, {"tit', "length", "cut off"),
        ('{"title": "A"}', "length", "cut off"),
        ("[" * 50_000, "stop", "nested too deeply"),
        ('{"title": 1e999}', "stop", "not the JSON that was asked for"),
    ],
)
def test_incomplete_json_is_saved_as_text(
    service: Service, tmp_path: Path, text: str, finish_reason: str, reason: str
) -> None:
    for mode in ("sync", "stream", "async"):
        with pytest.raises(TwelveLabsUnusableAnswerError, match=reason):
            run(service, analyze(tmp_path / mode, mode=mode), text, finish_reason)
        (kept,) = (tmp_path / mode).rglob("*.raw.txt")
        assert kept.read_text() == text
    with pytest.raises(TwelveLabsUnusableAnswerError, match=f"{reason}.* kept in .*text_in_video.raw.txt"):
        run(service, text_in_video(tmp_path / "ocr"), text, finish_reason)
    (kept,) = (tmp_path / "ocr").rglob("*.raw.txt")
    assert kept.read_text() == text


def response(text: str, *annotations: dict[str, Any]) -> Reply:
    message = {"type": "message", "content": [{"type": "output_text", "text": text, "annotations": annotations}]}
    ended = {"id": "resp_1", "status": "completed", "output": [message]}
    event = {"type": "response.completed", "sequence_number": 1, "response": ended}
    return Reply(b"data: " + json.dumps(event).encode() + b"\n\n")


def ask(output: Path) -> Any:
    return TwelveLabsAskKnowledgeStoreOperator(
        task_id="t", knowledge_store_id="ks_1", question="Who?", answer_schema=SCHEMA, output_path=str(output)
    )


def test_knowledge_store_answer_is_published_in_any_wrapping(service: Service, tmp_path: Path) -> None:
    value = '{"title": "Ann"}'
    for number, (text, _) in enumerate(around(value).values()):
        # A folder of its own: a published answer is not asked for again.
        result = run(service, ask(tmp_path / str(number)), response(text))
        assert json.loads(result["answer"]) == json.loads(value)
        assert json.loads(json.loads(file_of(result, "json"))["answer"]) == json.loads(value)
    fenced = f"```json\n{value}\n```"
    first = fenced.index("Ann")
    result = run(
        service,
        ask(tmp_path / "fenced"),
        response(fenced, {"start_index": first, "end_index": first + 3, "item_id": "i1"}),
    )
    published = json.loads(file_of(result, "json"))
    (citation,) = published["citations"]
    assert published["answer"][citation["start_index"] : citation["end_index"]] == "Ann"
    with pytest.raises(TwelveLabsUnknownOutcomeError, match="not JSON"):
        run(service, ask(tmp_path / "cut off"), response('{"title": "A'))


class OneItem(GivenItems):
    """The items of a batch of one."""

    def __init__(self, options: BatchOptions) -> None:
        self._item = GivenItem(0, BatchItem("a1", "mine", options))

    def read(self, portion: PlannedBatch | None = None) -> Iterator[GivenItem]:
        """Return the item."""
        return iter([self._item])

    meaning = "one item"


def test_batch_rows_hold_json_where_a_schema_was_requested(server: ScriptedServer) -> None:
    value = '{"title": "A"}'
    asked, portion, mark = (
        BatchOptions(response_format=TITLE),
        PlannedBatch(0, 1, batch_id="b1"),
        ItemIds("0123456789abcdef"),
    )

    def data_of(text: Any, options: BatchOptions, structured: bool) -> Any:
        line = {"task_id": "t1", "custom_id": mark.write(portion, 0, "mine"), "status": "ready", "data": {"data": text}}
        server.script[:] = [Reply(json.dumps(line).encode())]
        items = OneItem(options)
        (row,) = BatchRows(TwelveLabsHook(), items, BatchPlan((portion,)), mark, structured=structured)
        return row["data"]

    for text, _ in around(value).values():
        assert json.loads(data_of(text, asked, False)) == json.loads(value)
        assert json.loads(data_of(text, BatchOptions(), True)) == json.loads(value)
        assert data_of(text, BatchOptions(), False) == text
    assert data_of('{"title": "A', asked, True) == '{"title": "A'
    assert json.loads(data_of({"title": "A"}, asked, True)) == json.loads(value)
