"""Rules for segment definitions and reference images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeGuard

from twelvelabs_provider.api.analysis.response_format import Problem, TimeFormat, below, step

MOST_DEFINITIONS = 20
MOST_FIELDS = 20
MOST_VALUES = 100
MOST_IMAGES = 4
SHORTEST_SEGMENT = 2.0
EVENTS_MODEL = "pegasus1.6"
"""The model from which on a field may list events."""
SCALARS = ("string", "number", "boolean", "integer")
FIELD_TYPES = (*SCALARS, "array", "timestamp")
_EVENTS = "time_array"
_OWN_NAMES = frozenset({"start_time", "end_time", "metadata"})
_IMAGE_SOURCES = ("url", "asset_id", "base64_string")
_DEFINITION = frozenset({"id", "description", "fields", "media_sources", "time_ranges"})


def problems_of_definitions(definitions: Any, *, model: str) -> tuple[Problem, ...]:
    """Return what the service would refuse in ``segment_definitions``; pointers are from the list.

    :param definitions: what the user gave.
    :param model: some types of fields need a newer one.
    """
    if not _is_list(definitions) or not 1 <= len(definitions) <= MOST_DEFINITIONS:
        count = len(definitions) if _is_list(definitions) else repr(definitions)
        return (Problem("", f"{count}: give a list of 1 to {MOST_DEFINITIONS} definitions"),)
    found: list[Problem] = []
    for number, definition in enumerate(definitions):
        found += below(f"/{number}", _problems_of_definition(definition, model))
    ids = [entry.get("id") for entry in definitions if isinstance(entry, Mapping)]
    found += [Problem(f"/{ids.index(name)}/id", f"{name!r} is used twice") for name in _twice(ids)]
    return tuple(found)


def problems_of_images(images: Any) -> list[Problem]:
    """Return what the service would refuse in ``media_sources``; pointers are from the list."""
    if not _is_list(images) or len(images) > MOST_IMAGES:
        return [Problem("", f"give a list of at most {MOST_IMAGES} images")]
    found: list[Problem] = []
    for number, image in enumerate(images):
        found += below(f"/{number}", _problems_of_image(image))
    return found


def _problems_of_definition(definition: Any, model: str) -> list[Problem]:
    if not isinstance(definition, Mapping):
        return [Problem("", f"{definition!r} is no definition: write an object with id and description")]
    found = [_unknown(name, _DEFINITION) for name in definition if name not in _DEFINITION]
    found += _missing_texts(definition, ("id", "description"))
    fields = definition.get("fields")
    if fields is not None:
        found += below("/fields", _problems_of_fields(fields, model))
    if definition.get("media_sources") is not None:
        found += below("/media_sources", problems_of_images(definition["media_sources"]))
    if definition.get("time_ranges") is not None:
        found += below("/time_ranges", _problems_of_ranges(definition["time_ranges"]))
    return found


def _problems_of_fields(fields: Any, model: str) -> list[Problem]:
    if not _is_list(fields) or len(fields) > MOST_FIELDS:
        return [Problem("", f"give a list of at most {MOST_FIELDS} fields")]
    found: list[Problem] = []
    for number, field in enumerate(fields):
        found += below(f"/{number}", _problems_of_field(field, model))
    names = [field.get("name") for field in fields if isinstance(field, Mapping)]
    return found + [Problem(f"/{names.index(name)}/name", f"{name!r} is used twice") for name in _twice(names)]


def _problems_of_field(field: Any, model: str) -> list[Problem]:
    if not isinstance(field, Mapping):
        return [Problem("", f"{field!r} is no field: write an object with name, type and description")]
    found = _missing_texts(field, ("name", "description"))
    if field.get("name") in _OWN_NAMES:
        found.append(Problem("/name", f"{field['name']!r} is taken: every segment has it already"))
    kind = field.get("type")
    types = (*FIELD_TYPES, _EVENTS) if model >= EVENTS_MODEL else FIELD_TYPES
    if kind not in types:
        later = f" ({_EVENTS} needs model_name {EVENTS_MODEL})" if kind == _EVENTS else ""
        found.append(Problem("/type", f"{kind!r} is not one of {', '.join(types)}{later}"))
    return [
        *found,
        *_problems_of_time(field, kind),
        *_problems_of_values(field, kind),
        *_problems_of_items(field, kind),
    ]


def _problems_of_time(field: Mapping[str, Any], kind: Any) -> list[Problem]:
    formats = [time.value for time in TimeFormat]
    given = field.get("format")
    if kind == "timestamp" and given not in formats:
        return [Problem("/format", f"{given!r}: a timestamp needs one of {', '.join(formats)}")]
    if kind != "timestamp" and given is not None:
        return [Problem("/format", f"{given!r}: only a timestamp takes a format, not {kind}")]
    return []


def _problems_of_values(field: Mapping[str, Any], kind: Any) -> list[Problem]:
    values = field.get("enum")
    if values is None:
        return []
    if kind == "timestamp":
        return [Problem("/enum", "a timestamp takes no enum")]
    if not _is_list(values) or not all(isinstance(value, str) for value in values):
        return [Problem("/enum", "it must be a list of texts")]
    return [Problem("/enum", f"{len(values)} values: at most {MOST_VALUES}")] if len(values) > MOST_VALUES else []


def _problems_of_items(field: Mapping[str, Any], kind: Any) -> list[Problem]:
    items = field.get("items")
    if kind not in ("array", _EVENTS):
        return [] if items is None else [Problem("/items", f"only an array takes items, not {kind}")]
    item_type = items.get("type") if isinstance(items, Mapping) else None
    if kind == "array" and item_type not in SCALARS:
        return [Problem("/items/type", f"{item_type!r}: an array needs one of {', '.join(SCALARS)}")]
    if kind == _EVENTS and (item_type != "object" or not isinstance(items, Mapping) or not items.get("fields")):
        return [Problem("/items", f"{_EVENTS} needs items with type object and fields")]
    return []


def _problems_of_ranges(ranges: Any) -> list[Problem]:
    if not _is_list(ranges):
        return [Problem("", f"{ranges!r} must be a list of start_time and end_time")]
    found: list[Problem] = []
    times: list[tuple[float, float]] = []
    for number, entry in enumerate(ranges):
        start, end = (entry.get(name) if isinstance(entry, Mapping) else None for name in ("start_time", "end_time"))
        if not is_number(start) or not is_number(end) or start < 0:
            found.append(Problem(f"/{number}", f"{entry!r} needs start_time and end_time in seconds, 0 or more"))
        elif end - start < SHORTEST_SEGMENT:
            found.append(Problem(f"/{number}", f"{start:g} to {end:g} is shorter than {SHORTEST_SEGMENT:g} seconds"))
        else:
            times.append((start, end))
    return found + [
        Problem("", f"{before[0]:g} to {before[1]:g} overlaps {after[0]:g} to {after[1]:g}")
        for before, after in pairwise(sorted(times))
        if after[0] < before[1]
    ]


def _problems_of_image(image: Any) -> list[Problem]:
    if not isinstance(image, Mapping):
        return [Problem("", f"{image!r} is no image: write an object with name, media_type and one source")]
    found = _missing_texts(image, ("name",))
    if image.get("media_type") != "image":
        found.append(Problem("/media_type", f"{image.get('media_type')!r} must be 'image'"))
    given = [name for name in _IMAGE_SOURCES if image.get(name)]
    if len(given) != 1:
        found.append(Problem("", f"give exactly one of {', '.join(_IMAGE_SOURCES)}, not {', '.join(given) or 'none'}"))
    return found


def _missing_texts(owner: Mapping[str, Any], names: Sequence[str]) -> list[Problem]:
    return [
        Problem(step(name), f"{owner.get(name)!r} must be a text that says something")
        for name in names
        if not isinstance(owner.get(name), str) or not owner[name].strip()
    ]


def _unknown(name: object, known: frozenset[str]) -> Problem:
    return Problem(step(name), f"the service knows no {name!r}; it takes {', '.join(sorted(known))}")


def _twice(names: Sequence[Any]) -> list[Any]:
    return [name for name in dict.fromkeys(map(str, names)) if [str(one) for one in names].count(name) > 1]


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether a value is a JSON number; booleans and NaN are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -1e15 < value < 1e15
