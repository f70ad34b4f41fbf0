"""The subset of JSON Schema that the service supports."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twelvelabs_provider.api.analysis.response_format import Problem, TimeFormat, below, step

TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string", "timestamp"})
STRING_FORMATS = ("uuid", "date-time", "date", "time")
TIME_FORMATS = tuple(time.value for time in TimeFormat)
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_RESERVED = ("start_time", "end_time")
_RESERVED_TYPES = frozenset({"number", "integer", "string", "timestamp"})
_UNSUPPORTED: Mapping[str, str] = {
    "minLength": "say the length in the description, or use pattern",
    "maxLength": "say the length in the description, or use pattern",
    "additionalProperties": "leave it out, answers hold the declared properties only",
    "maxItems": "say the number in the description or the prompt",
    "uniqueItems": "say it in the description or the prompt",
    "oneOf": "use anyOf",
    "allOf": "write the properties into one object",
    "not": "say it in the description or the prompt",
}
# Where the service takes a timestamp: a property of the root, or of the objects in an array of the root.
_TIMESTAMP_PLACES = re.compile(r"/properties/[^/]+(/items/properties/[^/]+)?")


def problems_of_schema(schema: Any) -> tuple[Problem, ...]:
    """Return what the service would refuse in a ``json_schema``; pointers are from the schema's root.

    :param schema: what the user gave.
    """
    if not isinstance(schema, Mapping):
        return (Problem("", f"the schema is {type(schema).__name__}, not a JSON object"),)
    if not schema:
        return (Problem("", "the schema is empty: describe the answer with type and properties"),)
    return tuple(_Schema(schema).problems_at("", schema))


class _Schema:
    """One schema, walked once; ``$ref`` is looked up from its root."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def problems_at(self, pointer: str, part: Any) -> list[Problem]:
        """Return the problems of a subschema and of everything below it."""
        if not isinstance(part, Mapping):
            return [Problem(pointer, f"{part!r} is no schema: write an object such as {{'type': 'string'}}")]
        found = [
            Problem(pointer + step(name), f"{name!r} is not supported by the service: {_UNSUPPORTED[name]}")
            for name in part
            if name in _UNSUPPORTED
        ]
        for rule in _RULES:
            found += below(pointer, rule(part))
        found += self._problems_of_reference(pointer, part)
        if "timestamp" in _types(part) and not _TIMESTAMP_PLACES.fullmatch(pointer):
            found.append(
                Problem(
                    pointer,
                    "a timestamp may stand in properties, or in properties of the items of an array, only there",
                )
            )
        return found + self._problems_below(pointer, part)

    def _problems_below(self, pointer: str, part: Mapping[str, Any]) -> list[Problem]:
        found: list[Problem] = []
        for keyword in ("properties", "$defs"):
            entries = part.get(keyword, {})
            if not isinstance(entries, Mapping):
                found.append(Problem(pointer + step(keyword), f"{entries!r} must map names to schemas"))
                continue
            for name, entry in entries.items():
                place = pointer + step(keyword) + step(name)
                found += self.problems_at(place, entry)
                if keyword == "properties" and name in _RESERVED:
                    found += _problems_of_reserved(place, name, entry)
        if "items" in part:
            found += self.problems_at(pointer + "/items", part["items"])
        choices = part.get("anyOf", [{}])
        if not isinstance(choices, Sequence) or isinstance(choices, str) or not choices:
            found.append(Problem(pointer + "/anyOf", f"{choices!r} must be a list of schemas"))
        elif "anyOf" in part:
            for number, entry in enumerate(choices):
                found += self.problems_at(f"{pointer}/anyOf/{number}", entry)
        return found

    def _problems_of_reference(self, pointer: str, part: Mapping[str, Any]) -> list[Problem]:
        if "$ref" not in part:
            return []
        reference = part["$ref"]
        if reference == "#":
            return []
        definitions = self._root.get("$defs")
        known = definitions if isinstance(definitions, Mapping) else {}
        name = str(reference).removeprefix("#/$defs/").partition("/")[0].replace("~1", "/").replace("~0", "~")
        if not str(reference).startswith("#/$defs/") or name not in known:
            listed = ", ".join(f"#/$defs/{name}" for name in known) or "none"
            return [Problem(pointer + "/$ref", f"{reference!r} points to nothing in $defs (there: {listed})")]
        return []


