"""Unsupported keywords of a JSON schema."""

from __future__ import annotations

from typing import Any

import pytest

from twelvelabs_provider.api.analysis.response_format import Problem, step
from twelvelabs_provider.api.analysis.schema_rules import problems_of_schema

TEXT = {"type": "string"}
STAMP = {"type": "timestamp", "format": "seconds"}


def properties(**parts: Any) -> dict[str, Any]:
    return {"type": "object", "properties": parts}


GOOD: dict[str, Any] = {
    "all types": properties(
        a={"type": "array", "items": TEXT, "minItems": 1},
        b={"type": "boolean"},
        i={"type": "integer", "minimum": 0, "exclusiveMaximum": 5},
        n={"type": "number"},
        z={"type": "null"},
        o={"type": "object", "properties": {}, "required": []},
        s={"type": "string", "pattern": "^a+$"},
        f={"type": "string", "format": "date-time"},
        t=STAMP,
        lines={"type": "array", "items": properties(at=STAMP)},
    ),
    "a choice": {"anyOf": [TEXT, {"type": "null"}]},
    "definitions": {"$ref": "#/$defs/a~1b", "$defs": {"a/b": properties(next={"$ref": "#"})}},
    "names that are keywords": properties(**{"not": TEXT, "maxLength": TEXT, "oneOf": TEXT, "$ref": TEXT}),
    "annotations": {"type": "string", "title": "x", "description": "y", "$comment": "z"},
    "values": {"enum": ["a", 1, True, None], "const": {"not": 1}, "default": {"maxLength": 1}},
    "offsets": properties(start_time={"type": "number"}, end_time={"type": "timestamp", "format": "hh:mm:ss.fff"}),
    "offsets as text": properties(start_time=TEXT, end_time={"type": "integer"}),
}


@pytest.mark.parametrize("name", GOOD)
def test_supported_schemas(name: str) -> None:
    assert problems_of_schema(GOOD[name]) == ()


@pytest.mark.parametrize(
    "keyword",
    ["minLength", "maxLength", "additionalProperties", "maxItems", "uniqueItems", "oneOf", "allOf", "not"],
)
def test_unsupported_keywords(keyword: str) -> None:
    (problem,) = problems_of_schema(properties(name={"type": "string", keyword: 3}))
    assert problem.pointer == f"/properties/name/{keyword}"
    assert keyword in problem.message and "not supported" in str(problem)


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"allOf": []}, ["/allOf"]),
        ({"anyOf": [{"not": {}}]}, ["/anyOf/0/not"]),
        ({"type": "array", "items": {"type": "string", "maxLength": 3}}, ["/items/maxLength"]),
        ({"$defs": {"a": {"oneOf": []}}}, ["/$defs/a/oneOf"]),
        (properties(**{"a/b~c": {"minLength": 1}}), ["/properties/a~1b~0c/minLength"]),
        (properties(a={"maxItems": 1}, b={"not": {}}), ["/properties/a/maxItems", "/properties/b/not"]),
    ],
)
def test_pointers_to_unsupported_keywords(schema: Any, where: list[str]) -> None:
    assert [problem.pointer for problem in problems_of_schema(schema)] == where


def test_problem_behind_a_second_pointer() -> None:
    problem = Problem("/a", "no").below("/x" + step("y/z"))
    assert (problem.pointer, str(problem)) == ("/x/y~1z/a", "/x/y~1z/a: no")
    assert str(Problem("", "no")) == "(root): no"
