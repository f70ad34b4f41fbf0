"""Searches of v1.3, and what the searches of the older generations share with them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.api.search_pages import confidence, requested_page, today
from twelvelabs_local.api.search_request import ImageParts, SearchForm, ValidatedSearch
from twelvelabs_local.downloads import download
from twelvelabs_local.engine.hits import Hit, ranked
from twelvelabs_local.errors import MediaError, ServiceError, invalid, missing, not_exist
from twelvelabs_local.search_index import Query, SearchScope, find_hits, passes_filter
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.entities import Entity
from twelvelabs_local.store.indexes import Index, has_option
from twelvelabs_local.store.media_files import IncomingFile, read_chunks
from twelvelabs_local.store.searches import SavedSearch, expire_searches, save_search
from twelvelabs_local.store.videos import Video

if TYPE_CHECKING:
    from twelvelabs_local.engine.features import Vector

IMAGE_BYTES = 32 * 1024 * 1024
MOST_RESULTS = 10_000
_ENTITY = re.compile(r"<@([^>]*)>")
_RANKS = {"high": 2, "medium": 1, "low": 0, "none": 0}
_SEARCHED = "marengo"


class SearchPageQuery(RequestModel):
    """The query of a further page."""

    include_user_metadata: bool = False


async def create(call: Call) -> Response:
    """POST /search."""
    async with call.form(SearchForm) as form:
        search = form.search()
        index = searched_index(call, search)
        pictures = await pictures_of(call, form)
    if not search.text and not pictures:
        raise missing("query_text")
    if pictures and not search.text and set(search.options) == {"transcription"}:
        message = "An image cannot be searched for in the transcription. Add a search option or a query_text."
        raise ServiceError(400, "search_option_combination_not_supported", message)
    query = Query(search.options, named(call, search.text), pictures, search.ways, search.every)
    found = await searched(call, "search", index, search, lambda pool: find_hits(pool, query))
    return answer(today(call, found, 0, with_metadata=form.include_user_metadata), headers=call.counted("search"))


async def read_page(call: Call) -> Response:
    """GET /search/{page_token}; it is not billed."""
    with_metadata = call.query(SearchPageQuery).include_user_metadata
    search, number = requested_page(call, "search")
    return answer(await run_in_threadpool(today, call, search, number, with_metadata=with_metadata))


async def expire(call: Call) -> Response:
    """POST /_local/searches/expire: expires all page tokens."""
    expire_searches(call.db)
    return done()


def searched_index(call: Call, search: ValidatedSearch) -> Index:
    """Return the index of a search.

    :raises ServiceError: when it does not exist, or cannot be searched with these options.
    """
    index = call.db.find(Index, id=search.index_id)
    if index is None:
        raise not_exist(search.index_id, "indexes", 400)
    models = [model.name for model in index.named_models()]
    if not any(name.startswith(_SEARCHED) for name in models):
        message = f"The index {index.id} has {', '.join(models)}. Searching needs a {_SEARCHED} model."
        raise ServiceError(400, "index_not_supported_for_search", message)
    for option in search.options:
        if not has_option(index, "audio" if option == "transcription" else option):
            message = f"The search option {option} is not supported by the index {index.id}: it was made without it."
            raise ServiceError(400, "search_option_not_supported", message)
    return index


async def pictures_of(call: Call, form: ImageParts) -> list[Vector]:
    """Return the vectors of the images of a form.

    :raises ServiceError: when a file is not an image, or cannot be fetched.
    """
    sources: list[UploadFile | str] = [*form.query_media_url, *form.query_media_file]
    return await run_in_threadpool(_pictures, call, sources) if sources else []


def _pictures(call: Call, sources: Sequence[UploadFile | str]) -> list[Vector]:
    from twelvelabs_local.engine.features import picture_vector, read_picture

    found: list[Vector] = []
    for source in sources:
        with IncomingFile(call.engine.settings.data) as arrival:
            try:
                if isinstance(source, str):
                    arrival.write(download(source), IMAGE_BYTES)
                else:
                    arrival.write(read_chunks(source.file), IMAGE_BYTES)
                found.append(picture_vector(read_picture(arrival.path)))
            except MediaError as error:
                raise error.as_service_error() from error
    return found


def named(call: Call, text: str | None) -> str | None:
    """Return a text with the names of entities in place of their ids.

    :raises ServiceError: when an entity does not exist, or is not ready.
    """

    def name(reference: re.Match[str]) -> str:
        entity = call.db.find(Entity, id=reference[1])
        if entity is None:
            raise not_exist(reference[1], "entities", 400)
        if entity.status != "ready":
            raise invalid("query_text", f"The entity {entity.id} is {entity.status}; wait until it is ready.")
        return entity.name

    return _ENTITY.sub(name, text) if text else text


async def searched(call: Call, way: str, index: Index, search: ValidatedSearch, find_in: Any) -> SavedSearch:
    """Search, bill the search, and save its results for the pages.

    :param way: the path of the search, which its pages share.
    :param find_in: returns the hits of a pool.
    """
    return await run_in_threadpool(_searched, call, way, index, search, find_in)


def _searched(call: Call, way: str, index: Index, search: ValidatedSearch, find_in: Any) -> SavedSearch:
    ready = call.db.select(Video, "WHERE index_id = ? AND status = 'ready'", index.id)
    videos = {video.id: video for video in ready if passes_filter(video, search.filter)}
    hits: Sequence[Hit] = find_in(SearchScope(call.db, call.engine.settings.data, index.id, videos))
    least = _RANKS[search.threshold]
    sure = [hit for hit in ranked(hits) if _RANKS[confidence(hit.score, search.level)] >= least][:MOST_RESULTS]
    results = [{**hit.as_json(), "rank": rank} for rank, hit in enumerate(sure, start=1)]
    request: dict[str, Any] = {"per_page": search.per_page, "grouped": search.grouped, "by_count": search.by_count}
    request |= {"level": search.level, "shown": search.shown}
    with call.db.transaction():
        saved = save_search(call.db, way, index.id, request, results)
        bill(call.db, "search", 0.0, saved.id)
    return saved


ROUTES: Sequence[Endpoint] = (
    ("POST", "/search", create),
    ("GET", "/search/{page_token}", read_page),
)
LOCAL: Sequence[Endpoint] = (("POST", "/_local/searches/expire", expire),)
