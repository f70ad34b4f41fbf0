"""Search in a knowledge store (v1.3 only).

Service page: https://docs.twelvelabs.io/api-reference/knowledge-stores/search
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import FiniteFloat

from twelvelabs_provider.api.call import Call, RateCategory, only_current, path_of, post
from twelvelabs_provider.api.errors import TwelveLabsGoneError
from twelvelabs_provider.api.knowledge.knowledge_stores import AssetType
from twelvelabs_provider.api.paging import Recent, Tokens
from twelvelabs_provider.api.service_model import (
    NO_FIELDS,
    Fields,
    ServiceModel,
    Text,
    named,
)

LARGEST_SEARCH_PAGE = 50
_MOST_REMEMBERED = 100_000


class Modality(StrEnum):
    """Searched contents of a video."""

    VISUAL = "visual"
    AUDIO = "audio"


class HitGrouping(StrEnum):
    """One match per hit, or one item with all its matches."""

    NONE = "none"
    ITEM = "item"


@dataclass(frozen=True)
class KnowledgeSearch:
    """A search in a store.

    :param text: the query.
    :param modalities: of videos; empty for the default, visual.
    :param asset_types: only items of these types; empty for all.
    :param item_ids: only these items; empty for all.
    :param page_size: hits per page, 50 at most.
    :param include_metadata: include the metadata of the items.
    """

    text: str
    modalities: Sequence[Modality] = ()
    asset_types: Sequence[AssetType] = ()
    item_ids: Sequence[str] = ()
    group_by: HitGrouping | None = None
    page_size: int | None = None
    include_metadata: bool = False

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        narrowed = {"asset_type": _one_of(self.asset_types), "item_id": _one_of(self.item_ids)}
        narrowed = {name: value for name, value in narrowed.items() if value}
        return {
            "query": {"text": self.text},
            "filter": narrowed or None,
            "search_options": {"video": {"modalities": list(self.modalities)}} if self.modalities else None,
            "group_by": self.group_by,
            "page_size": self.page_size,
            "include_metadata": True if self.include_metadata else None,
        }


class KnowledgeMatch(ServiceModel):
    """A clip that matches.

    :param start: seconds.
    :param end: seconds.
    :param transcription: the speech in it, if known.
    """

    start: FiniteFloat = named("start_sec")
    end: FiniteFloat = named("end_sec")
    modalities: tuple[Text, ...] = ()
    transcription: Text = None


class KnowledgeHit(ServiceModel):
    """One result: a clip, an image, or (grouped) an item with all its clips.

    :param rank: from 1, the best.
    :param matches: the clips; none for images.
    """

    asset_type: str
    rank: int
    item_id: str
    matches: tuple[KnowledgeMatch, ...] = ()
    metadata: Fields = NO_FIELDS


class KnowledgeHits(ServiceModel):
    """One page of results.

    :param next_page_token: of the next page; None after the last. It expires.
    """

    hits: tuple[KnowledgeHit, ...] = named("data")
    next_page_token: str | None = None


def search_knowledge_store(
    store_id: str, search: KnowledgeSearch, *, page_token: str | None = None
) -> Call[KnowledgeHits]:
    """Return the call for one page of a search.

    :param page_token: of the previous page; it includes the query.
    """
    content = {**search.body(), "page_token": page_token}
    path = path_of("knowledge-stores", store_id, "search")
    call = post(path, KnowledgeHits.read, content, category=RateCategory.SEARCH)
    return only_current(call, "older generations have no knowledge stores: search an index")


def all_knowledge_hits(
    execute: Callable[[Call[KnowledgeHits]], KnowledgeHits], store_id: str, search: KnowledgeSearch
) -> Iterator[KnowledgeHit]:
    """Return the hits of all pages; a page is requested when its first hit is needed.

    After an expired token the search starts again and skips the hits that were returned before.

    :param execute: sends a call: ``hook.execute``.
    """
    seen, tokens = Recent(_MOST_REMEMBERED), Tokens()
    token: str | None = None
    progress = True
    while True:
        try:
            page = execute(search_knowledge_store(store_id, search, page_token=token))
        except TwelveLabsGoneError:
            # Every restart is billed, so a restart without progress is the last one.
            if token is None or not progress:
                raise
            token, progress = None, False
            continue
        for hit in page.hits:
            key = (hit.item_id, *((match.start, match.end, match.modalities) for match in hit.matches))
            if seen.add(key):
                progress = True
                yield hit
        token = tokens.after(page.next_page_token or None, len(page.hits))
        if token is None:
            return


def _one_of(values: Sequence[str]) -> dict[str, Any] | None:
    if not values:
        return None
    return {"eq": values[0]} if len(values) == 1 else {"in": list(values)}
