"""The service's OpenAPI description: lookup of operations, and validation of values."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import jsonschema

from tests.contract import newer

FILE = Path(__file__).parents[3] / "shared" / "reference" / "openapi-1.3-2026-07.json"
MISSING = f"the service's description of its API is not at {FILE}: nothing is checked against it"
_COMPONENT = "#/components/schemas/"
_FORMATS = jsonschema.FormatChecker(formats=())

Schema = Mapping[str, Any]


@_FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@dataclass(frozen=True)
class Operation:
    """One operation of the description.

    :param name: method and path template; the description's own ids are not unique.
    :param raw: what the description says of it.
    """

    name: str
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def query(self) -> Mapping[str, Mapping[str, Any]]:
        """The query parameters by name."""
        return {one["name"]: one for one in self.raw.get("parameters", ()) if one["in"] == "query"}

    @property
    def bodies(self) -> Mapping[str, Schema]:
        """The schemas of request bodies by content type."""
        return _schemas(self.raw.get("requestBody", {}))

    def answers(self, status: int) -> Mapping[str, Schema] | None:
        """Return the schemas of an answer by content type; None where this status is not described."""
        described = self.raw["responses"].get(str(status))
        return None if described is None else _schemas(described)


def _schemas(raw: Mapping[str, Any]) -> Mapping[str, Schema]:
    return {kind: content.get("schema", {}) for kind, content in raw.get("content", {}).items()}


class Description:
    """The description, with what is newer than it added.

    :param document: the OpenAPI document.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = amended(document)
        self.components: Mapping[str, Schema] = self.document["components"]["schemas"]

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        found = (
            Operation(f"{method.upper()} {path}", raw)
            for path, methods in self.document["paths"].items()
            for method, raw in methods.items()
            if method in ("get", "post", "put", "patch", "delete")
        )
        return {operation.name: operation for operation in found}

    def operation(self, method: str, path: str) -> Operation | None:
        """Return the operation of a request; literal segments win over parameters."""
        wanted = path.split("/")
        fitting = [
            operation
            for operation in self.operations.values()
            if operation.name.startswith(f"{method} ") and _fits(operation.name.split(" ")[1].split("/"), wanted)
        ]
        return min(fitting, key=lambda operation: operation.name.count("{"), default=None)

    def resolved(self, schema: Schema) -> Schema:
        """Return a schema itself where a reference to one is given."""
        while "$ref" in schema:
            schema = self.components[schema["$ref"].removeprefix(_COMPONENT)]
        return schema

    def branches(self, schema: Schema) -> Iterator[Schema]:
        """Return the alternatives of a schema, or the schema alone."""
        schema = self.resolved(schema)
        if "anyOf" not in schema:
            yield self.resolved(schema.get("allOf", [schema])[0])
        for branch in schema.get("anyOf", ()):
            yield from self.branches(branch)

    def faults(self, value: Any, schema: Schema, *, strict: bool = False) -> list[str]:
        """Return what is wrong with a value.

        :param strict: properties that the schema does not name are wrong too.
        """
        root = _closed(schema) if strict else schema
        components = self._closed_components if strict else self.components
        document = {**root, "components": {"schemas": components}}
        validator = jsonschema.Draft202012Validator(document, format_checker=_FORMATS)
        return [_told(error) for error in validator.iter_errors(value)]

    def from_texts(self, texts: Sequence[str], schema: Schema) -> Any:
        """Return the value that texts of a query or a form stand for, as far as its schema can read them."""
        types = {branch.get("type") for branch in self.branches(schema)}
        if "array" in types and (len(texts) > 1 or "string" not in types):
            items = next(branch for branch in self.branches(schema) if branch.get("type") == "array").get("items", {})
            return [self.from_texts([text], items) for text in texts]
        return _scalar(texts[0], types) if len(texts) == 1 else list(texts)

    @cached_property
    def _closed_components(self) -> Mapping[str, Schema]:
        return {name: _closed(schema) for name, schema in self.components.items()}


def described() -> Description | None:
    """Return the description; None where there is no copy of it at hand."""
    return Description(json.loads(FILE.read_text())) if FILE.exists() else None


