"""The query of lists: paging, sorting, filters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.datastructures import QueryParams

from twelvelabs_local.dialects import Dialect
from twelvelabs_local.errors import invalid, unknown
from twelvelabs_local.identity import read_instant, written
from twelvelabs_local.store.database import Condition, Page, Paging, R

PAGING = ("page", "page_limit", "sort_by", "sort_option")
COMPARISONS: Mapping[str, str] = {"gte": ">=", "lte": "<="}


def read_paging(query: QueryParams, dialect: Dialect) -> Paging:
    """Return the page that is asked for.

    :raises ServiceError: when a value is out of range.
    """
    sort_by, sort_option = query.get("sort_by", "created_at"), query.get("sort_option", "desc")
    if sort_by not in ("created_at", "updated_at"):
        raise invalid("sort_by", f"It is {sort_by!r}; it must be created_at or updated_at.")
    if sort_option not in ("asc", "desc"):
        raise invalid("sort_option", f"It is {sort_option!r}; it must be asc or desc.")
    page = _whole(query, "page", 1, 1_000_000)
    limit = _whole(query, "page_limit", 10, dialect.most_per_page)
    return Paging(page, limit, sort_by, sort_option == "desc")


def _whole(query: QueryParams, name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise invalid(name, f"It is {text!r}; it must be a whole number from 1 to {most}.")
    return int(text)


def number(query: QueryParams, name: str) -> float | None:
    """Return a number of the query, or None.

    :raises ServiceError: when it is not a finite number, or negative.
    """
    text = query.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise invalid(name, f"It is {text!r}; it must be a number.") from error
    if not 0 <= value < float("inf"):
        raise invalid(name, f"It is {text!r}; it must not be negative.")
    return value


def flag(query: QueryParams, name: str) -> bool:
    """Return a boolean of the query; absent is false.

    :raises ServiceError: when it is something else.
    """
    text = query.get(name, "false").lower()
    if text not in ("true", "false"):
        raise invalid(name, f"It is {text!r}; it must be true or false.")
    return text == "true"


def refuse_unknown(query: QueryParams, allowed: Iterable[str]) -> None:
    """Refuse a query with parameters that the call does not have.

    :raises ServiceError: ``parameter_unknown``.
    """
    if extra := {name.split("[")[0] for name in query} - set(allowed):
        raise unknown(list(extra))


def equal(query: QueryParams, name: str, column: str) -> list[Condition]:
    """Return the condition that a column has one of the values given."""
    values = query.getlist(name)
    marks = ", ".join("?" * len(values))
    return [Condition(f"{column} IN ({marks})", values)] if values else []


def one_of(query: QueryParams, name: str, column: str, allowed: Iterable[str]) -> list[Condition]:
    """Return the condition that a column has one of the values given, all of which must be known.

    :raises ServiceError: when one is not.
    """
    known = tuple(allowed)
    for value in query.getlist(name):
        if value not in known:
            raise invalid(name, f"It is {value!r}; it must be one of {', '.join(known)}.")
    return equal(query, name, column)


def since(query: QueryParams) -> list[Condition]:
    """Return the conditions ``created_at`` and ``updated_at``: on or after an instant.

    :raises ServiceError: when a value is not an instant.
    """
    found: list[Condition] = []
    for name in ("created_at", "updated_at"):
        for key, sign in ((name, ">="), *((f"{name}[{word}]", sign) for word, sign in COMPARISONS.items())):
            text = query.get(key)
            if text is None:
                continue
            try:
                # a plus in an unescaped query arrives as a space
                found.append(Condition(f"{name} {sign} ?", [written(read_instant(text.replace(" ", "+")))]))
            except ValueError as error:
                raise invalid(name, f"{text!r} is not an instant like 2026-06-01T10:00:00Z.") from error
    return found


def refuse_other_comparisons(query: QueryParams, names: Iterable[str]) -> None:
    """Refuse ``duration[gt]=60``, which would otherwise narrow nothing.

    :raises ServiceError: ``parameter_unknown``.
    """
    for key in query:
        name, _, comparison = key.removesuffix("]").partition("[")
        if name in names and "[" in key and comparison not in COMPARISONS:
            raise unknown([key])


def numeric(query: QueryParams, names: Iterable[str]) -> list[Condition]:
    """Return conditions on numbers: ``duration=60``, ``duration[gte]=60``.

    :param names: the columns that may be asked for.
    :raises ServiceError: when a value is not a number, or a comparison is none of the service's.
    """
    found: list[Condition] = []
    refuse_other_comparisons(query, names)
    for name in names:
        for key, sign in ((name, "="), *((f"{name}[{word}]", sign) for word, sign in COMPARISONS.items())):
            value = number(query, key)
            if value is not None:
                found.append(Condition(f"{name} {sign} ?", [value]))
    return found


def metadata_equal(query: QueryParams, known: Iterable[str]) -> list[Condition]:
    """Return conditions on user metadata: every parameter that is nothing else is a key.

    :param known: the other parameters of the call.
    """
    keys = [key for key in query if key.split("[")[0] not in set(known)]
    found: list[Condition] = []
    for key in keys:
        name = key.removeprefix("user_metadata[").removesuffix("]") if key.startswith("user_metadata[") else key
        found.append(_metadata_equals(name, query[key]))
    return found


def _metadata_equals(name: str, text: str) -> Condition:
    """Return the condition that a key of user metadata has a value, which a query can only write as text."""
    same = ["type = 'text' AND value = ?", "type = ?"]
    values: list[Any] = [name, text, text.lower()]
    with contextlib.suppress(ValueError):
        values.append(float(text))
        same.append("type IN ('integer', 'real') AND value = ?")
    either = " OR ".join(f"({one})" for one in same)
    return Condition(f"EXISTS (SELECT 1 FROM json_each(user_metadata) WHERE key = ? AND ({either}))", values)


def listing(page: Page[R], body: Callable[[R], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the body of a list.

    :param page: the page.
    :param body: makes the body of one record.
    """
    return {"data": [body(record) for record in page.records], "page_info": page.info()}
