"""Validating proxy: accepts valid exchanges and reports invalid ones."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import requests

from tests.contract import newer
from tests.contract.description import FILE, Description
from tests.contract.judge import Exchange, Message, faults_of_answer, faults_of_form, faults_of_query, faults_of_request
from tests.contract.proxy import Recorder, proxy

if TYPE_CHECKING:
    from tests.engine_process import Engine
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

NOTHING = Message("", b"")
WITH_JSON = "application/json"


@pytest.fixture
def description(described: Recorder) -> Description:
    assert described.description
    return described.description


def exchange(method: str, path: str, sent: bytes = b"", status: int = 200, answered: bytes = b"") -> Exchange:
    return Exchange(method, path, "", Message(WITH_JSON, sent), status, Message(WITH_JSON, answered))


def test_requests_are_forwarded_validated_and_counted(hook: TwelveLabsHook, described: Recorder) -> None:
    before = described.exchanges
    index_id = hook.execute(hook.api.create_index("through the proxy"))
    assert hook.execute(hook.api.read_index(index_id)).name == "through the proxy"
    hook.execute(hook.api.delete_index(index_id))
    assert described.exchanges == before + 3
    assert {"POST /indexes", "GET /indexes/{index-id}", "DELETE /indexes/{index-id}"} <= described.covered


def test_refused_request_covers_no_operation(engine: Engine, described: Recorder) -> None:
    recorder = Recorder(described.description)
    with proxy(engine.base_url, recorder, request_too=True) as address:
        answer = requests.get(f"{address}/v1.3/indexes/none", headers={"x-api-key": engine.api_key}, timeout=30)
    assert answer.status_code == 400
    assert recorder.exchanges == 1
    assert recorder.covered == set()


@pytest.fixture
def slow_stream() -> Iterator[tuple[str, threading.Event]]:
    """The address of a server that streams a record, waits for an event, streams another, and disconnects."""
    resume = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/x-ndjson")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.write(b'9\r\n{"n": 1}\n\r\n')
            assert resume.wait(30)
            self.wfile.write(b'9\r\n{"n": 2}\n\r\n')
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", resume
        server.shutdown()
        thread.join()


def test_stream_is_forwarded_record_by_record_and_truncated_alike(
    slow_stream: tuple[str, threading.Event],
) -> None:
    upstream, resume = slow_stream
    recorder = Recorder(None)
    with proxy(upstream, recorder, request_too=True) as address:
        answer = requests.get(f"{address}/v1.3/indexes", stream=True, timeout=30)
        lines = answer.iter_lines(chunk_size=None)
        assert next(lines) == b'{"n": 1}'
        resume.set()
        assert next(lines) == b'{"n": 2}'
        with pytest.raises(requests.RequestException):
            next(lines)
    assert recorder.exchanges == 0


def test_unknown_parameter_and_wrong_type_are_reported(description: Description) -> None:
    operation = description.operation("GET", "/indexes")
    assert operation
    assert faults_of_query(description, operation, [("page", "2"), ("index_name", "a")]) == []
    assert len(faults_of_query(description, operation, [("page", "two"), ("pages", "2")])) == 2


def test_video_filters_are_objects_or_custom_fields(description: Description) -> None:
    operation = description.operation("GET", "/indexes/abc/videos")
    assert operation
    right = [("duration[gte]", "4"), ("width[lte]", "640"), ("category", "news"), ("user_metadata[views]", "3")]
    assert faults_of_query(description, operation, right) == []
    for wrong in ("duration[gt]", "duration"):
        assert faults_of_query(description, operation, [(wrong, "4")]), wrong


def test_query_array_repeats_its_key(description: Description) -> None:
    operation = description.operation("GET", "/tasks")
    assert operation
    assert faults_of_query(description, operation, [("status", "ready"), ("status", "failed")]) == []
    assert faults_of_query(description, operation, [("status", "ready,failed")])


def test_wrong_or_unknown_body_field_is_reported(description: Description) -> None:
    operation = description.operation("PUT", "/indexes/abc")
    assert operation
    assert faults_of_request(description, operation, exchange("PUT", "/indexes/abc", b'{"index_name": "a"}')) == []
    for body in (b"{}", b'{"index_name": 5}', b'{"index_name": "a", "colour": "red"}', b""):
        assert faults_of_request(description, operation, exchange("PUT", "/indexes/abc", body)), body


def test_wrong_form_part_is_reported(description: Description) -> None:
    operation = description.operation("POST", "/assets")
    assert operation
    schema = operation.bodies["multipart/form-data"]
    assert faults_of_form(description, schema, [("method", "direct"), ("file", None)]) == []
    for parts in (
        [("method", "direct"), ("file", "text")],
        [("method", "by post")],
        [("method", "url"), ("urls", "x")],
    ):
        assert faults_of_form(description, schema, parts), parts


def test_wrong_response_is_reported(description: Description) -> None:
    operation = description.operation("GET", "/indexes/abc")
    assert operation
    right = exchange("GET", "/indexes/abc", answered=b'{"_id": "a", "created_at": "2026-01-01T00:00:00Z"}')
    assert faults_of_answer(description, operation, right) == []
    assert faults_of_answer(description, operation, exchange("GET", "/indexes/abc", answered=b'{"_id": 5}'))
    assert faults_of_answer(description, operation, exchange("GET", "/indexes/abc", answered=b""))
    assert faults_of_answer(description, operation, exchange("GET", "/indexes/abc", status=202, answered=b"{}"))
    page = Exchange("GET", "/indexes/abc", "", NOTHING, 200, Message("text/html", b"{}"))
    assert faults_of_answer(description, operation, page)


def test_stream_records_are_validated_one_by_one(description: Description) -> None:
    operation = description.operation("POST", "/analyze")
    assert operation
    lines = b'{"event_type": "text_generation", "text": "a"}\n{"event_type": "text_generation", "text": 5}\n'
    streamed = Exchange("POST", "/analyze", "", NOTHING, 200, Message("application/x-ndjson", lines))
    assert len(faults_of_answer(description, operation, streamed)) == 1


def test_newer_calls_are_missing_in_the_description(described: Recorder) -> None:
    document = json.loads(FILE.read_text())
    for name in newer.OPERATIONS:
        method, path = name.split(" ")
        assert method.lower() not in document["paths"].get(path, {}), f"{name} is described now: take it off the list"
    for value in newer.VALUES:
        assert value.value not in document["components"]["schemas"][value.schema]["enum"], value
