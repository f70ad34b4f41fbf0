"""Searching a knowledge store by the words that are said and shown in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from twelvelabs_local.api.bodies import text
from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.api.knowledge import store_of
from twelvelabs_local.errors import ServiceError, invalid, missing, unknown
from twelvelabs_local.store import knowledge as store
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.knowledge import KnowledgeItem
from twelvelabs_local.store.page_tokens import PageToken, create_page_token
from twelvelabs_local.store.passages import Modality, Passage, find_passages, passages_of, words_of

FIELDS = ("query", "filter", "search_options", "group_by", "page_size", "page_token", "include_metadata")
TYPES = ("video", "image")
LARGEST_PAGE = 50
Body = Mapping[str, Any]


async def search(call: Call) -> Response:
    """POST /knowledge-stores/{knowledge_store_id}/search."""
    found = store_of(call)
    body = await call.body(FIELDS)
    token = body.get("page_token")
    request, position = _page(call.db, found.id, token) if token is not None else (_checked(body), 0)
    items = {item.id: item for item in store.ready_items(call.db, found.id) if _wanted(item, request["filter"])}
    hits = _grouped(_matches(call.db, request, items), items, request["group_by"])
    end = position + request["page_size"]
    shown = [
        _hit(call.db, items[hit[0].item_id], hit, rank, request["include_metadata"])
        for rank, hit in enumerate(hits[position:end], start=position + 1)
    ]
    result: dict[str, Any] = {"data": shown, "effective_search_options": request["effective"]}
    if end < len(hits):
        result["next_page_token"] = create_page_token(call.db, found.id, request, end)
    return answer(result, headers=call.counted("search"))


def _page(db: Database, store_id: str, token: Any) -> tuple[Body, int]:
    page = db.find(PageToken, token=token, store_id=store_id) if isinstance(token, str) else None
    if page is None:
        raise invalid("page_token", "This knowledge store has given no such token.")
    if page.expired:
        raise ServiceError(410, "page_token_expired", "The page token has expired. Search again from the first page.")
    return page.request, page.position


def _checked(body: Body) -> Body:
    """Return a search with all its defaults, as it is remembered for its next pages."""
    query = body.get("query")
    if query is None:
        raise missing("query")
    if not isinstance(query, dict):
        raise invalid("query", "It must be an object with a text.")
    if extra := set(query) - {"text"}:
        raise unknown([f"query.{name}" for name in extra])
    narrowed = _filter(body.get("filter"))
    grouping, size, described = body.get("group_by", "none"), body.get("page_size", 10), body.get("include_metadata")
    if grouping not in ("none", "item"):
        raise invalid("group_by", f"It is {grouping!r}; it must be none or item.")
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= LARGEST_PAGE:
        raise invalid("page_size", f"It is {size!r}; it must be a whole number from 1 to {LARGEST_PAGE}.")
    if described not in (None, True, False):
        raise invalid("include_metadata", "It must be true or false.")
    return {
        "text": text(query, "text"),
        "filter": narrowed,
        "effective": _options(body.get("search_options"), narrowed),
        "group_by": grouping,
        "page_size": size,
        "include_metadata": bool(described),
    }


def _filter(value: Any) -> dict[str, list[str]]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid("filter", "It must be an object.")
    if extra := set(value) - {"asset_type", "item_id"}:
        raise unknown([f"filter.{name}" for name in extra])
    found = {name: _operator(f"filter.{name}", part) for name, part in value.items() if part is not None}
    for kind in found.get("asset_type", ()):
        if kind not in TYPES:
            raise invalid("filter.asset_type", f"It is {kind!r}; it must be one of {', '.join(TYPES)}.")
    return found


def _operator(name: str, part: Any) -> list[str]:
    if not isinstance(part, dict) or len(part) != 1 or not set(part) <= {"eq", "in"}:
        raise invalid(name, "It must have exactly one operator, eq or in.")
    values = [part["eq"]] if "eq" in part else part["in"]
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise invalid(name, "Its operator must have a text (eq) or a list of texts (in).")
    return values


def _options(value: Any, narrowed: Mapping[str, list[str]]) -> Body:
    """Return the options that are in force; videos are matched by what is shown unless told otherwise."""
    videos = "video" in narrowed.get("asset_type", TYPES)
    if value is None:
        return {"video": {"modalities": ["visual"]}} if videos else {}
    if not isinstance(value, dict) or set(value) - {"video"}:
        raise invalid("search_options", "It must be an object with options of videos.")
    video = value.get("video")
    if video is None:
        return _options(None, narrowed)
    if not videos:
        raise invalid("search_options.video", "The filter leaves no videos to search.")
    modalities = video.get("modalities") if isinstance(video, dict) else None
    known = [modality.value for modality in Modality]
    if not isinstance(modalities, list) or not modalities or any(one not in known for one in modalities):
        raise invalid("search_options.video.modalities", f"It must be a list of {', '.join(known)}.")
    return {"video": {"modalities": list(dict.fromkeys(modalities))}}


def _wanted(item: KnowledgeItem, narrowed: Mapping[str, list[str]]) -> bool:
    return item.asset_type in narrowed.get("asset_type", TYPES) and item.id in narrowed.get("item_id", [item.id])


def _matches(db: Database, request: Body, items: Mapping[str, KnowledgeItem]) -> Iterable[Passage]:
    """Return what matches, the best first; images are matched by what they show, whatever is asked of videos."""
    modalities = set(request["effective"].get("video", {}).get("modalities", ()))
    for passage in find_passages(db, words_of(request["text"]), list(items), Modality):
        if items[passage.item_id].asset_type == "image" or passage.modality in modalities:
            yield passage


def _grouped(
    passages: Iterable[Passage], items: Mapping[str, KnowledgeItem], group_by: str
) -> Sequence[Sequence[Passage]]:
    """Return one list of passages per result; an image matches as a whole."""
    groups: dict[str, list[Passage]] = {}
    for number, passage in enumerate(passages):
        whole = group_by == "item" or items[passage.item_id].asset_type == "image"
        groups.setdefault(passage.item_id if whole else str(number), []).append(passage)
    return list(groups.values())


def _hit(db: Database, item: KnowledgeItem, passages: Sequence[Passage], rank: int, described: bool) -> Body:
    hit: dict[str, Any] = {"asset_type": item.asset_type, "rank": rank, "item_id": item.id}
    if item.asset_type == "video":
        spoken = [passage for passage in passages_of(db, item.id) if passage.modality is Modality.AUDIO]
        hit["matches"] = [_match(passage, spoken) for passage in passages]
    if described:
        hit["metadata"] = {"system": _system(item), "user": item.metadata}
    return hit


def _match(passage: Passage, spoken: Iterable[Passage]) -> Body:
    said = [other.text for other in spoken if other.start < passage.end and other.end > passage.start]
    match: dict[str, Any] = {
        "start_sec": passage.start,
        "end_sec": passage.end,
        "modalities": [passage.modality.value],
    }
    return {**match, "transcription": " ".join(said)} if said else match


def _system(item: KnowledgeItem) -> Body:
    found = item.probe
    assert found is not None
    sizes = {"width": found.width, "height": found.height, "size": found.size}
    return sizes if found.still else {**sizes, "duration": found.duration}


ROUTES: Sequence[Entry] = (("POST", "/knowledge-stores/{knowledge_store_id}/search", search),)
