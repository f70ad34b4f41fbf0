"""Searches of a knowledge store by spoken and shown words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.knowledge import ASSET_TYPES, store_of
from twelvelabs_local.api.parameters import Distinct, NonEmpty, at_least_one, between, one_of
from twelvelabs_local.api.request_model import RequestModel, invalid_field, missing_field
from twelvelabs_local.errors import ServiceError, invalid
from twelvelabs_local.store import knowledge as store
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.knowledge import KnowledgeItem
from twelvelabs_local.store.page_tokens import PageToken, create_page_token
from twelvelabs_local.store.passages import Modality, Passage, find_passages, passages_of, words_of

Body = Mapping[str, Any]


class SearchText(RequestModel):
    """The words of a search."""

    text: NonEmpty


class Operator(RequestModel):
    """A condition on a field of the items."""

    eq: str | None = None
    any_of: list[str] | None = Field(None, alias="in")

    @model_validator(mode="after")
    def _check_one(self) -> Operator:
        if len(self.model_fields_set) != 1 or not self.values:
            raise ValueError("It must have exactly one operator, eq or in.")
        return self

    @property
    def values(self) -> list[str]:
        """The values that fulfil the condition."""
        return [self.eq] if self.eq is not None else self.any_of or []


class ItemFilter(RequestModel):
    """Conditions on the items."""

    asset_type: Operator | None = None
    item_id: Operator | None = None

    @field_validator("asset_type")
    @classmethod
    def _check_types(cls, operator: Operator) -> Operator:
        for kind in operator.values:
            one_of(kind, ASSET_TYPES)
        return operator

    def allows(self, item: KnowledgeItem) -> bool:
        """Tell whether an item fulfils the conditions."""
        return item.asset_type in self.asset_types and (self.item_id is None or item.id in self.item_id.values)

    @property
    def asset_types(self) -> Sequence[str]:
        """The types of the items that fulfil the conditions."""
        return self.asset_type.values if self.asset_type else ASSET_TYPES


class VideoOptions(RequestModel):
    """What is searched in videos."""

    modalities: Annotated[list[Literal["visual", "audio"]], at_least_one("modality"), Distinct] = Field(
        [], validate_default=True
    )


class SearchOptions(RequestModel):
    """What is searched."""

    video: VideoOptions | None = None


class SearchRequest(RequestModel):
    """A search; a page token brings the search of its first page with it."""

    query: SearchText | None = None
    filter: ItemFilter = ItemFilter()
    search_options: SearchOptions = SearchOptions()
    group_by: Literal["none", "item"] = "none"
    page_size: Annotated[int, between(1, 50)] = 10
    page_token: Any = None
    include_metadata: bool = False

    @model_validator(mode="after")
    def _check_query(self) -> SearchRequest:
        if self.query is None and self.page_token is None:
            raise missing_field("query")
        if self.search_options.video and "video" not in self.filter.asset_types:
            raise invalid_field("search_options.video", "The filter leaves no videos to search.")
        return self

    @property
    def effective_options(self) -> Body:
        """The search options in force; videos are matched by what they show unless the request says otherwise."""
        if "video" not in self.filter.asset_types:
            return {}
        video = self.search_options.video
        return {"video": {"modalities": video.modalities if video else ["visual"]}}


async def search(call: Call) -> Response:
    """POST /knowledge-stores/{knowledge_store_id}/search."""
    found = store_of(call)
    request, position = await call.json(SearchRequest), 0
    if request.page_token is not None:
        page = _page(call.db, found.id, request.page_token)
        request, position = SearchRequest.parse(page.request), page.position
    assert request.query is not None
    items = {item.id: item for item in store.ready_items(call.db, found.id) if request.filter.allows(item)}
    hits = _grouped(_matches(call.db, request, items), items, request.group_by)
    end = position + request.page_size
    shown = [
        _hit(call.db, items[hit[0].item_id], hit, rank, request.include_metadata)
        for rank, hit in enumerate(hits[position:end], start=position + 1)
    ]
    result: dict[str, Any] = {"data": shown, "effective_search_options": request.effective_options}
    if end < len(hits):
        result["next_page_token"] = create_page_token(call.db, found.id, request.given(), end)
    return answer(result, headers=call.counted("search"))


def _page(db: Database, store_id: str, token: Any) -> PageToken:
    page = db.find(PageToken, token=token, store_id=store_id) if isinstance(token, str) else None
    if page is None:
        raise invalid("page_token", "This knowledge store has given no such token.")
    if page.expired:
        raise ServiceError(410, "page_token_expired", "The page token has expired. Search again from the first page.")
    return page


def _matches(db: Database, request: SearchRequest, items: Mapping[str, KnowledgeItem]) -> Iterable[Passage]:
    """Yield the matches, the best first; images are matched by what they show, whatever the options of videos are."""
    assert request.query is not None
    modalities = set(request.effective_options.get("video", {}).get("modalities", ()))
    for passage in find_passages(db, words_of(request.query.text), list(items), Modality):
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


ROUTES: Sequence[Endpoint] = (("POST", "/knowledge-stores/{knowledge_store_id}/search", search),)
