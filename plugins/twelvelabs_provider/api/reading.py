"""Readers of fields and pages that several models share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from twelvelabs_provider.api.errors import TwelveLabsAnswerError, finite_number
from twelvelabs_provider.api.models import Json, Page
from twelvelabs_provider.api.redaction import clean_text
from twelvelabs_provider.api.service_model import error_text, value_text

T = TypeVar("T")
_MORE_PAGES = 2
_LONGEST_ID = 300


def as_object(answer: Any, what: str) -> Json:
    """Return a response if it is a JSON object, else raise :class:`TwelveLabsAnswerError` that names ``what``."""
    if not isinstance(answer, Mapping):
        raise TwelveLabsAnswerError(f"the service's answer for {what} is {type(answer).__name__}, not a JSON object")
    return answer


def identifier(answer: Any, what: str, *keys: str) -> str:
    """Return the id of a response; ``keys`` default to ``_id`` and ``id``."""
    raw = as_object(answer, what)
    for key in keys or ("_id", "id"):
        if found := raw.get(key):
            if not isinstance(found, str | int) or len(text := str(found)) > _LONGEST_ID or not text.isprintable():
                raise TwelveLabsAnswerError(f"the service's answer for {what} has an id that is none: {found!r}")
            return text
    raise TwelveLabsAnswerError(f"the service's answer for {what} carries no id; its fields are {sorted(raw)}")


def reason_from(value: Any) -> str | None:
    """Return a reason, a warning or a code of the service, cleaned for logs; None for null."""
    return None if value is None else clean_text(value_text(value))


def text_from(raw: Json, field: str, what: str) -> str:
    """Return a required field as text.

    :raises TwelveLabsAnswerError: names the missing field.
    """
    if raw.get(field) is None:
        raise TwelveLabsAnswerError(f"the service's answer for {what} has no {field}; its fields are {sorted(raw)}")
    return str(raw[field])


def optional_text(value: Any) -> str | None:
    """Return a value as text, as :func:`value_text`; None for null."""
    return None if value is None else value_text(value)


def number_from(value: Any) -> float | None:
    """Return a finite number; None for everything else."""
    return finite_number(value)


def error_text_from(raw: Json) -> str | None:
    """Return the service's reason for a failure, in the spelling of any generation; None without one."""
    return error_text(raw.get("error") or raw.get("error_reason") or raw.get("error_message"))


def page_from(answer: Any, item: Callable[[Any], T], what: str) -> Page[T]:
    """Return one page of a list of ``what``."""
    raw = as_object(answer, what)
    info = raw.get("page_info") or {}
    items = tuple(item(entry) for entry in raw.get("data") or ())
    return Page(
        items=items,
        page=int(info.get("page") or 1),
        total_pages=_pages(info, len(items)),
        total_results=int(info.get("total_results") or len(items)),
    )


def _pages(info: Json, entries: int) -> int:
    """Return the announced number of pages, no more than the announced number of entries needs, and a few."""
    pages, results = int(info.get("total_page") or 1), int(info.get("total_results") or 0)
    return min(pages, math.ceil(results / entries) + _MORE_PAGES) if results > 0 and entries else pages
