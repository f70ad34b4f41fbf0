"""Number of requests for the lookup of many videos."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from twelvelabs_provider.api.call import Call, get
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.jobs.bulk_indexing.lookup import from_list


class Listing:
    """A list of names, fifty a page, that counts its requests."""

    def __init__(self, entries: list[str]) -> None:
        self.entries = entries
        self.requests = 0

    def page(self, paging: Paging) -> Call[Page[str]]:
        begin = (paging.page - 1) * 50
        pages = -(-len(self.entries) // 50) or 1
        answer = Page(tuple(self.entries[begin : begin + 50]), paging.page, pages, len(self.entries))
        return get("/list", lambda _: answer)

    def execute(self, call: Call[Any]) -> Any:
        self.requests += 1
        return call.parse(None)


def look(entries: list[str], wanted: set[str], name: Callable[[str], str | None] = str) -> tuple[int, int, int]:
    """Return how many were found, have to be asked for, and how many requests it took."""
    listing = Listing(entries)
    found, unknown = from_list(listing, listing.page, wanted, name)  # type: ignore[arg-type]
    assert found.keys() <= wanted and not found.keys() & unknown
    return len(found), len(unknown), listing.requests


WANTED = {f"n{number}" for number in range(500)}


@pytest.mark.parametrize(
    ("entries", "found", "unknown", "requests"),
    [
        ([], 0, 0, 1),
        # nothing of it is there: all of the list is read, and it is short
        ([f"x{number}" for number in range(1_000)], 0, 0, 20),
        # all of it is there, at the new end: the rest is not read
        ([f"n{number}" for number in range(500)] + ["x"] * 20_000, 500, 0, 10),
        # to read all of it would cost more than to ask
        (["x"] * 100_000, 0, 500, 1),
    ],
)
def test_a_list_is_read_while_it_is_cheaper_than_single_reads(
    entries: list[str], found: int, unknown: int, requests: int
) -> None:
    assert look(entries, WANTED) == (found, unknown, requests)


def test_items_without_a_name_are_ignored() -> None:
    assert look(["n1", "n2"], {"n1", "n2"}, lambda entry: None if entry == "n1" else entry) == (1, 0, 1)


def test_without_wanted_items_there_is_no_request() -> None:
    assert look(["a"], set()) == (0, 0, 0)
