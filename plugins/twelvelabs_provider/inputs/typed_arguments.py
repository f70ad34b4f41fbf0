"""Typed values of templated arguments, given as values or as rendered text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import pendulum

from twelvelabs_provider.api.decoding import decoded_json
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.text_arguments import text_of, without_paths
from twelvelabs_provider.jobs.durations import plain_number

C = TypeVar("C", bound=str)

_SHOWN = 200
"""Characters of a value that an error shows."""

SECONDS = "a number of seconds, 0 or more"
"""A duration or an offset, in errors."""


def decoded(name: str, value: Any, what: str) -> Any:
    """Return a value, decoded if it is JSON text; None if it is empty after rendering.

    :param name: the argument's name, for the error.
    :param what: what the text should be, for the error.
    :raises TwelveLabsInputError: the text is not JSON.
    """
    value = without_paths(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | list | tuple):
        # The results of mapped tasks arrive as a lazy sequence of Airflow.
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
    """Return an argument that maps names to values; empty if it is not given.

    :param name: the argument's name, for the error.
    :param value: a mapping, its JSON text, or None.
    :raises TwelveLabsInputError: it is none of these.
    """
    given = decoded(name, value, "a JSON object")
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise TwelveLabsInputError(f"{name}={value!r} must be a mapping of names to values, or its JSON text")
    return dict(given)


def texts_of(name: str, value: Any) -> tuple[str, ...]:
    """Return a list of texts; a single text is a list of one.

    :param name: the argument's name, for the error.
    :param value: a list of texts, its JSON text, one text, or None.
    :raises TwelveLabsInputError: it is none of these.
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
    """Return whether a value is a text, or a whole number to which native rendering converted one."""
    return bool(value.strip()) if isinstance(value, str) else isinstance(value, int)


def entries_of(name: str, value: Any, how: str) -> list[Any]:
    """Return an argument that is one thing or a list of things; an empty argument has none.

    :param name: the argument's name, for the error.
    :param value: a text, a mapping, a list of anything, or the JSON text of a mapping or a list.
    :param how: what to give, for the error.
    :raises TwelveLabsInputError: it is none of these.
    """
    value = without_paths(value)
    if isinstance(value, str):
        text = value.strip()
        if text in ("", "None", "null"):
            return []
        value = decoded(name, text, "JSON") if text[0] in "[{" else text
    if isinstance(value, str | Mapping):
        return [value]
    if value is None:
        return []
    if isinstance(value, bytes) or not isinstance(value, Sequence):
        raise TwelveLabsInputError(f"{name}={value!r} is {type(value).__name__}: {how}")
    return list(without_paths(list(value)))


def mappings_of(name: str, value: Any) -> tuple[dict[str, Any], ...]:
    """Return a list of mappings; a single mapping is a list of one.

    :param name: the argument's name, for the error.
    :param value: a list of mappings of names to values, its JSON text, one mapping, or None.
    :raises TwelveLabsInputError: it is none of these.
    """
    given = decoded(name, value, "a JSON list")
    if isinstance(given, Mapping):
        given = [given]
    if given is None:
        return ()
    if not isinstance(given, list | tuple):
        raise TwelveLabsInputError(f"{name}={value!r} must be a list of mappings, or its JSON text")
    return tuple(mapping_of(f"{name}[{number}]", entry) for number, entry in enumerate(given))


def choice_of(name: str, value: Any, choices: Iterable[C]) -> C:
    """Return an argument with fixed values, whatever its case.

    :param name: the argument's name, for the error.
    :param choices: an enum class, or texts.
    :raises TwelveLabsInputError: with the fixed values.
    """
    word = str(value).strip().lower()
    for choice in choices:
        if choice == word:
            return choice
    raise TwelveLabsInputError(f"{name}={value!r} is not one of {', '.join(choices)}")


def optional_choice(name: str, value: Any, choices: Iterable[C]) -> C | None:
    """Return an argument with fixed values, or None; see :func:`choice_of`.

    :raises TwelveLabsInputError: with the fixed values.
    """
    return None if optional_text(value) is None else choice_of(name, value, choices)


def choices_of(name: str, value: Any, choices: Iterable[C]) -> tuple[C, ...]:
    """Return a list of fixed values; a single one is a list of one. See :func:`texts_of` and :func:`choice_of`.

    :raises TwelveLabsInputError: it is no list, or with the fixed values.
    """
    known = tuple(choices)
    return tuple(choice_of(name, one, known) for one in texts_of(name, value) if optional_text(one) is not None)


def number_of(name: str, value: Any, *, least: float = -math.inf, what: str = "a number") -> float:
    """Return a number, given as a number, its text, or a timedelta (its seconds).

    :param name: the argument's name, for the error.
    :param least: the smallest valid number.
    :param what: what the argument should be, for the error.
    :raises TwelveLabsInputError: it is none of these, or too small.
    """
    try:
        number = float(plain_number(value))
    except (OverflowError, TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or number < least:
        raise TwelveLabsInputError(f"{name}={value!r} must be {what}")
    return number


def optional_number(name: str, value: Any, *, least: float = -math.inf, what: str = "a number") -> float | None:
    """Return a number or None; see :func:`number_of`.

    :raises TwelveLabsInputError: it is none of these.
    """
    return None if optional_text(value) is None else number_of(name, value, least=least, what=what)


def whole_number_of(name: str, value: Any, *, most: int | None = None) -> int:
    """Return a whole number from 1 on; see :func:`number_of`.

    :raises TwelveLabsInputError: it is no such number.
    """
    what = "a whole number, 1 or more" if most is None else f"a whole number from 1 to {most}"
    number = number_of(name, value, least=1, what=what)
    if number != int(number) or (most is not None and number > most):
        raise TwelveLabsInputError(f"{name}={value!r} must be {what}")
    return int(number)


def optional_text(value: Any) -> str | None:
    """Return a text; None if it is empty after rendering."""
    text = "" if value is None else str(value).strip()
    return None if text in ("", "None") else text


def flag_of(name: str, value: Any) -> bool:
    """Return a boolean, given as a boolean or its text.

    :raises TwelveLabsInputError: it is none of these.
    """
    if isinstance(value, bool):
        return value
    flag = {"true": True, "false": False}.get(str(value).strip().lower())
    if flag is None:
        raise TwelveLabsInputError(f"{name}={value!r} must be true or false")
    return flag


def moment_of(name: str, value: Any) -> pendulum.DateTime:
    """Return a time, given as a datetime or ISO 8601 text; without a zone it is UTC.

    :raises TwelveLabsInputError: it is none of these.
    """
    try:
        moment = pendulum.instance(value) if isinstance(value, datetime) else pendulum.parse(str(value))
    except (OverflowError, ValueError):
        moment = None
    if not isinstance(moment, pendulum.DateTime):
        raise TwelveLabsInputError(f"{name}={value!r} must be a time such as 2026-06-01T10:00:00Z")
    return moment
