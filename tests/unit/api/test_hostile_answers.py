"""Any response ends in a value of its type or in a typed error."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.coverage_table import calls
from twelvelabs_provider import api
from twelvelabs_provider.api import webhooks
from twelvelabs_provider.api.analysis import stream
from twelvelabs_provider.api.call import Call, Framing
from twelvelabs_provider.api.decoding import JsonError, decoded_json
from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsError
from twelvelabs_provider.api.generations import V1_3
from twelvelabs_provider.api.knowledge.response_stream import ResponseEvent, collected
from twelvelabs_provider.api.response_reading import parsed, read_answer
from twelvelabs_provider.api.search.request import SearchOption, SearchRequest
from twelvelabs_provider.api.streams import records

pytestmark = pytest.mark.large

NOW = 1_780_000_000.0
SECRET = "whsec_1"
thoroughly = settings(
    max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
briefly = settings(thoroughly, max_examples=100)


@cache
def every_call() -> Sequence[Call[Any]]:
    """Return each call that there is, in one of its forms."""
    found: list[Call[Any]] = [V1_3.search(SearchRequest("i", [SearchOption.VISUAL], text="x"))]
    for name, function in sorted(calls.module_calls().items()):
        # Some functions check arguments that samples do not meet; a dialect has the same call.
        with suppress(TwelveLabsError):
            found += calls._built(function, name.rpartition(".")[2])[:1]
    return found


@cache
def field_names() -> Sequence[str]:
    """Return the names that the parsers look for."""
    sources = (path.read_text() for path in Path(api.__file__).parent.rglob("*.py"))
    return sorted({name for source in sources for name in re.findall(r'"([a-z_]{2,30})"', source)} | {"id", "_id"})


odd = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        10**30,
        1e308,
        float("nan"),
        float("inf"),
        "",
        "x",
        "ready",
        "2026-01-01T00:00:00Z",
        "0000",
        "\ud800",
    ]
)
texts = st.text(max_size=5) | st.sampled_from(["9" * 5000, "a\x1b[31m\nb", "https://u:p@[::1/v?sig=1", "1e999"])
names = st.deferred(lambda: st.sampled_from(field_names()))
values = st.recursive(
    odd | texts | st.integers() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.deferred(lambda: st.sampled_from(field_names())), inner, max_size=6)
    ),
    max_leaves=10,
)


def as_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", errors="surrogatepass")


bodies = values.map(as_bytes) | values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)
NASTY = [
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"9" * 6000,
    b'{"data": ' + b"9" * 6000 + b"}",
    b'{"_id": "\\ud800"}',
    b"\xff\xfe{\x00}\x00",
    "\ufeff{}".encode(),
    b'{"a": 1}{"a": 1}',
    b"NaN",
    b"",
]


def outcome(call: Call[Any], status: int, headers: dict[str, str], content: bytes) -> Any:
    """Return what a call answers, or its error, having seen that it can be shown."""
    try:
        value = read_answer(call, status, headers, content, NOW)
    except TwelveLabsError as error:
        assert str(error).isprintable() and len(str(error)) < 5000
        assert error.retry_after is None or 0 <= error.retry_after < 1e9
        return error
    repr(value).encode()
    return value


@thoroughly
@given(st.data())
def test_success_responses_raise_typed_errors_only(data: st.DataObject) -> None:
    outcome(data.draw(st.sampled_from(every_call())), 200, {}, data.draw(bodies))


@thoroughly
@given(st.data())
def test_random_field_values_raise_typed_errors_only(data: st.DataObject) -> None:
    """Ids and pages are whole, so that the parsers come to the other fields."""
    fields = data.draw(st.dictionaries(st.sampled_from(field_names()), values, max_size=12))
    body = {"_id": "i", "id": "i", "task_id": "t", "status": "ready", "name": "n", **fields}
    page = {"data": [body], "page_info": {"total_page": 1}}
    outcome(data.draw(st.sampled_from(every_call())), 200, {}, as_bytes(data.draw(st.sampled_from([body, page]))))


@briefly
@given(
    st.integers(300, 999),
    st.dictionaries(
        st.sampled_from(
            ["Retry-After", "X-RateLimit-Reset", "x-ratelimit-request-reset", "x-request-id", "x-ratelimit-used"]
        ),
        texts
        | st.sampled_from(["1e400", "1e12", "-1", "nan", "Thu, 99 Foo 99999 99:99:99 GMT", "Mon, 1 Jan 1 0:0:0 +9999"]),
    ),
    bodies,
)
def test_error_responses_raise_typed_errors_only(status: int, headers: dict[str, str], content: bytes) -> None:
    assert isinstance(outcome(V1_3.read_index("i"), status, headers, content), TwelveLabsError)


@pytest.mark.parametrize("status", [200, 400, 503])
@pytest.mark.parametrize("content", NASTY, ids=range(len(NASTY)))
def test_hostile_bodies(content: bytes, status: int) -> None:
    for call in every_call():
        outcome(call, status, {}, content)


@pytest.mark.parametrize("content", NASTY[:3] + NASTY[5:6] + NASTY[7:8], ids=repr)
def test_invalid_json_is_a_typed_error(content: bytes) -> None:
    with pytest.raises(JsonError):
        decoded_json(content)


@pytest.mark.parametrize(
    ("call", "body", "named"),
    [
        (V1_3.read_asset("c"), {"_id": "c", "filename": ["x"]}, "Asset.filename is list"),
        (V1_3.read_task("t"), {"_id": "t", "video_id": {"a": 1}}, "IndexingTask.video_id is dict"),
        (V1_3.read_asset("c"), {"_id": "c", "user_metadata": [1]}, "Asset.user_metadata is list"),
    ],
)
def test_field_of_another_type_is_named(call: Call[Any], body: Any, named: str) -> None:
    with pytest.raises(TwelveLabsAnswerError, match=named):
        parsed(call, body)


def test_number_in_a_text_field_becomes_text() -> None:
    assert parsed(V1_3.read_asset("c"), {"_id": "c", "filename": 7}).filename == "7"


@briefly
@given(
    st.lists(st.binary(max_size=30) | bodies | st.sampled_from([b"\n", b"\r\n\r\n", b"data: ", b"\n\n"]), max_size=8),
    st.data(),
)
def test_records_do_not_depend_on_chunk_boundaries(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    size = data.draw(st.integers(1, 20))
    for framing in Framing:
        cut = [whole[start : start + size] for start in range(0, len(whole), size)]
        assert _outcome_of(cut, framing) == _outcome_of([whole], framing)


def _outcome_of(chunks: list[bytes], framing: Framing) -> str:
    found: list[Any] = []
    try:
        for record in records(chunks, framing):
            found.append(record)
    except TwelveLabsError as error:
        found.append((type(error).__name__, str(error)))
    return repr(found)


@briefly
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["event_type", "type", "text", "delta", "error", "code", "metadata", "response"]), values
        ),
        max_size=4,
    )
)
def test_events_raise_typed_errors_only(events: list[Any]) -> None:
    for kind in ("text_generation", "stream_end", "stream_error", None):
        with suppress(TwelveLabsError):
            call = Call(V1_3.read_index("i").method, "/analyze", stream.read_event)
            stream.StreamedText().take(parsed(call, {"event_type": kind, **event}) for event in events)
    for kind in ("response.completed", "response.failed", "response.output_text.delta"):
        with suppress(TwelveLabsError):
            response_call = Call(V1_3.read_index("i").method, "/responses", ResponseEvent.read)
            collected(parsed(response_call, {"type": kind, **event}) for event in events)


def signed(body: bytes) -> str:
    mac = hmac.new(SECRET.encode(), b"%d." % int(NOW) + body, hashlib.sha256).hexdigest()
    return f"t={int(NOW)},v1={mac}"


@briefly
@given(st.sampled_from(["index.task.ready", "analyze.task.failed", "analyze.batch.completed", "new"]), values, bodies)
def test_webhooks_raise_typed_errors_only(kind: str, data: Any, content: bytes) -> None:
    event = as_bytes(
        {"id": "e", "type": kind, "created_at": data, "data": {"id": "j", "models": data, "metadata": data}}
    )
    for body in (event, content):
        with suppress(webhooks.TwelveLabsWebhookError):
            webhooks.verify_webhook(signed(body), body, SECRET, now=NOW)


@pytest.mark.parametrize("header", [b"t=1,v1=x", None, "", "t=1", 5, "\ud800", signed(b"{}").encode()])
@pytest.mark.parametrize("body", ["\ud800", b"{}", b"[" * 100_000])
def test_hostile_headers_and_bodies_of_webhooks(header: Any, body: Any) -> None:
    with pytest.raises(webhooks.TwelveLabsWebhookError):
        webhooks.verify_webhook(header, body, SECRET, now=NOW)
