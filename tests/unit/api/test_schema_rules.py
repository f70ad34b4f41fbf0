"""What the service's models cannot promise is found in a schema, and told where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from twelvelabs_provider.api.analysis.response_format import Problem, step
from twelvelabs_provider.api.analysis.schema_rules import problems_of_schema
from twelvelabs_provider.api.analysis.segment_rules import problems_of_definitions, problems_of_images

TEXT = {"type": "string"}
STAMP = {"type": "timestamp", "format": "seconds"}


def pointers(schema: Any) -> list[str]:
    return [problem.pointer for problem in problems_of_schema(schema)]


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
    "values": {"enum": ["a", 1, True, None]},
    "offsets": properties(start_time={"type": "number"}, end_time={"type": "timestamp", "format": "hh:mm:ss.fff"}),
    "offsets as text": properties(start_time=TEXT, end_time={"type": "integer"}),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_the_service_takes(name: str) -> None:
    assert problems_of_schema(GOOD[name]) == ()


@pytest.mark.parametrize(
    "keyword",
    ["minLength", "maxLength", "additionalProperties", "maxItems", "uniqueItems", "oneOf", "allOf", "not"],
)
def test_keywords_that_are_not_supported(keyword: str) -> None:
    (problem,) = problems_of_schema(properties(name={"type": "string", keyword: 3}))
    assert problem.pointer == f"/properties/name/{keyword}"
    assert keyword in problem.message and "not supported" in str(problem)


BAD: dict[str, tuple[Any, list[str]]] = {
    "no object": ("string", [""]),
    "nothing": ({}, [""]),
    "a type": ({"type": "text"}, ["/type"]),
    "a list of types": ({"type": ["string", "word"]}, ["/type"]),
    "minItems": ({"type": "array", "items": TEXT, "minItems": 2}, ["/minItems"]),
    "minItems of another kind": ({"type": "array", "items": TEXT, "minItems": True}, ["/minItems"]),
    "bounds of a number": ({"type": "number", "maximum": 3}, ["/maximum"]),
    "bounds that are no number": ({"type": "integer", "minimum": 0.5}, ["/minimum"]),
    "a string's format": ({"type": "string", "format": "email"}, ["/format"]),
    "a pattern": ({"type": "string", "pattern": "("}, ["/pattern"]),
    "a timestamp without a format": (properties(t={"type": "timestamp"}), ["/properties/t/format"]),
    "a timestamp at the root": (STAMP, [""]),
    "a timestamp too deep": (properties(o=properties(t=STAMP)), ["/properties/o/properties/t"]),
    "a timestamp in a choice": (properties(t={"anyOf": [STAMP]}), ["/properties/t/anyOf/0"]),
    "a timestamp in a definition": (
        {**properties(t={"$ref": "#/$defs/t"}), "$defs": {"t": STAMP}},
        ["/$defs/t"],
    ),
    "a reference to nothing": ({"$ref": "#/$defs/x", "$defs": {"y": TEXT}}, ["/$ref"]),
    "a reference to elsewhere": ({"$ref": "https://example.org/s.json"}, ["/$ref"]),
    "no list of choices": ({"anyOf": []}, ["/anyOf"]),
    "a choice that is none": ({"anyOf": ["string"]}, ["/anyOf/0"]),
    "properties that are a list": ({"properties": ["a"]}, ["/properties"]),
    "a property that is a word": (properties(a="string"), ["/properties/a"]),
    "required that is a word": ({"required": "a"}, ["/required"]),
    "an enum of nothing": ({"enum": []}, ["/enum"]),
    "an enum of lists": ({"enum": [["a"]]}, ["/enum"]),
    "a constant": ({"const": {"a": 1}}, ["/const"]),
    "an offset with a format": (
        properties(start_time={"type": "string", "format": "time"}),
        ["/properties/start_time"],
    ),
    "an offset that is a list": (
        {"type": "array", "items": properties(end_time={"type": "array", "items": TEXT})},
        ["/items/properties/end_time"],
    ),
    "names with slashes": (properties(**{"a/b~c": {"type": "x"}}), ["/properties/a~1b~0c/type"]),
    "two at once": (properties(a={"type": "x"}, b={"not": {}}), ["/properties/a/type", "/properties/b/not"]),
}


@pytest.mark.parametrize("name", BAD)
def test_what_it_refuses_is_told_where_it_stands(name: str) -> None:
    schema, where = BAD[name]
    assert pointers(schema) == where


def test_problems_are_told_from_further_up() -> None:
    problem = Problem("/a", "no").below("/x" + step("y/z"))
    assert (problem.pointer, str(problem)) == ("/x/y~1z/a", "/x/y~1z/a: no")
    assert str(Problem("", "no")) == "(root): no"


FIELD = {"name": "text", "type": "string", "description": "the text"}
DEFINITION = {"id": "screen", "description": "text on screen"}


def definition(**fields: Any) -> dict[str, Any]:
    return {**DEFINITION, **fields}


def field(**parts: Any) -> dict[str, Any]:
    return definition(fields=[{**FIELD, **parts}])


def test_definitions_that_the_service_takes() -> None:
    full = definition(
        fields=[
            FIELD,
            {**FIELD, "name": "mood", "enum": ["calm"]},
            {**FIELD, "name": "at", "type": "timestamp", "format": "hh:mm:ss"},
            {**FIELD, "name": "names", "type": "array", "items": {"type": "string"}},
        ],
        media_sources=[{"name": "logo", "media_type": "image", "asset_id": "a"}],
        time_ranges=[{"start_time": 0, "end_time": 5}, {"start_time": 5, "end_time": 7.5}],
    )
    assert problems_of_definitions([full, {**DEFINITION, "id": "b"}], model="pegasus1.5") == ()
    events = field(type="time_array", items={"type": "object", "fields": [FIELD]})
    assert problems_of_definitions([events], model="pegasus1.6") == ()
    assert problems_of_definitions([events], model="pegasus1.5")[0].pointer == "/0/fields/0/type"


WRONG: dict[str, tuple[Any, str]] = {
    "nothing": ([], ""),
    "a word": ("screen", ""),
    "too many": ([{**DEFINITION, "id": str(number)} for number in range(21)], ""),
    "twice": ([DEFINITION, DEFINITION], "/0/id"),
    "no description": ([{"id": "a"}], "/0/description"),
    "an unknown key": ([definition(colour="red")], "/0/colour"),
    "no object": (["screen"], "/0"),
    "too many fields": ([definition(fields=[{**FIELD, "name": str(number)} for number in range(21)])], "/0/fields"),
    "a field twice": ([definition(fields=[FIELD, FIELD])], "/0/fields/0/name"),
    "a field that is a word": ([definition(fields=["text"])], "/0/fields/0"),
    "a reserved name": ([field(name="start_time")], "/0/fields/0/name"),
    "a type": ([field(type="poem")], "/0/fields/0/type"),
    "a format": ([field(format="seconds")], "/0/fields/0/format"),
    "no format": ([field(type="timestamp")], "/0/fields/0/format"),
    "an enum of numbers": ([field(enum=[1])], "/0/fields/0/enum"),
    "an enum too long": ([field(enum=[str(number) for number in range(101)])], "/0/fields/0/enum"),
    "an enum of a timestamp": ([field(type="timestamp", format="seconds", enum=["a"])], "/0/fields/0/enum"),
    "items of a text": ([field(items={"type": "string"})], "/0/fields/0/items"),
    "an array of nothing": ([field(type="array")], "/0/fields/0/items/type"),
    "a short range": ([definition(time_ranges=[{"start_time": 0, "end_time": 1}])], "/0/time_ranges/0"),
    "half a range": ([definition(time_ranges=[{"start_time": 0}])], "/0/time_ranges/0"),
    "ranges that overlap": (
        [definition(time_ranges=[{"start_time": 3, "end_time": 6}, {"start_time": 0, "end_time": 4}])],
        "/0/time_ranges",
    ),
    "an image without a source": (
        [definition(media_sources=[{"name": "a", "media_type": "image"}])],
        "/0/media_sources/0",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_definitions_that_it_refuses(name: str) -> None:
    definitions, where = WRONG[name]
    assert [problem.pointer for problem in problems_of_definitions(definitions, model="pegasus1.5")] == [where]


def test_images() -> None:
    image = {"name": "a", "media_type": "image", "url": "https://x.example/a.png"}
    assert problems_of_images([image] * 4) == []
    assert problems_of_images([image] * 5)[0].pointer == ""
    wrong = {"media_type": "video", "url": "u", "asset_id": "a"}
    assert [problem.pointer for problem in problems_of_images([wrong])] == ["/0/name", "/0/media_type", "/0"]
    assert problems_of_images(["a"])[0].pointer == "/0"
