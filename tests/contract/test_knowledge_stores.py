"""Every call of knowledge stores, items, collections, searches and responses."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.client import Api, until
from tests.engine.knowledge import FilledStore
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsGoneError, TwelveLabsNotFoundError
from twelvelabs_provider.api.knowledge import item_collections, knowledge_stores
from twelvelabs_provider.api.knowledge.knowledge_search import (
    HitGrouping,
    KnowledgeHits,
    KnowledgeSearch,
    Modality,
    all_knowledge_hits,
    search_knowledge_store,
)
from twelvelabs_provider.api.knowledge.knowledge_stores import AssetType, Enrichment, ItemStatus, KnowledgeStore
from twelvelabs_provider.api.knowledge.response_stream import EventType, collected, stream_response
from twelvelabs_provider.api.knowledge.responses import (
    AnswerSchema,
    ResponseRequest,
    ResponseStatus,
    Selection,
    SelectionKind,
    create_response,
)
from twelvelabs_provider.api.resources import Paging

if TYPE_CHECKING:
    from tests.engine_process import Engine
    from twelvelabs_provider.api.call import Call
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

UNKNOWN = "665000000000000000000abc"
NO_ITEM = "ksi_00000000-0000-7000-8000-000000000000"


@pytest.fixture
def store(hook: TwelveLabsHook, request: pytest.FixtureRequest) -> KnowledgeStore:
    """A store of this test's own."""
    return hook.execute(knowledge_stores.create_knowledge_store(request.node.name, metadata={"team": "blue"}))


def test_store_is_created_read_updated_and_deleted(hook: TwelveLabsHook, store: KnowledgeStore) -> None:
    assert (store.item_count, store.metadata, store.ingestion_config) == (0, {"team": "blue"}, None)
    assert hook.execute(knowledge_stores.read_knowledge_store(store.id)) == store
    changed = hook.execute(
        knowledge_stores.update_knowledge_store(store.id, name="other", description="films", metadata={})
    )
    assert (changed.name, changed.description, changed.metadata) == ("other", "films", {})
    listed = hook.items(lambda paging: knowledge_stores.list_knowledge_stores(paging=paging))
    assert store.id in [one.id for one in listed]
    for _ in range(2):
        hook.execute(knowledge_stores.delete_knowledge_store(store.id))
    with pytest.raises(TwelveLabsNotFoundError, match=store.id):
        hook.execute(knowledge_stores.read_knowledge_store(store.id))


@pytest.mark.parametrize(
    "enrichment",
    [
        Enrichment(description="who is seen"),
        Enrichment({"type": "object", "properties": {"who": {"type": "string", "description": "who is seen"}}}),
    ],
)
def test_enrichment_settings_are_kept(hook: TwelveLabsHook, enrichment: Enrichment) -> None:
    made = hook.execute(knowledge_stores.create_knowledge_store("enriched", enrichment=enrichment))
    assert made.ingestion_config == enrichment.body()


def test_item_is_created_read_listed_and_deleted(
    hook: TwelveLabsHook, engine: Engine, store: KnowledgeStore, clip: Path
) -> None:
    asset_id = Api(engine).asset(clip)
    made = hook.execute(
        knowledge_stores.create_knowledge_store_item(
            store.id, asset_id, asset_type=AssetType.VIDEO, metadata={"shot": "1"}
        )
    )
    assert (made.status, made.asset_id, made.asset_type) == (ItemStatus.QUEUED, asset_id, AssetType.VIDEO)
    read = knowledge_stores.read_knowledge_store_item(store.id, made.id)
    ready = until(lambda: (item := hook.execute(read)).status == ItemStatus.READY and item)
    assert (ready.duration, ready.metadata, ready.filename) == (6.0, {"shot": "1"}, clip.name)

    def ids(*status: ItemStatus) -> list[str]:
        listed = hook.items(
            lambda paging: knowledge_stores.list_knowledge_store_items(store.id, status=status, paging=paging)
        )
        return [item.id for item in listed]

    assert ids() == ids(ItemStatus.READY, ItemStatus.FAILED) == [made.id]
    assert ids(ItemStatus.QUEUED, ItemStatus.PENDING, ItemStatus.PROCESSING) == []
    for _ in range(2):
        hook.execute(knowledge_stores.delete_knowledge_store_item(store.id, made.id))
    assert ids() == []
    with pytest.raises(TwelveLabsNotFoundError, match=UNKNOWN):
        hook.execute(knowledge_stores.create_knowledge_store_item(store.id, UNKNOWN))


