"""Reading the plain fields of JSON bodies, and lists that may be sorted by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.datastructures import QueryParams

from twelvelabs_local.api.lists import read_paging
from twelvelabs_local.dialects import Dialect
from twelvelabs_local.errors import invalid, missing
from twelvelabs_local.store.database import Paging


def text(body: Mapping[str, Any], name: str) -> str:
    """Return a text of a body that must be there.

    :raises ServiceError: when it is absent, or no text.
    """
    value = body.get(name)
    if value is None or value == "":
        raise missing(name)
    if not isinstance(value, str) or not value.strip():
        raise invalid(name, "It must be a text.")
    return value


def optional_text(body: Mapping[str, Any], name: str) -> str | None:
    """Return a text of a body, or None.

    :raises ServiceError: when it is something else.
    """
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(name, "It must be a text.")
    return value


def changed(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the texts of a body that are to be changed; a name may not become empty.

    :raises ServiceError: when one is no text.
    """
    values = {name: optional_text(body, name) for name in names if body.get(name) is not None}
    if "name" in values:
        values["name"] = text(body, "name")
    return values


def paging_by_name(query: QueryParams, dialect: Dialect) -> Paging:
    """Return the page that is asked for, of a list that may be sorted by name as well.

    :raises ServiceError: when a value is out of range.
    """
    if query.get("sort_by") != "name":
        return read_paging(query, dialect)
    rest = QueryParams([pair for pair in query.multi_items() if pair[0] != "sort_by"])
    return replace(read_paging(rest, dialect), sort_by="name")