def _types(part: Mapping[str, Any]) -> tuple[Any, ...]:
    given = part.get("type")
    return tuple(given) if isinstance(given, (list, tuple)) else (given,) if given is not None else ()


def _type_rule(part: Mapping[str, Any]) -> list[Problem]:
    wrong = [name for name in _types(part) if not isinstance(name, str) or name not in TYPES]
    return [Problem("/type", f"{name!r} is not one of {', '.join(sorted(TYPES))}") for name in wrong]


def _bounds_rule(part: Mapping[str, Any]) -> list[Problem]:
    found = []
    for name in _BOUNDS:
        if name not in part:
            continue
        if "integer" not in _types(part):
            found.append(Problem(step(name), f"{name!r} is supported for the type integer only"))
        elif isinstance(part[name], bool) or not isinstance(part[name], int):
            found.append(Problem(step(name), f"{part[name]!r} must be a whole number"))
    return found


def _format_rule(part: Mapping[str, Any]) -> list[Problem]:
    given = part.get("format")
    if "timestamp" in _types(part):
        wrong = given not in TIME_FORMATS
        return [Problem("/format", f"{given!r}: a timestamp needs one of {', '.join(TIME_FORMATS)}")] if wrong else []
    if given is None or given in STRING_FORMATS:
        return []
    return [Problem("/format", f"{given!r} is not one of {', '.join(STRING_FORMATS)}")]


def _pattern_rule(part: Mapping[str, Any]) -> list[Problem]:
    if "pattern" not in part:
        return []
    try:
        re.compile(part["pattern"])
    except (re.error, TypeError) as error:
        return [Problem("/pattern", f"{part['pattern']!r} is no regular expression: {error}")]
    return []


def _array_rule(part: Mapping[str, Any]) -> list[Problem]:
    least = part.get("minItems", 0)
    if isinstance(least, bool) or least not in (0, 1):
        return [Problem("/minItems", f"{least!r}: the service takes 0 and 1 only")]
    return []


def _object_rule(part: Mapping[str, Any]) -> list[Problem]:
    needed = part.get("required", [])
    if not isinstance(needed, (list, tuple)) or not all(isinstance(name, str) for name in needed):
        return [Problem("/required", f"{needed!r} must be a list of property names")]
    return []


def _values_rule(part: Mapping[str, Any]) -> list[Problem]:
    found = []
    if "enum" in part and (not isinstance(part["enum"], (list, tuple)) or not part["enum"]):
        found.append(Problem("/enum", f"{part['enum']!r} must be a list with at least one value"))
    elif any(isinstance(value, (list, tuple, Mapping)) for value in part.get("enum", ())):
        found.append(Problem("/enum", "its values must be texts, numbers, booleans or null"))
    if isinstance(part.get("const"), (list, tuple, Mapping)):
        found.append(Problem("/const", f"{part['const']!r} must be a text, a number, a boolean or null"))
    return found


_RULES: Sequence[Callable[[Mapping[str, Any]], list[Problem]]] = (
    _type_rule,
    _bounds_rule,
    _format_rule,
    _pattern_rule,
    _array_rule,
    _object_rule,
    _values_rule,
)


def _problems_of_reserved(pointer: str, name: str, part: Any) -> list[Problem]:
    """``start_time`` and ``end_time`` are offsets wherever they stand, and only some types can be one."""
    if not isinstance(part, Mapping):
        return []
    types = _types(part)
    plain = types == ("string",) and "format" in part
    if plain or (types and not set(types) <= _RESERVED_TYPES):
        shown = f"string with format {part['format']!r}" if plain else ", ".join(map(str, types))
        message = f"{name} is an offset and cannot be {shown}: use number, integer, string without format, or timestamp"
        return [Problem(pointer, message)]
    return []
