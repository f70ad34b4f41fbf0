"""Searching an index with v1.1 and v1.2: a text, an image, or a boolean query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.api.search import MEDIA, form_fields, pictures_of, searched, searched_index
from twelvelabs_local.api.search_pages import asked_page, legacy
from twelvelabs_local.api.search_request import Wish, read_legacy
from twelvelabs_local.engine.hits import Hit, all_of, any_of, excluding
from twelvelabs_local.errors import invalid, missing
from twelvelabs_local.search_index import Query, SearchScope, find_hits

OLD = ("index_id", "search_options", "operator", "conversation_option", "page_limit", "filter")
NEWER = ("group_by", "threshold", "sort_option")
"""What v1.2 added."""
DUMMY = "dummy"
"""An empty part that the vendor's older client adds to make a form of it."""


async def create(call: Call) -> Response:
    """POST /search."""
    body = await call.body((*OLD, "query", *(() if _is_oldest(call) else NEWER)))
    wish = read_legacy(body, "query")
    if not wish.text:
        raise missing("query") if wish.tree is None else invalid("query", "It must be text.")
    query = Query(wish.options, wish.text, (), wish.ways, wish.every)
    return await _answered(call, "search", wish, query)


async def create_combined(call: Call) -> Response:
    """POST /search/combined (v1.2)."""
    _refuse_oldest(call)
    wish = read_legacy(await call.body((*OLD, "query", *NEWER)), "query")
    if wish.tree is None:
        raise missing("query") if not wish.text else invalid("query", "It must be an object, such as {'text': ...}.")
    index = searched_index(call, wish)
    tree = wish.tree
    search = await searched(call, "search/combined", index, wish, lambda pool: _found(pool, wish, tree))
    return answer(legacy(call, search, 0), headers=call.counted("search"))


async def create_by_media(call: Call) -> Response:
    """POST /search-v2 (v1.2): a form with a text or an image."""
    _refuse_oldest(call)
    plain = [name for name in (*OLD, *NEWER, "adjust_confidence_level", "query_text") if name != "search_options"]
    async with call.form((*plain, "search_options", *MEDIA, DUMMY)) as form:
        wish = read_legacy(await form_fields(form, plain, ("search_options",)), "query_text")
        pictures = await pictures_of(call, form, 1)
    if bool(wish.text) == bool(pictures):
        raise missing("query_text") if not pictures else invalid("query_text", "It cannot go with an image.")
    return await _answered(call, "search-v2", wish, Query(wish.options, wish.text, pictures, wish.ways, wish.every))


async def _answered(call: Call, way: str, wish: Wish, query: Query) -> Response:
    index = searched_index(call, wish)
    search = await searched(call, way, index, wish, lambda pool: find_hits(pool, query))
    return answer(legacy(call, search, 0), headers=call.counted("search"))


async def read_page(call: Call) -> Response:
    """GET /search/{page_token}; it is not billed."""
    return await _page(call, "search")


async def read_combined_page(call: Call) -> Response:
    """GET /search/combined/{page_token} (v1.2); it is not billed."""
    _refuse_oldest(call)
    return await _page(call, "search/combined")


async def read_media_page(call: Call) -> Response:
    """GET /search-v2/{page_token} (v1.2); it is not billed."""
    _refuse_oldest(call)
    return await _page(call, "search-v2")


async def _page(call: Call, way: str) -> Response:
    search, number = asked_page(call, way)
    return answer(await run_in_threadpool(legacy, call, search, number))


def _found(pool: SearchScope, wish: Wish, tree: Mapping[str, Any]) -> list[Hit]:
    (word, inner) = next(iter(tree.items()))
    if word == "text":
        return find_hits(pool, Query(wish.options, inner, (), wish.ways, wish.every))
    if word == "$or":
        return any_of(_found(pool, wish, part) for part in inner)
    if word == "$not":
        raise invalid("query", "A $not must stand in a list of $and, beside something that is looked for.")
    return _all_found(pool, wish, inner)


def _all_found(pool: SearchScope, wish: Wish, parts: Iterable[Mapping[str, Any]]) -> list[Hit]:
    wanted = [_found(pool, wish, part) for part in parts if "$not" not in part]
    if not wanted:
        raise invalid("query", "A list of $and must have something that is looked for, not only $not.")
    hits = all_of(wanted)
    for part in parts:
        if "$not" in part:
            hits = excluding(hits, _found(pool, wish, part["$not"]))
    return hits


def _is_oldest(call: Call) -> bool:
    return call.dialect.version == "v1.1"


def _refuse_oldest(call: Call) -> None:
    if _is_oldest(call):
        raise HTTPException(404)


ROUTES: Sequence[Entry] = (
    ("POST", "/search", create),
    ("POST", "/search/combined", create_combined),
    ("POST", "/search-v2", create_by_media),
    ("GET", "/search/combined/{page_token}", read_combined_page),
    ("GET", "/search/{page_token}", read_page),
    ("GET", "/search-v2/{page_token}", read_media_page),
)
