"""Templated arguments: conversion of paths, and of texts that native rendering turned into other types."""

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
_SHOWN = 200
"""Characters of a value that an error shows."""


def read_arguments(owner: Any, names: Any) -> None:
    """Convert the paths in an operator's arguments to texts, and numbers to texts where the annotation is ``str``.

    ``render_template_as_native_obj`` turns an id of digits into a number.

    :param names: the templated arguments.
    :raises TwelveLabsInputError: an argument is not a text, or an id is a URL.
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
    """Return a value with each path as text, also in lists and mappings; the value itself if it has no path.

    :raises TwelveLabsInputError: a path holds credentials.
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
    """Return a text argument; a whole number, boolean or UUID becomes its text, None stays None.

    :param name: the argument's name, for the error.
    :raises TwelveLabsInputError: it is a float, a list or a mapping, whose original text is unknown.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | UUID):
        return str(value)
    raise TwelveLabsInputError(
        f"{name}={str(value)[:_SHOWN]!r} is {type(value).__name__}, and must be a text. If"
        " render_template_as_native_obj=True converted it, write quotation marks around the template: \"'{{ ... }}'\""
    )


def _refuse_url(name: str, value: Any) -> None:
    """Refuse a URL where an id is meant: log lines and errors show ids, and a URL may be signed.

    :raises TwelveLabsInputError: it is a URL; its query and password are not shown.
    """
    if isinstance(value, str | list | tuple) and _URL.search(str(value)):
        shown = clean_text(value, _SHOWN)
        raise TwelveLabsInputError(f"{name} is a URL, not an id: {shown!r}. Set the id that TwelveLabs returned")


def _same(read: Any, given: Any) -> bool:
    return all(one is other for one, other in zip(read, given, strict=True))


@cache
def _text_arguments(owner: type) -> frozenset[str]:
    """Return the arguments with the annotation ``str``."""
    inits = [vars(base)["__init__"] for base in owner.__mro__ if "__init__" in vars(base)]
    arguments = [argument for init in inits for argument in inspect.signature(init).parameters.values()]
    return frozenset(argument.name for argument in arguments if argument.annotation in _TEXT)