def amended(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with what is newer than it, and with unions that are satisfied by any of their members: many
    of them overlap, and ``oneOf`` would call a value that fits twice wrong."""
    changed: dict[str, Any] = json.loads(json.dumps(document).replace('"oneOf":', '"anyOf":'))
    schemas = changed["components"]["schemas"]
    for name in newer.OPERATIONS:
        method, path = name.split(" ")
        anything = {"description": "newer", "content": {"application/json": {"schema": {}}}}
        operation = {"responses": {"200": anything}, "parameters": [_anything("include")]}
        changed["paths"].setdefault(path, {})[method.lower()] = operation
    for value in newer.VALUES:
        schemas[value.schema]["enum"].append(value.value)
    for one in newer.FIELDS:
        _object(changed, one.schema)["properties"][one.name] = dict(one.definition)
    for schema in _unions(changed):
        _tell_apart(schemas, schema["anyOf"])
    return changed


def _unions(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, Mapping):
        if isinstance(node.get("anyOf"), list):
            yield cast("dict[str, Any]", node)
        node = list(node.values())
    for child in node if isinstance(node, list) else ():
        yield from _unions(child)


def _tell_apart(schemas: Mapping[str, Any], members: list[Any]) -> None:
    """Let a member of a union be known by its constant, as ``event_type`` is: without this, a member that requires
    nothing would take what was meant as a broken value of another."""
    constants = {name for member in members for name in _constants(schemas, member)}
    for number, member in enumerate(members):
        if foreign := constants - _constants(schemas, member) - _named(schemas, member):
            rule = {"not": {"anyOf": [{"required": [name]} for name in sorted(foreign)]}}
            members[number] = {"allOf": [member, rule]}


def _constants(schemas: Mapping[str, Any], member: Mapping[str, Any]) -> set[str]:
    """Return the properties of an object that can have one value only; of a union, those of its members."""
    member = _followed(schemas, member)
    if "anyOf" in member:
        return {name for inner in member["anyOf"] for name in _constants(schemas, inner)}
    properties = member.get("properties", {})
    return {name for name, schema in properties.items() if len(_followed(schemas, schema).get("enum", "  ")) == 1}


def _named(schemas: Mapping[str, Any], member: Mapping[str, Any]) -> set[str]:
    """Return all properties of an object; of a union, those of its members."""
    member = _followed(schemas, member)
    if "anyOf" in member:
        return {name for inner in member["anyOf"] for name in _named(schemas, inner)}
    return set(member.get("properties", {}))


def _followed(schemas: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = schemas[schema["$ref"].removeprefix(_COMPONENT)]
    return schema


def _object(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the object that a newer property belongs to."""
    if " " not in name:
        found: dict[str, Any] = document["components"]["schemas"][name]
        return found
    method, path = name.split(" ")
    (content,) = document["paths"][path][method.lower()]["requestBody"]["content"].values()
    schema: dict[str, Any] = content["schema"]
    return _object(document, schema["$ref"].removeprefix(_COMPONENT)) if "$ref" in schema else schema


def _anything(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {}}


def _fits(pattern: Sequence[str], wanted: Sequence[str]) -> bool:
    return len(pattern) == len(wanted) and all(
        name == given or (name.startswith("{") and given) for name, given in zip(pattern, wanted, strict=True)
    )


def _closed(schema: Schema) -> dict[str, Any]:
    """Return a schema whose objects take no properties but their own."""
    closed = copy.copy(dict(schema))
    if isinstance(closed.get("properties"), Mapping):
        closed["properties"] = {name: _closed(value) for name, value in closed["properties"].items()}
        if closed["properties"]:
            closed.setdefault("additionalProperties", False)
    if isinstance(closed.get("items"), Mapping):
        closed["items"] = _closed(closed["items"])
    for word in ("anyOf", "allOf"):
        if word in closed:
            closed[word] = [_closed(branch) for branch in closed[word]]
    return closed


def _scalar(text: str, types: set[Any]) -> Any:
    if "boolean" in types and text in ("true", "false"):
        return text == "true"
    for kind, read in (("integer", int), ("number", float), ("object", json.loads)):
        if kind in types:
            try:
                return read(text)
            except ValueError:
                continue
    return text


def _told(error: jsonschema.ValidationError) -> str:
    """Return where and what; of a union's members, the complaint that goes deepest."""
    if error.context:
        inner = max(error.context, key=lambda one: len(one.absolute_path))
        return f"{error.json_path}: fits no member of the union; nearest: {inner.json_path}: {inner.message[:300]}"
    return f"{error.json_path}: {error.message[:300]}"
