"""Knowledge responses: requests, streams, and streams that end early."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.unit.api.test_calls import asked
from twelvelabs_provider.api.call import Framing, StreamedCall
from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError, TwelveLabsAnswerError, TwelveLabsServerError
from twelvelabs_provider.api.knowledge.response_stream import (
    ResponseEvent,
    TwelveLabsIncompleteResponseError,
    collected,
    stream_response,
)
from twelvelabs_provider.api.knowledge.responses import (
    AnswerSchema,
    Response,
    ResponseRequest,
    ResponseStatus,
    Selection,
    SelectionKind,
    create_response,
)
from twelvelabs_provider.api.streams import records
from twelvelabs_provider.api.version import ApiVersion

CITATION = {
    "type": "video_citation",
    "start_index": 6,
    "end_index": 9,
    "item_id": "ksi_1",
    "start_sec": 1.5,
    "end_sec": 9,
    "title": "a.mp4",
}


def message(text: str, phase: str | None = "final_answer", **fields: Any) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], **fields}
    named = {"phase": phase} if phase else {}
    return {"type": "message", "id": "m", "status": "completed", "role": "assistant", "content": [part], **named}


RESPONSE = {
    "id": "resp_1",
    "session_id": "sess_1",
    "knowledge_store_id": "ks_1",
    "status": "completed",
    "incomplete_details": None,
    "output": [
        {"type": "function_call", "id": "f", "status": "completed", "arguments": "{}"},
        message("thinking", phase="commentary"),
        message("Hello [1]", annotations=[CITATION]),
    ],
    "usage": {"input_tokens": 7, "output_tokens": 3},
    "created_at": "2026-07-11T03:13:57Z",
    "from_tomorrow": 1,
}


def events(*bodies: dict[str, Any]) -> Iterator[ResponseEvent]:
    return (ResponseEvent.read(body) for body in bodies)


def delta(text: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "sequence_number": 1, "delta": text}


CREATED = {"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1", "status": "in_progress"}}
COMPLETED = {"type": "response.completed", "sequence_number": 9, "response": RESPONSE}


def test_request_with_required_fields_only() -> None:
    call = stream_response(ResponseRequest("ks_1", ["Who?"]))
    body = {
        "knowledge_store_id": "ks_1",
        "input": [{"type": "message", "role": "user", "content": "Who?"}],
        "stream": True,
    }
    assert asked(call) == ("POST /responses", {}, body)
    assert isinstance(call, StreamedCall)
    assert call.framing is Framing.SSE
    assert call.headers == {"accept": "text/event-stream"}
    at_once = create_response(ResponseRequest("ks_1", ["Who?"]))
    assert asked(at_once) == ("POST /responses", {}, {**body, "stream": False})
    for one in (call, at_once):
        assert not one.repeatable, "it is billed"
        assert one.only == (ApiVersion.V1_3,)
        assert "text generation" in one.instead


def test_request_with_all_fields() -> None:
    request = ResponseRequest(
        "ks_1",
        ["Who is in {{sel:0}}?", "And why?"],
        session_id="sess_1",
        instructions="Be brief.",
        steps=True,
        selections=[Selection(SelectionKind.ITEM, "ksi_1"), Selection(SelectionKind.COLLECTION, "ksic_1")],
        schema=AnswerSchema("answer", {"type": "object"}, "who", strict=True),
    )
    schema = {"type": "json_schema", "name": "answer", "schema": {"type": "object"}}
    assert asked(stream_response(request))[2] == {
        "knowledge_store_id": "ks_1",
        "input": [
            {"type": "message", "role": "user", "content": "Who is in {{sel:0}}?"},
            {"type": "message", "role": "user", "content": "And why?"},
        ],
        "stream": True,
        "session_id": "sess_1",
        "instructions": "Be brief.",
        "include": ["intermediate_outputs"],
        "selections": [{"kind": "item", "id": "ksi_1"}, {"kind": "collection", "id": "ksic_1"}],
        "text": {"format": {**schema, "description": "who", "strict": True}},
    }


def test_answer_is_parsed_without_reasoning_steps() -> None:
    answer = Response.read(RESPONSE)
    assert (answer.id, answer.session_id, answer.store_id) == ("resp_1", "sess_1", "ks_1")
    assert (answer.status, answer.text, answer.reason) == (ResponseStatus.COMPLETED, "Hello [1]", None)
    assert (answer.input_tokens, answer.output_tokens) == (7, 3)
    (citation,) = answer.citations
    assert answer.text[citation.start_index : citation.end_index] == "[1]"
    assert (citation.item_id, citation.start, citation.end, citation.title) == ("ksi_1", 1.5, 9.0, "a.mp4")
    assert answer.raw["from_tomorrow"] == 1


def test_citations_of_later_parts_use_offsets_of_the_whole_text() -> None:
    two = {**RESPONSE, "output": [message("First. ", None), message("Hello [1]", None, annotations=[CITATION])]}
    answer = Response.read(two)
    (citation,) = answer.citations
    assert answer.text == "First. Hello [1]"
    assert answer.text[citation.start_index : citation.end_index] == "[1]"


@pytest.mark.parametrize("missing", ["id", "status"])
def test_missing_required_field_is_named(missing: str) -> None:
    with pytest.raises(TwelveLabsAnswerError, match=missing):
        Response.read({name: value for name, value in RESPONSE.items() if name != missing})


def test_stream_is_collected_and_passed_to_the_listener() -> None:
    heard: list[str] = []
    keep_alive = {"type": "keepalive", "sequence_number": 2}
    answer = collected(events(CREATED, delta("Hello "), keep_alive, delta("[1]"), COMPLETED), heard.append)
    assert heard == ["Hello ", "[1]"]
    assert answer.text == "Hello [1]"


def test_stream_bytes_become_events() -> None:
    sent = (
        b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":'
        b'{"id":"resp_1","status":"in_progress"}}\n\n'
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hi"}\n\n'
        b"data: [DONE]\n\n"
    )
    found = [ResponseEvent.read(one) for one in records([sent[:50], sent[50:]], Framing.SSE)]
    assert [(event.type, event.delta) for event in found] == [
        ("response.created", ""),
        ("response.output_text.delta", "Hi"),
    ]
    assert found[0].response is not None
    assert found[0].response.status == ResponseStatus.IN_PROGRESS


def test_early_end_of_a_stream_is_an_error_with_the_received_text() -> None:
    with pytest.raises(TwelveLabsIncompleteResponseError, match=r"without response\.completed.*9 characters") as caught:
        collected(events(CREATED, delta("Hello "), delta("[1]")))
    assert caught.value.text == "Hello [1]"


def test_broken_stream_is_an_error_with_the_received_text() -> None:
    def broken() -> Iterable[ResponseEvent]:
        yield from events(CREATED, delta("Hel"))
        raise TwelveLabsAmbiguousError("the answer was lost")

    with pytest.raises(TwelveLabsIncompleteResponseError, match=r"was lost.*3 characters") as caught:
        collected(broken())
    assert caught.value.text == "Hel"


def test_truncated_answer_is_marked() -> None:
    cut = {**RESPONSE, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    answer = collected(events({"type": "response.incomplete", "sequence_number": 1, "response": cut}))
    assert (answer.status, answer.reason) == (ResponseStatus.INCOMPLETE, "max_output_tokens")


@pytest.mark.parametrize(
    "body",
    [
        {"response": {"id": "resp_1", "status": "failed", "error": {"code": "overloaded", "message": "try later"}}},
        {"error": {"message": "try later"}},
    ],
)
def test_failed_response_raises_the_services_error(body: dict[str, Any]) -> None:
    with pytest.raises(TwelveLabsServerError, match="try later"):
        collected(events(CREATED, {"type": "response.failed", "sequence_number": 1, **body}))


@pytest.mark.parametrize("body", [{"sequence_number": 1}, "text", None])
def test_event_without_a_type_is_an_error(body: Any) -> None:
    with pytest.raises(TwelveLabsAnswerError):
        ResponseEvent.read(body)


def test_end_without_an_answer_is_an_error() -> None:
    with pytest.raises(TwelveLabsAnswerError, match=r"response\.completed"):
        collected(events({"type": "response.completed", "sequence_number": 1}))
