"""JSON Schema keywords that the service does not support."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from twelvelabs_provider.api.analysis.response_format import Problem, step

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
_NAMED = frozenset({"properties", "$defs"})
"""Keywords whose objects map names to schemas."""
_VALUES = frozenset({"enum", "const", "default", "examples"})
"""Keywords whose values are data, not schemas."""


def problems_of_schema(schema: Any) -> tuple[Problem, ...]:
    """Return the unsupported keywords of a ``json_schema``; pointers start at its root."""
    return tuple(_problems("", schema, named=False))


def _problems(pointer: str, part: Any, *, named: bool) -> Iterator[Problem]:
    if isinstance(part, list | tuple):
        for number, entry in enumerate(part):
            yield from _problems(f"{pointer}/{number}", entry, named=False)
    if not isinstance(part, Mapping):
        return
    for name, entry in part.items():
        place = pointer + step(name)
        if not named and name in _UNSUPPORTED:
            yield Problem(place, f"{name!r} is not supported by the service: {_UNSUPPORTED[name]}")
        elif named or name not in _VALUES:
            yield from _problems(place, entry, named=not named and name in _NAMED)
