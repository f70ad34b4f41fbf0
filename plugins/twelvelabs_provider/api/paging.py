"""Paging through lists: pages, end of the list, duplicate entries."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.service_model import NO_FIELDS, Count, ServiceModel, as_object, named

T = TypeVar("T")

MOST_PAGES = 100_000
"""Pages of one list that are read at most."""

_MOST_REMEMBERED = 10_000
_MOST_STALE = 20
_MORE_PAGES = 2


class PageInfo(ServiceModel):
    """Position of a page in its list, and the size of the list."""

    page: Count = 1
    total_pages: Count = named("total_page", default=1)
    total_results: Count = 0

    def page_with(self, items: tuple[T, ...]) -> Page[T]:
        """Return the page with its entries."""
        return Page(items, self.page or 1, self._pages(len(items)), self.total_results or len(items))

    def _pages(self, entries: int) -> int:
        """Return the announced number of pages, no more than the announced number of entries needs, and a few."""
        pages = self.total_pages or 1
        if self.total_results <= 0 or not entries:
            return pages
        return min(pages, math.ceil(self.total_results / entries) + _MORE_PAGES)


def page_from(answer: Any, item: Callable[[Any], T], what: str) -> Page[T]:
    """Return one page of a list of ``what``."""
    raw = as_object(answer, what)
    return PageInfo.read(raw.get("page_info") or NO_FIELDS).page_with(tuple(map(item, raw.get("data") or ())))


class Recent:
    """The last of many keys, in bounded memory.

    :param most: keys that are remembered.
    """

    def __init__(self, most: int = _MOST_REMEMBERED) -> None:
        self._most = most
        self._keys: OrderedDict[Hashable, None] = OrderedDict()

    def add(self, key: Hashable) -> bool:
        """Remember a key and return whether it is new."""
        if key in self._keys:
            self._keys.move_to_end(key)
            return False
        self._keys[key] = None
        if len(self._keys) > self._most:
            self._keys.popitem(last=False)
        return True


class Tokens:
    """Cursor over pages with tokens; it ends at an empty page and at a repeated token.

    :param most: pages that are read at most.
    """

    def __init__(self, most: int = MOST_PAGES) -> None:
        self._left = most
        self._seen = Recent()

    def after(self, token: str | None, entries: int) -> str | None:
        """Return the token of the next page to read, or None at the end.

        :param token: of the page that was read last.
        :param entries: how many entries that page had.
        """
        self._left -= 1
        return token if token and entries and self._left > 0 and self._seen.add(token) else None


class Pages:
    """Cursor over numbered pages, as long as they have new entries.

    A list ends at its announced last page, at an empty page, and after several pages in a row without a new entry.
    While entries are added, those of one page move to the next one: what comes again is left out.

    :param most: pages that are read at most.
    """

    def __init__(self, most: int = MOST_PAGES) -> None:
        self._most = most
        self._seen = Recent()
        self._stale = 0
        self._ended = False
        self.number = 1
        """The page to ask for, counted from 1."""
        self.last = 1
        """The announced last page."""

    @property
    def more(self) -> bool:
        """Whether there is another page."""
        return not self._ended and self.number <= min(self.last, self._most)

    def new_in(self, page: Page[T]) -> list[T]:
        """Return the new entries of a page and move to the next page."""
        fresh = [item for item in page.items if self._is_new(item)]
        self._stale = 0 if fresh else self._stale + 1
        self._ended = not page.items or self._stale >= _MOST_STALE
        self.number, self.last = self.number + 1, page.total_pages
        return fresh

    @property
    def cut(self) -> bool:
        """Whether pages were left out because there are too many."""
        return not self._ended and self._most < self.number <= self.last

    def ensure_complete(self, what: str) -> None:
        """Check that no pages were left out.

        :param what: the list, for the message.
        :raises TwelveLabsAnswerError: there are too many.
        """
        if self.cut:
            raise TwelveLabsAnswerError(
                f"{what} does not end: page {self._most:,} of {self.last:,} was the last one read"
            )

    def _is_new(self, item: object) -> bool:
        name = getattr(item, "id", None)
        return name is None or self._seen.add(name)
