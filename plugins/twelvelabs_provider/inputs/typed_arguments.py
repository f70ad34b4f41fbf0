"""Templated arguments as they arrive: values, or the text that a template made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pendulum

from twelvelabs_provider.api.decoding import decoded_json
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.text_arguments import text_of, without_paths
from twelvelabs_provider.jobs.durations import plain_number

_SHOWN = 200
"""Characters of a text that an error repeats."""


def decoded(name: str, value: Any, what: str) -> Any:
    """Return a value itself, or what its JSON text holds; what rendered to nothing is None.

    :param name: the argument's name, for the error.
    :param what: what the text should be, for the error.
    :raises TwelveLabsInputError: for a text that is no JSON.
    """
    value = without_paths(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | list | tuple):
        # What the instances of a mapped task returned comes as a sequence of Airflow's own.
        return without_paths(list(value))
    if not isinstance(value, str):
        return value
    if value.strip() in ("", "None", "null"):
        return None
    try:
        return decoded_json(value)
    except ValueError as error:
        raise TwelveLabsInputError(
            f"{name}={value[:_SHOWN]!r} is text but not {what} ({error}); write {{{{ ... | tojson }}}}"
            " in a template, or render templates as native objects"
        ) from error


def mapping_of(name: str, value: Any) -> dict[str, Any]:
    """Return an argument that maps names to values; nothing is an empty one.

    :param name: the argument's name, for the error.
    :param value: a mapping, its JSON text, or nothing.
    :raises TwelveLabsInputError: for anything else.
    """
    given = decoded(name, value, "a JSON object")
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise TwelveLabsInputError(f"{name}={value!r} must be a mapping of names to values, or its JSON text")
    return dict(given)


def texts_of(name: str, value: Any) -> tuple[str, ...]:
    """Return an argument that is a list of texts; a single text is a list of one.

    :param name: the argument's name, for the error.
    :param value: a list of texts, its JSON text, one text, or nothing.
    :raises TwelveLabsInputError: for anything else.
    """
    value = without_paths(value)
    if isinstance(value, int):
        value = text_of(name, value)
    single = isinstance(value, str) and not value.lstrip().startswith("[")
    given = [value] if single and value.strip() else decoded(name, value, "a JSON list")
    if given is None:
        return ()
    if not isinstance(given, list | tuple) or not all(_is_text(one) for one in given):
        raise TwelveLabsInputError(f"{name}={value!r} must be a list of texts, or its JSON text")
    return tuple(str(one).strip() for one in given)


def _is_text(value: Any) -> bool:
    """Tell whether a value is a text, or a whole number that native rendering made of one."""
    return bool(value.strip()) if isinstance(value, str) else isinstance(value, int)


def mappings_of(name: str, value: Any) -> tuple[dict[str, Any], ...]:
    """Return an argument that is a list of mappings; a single one is a list of one.

    :param name: the argument's name, for the error.
    :param value: a list of mappings of names to values, its JSON text, one mapping, or nothing.
    :raises TwelveLabsInputError: for anything else.
    """
    given = decoded(name, value, "a JSON list")
    if isinstance(given, Mapping):
        given = [given]
    if given is None:
        return ()
    if not isinstance(given, list | tuple):
        raise TwelveLabsInputError(f"{name}={value!r} must be a list of mappings, or its JSON text")
    return tuple(mapping_of(f"{name}[{number}]", entry) for number, entry in enumerate(given))


def number_of(name: str, value: Any) -> float:
    """Return an argument that is a number, the text of one, or a timedelta, whose seconds count.

    :raises TwelveLabsInputError: for anything else.
    """
    try:
        number = float(plain_number(value))
    except (OverflowError, TypeError, ValueError):
        number = float("nan")
    if not float("-inf") < number < float("inf"):
        raise TwelveLabsInputError(f"{name}={value!r} must be a number")
    return number


def optional_number(name: str, value: Any) -> float | None:
    """Return an argument that is a number, the text of one, or nothing.

    :raises TwelveLabsInputError: for anything else.
    """
    return None if value is None or str(value).strip() in ("", "None") else number_of(name, value)


def optional_text(value: Any) -> str | None:
    """Return an argument as a text; None if it is empty after rendering."""
    text = "" if value is None else str(value).strip()
    return None if text in ("", "None") else text


def flag_of(name: str, value: Any) -> bool:
    """Return an argument that is true or false, or the text of it.

    :raises TwelveLabsInputError: for anything else.
    """
    if isinstance(value, bool):
        return value
    flag = {"true": True, "false": False}.get(str(value).strip().lower())
    if flag is None:
        raise TwelveLabsInputError(f"{name}={value!r} must be true or false")
    return flag


def moment_of(name: str, value: Any) -> pendulum.DateTime:
    """Return an argument that is a moment: a datetime or an ISO 8601 text; without a zone it is UTC.

    :raises TwelveLabsInputError: for anything else.
    """
    try:
        moment = pendulum.instance(value) if isinstance(value, datetime) else pendulum.parse(str(value))
    except (OverflowError, ValueError):
        moment = None
    if not isinstance(moment, pendulum.DateTime):
        raise TwelveLabsInputError(f"{name}={value!r} must be a moment such as 2026-06-01T10:00:00Z")
    return moment
