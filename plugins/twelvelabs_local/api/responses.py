"""Responses, which answer questions about a knowledge store with quotes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator
from starlette.responses import Response, StreamingResponse

from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.parameters import NonEmpty, at_least_one
from twelvelabs_local.api.request_model import RequestModel, invalid_field, missing_field
from twelvelabs_local.engine.quoted_answers import (
    Answer,
    Quote,
    UnsupportedSchema,
    check_schema,
    json_answer,
    prose_answer,
)
from twelvelabs_local.engine.response_stream import AgentResponse
from twelvelabs_local.errors import invalid, not_exist
from twelvelabs_local.ids import new_prefixed_id
from twelvelabs_local.store import knowledge as store
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.knowledge import ItemCollection, KnowledgeItem, KnowledgeStore
from twelvelabs_local.store.passages import Modality, Passage, find_passages, passages_of, wants_overview, words_of
from twelvelabs_local.store.sessions import Session, add_turn
from twelvelabs_local.times import now

if not __package__:
    # Executed alone by Airflow's plugin loader (no .airflowignore): `responses` is another package's name.
    __name__ = "twelvelabs_executed_alone.responses"
    sys.modules[__name__] = sys.modules.pop("responses")

LONGEST_MESSAGE = 10_000
MOST_QUOTES = 6
LETTERS_PER_TOKEN = 4
_SELECTED = re.compile(r"\{\{sel:(\d+)\}\}")
Body = Mapping[str, Any]


class Message(RequestModel):
    """A message of the input."""

    type: str
    role: str
    content: str

    @model_validator(mode="before")
    @classmethod
    def _check_kind(cls, given: Any) -> Any:
        if isinstance(given, dict) and (given.get("type"), given.get("role")) != ("message", "user"):
            raise ValueError("Every entry must have the type message and the role user.")
        return given

    @field_validator("content")
    @classmethod
    def _check_length(cls, content: str) -> str:
        if not 1 <= len(content) <= LONGEST_MESSAGE:
            raise ValueError(f"It must be a text of 1 to {LONGEST_MESSAGE} characters.")
        return content


class Selection(RequestModel):
    """An item or a collection that the question is about."""

    kind: Literal["item", "collection"]
    id: str


class TextFormat(RequestModel):
    """The format of the text: prose, or JSON of a schema."""

    model_config = ConfigDict(extra="allow")
    type: Literal["text", "json_schema"] = "text"
    name: NonEmpty | None = None
    json_schema: Any = Field({}, alias="schema")

    @model_validator(mode="after")
    def _check_schema(self) -> TextFormat:
        if self.type == "text":
            return self
        if self.name is None:
            raise missing_field("name")
        try:
            check_schema(self.json_schema)
        except UnsupportedSchema as error:
            raise invalid_field("schema", f"This engine quotes, it does not write: {error}.") from error
        return self


class TextOptions(RequestModel):
    """Options of the text."""

    model_config = ConfigDict(extra="allow")
    format: TextFormat


class ResponseRequest(RequestModel):
    """A question about a knowledge store."""

    knowledge_store_id: NonEmpty
    input: Annotated[list[Message], at_least_one("message")]
    session_id: str | None = None
    instructions: str | None = None
    include: list[Literal["intermediate_outputs"]] = []
    stream: bool = False
    selections: list[Selection] = []
    text: TextOptions | None = None

    @property
    def json_schema(self) -> Body | None:
        """The schema of the answer, None for prose."""
        shape = self.text.format if self.text else None
        return shape.json_schema if shape and shape.type == "json_schema" else None


@dataclass(frozen=True)
class Question:
    """A validated request.

    :param items: the items that it is about; all are ready.
    :param schema: the schema of the answer, None for prose.
    :param steps: whether the output shows the steps that lead to the answer.
    """

    words: str
    items: Mapping[str, KnowledgeItem]
    schema: Body | None
    steps: bool
    session: Session


async def create(call: Call) -> Response:
    """POST /responses."""
    request = await call.json(ResponseRequest)
    reply = _reply(call.db, _question(call.db, request))
    if request.stream:
        return StreamingResponse(reply.events(), media_type="text/event-stream")
    return answer(reply.body())


def _reply(db: Database, question: Question) -> AgentResponse:
    passages = _passages(db, question)
    quotes = [_quote(question.items[passage.item_id], passage) for passage in passages]
    said = prose_answer(quotes) if question.schema is None else json_answer(question.schema, quotes)
    session = add_turn(db, question.session, question.words)
    reply = AgentResponse(
        id=new_prefixed_id("resp"),
        session_id=session.id,
        store_id=session.store_id,
        answer=said,
        steps=_steps(question, passages) if question.steps else (),
        turn=len(session.turns) - 1,
        tokens=_tokens(question.words, said),
        created_at=now(),
    )
    bill(db, "response", 0.0, reply.id)
    return reply


def _tokens(words: str, said: Answer) -> tuple[int, int]:
    return len(words) // LETTERS_PER_TOKEN, len(said.text) // LETTERS_PER_TOKEN


def _passages(db: Database, question: Question) -> Sequence[Passage]:
    """Return the best matches of a question; one that matches nothing falls back to the turns before it."""
    questions = (question.words, *reversed(question.session.turns))
    for words in (one for one in questions if not wants_overview(one)):
        found = find_passages(db, words_of(words), list(question.items), Modality)
        if found:
            return _distinct(found)[:MOST_QUOTES]
    return _overview(db, list(question.items)) if wants_overview(question.words) else ()


def _overview(db: Database, item_ids: Sequence[str]) -> Sequence[Passage]:
    """Return the first passages of each item, in equal shares."""
    share = max(1, MOST_QUOTES // max(1, len(item_ids)))
    begins = [_distinct(passages_of(db, item_id))[:share] for item_id in item_ids]
    return [passage for passages in begins for passage in passages][:MOST_QUOTES]


def _distinct(passages: Sequence[Passage]) -> list[Passage]:
    """Return the passages without repetitions, such as a slide that is shown twice."""
    return list({(passage.item_id, passage.text): passage for passage in reversed(passages)}.values())[::-1]


def _quote(item: KnowledgeItem, passage: Passage) -> Quote:
    spoken = passage.modality is Modality.AUDIO
    times = (None, None) if item.asset_type == "image" else (passage.start, passage.end)
    return Quote(item.id, item.filename, passage.text, spoken, *times)


def _steps(question: Question, passages: Sequence[Passage]) -> Sequence[Body]:
    call_id = new_prefixed_id("call")
    arguments = {"words": words_of(question.words), "item_ids": list(question.items)}
    found = [{"item_id": passage.item_id, "start_sec": passage.start, "text": passage.text} for passage in passages]
    common = {"status": "completed", "call_id": call_id}
    return (
        {
            "type": "function_call",
            "id": new_prefixed_id("fc"),
            "name": "find_passages",
            "arguments": json.dumps(arguments, ensure_ascii=False),
            **common,
        },
        {
            "type": "function_call_output",
            "id": new_prefixed_id("fco"),
            "output": json.dumps(found, ensure_ascii=False),
            **common,
        },
    )


def _question(db: Database, request: ResponseRequest) -> Question:
    store_id = request.knowledge_store_id
    if db.find(KnowledgeStore, id=store_id) is None:
        raise not_exist(store_id, "knowledge-stores", 400)
    messages = [message.content for message in request.input]
    items = _chosen(db, store_id, messages, [_selected(db, store_id, selection) for selection in request.selections])
    words = _SELECTED.sub(" ", "\n".join(messages))
    return Question(
        words, items, request.json_schema, bool(request.include), _session(db, store_id, request.session_id)
    )


def _selected(db: Database, store_id: str, selection: Selection) -> set[str]:
    """Return the items of a selection."""
    members = _members(db, store_id, selection.kind, selection.id)
    if members is None:
        raise not_exist(selection.id, f"knowledge-store-{selection.kind}s", 400)
    return members


def _members(db: Database, store_id: str, kind: str, chosen_id: str) -> set[str] | None:
    """Return the items that a selection stands for, or None if the store does not have it."""
    if kind == "item":
        item = db.find(KnowledgeItem, id=chosen_id)
        return {chosen_id} if item and item.store_id == store_id else None
    collection = db.find(ItemCollection, id=chosen_id)
    return set(store.members_of(db, chosen_id)) if collection and collection.store_id == store_id else None


def _chosen(
    db: Database, store_id: str, messages: Sequence[str], selected: Sequence[set[str]]
) -> Mapping[str, KnowledgeItem]:
    """Return the items that messages are about: those of the selections that they name, or of all selections."""
    items = {item.id: item for item in store.ready_items(db, store_id)}
    named = [int(number) for message in messages for number in _SELECTED.findall(message)]
    for number in named:
        if number >= len(selected):
            raise invalid("input.content", f"It names selection {number}, and there are {len(selected)}.")
    groups = [selected[number] for number in named] or selected
    if not groups:
        return items
    wanted = set().union(*groups)
    return {item_id: item for item_id, item in items.items() if item_id in wanted}


def _session(db: Database, store_id: str, session_id: str | None) -> Session:
    if session_id is None:
        return db.insert(Session(store_id=store_id))
    session = db.find(Session, id=session_id)
    if session is None:
        raise not_exist(session_id, "sessions", 400)
    if session.store_id != store_id:
        raise invalid("session_id", f"The session {session_id} is about the knowledge store {session.store_id}.")
    return session


ROUTES: Sequence[Endpoint] = (("POST", "/responses", create),)
