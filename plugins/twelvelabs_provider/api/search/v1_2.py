"""Search in v1.1 and v1.2: JSON for texts, a form for an image, a tree for boolean queries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twelvelabs_provider.api.call import (
    Call,
    FilePart,
    FormBody,
    Method,
    RateCategory,
    get,
    json_body,
    path_of,
    wire_text,
)
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.search.request import (
    GroupBy,
    SearchOption,
    SearchPage,
    SearchRequest,
    TranscriptionOption,
)

__all__ = ["search", "search_page", "search_v1_1"]

_ENTITY = "<@"
_EXACT = "exact_match"
_EXACT_V1_1 = "transcription"


def search(request: SearchRequest) -> Call[SearchPage]:
    """Return the call that searches and returns the first page; it is billed, so it is not repeated.

    :raises TwelveLabsBadRequestError: for a part that would be ignored.
    :raises TwelveLabsUnsupportedError: for features that v1.2 lacks: sounds, entities, text with an image.
    """
    request.check()
    _refuse_newer(request)
    fields = {
        **_fields(request, _EXACT),
        "group_by": request.group_by,
        "threshold": request.threshold,
        "sort_option": request.sort_option,
    }
    if request.images:
        return _by_image(request, fields)
    if request.query_tree is not None:
        return _search_call(_search_path(request), {**fields, "query": dict(request.query_tree)})
    return _search_call(_search_path(request), {**fields, "query": request.text})


def search_page(token: str, request: SearchRequest) -> Call[SearchPage]:
    """Return the call that reads another page of a search; it is not billed.

    :param token: of the previous page.
    :param request: the search.
    """
    return get(path_of(*_search_path(request), token), SearchPage.read)


def search_v1_1(request: SearchRequest) -> Call[SearchPage]:
    """Return the call that searches and returns the first page; it is billed, so it is not repeated.

    :raises TwelveLabsBadRequestError: for a part that would be ignored.
    :raises TwelveLabsUnsupportedError: for images, boolean queries and groups, and for features that v1.2 lacks.
    """
    request.check()
    _refuse_newer(request)
    grouped = request.group_by is not GroupBy.CLIP
    newer = {"images": request.images, "query_tree": request.query_tree, "group_by": grouped}
    newer |= {"threshold": request.threshold, "sort_option": request.sort_option}
    for name, value in newer.items():
        if value:
            raise TwelveLabsUnsupportedError(f"API v1.1 takes no {name} in a search: use api_version v1.2 or v1.3")
    exact = _conversation_option(request, _EXACT_V1_1) == _EXACT_V1_1
    if exact and len(request.options) > 1:
        raise TwelveLabsUnsupportedError(
            f"API v1.1 compares word by word (lexical) with conversation alone, not with {', '.join(request.options)}:"
            " ask for conversation alone, or use api_version v1.2 or v1.3"
        )
    return _search_call(("search",), {**_fields(request, _EXACT_V1_1), "query": request.text})


def _search_path(request: SearchRequest) -> tuple[str, ...]:
    """Return the path of a search, which is also the parent of its pages."""
    if request.images:
        return ("search-v2",)
    return ("search", "combined") if request.query_tree is not None else ("search",)


def _search_call(path: tuple[str, ...], content: Mapping[str, Any]) -> Call[SearchPage]:
    body = json_body(content)
    return Call(Method.POST, path_of(*path), SearchPage.read, body=body, category=RateCategory.SEARCH)


def _by_image(request: SearchRequest, fields: Mapping[str, Any]) -> Call[SearchPage]:
    image = request.images[0]
    texts = {**fields, "filter": json.dumps(dict(request.filter)) if request.filter else None}
    parts: list[tuple[str, str | FilePart]] = []
    for name, value in texts.items():
        values = value if isinstance(value, list) else [value]
        parts += [(name, wire_text(one)) for one in values if one is not None]
    parts.append(("query_media_type", "image"))
    parts.append(("query_media_url" if isinstance(image, str) else "query_media_file", image))
    form = FormBody(tuple(parts))
    return Call(Method.POST, path_of(*_search_path(request)), SearchPage.read, body=form, category=RateCategory.SEARCH)


def _fields(request: SearchRequest, exact: str) -> dict[str, Any]:
    options = dict.fromkeys(_older(option) for option in request.options)
    return {
        "index_id": request.index_id,
        "search_options": [option.value for option in options],
        "operator": request.operator,
        "conversation_option": _conversation_option(request, exact),
        "page_limit": request.page_limit,
        "filter": dict(request.filter) if request.filter else None,
    }


def _older(option: SearchOption) -> SearchOption:
    if option is SearchOption.AUDIO:
        raise TwelveLabsUnsupportedError(
            "API v1.1/v1.2 cannot search for sounds (audio): the nearest is conversation, which searches for what is"
            " said; or use a connection with api_version v1.3"
        )
    return SearchOption.CONVERSATION if option is SearchOption.TRANSCRIPTION else option


def _conversation_option(request: SearchRequest, exact: str) -> str | None:
    """Return the single option of these generations: by meaning, unless only by word is requested."""
    if not request.transcription_options:
        return None
    return exact if set(request.transcription_options) == {TranscriptionOption.LEXICAL} else "semantic"


def _refuse_newer(request: SearchRequest) -> None:
    newer = "or use a connection with api_version v1.3"
    if request.text and _ENTITY in request.text:
        raise TwelveLabsUnsupportedError(f"API v1.1/v1.2 knows no entities (<@...>): describe it in words, {newer}")
    if request.images and request.text:
        raise TwelveLabsUnsupportedError(f"API v1.1/v1.2 searches for a text or an image, not both: ask twice, {newer}")
    if len(request.images) > 1:
        raise TwelveLabsUnsupportedError(
            f"API v1.1/v1.2 takes one image in a search, not {len(request.images)}: ask for each, {newer}"
        )
    if request.include_user_metadata:
        raise TwelveLabsUnsupportedError(
            f"API v1.1/v1.2 gives no user metadata with what is found: read the videos, {newer}"
        )
