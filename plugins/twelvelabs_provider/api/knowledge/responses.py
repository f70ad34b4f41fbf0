"""Responses to questions about a knowledge store (v1.3 only).

Service page: https://docs.twelvelabs.io/api-reference/responses/create
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from twelvelabs_provider.api.call import Call, only_current, post
from twelvelabs_provider.api.models import Json
from twelvelabs_provider.api.service_model import (
    ERROR_NAMES,
    Identifier,
    Moment,
    Number,
    Position,
    Reason,
    ServiceModel,
    Text,
    Whole,
    as_object,
    named,
    part_of,
    value_text,
)

if not __package__:
    # Executed alone by Airflow's plugin loader (no .airflowignore): `responses` is another package's name.
    __name__ = "twelvelabs_executed_alone.responses"
    sys.modules[__name__] = sys.modules.pop("responses")

LONGEST_MESSAGE = 10_000
"""Characters of one message that the service takes."""
INSTEAD = "older generations have no knowledge stores: ask about single videos with text generation"


class ResponseStatus(StrEnum):
    """Status of a response."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


class SelectionKind(StrEnum):
    """Kinds of selections."""

    ITEM = "item"
    COLLECTION = "collection"


@dataclass(frozen=True)
class Selection:
    """An item or a collection that limits the question; messages refer to it as ``{{sel:0}}``."""

    kind: SelectionKind
    id: str

    def body(self) -> dict[str, str]:
        """Return the JSON object of the selection."""
        return {"kind": self.kind.value, "id": self.id}


@dataclass(frozen=True)
class AnswerSchema:
    """JSON format of the response.

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

    :param messages: of the user, at most 10,000 characters each.
    :param session_id: of the conversation to continue; None starts a new one.
    :param instructions: for this question only.
    :param steps: include the intermediate steps in the output.
    :param schema: JSON format of the response; None for prose.
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


class Citation(ServiceModel):
    """The source of a piece of a response.

    :param start_index: first character of the piece in the text.
    :param end_index: the character after it.
    :param start: seconds of the video; None for a whole video, an image or a collection.
    :param end: seconds.
    """

    start_index: Position = 0
    end_index: Position = 0
    item_id: Text = None
    start: Number = named("start_sec", default=None)
    end: Number = named("end_sec", default=None)
    title: Text = None


class Response(ServiceModel):
    """A response to a question.

    :param status: a :class:`ResponseStatus`, or one that is newer than this package.
    :param text: of all messages of the final answer, joined; JSON if a schema was given.
    :param reason: of a failed or incomplete response, if the service gives one.
    :param model: the model that answered, if the response names it.
    """

    id: Identifier
    session_id: Text = None
    store_id: Text = named("knowledge_store_id", default=None)
    status: str
    text: str = ""
    citations: tuple[Citation, ...] = ()
    reason: Reason = named("reason", *ERROR_NAMES, default=None)
    model: Text = None
    input_tokens: Whole = None
    output_tokens: Whole = None
    created_at: Moment = None

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class; the steps that lead to the final answer are no part of its text."""
        if not isinstance(body.get("output"), list):
            return body
        parts = _text_parts(body["output"])
        usage, details = part_of(body, "usage"), part_of(body, "incomplete_details")
        return {
            "input_tokens": usage.get("input_tokens"),
            "output_tokens": usage.get("output_tokens"),
            **({"reason": details["reason"]} if details.get("reason") else {}),
            **body,
            "text": "".join(value_text(part.get("text")) for part in parts),
            "citations": _citations(parts),
        }


def create_response(request: ResponseRequest) -> Call[Response]:
    """Return the call that asks and returns the whole response (newer than the service's description)."""
    return only_current(post("/responses", Response.read, request.body(stream=False)), INSTEAD)


def _text_parts(output: Sequence[Any]) -> list[Json]:
    items = [as_object(item, "an output of a response") for item in output]
    messages = [item for item in items if item.get("type") == "message"]
    final = [item for item in messages if item.get("phase") in (None, "final_answer")]
    parts = [as_object(part, "a part of a message") for item in final for part in item.get("content") or ()]
    return [part for part in parts if part.get("type") in (None, "output_text")]


def _citations(parts: Iterable[Json]) -> tuple[Citation, ...]:
    """Return the citations of all parts; their indexes count from the start of the joined text."""
    found: list[Citation] = []
    offset = 0
    for part in parts:
        for entry in part.get("annotations") or ():
            cited = Citation.read(entry)
            indexes = {"start_index": offset + cited.start_index, "end_index": offset + cited.end_index}
            found.append(cited.model_copy(update=indexes))
        offset += len(value_text(part.get("text")))
    return tuple(found)
