"""Searching an index with v1.3, and what the older generations' searches share with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from twelvelabs_local.api.call import Call, Form, answer, done
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.api.lists import flag, refuse_unknown
from twelvelabs_local.api.search_pages import asked_page, confidence, today
from twelvelabs_local.api.search_request import Wish, read_today
from twelvelabs_local.api.uploads import checked_link
from twelvelabs_local.downloads import download
from twelvelabs_local.engine.hits import Hit, ranked
from twelvelabs_local.errors import MediaError, ServiceError, invalid, missing, not_exist
from twelvelabs_local.identity import is_id
from twelvelabs_local.search_index import Query, SearchScope, find_hits, passes_filter
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.entities import Entity
from twelvelabs_local.store.indexes import Index, has_option
from twelvelabs_local.store.media_files import IncomingFile, read_chunks
from twelvelabs_local.store.searches import SavedSearch, expire_searches, save_search
from twelvelabs_local.store.videos import Video

if TYPE_CHECKING:
    from twelvelabs_local.engine.features import Vector

MEDIA = ("query_media_type", "query_media_url", "query_media_file")
REPEATED = ("search_options", "transcription_options")
PLAIN = ("index_id", "query_text", "group_by", "operator", "page_limit", "filter", "include_user_metadata")
IGNORED = ("threshold", "sort_option", "adjust_confidence_level")
"""Parts of older models, of which the service takes no notice any more."""
MOST_IMAGES = 10
IMAGE_BYTES = 32 * 1024 * 1024
MOST_RESULTS = 10_000
_ENTITY = re.compile(r"<@([^>]*)>")
_RANKS = {"high": 2, "medium": 1, "low": 0, "none": 0}
_SEARCHED = "marengo"


async def create(call: Call) -> Response:
    """POST /search."""
    async with call.form((*PLAIN, *REPEATED, *MEDIA, *IGNORED)) as form:
        wish = read_today(await form_fields(form, PLAIN, REPEATED))
        index = searched_index(call, wish)
        pictures = await pictures_of(call, form, MOST_IMAGES)
    if not wish.text and not pictures:
        raise missing("query_text")
    if pictures and not wish.text and set(wish.options) == {"transcription"}:
        message = "An image cannot be searched for in the transcription. Add a search option or a query_text."
        raise ServiceError(400, "search_option_combination_not_supported", message)
    query = Query(wish.options, named(call, wish.text), pictures, wish.ways, wish.every)
    search = await searched(call, "search", index, wish, lambda pool: find_hits(pool, query))
    return answer(today(call, search, 0, with_metadata=wish.with_metadata), headers=call.counted("search"))


async def read_page(call: Call) -> Response:
    """GET /search/{page_token}; it is not billed."""
    query = call.request.query_params
    refuse_unknown(query, ("include_user_metadata",))
    search, number = asked_page(call, "search")
    with_metadata = flag(query, "include_user_metadata")
    return answer(await run_in_threadpool(today, call, search, number, with_metadata=with_metadata))


async def expire(call: Call) -> Response:
    """POST /_local/searches/expire: all page tokens are too old from now on."""
    expire_searches(call.db)
    return done()


async def form_fields(form: Form, plain: Sequence[str], repeated: Sequence[str]) -> Mapping[str, Any]:
    """Return the texts of a form, and lists of those that may repeat."""
    fields: dict[str, Any] = {name: await form.text(name) for name in plain}
    for name in repeated:
        values = form.parts.getlist(name)
        if not all(isinstance(value, str) for value in values):
            raise invalid(name, "It must be text.")
        fields[name] = list(values)
    return fields


def searched_index(call: Call, wish: Wish) -> Index:
    """Return the index that is asked for.

    :raises ServiceError: when there is none, or it was not made for the search or for one of its options.
    """
    if not is_id(wish.index_id):
        raise invalid("index_id", f"{wish.index_id!r} is not the id of an index.")
    index = call.db.find(Index, id=wish.index_id)
    if index is None:
        raise not_exist(wish.index_id, "indexes", 400)
    models = [model.name for model in index.named_models()]
    if not any(name.startswith(_SEARCHED) for name in models):
        message = f"The index {index.id} has {', '.join(models)}. Searching needs a {_SEARCHED} model."
        raise ServiceError(400, "index_not_supported_for_search", message)
    for option in wish.options:
        if not has_option(index, "audio" if option == "transcription" else option):
            message = f"The search option {option} is not supported by the index {index.id}: it was made without it."
            raise ServiceError(400, "search_option_not_supported", message)
    return index


async def pictures_of(call: Call, form: Form, most: int) -> list[Vector]:
    """Return the vectors of the images of a form.

    :param most: how many it may have.
    :raises ServiceError: when one is none, or cannot be download.
    """
    links = [value for value in form.parts.getlist("query_media_url") if value]
    files = form.parts.getlist("query_media_file")
    kind = await form.text("query_media_type")
    if not links and not files:
        if kind:
            raise missing("query_media_url or query_media_file")
        return []
    if kind != "image":
        raise (
            missing("query_media_type") if kind is None else invalid("query_media_type", f"It is {kind!r}, not image.")
        )
    if len(links) + len(files) > most:
        raise invalid("query_media_url", f"There are {len(links) + len(files)} images; a query takes {most}.")
    return await run_in_threadpool(_pictures, call, [*links, *files])


def _pictures(call: Call, sources: Sequence[UploadFile | str]) -> list[Vector]:
    from twelvelabs_local.engine.features import picture_vector, read_picture

    found: list[Vector] = []
    for source in sources:
        with IncomingFile(call.engine.settings.data) as arrival:
            try:
                if isinstance(source, str):
                    arrival.write(download(checked_link(source, "query_media_url")), IMAGE_BYTES)
                else:
                    arrival.write(read_chunks(source.file), IMAGE_BYTES)
                found.append(picture_vector(read_picture(arrival.path)))
            except MediaError as error:
                raise error.refused() from error
    return found


def named(call: Call, text: str | None) -> str | None:
    """Return a text with the names of entities in place of their ids.

    :raises ServiceError: when there is no such entity, or it is not ready.
    """

    def name(reference: re.Match[str]) -> str:
        entity = call.db.find(Entity, id=reference[1])
        if entity is None:
            raise not_exist(reference[1], "entities", 400)
        if entity.status != "ready":
            raise invalid("query_text", f"The entity {entity.id} is {entity.status}; wait until it is ready.")
        return entity.name

    return _ENTITY.sub(name, text) if text else text


async def searched(call: Call, way: str, index: Index, wish: Wish, find_in: Any) -> SavedSearch:
    """Search, bill it, and keep what was found for the pages.

    :param way: the path below which the pages lie.
    :param find_in: returns the hits of a pool.
    """
    return await run_in_threadpool(_searched, call, way, index, wish, find_in)


def _searched(call: Call, way: str, index: Index, wish: Wish, find_in: Any) -> SavedSearch:
    ready = call.db.select(Video, "WHERE index_id = ? AND status = 'ready'", index.id)
    videos = {video.id: video for video in ready if passes_filter(video, wish.filter)}
    hits: Sequence[Hit] = find_in(SearchScope(call.db, call.engine.settings.data, index.id, videos))
    least = _RANKS[wish.threshold]
    sure = [hit for hit in ranked(hits) if _RANKS[confidence(hit.score, wish.level)] >= least][:MOST_RESULTS]
    results = [{**hit.as_json(), "rank": rank} for rank, hit in enumerate(sure, start=1)]
    request: dict[str, Any] = {"per_page": wish.per_page, "grouped": wish.grouped, "by_count": wish.by_count}
    request |= {"level": wish.level, "shown": wish.shown}
    with call.db.transaction():
        search = save_search(call.db, way, index.id, request, results)
        bill(call.db, "search", 0.0, search.id)
    return search


ROUTES: Sequence[Entry] = (
    ("POST", "/search", create),
    ("GET", "/search/{page_token}", read_page),
)
LOCAL: Sequence[Entry] = (("POST", "/_local/searches/expire", expire),)
