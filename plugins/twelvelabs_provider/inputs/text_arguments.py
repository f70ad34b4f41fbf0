"""Templated arguments of operators and sensors: paths read as texts, and texts that native rendering changed."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

from twelvelabs_provider.api.redaction import clean_text
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.locations import Location, is_path

_TEXT: frozenset[Any] = frozenset({"str", "str | None", str, str | None})
_URL = re.compile(r":\\?/\\?/|%3A%2F%2F", re.IGNORECASE)
_NOT_QUOTED = 200
"""Characters of a value that an error repeats."""


def read_arguments(owner: Any, names: Any) -> None:
    """Replace paths in an operator's arguments by texts, and numbers by texts where a text is meant.

    An argument means a text where its annotation says so. ``render_template_as_native_obj`` makes a number of an id
    that has digits only.

    :param names: the templated arguments.
    :raises TwelveLabsInputError: naming the argument that is meant to be a text and is not, or an id that is a URL.
    """
    texts = _text_arguments(owner.__class__)
    for name in names:
        given = getattr(owner, name, None)
        value = without_paths(given)
        value = text_of(name, value) if name in texts else value
        if value is not given:
            setattr(owner, name, value)
        if name.endswith(("_id", "_ids")):
            _refuse_url(name, value)


def without_paths(value: Any) -> Any:
    """Return a value in which every path is a text, also inside of lists and mappings; the value itself if it has none.

    :raises TwelveLabsInputError: for a path that holds credentials of its own.
    """
    if is_path(value):
        return Location.parse(value).value
    if isinstance(value, Mapping):
        found: Any = {without_paths(name): without_paths(inner) for name, inner in value.items()}
        return value if _same(found.values(), value.values()) and _same(found, value) else found
    if isinstance(value, list | tuple):
        read = [without_paths(inner) for inner in value]
        return value if _same(read, value) else type(value)(read) if type(value) in (list, tuple) else read
    return value


def text_of(name: str, value: Any) -> str | None:
    """Return an argument that is a text, or a whole number, boolean or UUID as its text; nothing is None.

    :param name: the argument's name, for the error.
    :raises TwelveLabsInputError: for anything else: a float, a list or a mapping does not tell how it was written.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | UUID):
        return str(value)
    raise TwelveLabsInputError(
        f"{name}={str(value)[:_NOT_QUOTED]!r} is {type(value).__name__}, and must be a text. If"
        " render_template_as_native_obj=True made it one, write quotation marks around the template: \"'{{ ... }}'\""
    )


def _refuse_url(name: str, value: Any) -> None:
    """Refuse a URL where an id is meant: log lines and errors show ids, and a URL may be signed.

    :raises TwelveLabsInputError: naming the argument; a query or a password of the URL is not shown.
    """
    if isinstance(value, str | list | tuple) and _URL.search(str(value)):
        shown = clean_text(value, _NOT_QUOTED)
        raise TwelveLabsInputError(
            f"{name} must be an id, and is a URL: {shown!r}. Set the id that TwelveLabs returned"
        )


def _same(read: Any, given: Any) -> bool:
    return all(one is other for one, other in zip(read, given, strict=True))


@cache
def _text_arguments(owner: type) -> frozenset[str]:
    """Return the arguments that are annotated as texts."""
    inits = [vars(base)["__init__"] for base in owner.__mro__ if "__init__" in vars(base)]
    arguments = [argument for init in inits for argument in inspect.signature(init).parameters.values()]
    return frozenset(argument.name for argument in arguments if argument.annotation in _TEXT)