def test_item_collection_is_created_read_updated_and_deleted(
    hook: TwelveLabsHook, searchable_store: FilledStore
) -> None:
    made = hook.execute(
        item_collections.create_item_collection(
            searchable_store.store_id, "spoken", description="talks", metadata={"a": "b"}
        )
    )
    assert (made.store_id, made.member_count, made.metadata) == (searchable_store.store_id, 0, {"a": "b"})
    with pytest.raises(TwelveLabsBadRequestError, match="spoken"):
        hook.execute(item_collections.create_item_collection(searchable_store.store_id, "spoken"))
    where = (searchable_store.store_id, made.id)
    changed = hook.execute(item_collections.update_item_collection(*where, name="said", description="", metadata={}))
    assert (changed.name, changed.metadata) == ("said", {})
    for _ in range(2):
        assert (
            hook.execute(item_collections.add_collected_items(*where, searchable_store.item_ids[:2])).member_count == 2
        )
    listed = hook.items(lambda paging: item_collections.list_collected_items(*where, paging=paging))
    assert {item.id for item in listed} == set(searchable_store.item_ids[:2])
    hook.execute(item_collections.remove_collected_items(*where, [searchable_store.item_ids[0], NO_ITEM]))
    assert hook.execute(item_collections.read_item_collection(*where)).member_count == 1
    with pytest.raises(TwelveLabsNotFoundError, match=NO_ITEM):
        hook.execute(item_collections.add_collected_items(*where, [NO_ITEM]))
    sorted_by_name = Paging(sort_by="name")
    page = hook.execute(item_collections.list_item_collections(searchable_store.store_id, paging=sorted_by_name))
    assert made.id in [one.id for one in page.items]
    for _ in range(2):
        hook.execute(item_collections.delete_item_collection(*where))


def hits(hook: TwelveLabsHook, searchable_store: FilledStore, search: KnowledgeSearch) -> KnowledgeHits:
    """Return the first page of a search."""
    return hook.execute(search_knowledge_store(searchable_store.store_id, search))


def test_search_finds_visual_and_spoken_matches(hook: TwelveLabsHook, searchable_store: FilledStore) -> None:
    shown = hits(hook, searchable_store, KnowledgeSearch("the summer", include_metadata=True)).hits
    by_item = {hit.item_id: hit for hit in shown}
    clip, picture = by_item[searchable_store.item_ids[1]], by_item[searchable_store.item_ids[2]]
    assert [(match.start, match.end, match.modalities) for match in clip.matches] == [(3.0, 6.0, ("visual",))]
    assert clip.metadata["system"]["duration"] == 6.0
    assert (picture.asset_type, picture.matches) == (AssetType.IMAGE, ())
    heard = hits(hook, searchable_store, KnowledgeSearch("doctor", modalities=[Modality.AUDIO, Modality.VISUAL])).hits
    assert {hit.item_id for hit in heard} == {searchable_store.item_ids[0]}
    assert any("doctor" in (match.transcription or "") for hit in heard for match in hit.matches)
    assert [hit.rank for hit in heard] == list(range(1, len(heard) + 1))


def test_search_is_filtered_and_grouped(hook: TwelveLabsHook, searchable_store: FilledStore) -> None:
    words = "summer winter"
    clip, picture = searchable_store.item_ids[1:]
    images = hits(hook, searchable_store, KnowledgeSearch(words, asset_types=[AssetType.IMAGE]))
    assert [hit.item_id for hit in images.hits] == [picture]
    chosen = hits(hook, searchable_store, KnowledgeSearch(words, item_ids=[clip, searchable_store.item_ids[0]]))
    assert {hit.item_id for hit in chosen.hits} == {clip}
    grouped = hits(hook, searchable_store, KnowledgeSearch(words, group_by=HitGrouping.ITEM, item_ids=[clip])).hits
    assert [len(hit.matches) for hit in grouped] == [2]


def expire_tokens(engine: Engine) -> None:
    """Let the time of all page tokens pass."""
    with sqlite3.connect(engine.data_dir / "engine.sqlite3", timeout=30) as db:
        db.execute("UPDATE knowledge_page_tokens SET expires_at = '2020-01-01T00:00:00.000Z'")


