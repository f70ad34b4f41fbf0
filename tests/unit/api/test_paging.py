"""Paging: end of a list, and duplicate entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.paging import Pages, Recent, Tokens, page_from


@dataclass(frozen=True)
class Entry:
    id: str


def page(*names: str, of: int = 10**9) -> Page[Entry]:
    return Page(tuple(map(Entry, names)), 1, of, len(names))


def read(pages: Pages, answer: Any) -> list[str]:
    """Go through pages, each made by a function of its number; return the ids in their order."""
    found: list[str] = []
    while pages.more:
        found += [entry.id for entry in pages.new_in(answer(pages.number))]
    return found


def test_empty_page_ends_the_list() -> None:
    assert read(Pages(), lambda number: page(str(number)) if number < 4 else page()) == ["1", "2", "3"]


def test_announced_last_page_ends_the_list() -> None:
    assert read(Pages(), lambda number: page(str(number), of=3)) == ["1", "2", "3"]


def test_entries_that_move_to_the_next_page_are_yielded_once() -> None:
    pages = {1: page("e", "d", of=3), 2: page("d", "c", of=3), 3: page("c", "b", of=3)}
    assert read(Pages(), pages.__getitem__) == ["e", "d", "c", "b"]


def test_repeated_page_ends_the_list() -> None:
    pages = Pages()
    assert read(pages, lambda number: page("a", "b")) == ["a", "b"]
    assert pages.number <= 25


def test_full_page_of_known_entries_does_not_end_a_growing_list() -> None:
    """Fifty new entries while one page is read push all of it to the next."""
    pages = {1: page("c", "b", of=3), 2: page("c", "b", of=3), 3: page("a", of=3)}
    assert read(Pages(), pages.__getitem__) == ["c", "b", "a"]


def test_an_endless_list_is_an_error() -> None:
    pages = Pages(most=5)
    assert len(read(pages, lambda number: page(str(number)))) == 5
    assert pages.cut
    with pytest.raises(TwelveLabsAnswerError, match="page 5 of 1,000,000,000"):
        pages.ensure_complete("GET /assets")


def test_number_of_remembered_keys_is_bounded() -> None:
    recent = Recent(most=3)
    assert [recent.add(key) for key in "abcabcd"] == [True] * 3 + [False] * 3 + [True]
    assert recent.add("a")


@pytest.mark.parametrize(
    ("total_pages", "total_results", "pages"), [(10**9, 120, 5), (3, 120, 3), (10**9, None, 10**9)]
)
def test_announced_entries_limit_the_announced_pages(total_pages: int, total_results: Any, pages: int) -> None:
    answer = {
        "data": [{"id": str(number)} for number in range(50)],
        "page_info": {"page": 1, "total_page": total_pages, "total_results": total_results},
    }
    assert page_from(answer, dict, "a list").total_pages == pages


@pytest.mark.parametrize(
    ("tokens", "followed"),
    [(["a", "b", "a"], ["a", "b"]), (["a", "a"], ["a"]), (["a", None], ["a"]), (["a", ""], ["a"])],
)
def test_repeated_token_ends_the_list(tokens: list[str | None], followed: list[str]) -> None:
    chain = Tokens()
    assert [found for token in tokens if (found := chain.after(token, 1))] == followed


def test_tokens_end_with_an_empty_page_or_the_limit() -> None:
    assert Tokens().after("a", 0) is None
    chain = Tokens(most=3)
    assert [chain.after(str(number), 1) for number in range(4)] == ["0", "1", None, None]
