"""Validation of one request and its response against the OpenAPI description."""

from __future__ import annotations

import email.parser
import email.policy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from tests.contract import newer
from tests.contract.description import Description, Operation, Schema

JSON = "application/json"
FORM = "multipart/form-data"
LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
EVENTS = "text/event-stream"


@dataclass(frozen=True)
class Message:
    """One direction of an exchange.

    :param kind: the content type as it was sent, with its parameters.
    """

    kind: str
    body: bytes

    @property
    def type(self) -> str:
        """The content type alone."""
        return self.kind.split(";")[0].strip().lower()


@dataclass(frozen=True)
class Exchange:
    """A request and its answer.

    :param path: below the version prefix, without the query.
    """

    method: str
    path: str
    query: str
    sent: Message
    status: int
    answered: Message


def faults_of_request(description: Description, operation: Operation, exchange: Exchange) -> list[str]:
    """Return what the description has against a request."""
    return [
        *faults_of_query(description, operation, parse_qsl(exchange.query, keep_blank_values=True)),
        *_faults_of_body(description, operation, exchange.sent),
    ]


def faults_of_query(description: Description, operation: Operation, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return what the description has against a query: repeated keys are arrays, ``a[b]`` is a member of an object."""
    given: dict[str, Any] = {}
    texts: dict[str, list[str]] = {}
    for key, text in pairs:
        texts.setdefault(key, []).append(text)
    faults: list[str] = []
    for key, values in texts.items():
        name, _, member = key.removesuffix("]").partition("[")
        if name not in operation.query and not member and "user_metadata" in operation.query:
            # as the description's own examples write it: a field of one's own as a parameter of its name
            name, member = "user_metadata", key
        if name not in operation.query:
            faults.append(f"query: {key} is not a parameter")
            continue
        schema = operation.query[name].get("schema", {})
        if member:
            given.setdefault(name, {})[member] = description.from_texts(values, _member(description, schema, member))
        else:
            given[name] = description.from_texts(values, schema)
    for name, parameter in operation.query.items():
        if name in given:
            wrong = description.faults(given[name], parameter.get("schema", {}), strict=True)
            faults += [f"query {name} = {given[name]!r}: {fault}" for fault in wrong]
        elif parameter.get("required"):
            faults.append(f"query: {name} is missing")
    return faults


def _member(description: Description, schema: Schema, name: str) -> Schema:
    """Return the schema of a member of an object that a query spells ``a[b]``."""
    for branch in description.branches(schema):
        own: Schema | None = branch.get("properties", {}).get(name, branch.get("additionalProperties"))
        if own:
            return own
    return {}


def _faults_of_body(description: Description, operation: Operation, sent: Message) -> list[str]:
    if not operation.bodies:
        return ["request: a body where none is described"] if sent.body.strip() not in (b"", b"{}") else []
    if not sent.body:
        required = operation.raw["requestBody"].get("required", True)
        return ["request: no body"] if required else []
    schema = operation.bodies.get(sent.type)
    if schema is None:
        return [f"request: the content type is {sent.type or 'not said'}, not {' or '.join(operation.bodies)}"]
    if sent.type == FORM:
        return faults_of_form(description, schema, form_parts(sent))
    return [f"request {fault}" for fault in description.faults(json.loads(sent.body), schema, strict=True)]


def form_parts(message: Message) -> list[tuple[str, str | None]]:
    """Return the parts of a form in order: names with texts, or with None for a file."""
    head = f"Content-Type: {message.kind}\r\n\r\n".encode()
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + message.body)
    parts: list[tuple[str, str | None]] = []
    for part in form.iter_parts():  # type: ignore[attr-defined, unused-ignore]
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        text = content.decode() if isinstance(content, bytes) and not part.get_filename() else None
        parts.append((name, text))
    return parts


def faults_of_form(description: Description, schema: Schema, parts: Sequence[tuple[str, str | None]]) -> list[str]:
    """Return what the description has against a form: repeated parts are arrays, a file's text is never looked at."""
    own = description.resolved(schema)
    given: dict[str, Any] = {}
    for name in dict.fromkeys(name for name, _ in parts):
        values = [value for key, value in parts if key == name]
        member = own.get("properties", {}).get(name, {})
        binary = any(_is_binary(description, branch) for branch in description.branches(member))
        if binary != (None in values) and member:
            return [f"form: {name} must {'' if binary else 'not '}be a file"]
        given[name] = description.from_texts([value or "" for value in values], member)
    return [f"form {fault}" for fault in description.faults(given, own, strict=True)]


def _is_binary(description: Description, branch: Schema) -> bool:
    return branch.get("format") == "binary" or description.resolved(branch.get("items", {})).get("format") == "binary"


def faults_of_answer(description: Description, operation: Operation, exchange: Exchange) -> list[str]:
    """Return what the description has against an answer."""
    described = operation.answers(exchange.status)
    if described is None:
        return _faults_of_undescribed(exchange)
    answered = exchange.answered
    if not described:
        return [f"answer {exchange.status}: a body where none is described"] if answered.body else []
    if not answered.body:
        anything = all(not set(schema) - {"description"} for schema in described.values())
        return [] if anything else [f"answer {exchange.status}: no body"]
    if answered.type in newer.ANSWERS.get(operation.name, {}):
        return []
    if answered.type not in described and not (answered.type in LINES and JSON in described):
        return [f"answer: the content type is {answered.type or 'not said'}, not {' or '.join(described)}"]
    schema = described.get(answered.type) or described[JSON]
    return [
        f"answer {exchange.status} {fault}"
        for record in records(answered)
        for fault in description.faults(record, schema)
    ][:10]


def _faults_of_undescribed(exchange: Exchange) -> list[str]:
    if exchange.status not in newer.STATUSES:
        return [f"answer: the status {exchange.status} is not described"]
    if exchange.status == 204 or not exchange.answered.body:
        return [] if not exchange.answered.body else ["answer 204: it has a body"]
    body = json.loads(exchange.answered.body)
    error = body.get("error", body) if isinstance(body, Mapping) else {}
    wellformed = isinstance(error, Mapping) and {"code", "message"} <= set(error)
    return [] if wellformed else [f"answer {exchange.status}: an error without code and message: {body!r:.200}"]


def records(message: Message) -> Iterator[Any]:
    """Return the JSON values of a body: one, or one per line, or one per event."""
    if message.type in LINES:
        yield from (json.loads(line) for line in message.body.splitlines() if line.strip())
    elif message.type == EVENTS:
        for line in message.body.splitlines():
            data = line.removeprefix(b"data:").strip()
            if line.startswith(b"data:") and data != b"[DONE]":
                yield json.loads(data)
    else:
        yield json.loads(message.body)
