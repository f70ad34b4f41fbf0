"""Responses to questions about a knowledge store (v1.3 only).

Service page: https://docs.twelvelabs.io/api-reference/responses/create
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pendulum

from twelvelabs_provider.api.call import Call, only_current, post
from twelvelabs_provider.api.models import Json
from twelvelabs_provider.api.reading import as_object, error_text_from, number_from, reason_from, text_from
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.service_model import moment_from, value_text

if not __package__:
    # Executed alone by Airflow's plugin loader (no .airflowignore): `responses` is another package's name.
    __name__ = "twelvelabs_executed_alone.responses"
    sys.modules[__name__] = sys.modules.pop("responses")

LONGEST_MESSAGE = 10_000
"""Characters of one message that the service takes."""
INSTEAD = "older generations have no knowledge stores: ask about single videos with text generation"


class ResponseStatus(StrEnum):
    """Where a response stands."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


class SelectionKind(StrEnum):
    """What a question is narrowed to."""

    ITEM = "item"
    COLLECTION = "collection"


@dataclass(frozen=True)
class Selection:
    """An item or a collection to reason over; a message names it as ``{{sel:0}}``, counted from 0."""

    kind: SelectionKind
    id: str

    def body(self) -> dict[str, str]:
        """Return the JSON object of the selection."""
        return {"kind": self.kind.value, "id": self.id}


@dataclass(frozen=True)
class AnswerSchema:
    """The JSON that an answer shall be.

    :param schema: JSON Schema of an object.
    """

    name: str
    schema: Json
    description: str | None = None
    strict: bool | None = None

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the format."""
        extra = {"description": self.description, "strict": self.strict}
        known = {name: value for name, value in extra.items() if value is not None}
        return {"type": "json_schema", "name": self.name, "schema": dict(self.schema), **known}


@dataclass(frozen=True)
class ResponseRequest:
    """A question about a store.

    :param messages: what the user says, of at most 10,000 characters each.
    :param session_id: of the conversation to continue; None begins a new one.
    :param instructions: guidance for this one question.
    :param steps: the answer's output shows the steps that led to it too.
    :param schema: the JSON that the answer shall be; None means prose.
    """

    store_id: str
    messages: Sequence[str]
    session_id: str | None = None
    instructions: str | None = None
    steps: bool = False
    selections: Sequence[Selection] = ()
    schema: AnswerSchema | None = None

    def body(self, *, stream: bool) -> dict[str, Any]:
        """Return the JSON body."""
        return {
            "knowledge_store_id": self.store_id,
            "input": [{"type": "message", "role": "user", "content": message} for message in self.messages],
            "stream": stream,
            "session_id": self.session_id,
            "instructions": self.instructions,
            "include": ["intermediate_outputs"] if self.steps else None,
            "selections": [selection.body() for selection in self.selections] or None,
            "text": {"format": self.schema.body()} if self.schema else None,
        }


@dataclass(frozen=True)
class Citation(Answer):
    """Where a piece of an answer comes from.

    :param start_index: first character of the piece in the text.
    :param end_index: the character after it.
    :param start: seconds of the video, None for the whole of it, an image or a collection.
    :param end: seconds.
    """

    start_index: int
    end_index: int
    item_id: str | None
    start: float | None
    end: float | None
    title: str | None
    raw: Json = field(repr=False)


@dataclass(frozen=True)
class Response(Answer):
    """An answer.

    :param status: a :class:`ResponseStatus`, or a word that the service has learnt since.
    :param text: of all messages of the answer, joined; JSON where a schema was given.
    :param reason: why it failed or is incomplete, where the service says so.
    :param model: who answered, where the service says so.
    """

    id: str
    session_id: str | None
    store_id: str | None
    status: str
    text: str
    citations: tuple[Citation, ...]
    reason: str | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    created_at: pendulum.DateTime | None
    raw: Json = field(repr=False)


def create_response(request: ResponseRequest) -> Call[Response]:
    """Return the call that asks and is answered once everything is said (newer than the service's description)."""
    return only_current(post("/responses", response_from, request.body(stream=False)), INSTEAD)


def response_from(answer: Any) -> Response:
    """Read an answer."""
    what = "a response"
    raw = as_object(answer, what)
    parts = _text_parts(raw)
    usage = as_object(raw.get("usage") or {}, "the usage of a response")
    details = as_object(raw.get("incomplete_details") or {}, "the details of a response")
    return Response(
        id=text_from(raw, "id", what),
        session_id=raw.get("session_id"),
        store_id=raw.get("knowledge_store_id"),
        status=text_from(raw, "status", what),
        text="".join(value_text(part.get("text")) for part in parts),
        citations=_citations(parts),
        reason=reason_from(details.get("reason")) or error_text_from(raw),
        model=raw.get("model"),
        input_tokens=_count(usage.get("input_tokens")),
        output_tokens=_count(usage.get("output_tokens")),
        created_at=moment_from(raw.get("created_at")),
        raw=raw,
    )


def _text_parts(raw: Json) -> list[Json]:
    """The texts of the final messages; steps that led to them are no part of the answer."""
    items = [as_object(item, "an output of a response") for item in raw.get("output") or ()]
    messages = [item for item in items if item.get("type") == "message"]
    final = [item for item in messages if item.get("phase") in (None, "final_answer")]
    parts = [as_object(part, "a part of a message") for item in final for part in item.get("content") or ()]
    return [part for part in parts if part.get("type") in (None, "output_text")]


def _citations(parts: Iterable[Json]) -> tuple[Citation, ...]:
    found: list[Citation] = []
    offset = 0
    for part in parts:
        for entry in part.get("annotations") or ():
            raw = as_object(entry, "a citation")
            first, last = _count(raw.get("start_index")) or 0, _count(raw.get("end_index")) or 0
            found.append(
                Citation(
                    start_index=offset + first,
                    end_index=offset + last,
                    item_id=raw.get("item_id"),
                    start=number_from(raw.get("start_sec")),
                    end=number_from(raw.get("end_sec")),
                    title=raw.get("title"),
                    raw=raw,
                )
            )
        offset += len(value_text(part.get("text")))
    return tuple(found)


def _count(value: Any) -> int | None:
    number = number_from(value)
    return None if number is None else int(number)
