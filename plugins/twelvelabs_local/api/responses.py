"""Responses: questions about a knowledge store, answered with quotes, as a stream or at once."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response, StreamingResponse

from twelvelabs_local.api.bodies import optional_text, text
from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.engine.quoted_answers import (
    Answer,
    Quote,
    UnsupportedSchema,
    check_schema,
    json_answer,
    prose_answer,
)
from twelvelabs_local.engine.response_stream import AgentResponse
from twelvelabs_local.errors import invalid, missing, not_exist, unknown
from twelvelabs_local.identity import new_prefixed_id, now
from twelvelabs_local.store import knowledge as store
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.knowledge import ItemCollection, KnowledgeItem, KnowledgeStore
from twelvelabs_local.store.passages import Modality, Passage, find_passages, passages_of, wants_overview, words_of
from twelvelabs_local.store.sessions import Session, add_turn

if not __package__:
    # Executed alone by Airflow's plugin loader (no .airflowignore): `responses` is another package's name.
    __name__ = "twelvelabs_executed_alone.responses"
    sys.modules[__name__] = sys.modules.pop("responses")

FIELDS = (
    "knowledge_store_id", "input", "session_id", "instructions", "include", "stream", "selections", "text",
)  # fmt: skip
LONGEST_MESSAGE = 10_000
MOST_QUOTES = 6
LETTERS_PER_TOKEN = 4
_SELECTED = re.compile(r"\{\{sel:(\d+)\}\}")
Body = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """A checked request.

    :param items: the items that it is about, all of them ready.
    :param schema: the JSON that is asked for, None for prose.
    :param steps: whether the output shows how the answer came about.
    """

    words: str
    items: Mapping[str, KnowledgeItem]
    schema: Body | None
    steps: bool
    session: Session


async def create(call: Call) -> Response:
    """POST /responses."""
    body = await call.body(FIELDS)
    reply = _reply(call.db, _checked(call.db, body))
    if body.get("stream"):
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
    """Return what answers a question best; one that matches nothing goes on with what was asked before it."""
    asked = (question.words, *reversed(question.session.turns))
    for words in (one for one in asked if not wants_overview(one)):
        found = find_passages(db, words_of(words), list(question.items), Modality)
        if found:
            return _distinct(found)[:MOST_QUOTES]
    return _overview(db, list(question.items)) if wants_overview(question.words) else ()


def _overview(db: Database, item_ids: Sequence[str]) -> Sequence[Passage]:
    """Return how the items begin, each with as much as the others."""
    share = max(1, MOST_QUOTES // max(1, len(item_ids)))
    begins = [_distinct(passages_of(db, item_id))[:share] for item_id in item_ids]
    return [passage for passages in begins for passage in passages][:MOST_QUOTES]


def _distinct(passages: Sequence[Passage]) -> list[Passage]:
    """A slide that comes back says the same again."""
    return list({(passage.item_id, passage.text): passage for passage in reversed(passages)}.values())[::-1]


def _quote(item: KnowledgeItem, passage: Passage) -> Quote:
    spoken = passage.modality is Modality.AUDIO
    times = (None, None) if item.asset_type == "image" else (passage.start, passage.end)
    return Quote(item.id, item.filename, passage.text, spoken, *times)


def _steps(question: Question, passages: Sequence[Passage]) -> Sequence[Body]:
    call_id = new_prefixed_id("call")
    asked = {"words": words_of(question.words), "item_ids": list(question.items)}
    found = [{"item_id": passage.item_id, "start_sec": passage.start, "text": passage.text} for passage in passages]
    common = {"status": "completed", "call_id": call_id}
    return (
        {
            "type": "function_call",
            "id": new_prefixed_id("fc"),
            "name": "find_passages",
            "arguments": json.dumps(asked, ensure_ascii=False),
            **common,
        },
        {
            "type": "function_call_output",
            "id": new_prefixed_id("fco"),
            "output": json.dumps(found, ensure_ascii=False),
            **common,
        },
    )


def _checked(db: Database, body: Body) -> Question:
    store_id = text(body, "knowledge_store_id")
    if db.find(KnowledgeStore, id=store_id) is None:
        raise not_exist(store_id, "knowledge-stores", 400)
    optional_text(body, "instructions")
    if body.get("stream") not in (None, True, False):
        raise invalid("stream", "It must be true or false.")
    include = body.get("include") or []
    if not isinstance(include, list) or set(include) - {"intermediate_outputs"}:
        raise invalid("include", "It must be a list; intermediate_outputs may be in it.")
    messages = _messages(body.get("input"))
    selected = _selected(db, store_id, body.get("selections") or [])
    items = _chosen(db, store_id, messages, selected)
    words = _SELECTED.sub(" ", "\n".join(messages))
    return Question(words, items, _schema(body.get("text")), bool(include), _session(db, store_id, body))


def _messages(given: Any) -> list[str]:
    if given is None:
        raise missing("input")
    if not isinstance(given, list) or not given or not all(isinstance(item, dict) for item in given):
        raise invalid("input", "It must be a list with at least one message.")
    for item in given:
        if extra := set(item) - {"type", "role", "content"}:
            raise unknown([f"input.{name}" for name in extra])
        if item.get("type") != "message" or item.get("role") != "user":
            raise invalid("input", "Every entry must have the type message and the role user.")
        content = item.get("content")
        if not isinstance(content, str) or not 1 <= len(content) <= LONGEST_MESSAGE:
            raise invalid("input.content", f"It must be a text of 1 to {LONGEST_MESSAGE} characters.")
    return [item["content"] for item in given]


def _selected(db: Database, store_id: str, selections: Any) -> list[set[str]]:
    """Return the items of each selection."""
    if not isinstance(selections, list):
        raise invalid("selections", "It must be a list.")
    found: list[set[str]] = []
    for selection in selections:
        kind = selection.get("kind") if isinstance(selection, dict) else None
        if kind not in ("item", "collection"):
            raise invalid("selections.kind", f"It is {kind!r}; it must be item or collection.")
        members = _members(db, store_id, kind, str(selection.get("id")))
        if members is None:
            raise not_exist(str(selection.get("id")), f"knowledge-store-{kind}s", 400)
        found.append(members)
    return found


def _members(db: Database, store_id: str, kind: str, chosen_id: str) -> set[str] | None:
    """Return the items that a selection stands for, or None where the store has no such thing."""
    if kind == "item":
        item = db.find(KnowledgeItem, id=chosen_id)
        return {chosen_id} if item and item.store_id == store_id else None
    collection = db.find(ItemCollection, id=chosen_id)
    return set(store.members_of(db, chosen_id)) if collection and collection.store_id == store_id else None


def _chosen(
    db: Database, store_id: str, messages: Sequence[str], selected: Sequence[set[str]]
) -> Mapping[str, KnowledgeItem]:
    """Return the items that messages are about: those of the selections they name, or else of all selections."""
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


def _schema(given: Any) -> Body | None:
    """Return the schema of a text format; one that quotes cannot fill is refused."""
    shape = given.get("format") if isinstance(given, dict) else None
    if given is not None and not isinstance(shape, dict):
        raise invalid("text", "It must be an object with a format.")
    kind = shape.get("type") if isinstance(shape, dict) else "text"
    if kind == "text":
        return None
    if kind != "json_schema" or not isinstance(shape, dict):
        raise invalid("text.format.type", f"It is {kind!r}; it must be text or json_schema.")
    text(shape, "name")
    schema: Body = shape.get("schema") or {}
    try:
        check_schema(schema)
    except UnsupportedSchema as error:
        raise invalid("text.format.schema", f"This engine quotes, it does not write: {error}.") from error
    return schema


def _session(db: Database, store_id: str, body: Body) -> Session:
    session_id = optional_text(body, "session_id")
    if session_id is None:
        return db.insert(Session(store_id=store_id))
    session = db.find(Session, id=session_id)
    if session is None:
        raise not_exist(session_id, "sessions", 400)
    if session.store_id != store_id:
        raise invalid("session_id", f"The session {session_id} is about the knowledge store {session.store_id}.")
    return session


ROUTES: Sequence[Entry] = (("POST", "/responses", create),)
