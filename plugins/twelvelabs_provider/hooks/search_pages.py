"""Pages of a search; the search is repeated when its page token expires."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.api.paging import Recent, Tokens
from twelvelabs_provider.api.search.request import Match, SearchPage, SearchRequest, is_expired

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)
_MOST_REMEMBERED = 100_000


class Search:
    """Results of a search, best first; a page is requested when its first result is needed.

    Each query is billed, further pages are not. Where the service does not give a page any more because its token is
    too old, the query is asked once more, billed once more, and what was returned already is left out.

    :param hook: the connection.
    :param request: the query; nothing is sent before the first result is wanted.
    """

    def __init__(self, hook: TwelveLabsHook, request: SearchRequest) -> None:
        self._hook = hook
        self._request = request
        self.first: SearchPage | None = None
        """The first page, with the number of results and the searched videos."""
        self.queries = 0
        """Number of billed searches."""
        self.pages = 0
        """Number of pages read."""

    def __iter__(self) -> Iterator[Match]:
        returned = Recent(_MOST_REMEMBERED)
        for page in self._all_pages():
            yield from (match for match in page.matches if returned.add(match.identity))

    def _all_pages(self) -> Iterator[SearchPage]:
        try:
            yield from self._pages()
        except TwelveLabsError as error:
            if not (self.queries and is_expired(error)):
                raise
            log.warning("%s; the search starts again and is billed again", error)
            yield from self._pages()

    def _pages(self) -> Iterator[SearchPage]:
        page = self._hook.execute(self._hook.api.search(self._request))
        self.queries += 1
        self.first = self.first or page
        tokens = Tokens()
        while True:
            self.pages += 1
            yield page
            token = tokens.after(page.next_token, len(page.matches))
            if token is None:
                return
            page = self._hook.execute(self._hook.api.search_page(token, self._request))
