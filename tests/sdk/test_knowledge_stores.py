"""Knowledge stores with the vendor's client: items, searches, streamed answers."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from twelvelabs.errors import BadRequestError, GoneError, NotFoundError
from twelvelabs.types import (
    KnowledgeStore,
    KnowledgeStoreSearchQuery,
    ResponseInputItem,
    ResponseObject,
    ResponseSelection,
    SearchKnowledgeStoreFilter,
    SearchKnowledgeStoreOptions,
    VideoSearchOptions,
)
from twelvelabs.types.item_id_filter import ItemIdFilter

from tests.engine.client import Api, until
from tests.engine.knowledge import FilledStore

if TYPE_CHECKING:
    from twelvelabs import TwelveLabs
    from twelvelabs.types import ResponseStreamEvent

    from tests.engine_process import Engine

NOWHERE = "ks_00000000-0000-7000-8000-000000000000"


def test_stores(client: TwelveLabs) -> None:
    made = client.knowledge_stores.create(name="sdk", description="films", metadata={"team": "blue"})
    assert made.id
    read = client.knowledge_stores.retrieve(made.id)
    assert isinstance(read, KnowledgeStore)
    assert (read.name, read.item_count, read.metadata) == ("sdk", 0, {"team": "blue"})
    assert client.knowledge_stores.update(made.id, name="other", metadata={}).metadata == {}
    assert made.id in [one.id for one in client.knowledge_stores.list(page_limit=2)]
    client.knowledge_stores.delete(made.id)
    assert made.id not in [one.id for one in client.knowledge_stores.list(page_limit=50)]


def test_items(client: TwelveLabs, engine: Engine, clip: Path) -> None:
    store_id = client.knowledge_stores.create(name="sdk items").id or ""
    items = client.knowledge_store_items
    made = items.create(store_id, asset_id=Api(engine).asset(clip), asset_type="video", metadata={"shot": "1"})
    assert made.id
    assert made.status == "queued"
    ready = until(lambda: (one := items.retrieve(store_id, made.id or "")).status == "ready" and one)
    assert ready.system_metadata.asset_type == "video"
    assert (ready.system_metadata.duration, ready.metadata) == (6.0, {"shot": "1"})
    assert [one.id for one in items.list(store_id, status=["ready", "failed"])] == [made.id]
    items.delete(store_id, made.id)
    assert list(items.list(store_id)) == []


def test_item_collections(client: TwelveLabs, searchable_store: FilledStore) -> None:
    collections = client.knowledge_store_item_collections
    made = collections.create(searchable_store.store_id, name="sdk talks", metadata={"a": "b"})
    assert made.id
    assert (
        collections.add_items(
            searchable_store.store_id, made.id, item_ids=list(searchable_store.item_ids[:2])
        ).member_count
        == 2
    )
    collections.remove_items(searchable_store.store_id, made.id, item_ids=[searchable_store.item_ids[0]])
    assert [one.id for one in collections.list_items(searchable_store.store_id, made.id)] == [
        searchable_store.item_ids[1]
    ]
    assert collections.update(searchable_store.store_id, made.id, description="said").description == "said"
    assert collections.retrieve(searchable_store.store_id, made.id).member_count == 1
    assert made.id in [one.id for one in collections.list(searchable_store.store_id, sort_by="name")]
    collections.delete(searchable_store.store_id, made.id)
    assert made.id not in [one.id for one in collections.list(searchable_store.store_id)]


def test_search(client: TwelveLabs, searchable_store: FilledStore) -> None:
    query = KnowledgeStoreSearchQuery(text="summer")
    found = client.knowledge_stores.search(searchable_store.store_id, query=query, include_metadata=True)
    by_item = {hit.item_id: hit for hit in found.data}
    video, image = by_item[searchable_store.item_ids[1]], by_item[searchable_store.item_ids[2]]
    assert video.asset_type == "video"
    assert [(match.start_sec, match.end_sec, match.modalities) for match in video.matches] == [(3.0, 6.0, ["visual"])]
    assert video.metadata
    assert video.metadata.system
    assert video.metadata.system.duration == 6.0
    assert image.asset_type == "image"
    heard = client.knowledge_stores.search(
        searchable_store.store_id,
        query=KnowledgeStoreSearchQuery(text="doctor"),
        search_options=SearchKnowledgeStoreOptions(video=VideoSearchOptions(modalities=["audio"])),
        filter=SearchKnowledgeStoreFilter(item_id=ItemIdFilter(eq=searchable_store.item_ids[0])),
        group_by="item",
    )
    (hit,) = heard.data
    assert hit.asset_type == "video"
    assert "doctor" in (hit.matches[0].transcription or "")
    assert heard.effective_search_options.video
    assert heard.effective_search_options.video.modalities == ["audio"]


def test_search_pages_end(client: TwelveLabs, engine: Engine, searchable_store: FilledStore) -> None:
    query = KnowledgeStoreSearchQuery(text="summer winter")
    first = client.knowledge_stores.search(searchable_store.store_id, query=query, page_size=1)
    assert first.next_page_token
    second = client.knowledge_stores.search(searchable_store.store_id, query=query, page_token=first.next_page_token)
    assert [hit.rank for hit in (*first.data, *second.data)] == [1, 2]
    with sqlite3.connect(engine.data_dir / "engine.sqlite3", timeout=30) as db:
        db.execute("UPDATE knowledge_page_tokens SET expires_at = '2020-01-01T00:00:00.000Z'")
    with pytest.raises(GoneError):
        client.knowledge_stores.search(searchable_store.store_id, query=query, page_token=first.next_page_token)


def asked(content: str) -> Sequence[ResponseInputItem]:
    return [ResponseInputItem(type="message", role="user", content=content)]


def end_of(events: Sequence[ResponseStreamEvent]) -> ResponseObject:
    """Return the whole answer of a stream."""
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response
    return last.response


def text_of(response: ResponseObject) -> str:
    return "".join(part.text for item in response.output or () for part in item.content or ())


def test_streamed_response(client: TwelveLabs, searchable_store: FilledStore) -> None:
    events = list(
        client.responses.create_stream(knowledge_store_id=searchable_store.store_id, input=asked("When is it summer?"))
    )
    assert events[0].type == "response.created"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    answer = end_of(events)
    text = "".join(event.delta or "" for event in events if event.type == "response.output_text.delta")
    assert text == text_of(answer)
    assert "SUMMER 2031" in text
    (message,) = list(answer.output or [])
    cited = {annotation.item_id for part in message.content or () for annotation in part.annotations}
    assert cited == set(searchable_store.item_ids[1:])
    assert answer.session_id
    again = client.responses.create_stream(
        knowledge_store_id=searchable_store.store_id,
        input=asked("And in {{sel:0}}?"),
        session_id=answer.session_id,
        selections=[ResponseSelection(kind="item", id=searchable_store.item_ids[2])],
        include=["intermediate_outputs"],
    )
    second = end_of(list(again))
    assert second.session_id == answer.session_id
    assert [item.type for item in second.output or ()] == ["function_call", "function_call_output", "message"]
    assert "SUMMER SALE" in text_of(second)


def test_synchronous_response(client: TwelveLabs, searchable_store: FilledStore) -> None:
    answer = client.responses.create(knowledge_store_id=searchable_store.store_id, input=asked("Winter?"))
    assert answer.status == "completed"
    assert "WINTER" in text_of(answer)
    assert answer.usage
    assert answer.usage.output_tokens


def test_refusals_raise_client_exceptions(client: TwelveLabs, searchable_store: FilledStore) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.knowledge_stores.create(name="")
    assert caught.value.body["code"] == "parameter_not_provided"
    with pytest.raises(NotFoundError):
        client.knowledge_stores.search(NOWHERE, query=KnowledgeStoreSearchQuery(text="a"))
    with pytest.raises(BadRequestError):
        list(client.responses.create_stream(knowledge_store_id=NOWHERE, input=asked("Who?")))
    with pytest.raises(BadRequestError):
        list(client.responses.create_stream(knowledge_store_id=searchable_store.store_id, input=asked("")))
