"""Queries of lists: paging, sorting and filters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ValidationInfo

from twelvelabs_local.api.call import Call
from twelvelabs_local.api.parameters import between
from twelvelabs_local.api.request_model import Comparison, RequestModel
from twelvelabs_local.errors import unknown
from twelvelabs_local.store.database import Condition, Paging, R
from twelvelabs_local.times import format_time, parse_time


class PageQuery(RequestModel):
    """The query of a list that shows the newest first."""

    page: Annotated[int, between(1, 1_000_000)] = 1
    page_limit: Annotated[int, between(1, 50)] = 10

    def paging(self) -> Paging:
        """Return the page that the query asks for."""
        return Paging(self.page, self.page_limit)


class NamedQuery(PageQuery):
    """The query of a list that may be sorted by time or by name."""

    sort_by: Literal["created_at", "updated_at", "name"] = "created_at"
    sort_option: Literal["asc", "desc"] = "desc"

    def paging(self) -> Paging:
        """Return the page that the query asks for."""
        return Paging(self.page, self.page_limit, self.sort_by, self.sort_option == "desc")


class SortedQuery(NamedQuery):
    """The query of a list that may be sorted by time."""

    sort_by: Literal["created_at", "updated_at"] = "created_at"


def listing(
    call: Call,
    record: type[R],
    conditions: Sequence[Condition],
    query: PageQuery,
    body: Callable[[R], Mapping[str, Any]],
) -> Mapping[str, Any]:
    """Return the body of a list.

    :param body: returns one entry.
    """
    page = call.db.page(record, conditions, query.paging())
    return {"data": [body(one) for one in page.records], "page_info": page.info()}


def among(column: str, values: Sequence[str]) -> list[Condition]:
    """Return the condition that a column has one of the values; none where the query gives none."""
    marks = ", ".join("?" * len(values))
    return [Condition(f"{column} IN ({marks})", values)] if values else []


def _comparison(read: Callable[[str], float | str]) -> AfterValidator:
    """Return the check of ``duration=60`` and ``duration[gte]=60``, which arrive as ``{"eq": ..., "gte": ...}``."""

    def check(given: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if extra := set(given) - {"eq", "gte", "lte"}:
            raise unknown([f"{info.field_name}[{word}]" for word in extra])
        return {word: read(text) for word, text in given.items()}

    return AfterValidator(check)


def number(text: str) -> float:
    """Return a number of a query.

    :raises ValueError: when it is not a finite number, or negative.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"It is {text!r}; it must be a number.") from error
    if not 0 <= value < float("inf"):
        raise ValueError(f"It is {text!r}; it must not be negative.")
    return value


def instant(text: str) -> str:
    """Return an instant of a query as the database writes it.

    :raises ValueError: when it is not an instant.
    """
    try:
        # a plus in an unescaped query arrives as a space
        return format_time(parse_time(text.replace(" ", "+")))
    except ValueError as error:
        raise ValueError(f"{text!r} is not an instant like 2026-06-01T10:00:00Z.") from error


Numbers = Annotated[Comparison, _comparison(number)]
Instants = Annotated[Comparison, _comparison(instant)]
Instant = Annotated[str, AfterValidator(instant)]


def equal_or_within(column: str, numbers: Mapping[str, Any]) -> list[Condition]:
    """Return the conditions of a ``Numbers`` filter."""
    signs = {"eq": "=", "gte": ">=", "lte": "<="}
    return [Condition(f"{column} {signs[word]} ?", [value]) for word, value in numbers.items()]


def since(column: str, instants: Mapping[str, Any]) -> list[Condition]:
    """Return the conditions of an ``Instants`` filter; an instant alone is the earliest."""
    signs = {"eq": ">=", "gte": ">=", "lte": "<="}
    return [Condition(f"{column} {signs[word]} ?", [value]) for word, value in instants.items()]


def metadata_equals(key: str, text: str) -> Condition:
    """Return the condition that a key of user metadata has a value, which a query can only write as text."""
    same = ["type = 'text' AND value = ?", "type = ?"]
    values: list[Any] = [key, text, text.lower()]
    with contextlib.suppress(ValueError):
        values.append(float(text))
        same.append("type IN ('integer', 'real') AND value = ?")
    either = " OR ".join(f"({one})" for one in same)
    return Condition(f"EXISTS (SELECT 1 FROM json_each(user_metadata) WHERE key = ? AND ({either}))", values)
