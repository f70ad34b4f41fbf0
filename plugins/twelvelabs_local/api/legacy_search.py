"""Searches of v1.1 and v1.2: a text, an image, or a boolean query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.search import pictures_of, searched, searched_index
from twelvelabs_local.api.search_pages import legacy, requested_page
from twelvelabs_local.api.search_request import CombinedSearch, MediaSearchForm, TextSearch, ValidatedSearch
from twelvelabs_local.engine.hits import Hit, all_of, any_of, excluding
from twelvelabs_local.errors import invalid, unknown
from twelvelabs_local.search_index import Query, SearchScope, find_hits

if TYPE_CHECKING:
    from twelvelabs_local.engine.features import Vector

NEWER = ("group_by", "threshold", "sort_option")
"""Parameters that v1.2 added."""


async def create(call: Call) -> Response:
    """POST /search."""
    request = await call.json(TextSearch)
    if call.dialect.version == "v1.1" and (newer := request.model_fields_set.intersection(NEWER)):
        raise unknown(list(newer))
    return await _found_response(call, "search", request.search(), ())


async def create_combined(call: Call) -> Response:
    """POST /search/combined (v1.2)."""
    request = await call.json(CombinedSearch)
    search = request.search()
    index = searched_index(call, search)
    found = await searched(call, "search/combined", index, search, lambda pool: _found(pool, search, request.query))
    return answer(legacy(call, found, 0), headers=call.counted("search"))


async def create_by_media(call: Call) -> Response:
    """POST /search-v2 (v1.2)."""
    async with call.form(MediaSearchForm) as form:
        search = form.search(form.adjust_confidence_level)
        pictures = await pictures_of(call, form)
    return await _found_response(call, "search-v2", search, pictures)


async def _found_response(call: Call, way: str, search: ValidatedSearch, pictures: Sequence[Vector]) -> Response:
    index = searched_index(call, search)
    query = Query(search.options, search.text, pictures, search.ways, search.every)
    found = await searched(call, way, index, search, lambda pool: find_hits(pool, query))
    return answer(legacy(call, found, 0), headers=call.counted("search"))


async def read_page(call: Call) -> Response:
    """GET /search/{page_token}; it is not billed."""
    return await _page(call, "search")


async def read_combined_page(call: Call) -> Response:
    """GET /search/combined/{page_token} (v1.2); it is not billed."""
    return await _page(call, "search/combined")


async def read_media_page(call: Call) -> Response:
    """GET /search-v2/{page_token} (v1.2); it is not billed."""
    return await _page(call, "search-v2")


async def _page(call: Call, way: str) -> Response:
    search, number = requested_page(call, way)
    return answer(await run_in_threadpool(legacy, call, search, number))


def _found(pool: SearchScope, search: ValidatedSearch, tree: Mapping[str, Any]) -> list[Hit]:
    (word, inner) = next(iter(tree.items()))
    if word == "text":
        return find_hits(pool, Query(search.options, inner, (), search.ways, search.every))
    if word == "$or":
        return any_of(_found(pool, search, part) for part in inner)
    if word == "$not":
        raise invalid("query", "A $not must stand in a list of $and, beside something that is looked for.")
    return _all_found(pool, search, inner)


def _all_found(pool: SearchScope, search: ValidatedSearch, parts: Iterable[Mapping[str, Any]]) -> list[Hit]:
    wanted = [_found(pool, search, part) for part in parts if "$not" not in part]
    if not wanted:
        raise invalid("query", "A list of $and must have something that is looked for, not only $not.")
    hits = all_of(wanted)
    for part in parts:
        if "$not" in part:
            hits = excluding(hits, _found(pool, search, part["$not"]))
    return hits


ROUTES: Sequence[Endpoint] = (
    ("POST", "/search", create),
    ("GET", "/search/{page_token}", read_page),
)
SINCE_V1_2: Sequence[Endpoint] = (
    ("POST", "/search/combined", create_combined),
    ("POST", "/search-v2", create_by_media),
    ("GET", "/search/combined/{page_token}", read_combined_page),
    ("GET", "/search-v2/{page_token}", read_media_page),
)