def test_search_restarts_after_an_expired_page_token(
    hook: TwelveLabsHook, engine: Engine, searchable_store: FilledStore
) -> None:
    search = KnowledgeSearch("summer winter", page_size=1)
    first = hits(hook, searchable_store, search)
    assert first.next_page_token
    second = hook.execute(search_knowledge_store(searchable_store.store_id, search, page_token=first.next_page_token))
    assert second.hits != first.hits
    expire_tokens(engine)
    with pytest.raises(TwelveLabsGoneError) as caught:
        hook.execute(search_knowledge_store(searchable_store.store_id, search, page_token=first.next_page_token))
    assert caught.value.details.status == 410
    asked: list[Call[KnowledgeHits]] = []

    def execute(call: Call[KnowledgeHits]) -> KnowledgeHits:
        asked.append(call)
        if len(asked) == 2:
            expire_tokens(engine)
        return hook.execute(call)

    whole = hits(hook, searchable_store, KnowledgeSearch("summer winter"))
    paged = list(all_knowledge_hits(execute, searchable_store.store_id, search))
    assert [(hit.item_id, hit.matches) for hit in paged] == [(hit.item_id, hit.matches) for hit in whole.hits]
    assert len(asked) > len(paged)


def question(searchable_store: FilledStore, *messages: str, **fields: object) -> ResponseRequest:
    """Return a question about the searchable store."""
    return ResponseRequest(searchable_store.store_id, messages, **fields)  # type: ignore[arg-type]


def test_streamed_answer_cites_its_sources(hook: TwelveLabsHook, searchable_store: FilledStore) -> None:
    events = list(
        hook.stream(stream_response(question(searchable_store, "When is it summer?", instructions="Be brief.")))
    )
    assert [event.type for event in events[:2]] == [EventType.CREATED, EventType.IN_PROGRESS]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    answer = collected(iter(events))
    assert (answer.status, answer.store_id, answer.model) == (
        ResponseStatus.COMPLETED,
        searchable_store.store_id,
        "twelvelabs-local-extractive",
    )
    assert "".join(event.delta for event in events) == answer.text
    assert "SUMMER 2031" in answer.text
    assert {citation.item_id for citation in answer.citations} == set(searchable_store.item_ids[1:])
    clip = next(citation for citation in answer.citations if citation.item_id == searchable_store.item_ids[1])
    assert (clip.start, clip.end, answer.text[clip.start_index : clip.end_index]) == (3.0, 6.0, "[1]")
    assert answer.output_tokens


def test_session_continues_a_conversation(hook: TwelveLabsHook, searchable_store: FilledStore) -> None:
    first = collected(hook.stream(stream_response(question(searchable_store, "Where is winter?"))))
    assert first.session_id
    again = question(searchable_store, "And what is it about?", session_id=first.session_id)
    second = collected(hook.stream(stream_response(again)))
    assert second.session_id == first.session_id
    assert second.id != first.id
    assert "WINTER" in second.text


def test_question_is_limited_to_items_and_collections(hook: TwelveLabsHook, searchable_store: FilledStore) -> None:
    collection = hook.execute(item_collections.create_item_collection(searchable_store.store_id, "signs"))
    hook.execute(
        item_collections.add_collected_items(searchable_store.store_id, collection.id, searchable_store.item_ids[2:])
    )
    selections = [
        Selection(SelectionKind.ITEM, searchable_store.item_ids[1]),
        Selection(SelectionKind.COLLECTION, collection.id),
    ]
    asked = [question(searchable_store, f"Summer in {{{{sel:{number}}}}}?", selections=selections) for number in (0, 1)]
    clip, sign = (collected(hook.stream(stream_response(one))) for one in asked)
    assert [citation.item_id for citation in clip.citations] == [searchable_store.item_ids[1]]
    assert [citation.item_id for citation in sign.citations] == [searchable_store.item_ids[2]]


def test_json_answer(hook: TwelveLabsHook, searchable_store: FilledStore) -> None:
    quote = {"start": {"type": "number"}, "text": {"type": "string"}, "item_id": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": {
            "summary": {"type": "string"},
            "quotes": {"type": "array", "items": {"type": "object", "properties": quote}},
        },
    }
    asked = question(searchable_store, "Winter?", schema=AnswerSchema("answer", schema, "quotes", strict=True))
    answer = json.loads(collected(hook.stream(stream_response(asked))).text)
    assert answer["quotes"] == [{"start": 0.0, "text": "WINTER", "item_id": searchable_store.item_ids[1]}]
    assert "WINTER" in answer["summary"]


def test_synchronous_answer_includes_its_steps(hook: TwelveLabsHook, searchable_store: FilledStore) -> None:
    answer = hook.execute(create_response(question(searchable_store, "Winter?", steps=True)))
    assert answer.status == ResponseStatus.COMPLETED
    assert [item["type"] for item in answer.raw["output"]] == ["function_call", "function_call_output", "message"]
    assert "WINTER" in answer.text
    streamed = collected(hook.stream(stream_response(question(searchable_store, "Winter?", steps=True))))
    assert streamed.text == answer.text
