"""The types of request parameters."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from twelvelabs_local.downloads import is_url, redacted_url
from twelvelabs_local.ids import is_id

RESERVED = frozenset({"duration", "filename", "fps", "height", "model_names", "size", "video_title", "width"})
"""Keys that user metadata cannot have, because the service writes them."""


def one_of(value: Any, allowed: Collection[str]) -> None:
    """Raise ValueError if a value is not one of those allowed, for values that a Literal cannot list."""
    if value not in allowed:
        raise ValueError(f"It is {value!r}; it must be one of {', '.join(allowed)}.")


def between(low: float, high: float) -> AfterValidator:
    """Return the check that a number is within a range."""

    def check(value: Any) -> Any:
        if not low <= value <= high:
            kind = "a whole number" if isinstance(value, int) else "a number"
            raise ValueError(f"It is {value!r}; it must be {kind} from {low:g} to {high:g}.")
        return value

    return AfterValidator(check)


def at_least(low: float) -> AfterValidator:
    """Return the check that a number is not below a limit."""

    def check(value: float) -> float:
        if value < low:
            raise ValueError(f"It is {value:g}; it must be at least {low:g}.")
        return value

    return AfterValidator(check)


def sized(low: int, high: int, entries: str) -> BeforeValidator:
    """Return the check that a list has a permitted number of entries; it comes before the checks of the entries.

    :param entries: what it lists, for the message.
    """

    def check(value: Any) -> Any:
        if isinstance(value, list) and not low <= len(value) <= high:
            raise ValueError(f"It has {len(value)} entries; it must be a list of {low} to {high:,} {entries}.")
        return value

    return BeforeValidator(check)


def at_least_one(entry: str) -> AfterValidator:
    """Return the check that a list is not empty.

    :param entry: what it lists, for the message.
    """

    def check(value: list[Any]) -> list[Any]:
        if not value:
            raise ValueError(f"It must be a list with at least one {entry}.")
        return value

    return AfterValidator(check)


def _required(value: Any) -> Any:
    if value in ("", []):
        raise PydanticCustomError("missing", "missing")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("It must be text that is not empty.")
    return value


def _id(value: str) -> str:
    if not is_id(value):
        raise ValueError(f"{value!r} is not an id: an id has 24 hexadecimal digits.")
    return value


def checked_link(value: str) -> str:
    """Return a link to a media file.

    :raises ValueError: when it is not an http or https link.
    """
    try:
        good = is_url(value) and bool(redacted_url(value))
    except ValueError:
        good = False
    if not good:
        raise ValueError("It must be an http or https link to a media file.")
    return value


def _decoded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"It is not JSON: {error}.") from error


def _listed(value: Any) -> Any:
    """Return a list also for a single value; a form may contain the list as JSON text."""
    values = value if isinstance(value, list) else [value]
    if len(values) == 1 and isinstance(values[0], str) and values[0].startswith("["):
        return _decoded(values[0])
    return values


def _distinct(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def plain_values(*, texts: bool = False, nulls: bool = False) -> AfterValidator:
    """Return the check that metadata holds plain values.

    :param texts: whether a value may be a list of texts.
    :param nulls: whether a value may be null, which deletes the key.
    """
    allowed = "text, a number, a boolean or a list of texts" if texts else "text, a number or a boolean"

    def check(metadata: dict[str, Any]) -> dict[str, Any]:
        for name, value in metadata.items():
            listed = texts and isinstance(value, list) and all(isinstance(part, str) for part in value)
            if not listed and not isinstance(value, str | int | float) and not (nulls and value is None):
                raise ValueError(f"The value of {name!r} must be {allowed}.")
        return metadata

    return AfterValidator(check)


def _unreserved(metadata: dict[str, Any]) -> dict[str, Any]:
    if reserved := RESERVED & set(metadata):
        raise ValueError(f"These keys are reserved: {', '.join(sorted(reserved))}.")
    return metadata


Required = BeforeValidator(_required)
"""Treats an empty text or list as not provided."""
Decoded = BeforeValidator(_decoded)
"""Decodes JSON that a form contains as text."""
Listed = BeforeValidator(_listed)
"""Accepts a list also as repeated form parts, as one value, or as JSON text."""
Distinct = AfterValidator(_distinct)
"""Removes repeated values."""
Seconds = Annotated[float, at_least(0)]
NonEmpty = Annotated[str, Required, AfterValidator(_not_blank)]
Id = Annotated[str, Required, AfterValidator(_id)]
Link = Annotated[str, Required, AfterValidator(checked_link)]
UserMetadata = Annotated[dict[str, Any], Decoded, AfterValidator(_unreserved), plain_values(texts=True, nulls=True)]


def merged_metadata(before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata after a change: null deletes a key, an empty text or list is ignored."""
    after = {**before, **{key: value for key, value in change.items() if value not in ("", [])}}
    return {key: value for key, value in after.items() if value is not None}
