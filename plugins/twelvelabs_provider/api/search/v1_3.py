"""Search in v1.3: one form for texts, images, or both."""

from __future__ import annotations

import json
from collections.abc import Mapping

from twelvelabs_provider.api.call import Call, FilePart, FormBody, Method, RateCategory, get, path_of, wire_text
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.search.request import SearchOption, SearchPage, SearchRequest

__all__ = ["search", "search_page"]

_V1_3_NAMES: Mapping[SearchOption, SearchOption] = {
    SearchOption.CONVERSATION: SearchOption.TRANSCRIPTION,
    SearchOption.TEXT_IN_VIDEO: SearchOption.VISUAL,
    SearchOption.LOGO: SearchOption.VISUAL,
}
"""Options of the older generations, and the nearest of v1.3."""


def search(request: SearchRequest) -> Call[SearchPage]:
    """Return the call that searches and returns the first page; it is billed, so it is not repeated.

    :raises TwelveLabsBadRequestError: for a part that would be ignored.
    :raises TwelveLabsUnsupportedError: for features that only v1.2 has.
    """
    request.check()
    _refuse_older(request)
    parts: list[tuple[str, str | FilePart]] = [("index_id", request.index_id)]
    options = dict.fromkeys(_V1_3_NAMES.get(option, option) for option in request.options)
    parts += [("search_options", option.value) for option in options]
    parts += [("transcription_options", option.value) for option in request.transcription_options]
    if request.text:
        parts.append(("query_text", request.text))
    if request.images:
        parts.append(("query_media_type", "image"))
    parts += [("query_media_url" if isinstance(one, str) else "query_media_file", one) for one in request.images]
    settings = {
        "group_by": request.group_by,
        "operator": request.operator,
        "page_limit": request.page_limit,
        "filter": json.dumps(dict(request.filter)) if request.filter else None,
        "include_user_metadata": True if request.include_user_metadata else None,
    }
    parts += [(name, wire_text(value)) for name, value in settings.items() if value is not None]
    return Call(Method.POST, "/search", SearchPage.read, body=FormBody(tuple(parts)), category=RateCategory.SEARCH)


def search_page(token: str, request: SearchRequest) -> Call[SearchPage]:
    """Return the call that reads another page of a search; it is not billed.

    :param token: of the previous page.
    :param request: the search.
    """
    query = {"include_user_metadata": True if request.include_user_metadata else None}
    return get(path_of("search", token), SearchPage.read, query)


def _refuse_older(request: SearchRequest) -> None:
    if request.query_tree is not None:
        raise TwelveLabsUnsupportedError(
            "API v1.3 has no boolean queries: search for each part and combine what is found, or combine options with"
            " the operator; or use a connection with api_version v1.2"
        )
    for name, value in (("threshold", request.threshold), ("sort_option", request.sort_option)):
        if value is not None:
            raise TwelveLabsUnsupportedError(
                f"API v1.3 has no {name} ({value}): its results are ordered by rank; take the best of them"
            )
