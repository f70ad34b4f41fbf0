"""Calls and models of knowledge stores, item collections and searches in them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.test_calls import LIST, asked
from twelvelabs_provider.api.call import Call, JsonBody, RateCategory
from twelvelabs_provider.api.errors import (
    ErrorDetails,
    TwelveLabsAnswerError,
    TwelveLabsGoneError,
    TwelveLabsNotFoundError,
)
from twelvelabs_provider.api.knowledge import item_collections, knowledge_stores
from twelvelabs_provider.api.knowledge.knowledge_search import (
    HitGrouping,
    KnowledgeHits,
    KnowledgeSearch,
    Modality,
    all_knowledge_hits,
    search_knowledge_store,
)
from twelvelabs_provider.api.knowledge.knowledge_stores import AssetType, Enrichment, ItemStatus
from twelvelabs_provider.api.version import ApiVersion

SCHEMA = {"type": "object", "properties": {"who": {"type": "string", "description": "who is seen"}}}
ITEM = {"_id": "ksi_1", "asset_type": "video", "asset_id": "a1", "status": "ready"}

CASES: list[tuple[Call[Any], str, dict[str, Any], Any]] = [
    (
        knowledge_stores.create_knowledge_store(
            "films", description="all", enrichment=Enrichment(SCHEMA), metadata={"team": "blue"}
        ),
        "POST /knowledge-stores",
        {},
        {
            "name": "films",
            "description": "all",
            "ingestion_config": {"enrichment_config": {"type": "json_schema", "json_schema": SCHEMA}},
            "metadata": {"team": "blue"},
        },
    ),
    (
        knowledge_stores.create_knowledge_store("films", enrichment=Enrichment(description="faces")),
        "POST /knowledge-stores",
        {},
        {
            "name": "films",
            "ingestion_config": {"enrichment_config": {"type": "description", "description": "faces"}},
        },
    ),
    (knowledge_stores.list_knowledge_stores(), "GET /knowledge-stores", LIST, None),
    (knowledge_stores.read_knowledge_store("ks_1"), "GET /knowledge-stores/ks_1", {}, None),
    (
        knowledge_stores.update_knowledge_store("ks_1", metadata={}),
        "PATCH /knowledge-stores/ks_1",
        {},
        {"metadata": {}},
    ),
    (knowledge_stores.delete_knowledge_store("ks_1"), "DELETE /knowledge-stores/ks_1", {}, None),
    (
        knowledge_stores.create_knowledge_store_item("ks_1", "a1", asset_type=AssetType.IMAGE, metadata={"a": "b"}),
        "POST /knowledge-stores/ks_1/items",
        {},
        {"asset_id": "a1", "asset_type": "image", "metadata": {"a": "b"}},
    ),
    (
        knowledge_stores.list_knowledge_store_items("ks_1", status=[ItemStatus.READY, ItemStatus.FAILED]),
        "GET /knowledge-stores/ks_1/items",
        {**LIST, "status": ["ready", "failed"]},
        None,
    ),
    (
        knowledge_stores.read_knowledge_store_item("ks_1", "ksi_1"),
        "GET /knowledge-stores/ks_1/items/ksi_1",
        {},
        None,
    ),
    (
        knowledge_stores.delete_knowledge_store_item("ks_1", "ksi_1"),
        "DELETE /knowledge-stores/ks_1/items/ksi_1",
        {},
        None,
    ),
    (
        item_collections.create_item_collection("ks_1", "talks", metadata={"a": "b"}),
        "POST /knowledge-stores/ks_1/item-collections",
        {},
        {"name": "talks", "metadata": {"a": "b"}},
    ),
    (
        item_collections.list_item_collections("ks_1"),
        "GET /knowledge-stores/ks_1/item-collections",
        LIST,
        None,
    ),
    (
        item_collections.read_item_collection("ks_1", "ksic_1"),
        "GET /knowledge-stores/ks_1/item-collections/ksic_1",
        {},
        None,
    ),
    (
        item_collections.update_item_collection("ks_1", "ksic_1", name="n", description="d"),
        "PATCH /knowledge-stores/ks_1/item-collections/ksic_1",
        {},
        {"name": "n", "description": "d"},
    ),
    (
        item_collections.delete_item_collection("ks_1", "ksic_1"),
        "DELETE /knowledge-stores/ks_1/item-collections/ksic_1",
        {},
        None,
    ),
    (
        item_collections.list_collected_items("ks_1", "ksic_1"),
        "GET /knowledge-stores/ks_1/item-collections/ksic_1/items",
        {"page": "1", "page_limit": "50"},
        None,
    ),
    (
        item_collections.add_collected_items("ks_1", "ksic_1", ("ksi_1",)),
        "POST /knowledge-stores/ks_1/item-collections/ksic_1/items/add",
        {},
        {"item_ids": ["ksi_1"]},
    ),
    (
        item_collections.remove_collected_items("ks_1", "ksic_1", ["ksi_1"]),
        "POST /knowledge-stores/ks_1/item-collections/ksic_1/items/remove",
        {},
        {"item_ids": ["ksi_1"]},
    ),
    (
        search_knowledge_store("ks_1", KnowledgeSearch("a dog")),
        "POST /knowledge-stores/ks_1/search",
        {},
        {"query": {"text": "a dog"}},
    ),
    (
        search_knowledge_store(
            "ks_1",
            KnowledgeSearch(
                "a dog",
                modalities=[Modality.AUDIO],
                asset_types=[AssetType.VIDEO],
                item_ids=["ksi_1", "ksi_2"],
                group_by=HitGrouping.ITEM,
                page_size=50,
                include_metadata=True,
            ),
            page_token="next",
        ),
        "POST /knowledge-stores/ks_1/search",
        {},
        {
            "query": {"text": "a dog"},
            "filter": {"asset_type": {"eq": "video"}, "item_id": {"in": ["ksi_1", "ksi_2"]}},
            "search_options": {"video": {"modalities": ["audio"]}},
            "group_by": "item",
            "page_size": 50,
            "include_metadata": True,
            "page_token": "next",
        },
    ),
]


@pytest.mark.parametrize(("call", "name", "query", "body"), CASES, ids=[case[1] for case in CASES])
def test_requests(call: Call[Any], name: str, query: dict[str, Any], body: Any) -> None:
    assert asked(call) == (name, query, body)
    assert call.only == (ApiVersion.V1_3,)
    assert "older generations have no knowledge stores" in call.instead


def test_creations_and_billed_calls_are_not_repeatable() -> None:
    once = {call.name for call, *_ in CASES if not call.repeatable}
    assert once == {
        "POST /knowledge-stores",
        "POST /knowledge-stores/ks_1/items",
        "POST /knowledge-stores/ks_1/item-collections",
        "POST /knowledge-stores/ks_1/search",
    }
    assert search_knowledge_store("ks_1", KnowledgeSearch("x")).category is RateCategory.SEARCH


@pytest.mark.parametrize("enrichment", [Enrichment(), Enrichment(SCHEMA, "faces")])
def test_enrichment_with_conflicting_fields_is_refused(enrichment: Enrichment) -> None:
    with pytest.raises(ValueError, match="either"):
        enrichment.body()


def test_store_and_items_are_parsed() -> None:
    store = knowledge_stores.KnowledgeStore.read({"_id": "ks_1", "name": "films", "item_count": 2, "tomorrow": 1})
    assert (store.id, store.item_count, store.metadata, store.ingestion_config) == ("ks_1", 2, {}, None)
    system = {"asset_type": "video", "duration": 6.5, "filename": "a.mp4"}
    item = knowledge_stores.KnowledgeStoreItem.read({**ITEM, "system_metadata": system})
    assert (item.status, item.duration, item.filename, item.error) == (ItemStatus.READY, 6.5, "a.mp4", None)
    failed = knowledge_stores.KnowledgeStoreItem.read({**ITEM, "status": "failed", "error": {"message": "broken"}})
    assert failed.error == "broken"
    collection = item_collections.ItemCollection.read({"_id": "ksic_1", "name": "talks", "member_count": 3})
    assert (collection.id, collection.member_count) == ("ksic_1", 3)


@pytest.mark.parametrize("missing", ["_id", "asset_type", "status"])
def test_missing_required_field_is_named(missing: str) -> None:
    broken = {name: value for name, value in ITEM.items() if name != missing}
    with pytest.raises(TwelveLabsAnswerError, match="id" if missing == "_id" else missing):
        knowledge_stores.KnowledgeStoreItem.read(broken)


def hit(item_id: str, start: float) -> dict[str, Any]:
    match = {"start_sec": start, "end_sec": start + 1, "modalities": ["visual"]}
    return {"asset_type": "video", "rank": 1, "item_id": item_id, "matches": [match]}


def test_hits_are_parsed() -> None:
    call = search_knowledge_store("ks_1", KnowledgeSearch("x"))
    page = call.parse({"data": [hit("ksi_1", 2), {"asset_type": "image", "rank": 2, "item_id": "ksi_2"}]})
    video, image = page.hits
    assert (video.item_id, video.matches[0].start, video.matches[0].end) == ("ksi_1", 2.0, 3.0)
    assert (video.matches[0].modalities, video.matches[0].transcription) == (("visual",), None)
    assert (image.asset_type, image.matches, page.next_page_token) == (AssetType.IMAGE, (), None)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, "hits"),
        ({"data": [{"rank": 1, "item_id": "i"}]}, "asset_type"),
        ({"data": [{**hit("i", 0), "matches": [{"start_sec": 1}]}]}, "end"),
    ],
)
def test_hits_without_required_fields_are_an_error(answer: Any, said: str) -> None:
    with pytest.raises(TwelveLabsAnswerError, match=said):
        search_knowledge_store("ks_1", KnowledgeSearch("x")).parse(answer)


def test_an_expired_token_restarts_the_search() -> None:
    gone = TwelveLabsGoneError("expired", ErrorDetails(status=410))
    answers: list[Any] = [
        {"data": [hit("ksi_1", 0)], "next_page_token": "t1"},
        gone,
        {"data": [hit("ksi_1", 0)], "next_page_token": "t2"},
        {"data": [hit("ksi_2", 0)]},
    ]
    tokens: list[Any] = []

    def execute(call: Call[KnowledgeHits]) -> KnowledgeHits:
        assert isinstance(call.body, JsonBody)
        tokens.append(call.body.content.get("page_token"))
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return call.parse(answer)

    found = [one.item_id for one in all_knowledge_hits(execute, "ks_1", KnowledgeSearch("x"))]
    assert found == ["ksi_1", "ksi_2"]
    assert tokens == [None, "t1", None, "t2"]


@pytest.mark.parametrize(("status", "token"), [(404, "t1"), (410, None)])
def test_other_refusals_end_the_search(status: int, token: str | None) -> None:
    def execute(call: Call[KnowledgeHits]) -> KnowledgeHits:
        assert isinstance(call.body, JsonBody)
        if call.body.content.get("page_token") == token:
            raise TwelveLabsNotFoundError("no", ErrorDetails(status=status))
        return call.parse({"data": [hit("ksi_1", 0)], "next_page_token": "t1"})

    with pytest.raises(TwelveLabsNotFoundError):
        list(all_knowledge_hits(execute, "ks_1", KnowledgeSearch("x")))
