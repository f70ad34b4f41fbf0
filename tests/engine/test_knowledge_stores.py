"""Knowledge stores: errors, searches and quoted answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Library
from tests.engine.client import Api, until
from tests.engine.images import make_image
from tests.engine.knowledge import FilledStore, filled_store
from tests.engine.videos import make_sound

UNKNOWN = "665000000000000000000abc"
NOWHERE = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def searchable_store(api: Api, library: Library, clip: Path) -> FilledStore:
    """The sample, which speaks, and the silent clip."""
    return filled_store(api, "engine searchable", [library.asset_id, api.asset(clip)])


@pytest.fixture
def store(api: Api, index_name: str) -> str:
    """A store of this test's own."""
    return str(api.expect(201, "POST", "/knowledge-stores", json={"name": index_name})["_id"])


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"type": "object", "properties": properties}}


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        ({}, 400, "parameter_not_provided", "name"),
        ({"name": "a", "metadata": {"a": {}}}, 400, "parameter_invalid", "'a'"),
        ({"name": "a", "ingestion_config": {}}, 400, "parameter_not_provided", "enrichment_config"),
        ({"name": "a", "ingestion_config": {"x": 1}}, 400, "parameter_unknown", "ingestion_config.x"),
        ({"name": "a", "ingestion_config": {"enrichment_config": {"type": "x"}}}, 400, "parameter_invalid", "'x'"),
        (
            {"name": "a", "ingestion_config": {"enrichment_config": {"type": "description"}}},
            400,
            "parameter_not_provided",
            "description",
        ),
        (
            {"name": "a", "ingestion_config": {"enrichment_config": schema(who={"type": "string"})}},
            422,
            "json_schema_invalid",
            "json_schema.who",
        ),
        (
            {
                "name": "a",
                "ingestion_config": {"enrichment_config": schema(who={"description": "w", "pattern": "a"})},
            },
            422,
            "json_schema_invalid",
            "'pattern'",
        ),
        (
            {
                "name": "a",
                "ingestion_config": {"enrichment_config": schema(who={"description": "w", "type": ["string", "null"]})},
            },
            422,
            "json_schema_invalid",
            "required",
        ),
    ],
)
def test_an_invalid_store(api: Api, body: dict[str, Any], status: int, code: str, said: str) -> None:
    assert said in api.refused(status, code, "POST", "/knowledge-stores", json=body)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({}, "parameter_not_provided", "asset_id"),
        ({"asset_id": UNKNOWN}, "resource_not_exist", UNKNOWN),
        ({"asset_id": "CLIP", "asset_type": "image"}, "parameter_invalid", "video/mp4"),
        ({"asset_id": "CLIP", "asset_type": "audio"}, "parameter_invalid", "'audio'"),
        ({"asset_id": "SOUND"}, "parameter_invalid", "neither video nor image"),
        ({"asset_id": "CLIP", "metadata": {"a": None}}, "parameter_invalid", "'a'"),
    ],
)
def test_an_invalid_item(
    api: Api, store: str, clip: Path, tmp_path: Path, body: dict[str, Any], code: str, said: str
) -> None:
    if body.get("asset_id") == "CLIP":
        body = {**body, "asset_id": api.asset(clip)}
    elif body.get("asset_id") == "SOUND":
        body = {**body, "asset_id": api.asset(make_sound(tmp_path / "a.wav"))}
    assert said in api.refused(400, code, "POST", f"/knowledge-stores/{store}/items", json=body)
    assert api.get(f"/knowledge-stores/{store}")["item_count"] == 0


def test_an_item_with_a_failed_asset_fails(api: Api, store: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    asset_id = api.upload(broken)["_id"]
    # the asset may have failed by now, or fail once the item waits for it
    sent = api.send("POST", f"/knowledge-stores/{store}/items", json={"asset_id": asset_id})
    if sent.status_code == 400:
        assert "failed" in sent.json()["message"]
        return
    item = api.finished(f"/knowledge-stores/{store}/items/{sent.json()['_id']}", "failed")
    assert "broken" in item["error"]["message"]


def test_an_item_is_billed_once_and_deleted_completely(api: Api, store: str, clip: Path) -> None:
    asset_id = api.asset(clip)
    path = f"/knowledge-stores/{store}/items"
    item_id = api.expect(202, "POST", path, json={"asset_id": asset_id})["_id"]
    api.finished(f"{path}/{item_id}")
    statement = Api(api.engine, "_local").get("/billing")
    billed = [event for event in statement["events"] if event["id"] == item_id]
    assert [(event["what"], event["minutes"]) for event in billed] == [("knowledge_store_ingestion", 0.1)]
    search = {"query": {"text": "summer"}}
    assert api.expect(200, "POST", f"/knowledge-stores/{store}/search", json=search)["data"]
    api.expect(200, "DELETE", f"{path}/{item_id}")
    assert api.expect(200, "POST", f"/knowledge-stores/{store}/search", json=search)["data"] == []
    assert api.get(f"/assets/{asset_id}")["status"] == "ready"


def test_a_deleted_store_deletes_its_items(api: Api, store: str, clip: Path) -> None:
    path = f"/knowledge-stores/{store}"
    item_id = api.expect(202, "POST", f"{path}/items", json={"asset_id": api.asset(clip)})["_id"]
    collection = api.expect(201, "POST", f"{path}/item-collections", json={"name": "c"})["_id"]
    api.expect(200, "DELETE", path)
    for gone in ("", f"/items/{item_id}", f"/item-collections/{collection}"):
        api.refused(404, "resource_not_exist", "GET", path + gone)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({}, "parameter_not_provided", "query"),
        ({"query": {}}, "parameter_not_provided", "text"),
        ({"query": {"text": "a", "image": "b"}}, "parameter_unknown", "query.image"),
        ({"query": {"text": "a"}, "page_size": 51}, "parameter_invalid", "50"),
        ({"query": {"text": "a"}, "page_size": 0}, "parameter_invalid", "page_size"),
        ({"query": {"text": "a"}, "group_by": "video"}, "parameter_invalid", "'video'"),
        ({"query": {"text": "a"}, "filter": {"colour": {"eq": "red"}}}, "parameter_unknown", "filter.colour"),
        (
            {"query": {"text": "a"}, "filter": {"item_id": {"eq": "a", "in": ["a"]}}},
            "parameter_invalid",
            "one operator",
        ),
        ({"query": {"text": "a"}, "filter": {"asset_type": {"eq": "audio"}}}, "parameter_invalid", "'audio'"),
        ({"query": {"text": "a"}, "search_options": {"video": {}}}, "parameter_invalid", "modalities"),
        (
            {
                "query": {"text": "a"},
                "filter": {"asset_type": {"eq": "image"}},
                "search_options": {"video": {"modalities": ["audio"]}},
            },
            "parameter_invalid",
            "no videos",
        ),
        ({"query": {"text": "a"}, "page_token": "guessed"}, "parameter_invalid", "page_token"),
    ],
)
def test_an_invalid_search(api: Api, searchable_store: FilledStore, body: dict[str, Any], code: str, said: str) -> None:
    assert said in api.refused(400, code, "POST", f"/knowledge-stores/{searchable_store.store_id}/search", json=body)


def search(api: Api, searchable_store: FilledStore, text: str, **body: Any) -> Any:
    return api.expect(
        200, "POST", f"/knowledge-stores/{searchable_store.store_id}/search", json={"query": {"text": text}, **body}
    )


@pytest.mark.parametrize("text", ['"', "AND OR NOT", "winter*", "(summer", "text:winter", "-", "\u2603"])
def test_words_are_never_operators(api: Api, searchable_store: FilledStore, text: str) -> None:
    assert isinstance(search(api, searchable_store, text)["data"], list)


def test_word_forms_and_capitals_do_not_matter(api: Api, searchable_store: FilledStore) -> None:
    assert search(api, searchable_store, "Winters")["data"] == search(api, searchable_store, "winter")["data"] != []
    assert search(api, searchable_store, "aardvark")["data"] == []


def test_modalities_are_searched_separately(api: Api, searchable_store: FilledStore) -> None:
    default = search(api, searchable_store, "doctor winter")
    assert default["effective_search_options"] == {"video": {"modalities": ["visual"]}}
    audio = search(api, searchable_store, "doctor winter", search_options={"video": {"modalities": ["audio"]}})
    assert {hit["item_id"] for hit in audio["data"]} == {searchable_store.item_ids[0]}
    assert {tuple(match["modalities"]) for hit in audio["data"] for match in hit["matches"]} == {("audio",)}


def test_a_page_token_contains_the_search(api: Api, searchable_store: FilledStore) -> None:
    first = search(api, searchable_store, "summer winter", page_size=1)
    token = first["next_page_token"]
    second = search(api, searchable_store, "something else", page_size=50, page_token=token)
    assert [hit["rank"] for hit in first["data"] + second["data"]] == [1, 2]
    other = api.expect(201, "POST", "/knowledge-stores", json={"name": "other"})["_id"]
    body = {"query": {"text": "a"}, "page_token": token}
    api.refused(400, "parameter_invalid", "POST", f"/knowledge-stores/{other}/search", json=body)


def question(searchable_store: FilledStore, content: str = "Winter?", **fields: Any) -> dict[str, Any]:
    message = {"type": "message", "role": "user", "content": content}
    return {"knowledge_store_id": searchable_store.store_id, "input": [message], "stream": True, **fields}


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"knowledge_store_id": None}, "parameter_not_provided", "knowledge_store_id"),
        ({"knowledge_store_id": f"ks_{NOWHERE}"}, "resource_not_exist", NOWHERE),
        ({"input": None}, "parameter_not_provided", "input"),
        ({"input": "Winter?"}, "parameter_invalid", "list"),
        ({"input": [{"type": "message", "role": "system", "content": "a"}]}, "parameter_invalid", "role user"),
        ({"input": [{"type": "message", "role": "user", "content": ""}]}, "parameter_invalid", "10000"),
        ({"input": [{"type": "message", "role": "user", "content": "a", "x": 1}]}, "parameter_unknown", "input.x"),
        ({"session_id": f"sess_{NOWHERE}"}, "resource_not_exist", NOWHERE),
        ({"include": ["everything"]}, "parameter_invalid", "include"),
        ({"stream": "yes"}, "parameter_invalid", "stream"),
        ({"selections": [{"kind": "item", "id": f"ksi_{NOWHERE}"}]}, "resource_not_exist", NOWHERE),
        ({"selections": [{"kind": "store", "id": "x"}]}, "parameter_invalid", "'store'"),
        ({"text": {"format": {"type": "xml"}}}, "parameter_invalid", "'xml'"),
        (
            {"text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "array"}}}},
            "parameter_invalid",
            "quotes",
        ),
        ({"temperature": 1}, "parameter_unknown", "temperature"),
    ],
)
def test_an_invalid_question(
    api: Api, searchable_store: FilledStore, change: dict[str, Any], code: str, said: str
) -> None:
    body = {name: value for name, value in {**question(searchable_store), **change}.items() if value is not None}
    assert said in api.refused(400, code, "POST", "/responses", json=body)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "number"},
        {"type": "string", "enum": ["a", "b"]},
        {"type": "array", "items": {"type": "number"}},
        {"type": "array", "items": {"type": "object", "properties": {"mood": {"type": "string"}}}},
        {"type": "array", "items": {"type": "object", "properties": {"start": {"type": "string"}}}},
        "text",
    ],
)
def test_a_schema_that_quotes_cannot_fill_is_refused(api: Api, searchable_store: FilledStore, part: Any) -> None:
    asked = {"type": "json_schema", "name": "a", "schema": {"type": "object", "properties": {"mood": part}}}
    body = question(searchable_store, text={"format": asked})
    assert "mood" in api.refused(400, "parameter_invalid", "POST", "/responses", json=body)


def test_an_unknown_selection(api: Api, searchable_store: FilledStore) -> None:
    body = question(
        searchable_store, "In {{sel:1}}?", selections=[{"kind": "item", "id": searchable_store.item_ids[0]}]
    )
    assert "selection 1" in api.refused(400, "parameter_invalid", "POST", "/responses", json=body)


def test_a_session_belongs_to_its_store(api: Api, searchable_store: FilledStore) -> None:
    session = api.expect(200, "POST", "/responses", json=question(searchable_store, stream=False))["session_id"]
    other = api.expect(201, "POST", "/knowledge-stores", json={"name": "other"})["_id"]
    body = {**question(searchable_store, session_id=session), "knowledge_store_id": other}
    assert searchable_store.store_id in api.refused(400, "parameter_invalid", "POST", "/responses", json=body)


def test_nothing_is_invented_without_a_match(api: Api, searchable_store: FilledStore) -> None:
    answer = api.expect(
        200, "POST", "/responses", json=question(searchable_store, "Where is the aardvark?", stream=False)
    )
    (part,) = answer["output"][0]["content"]
    assert part["text"].startswith("Nothing that is said or shown")
    assert part["annotations"] == []
    assert answer["model"] == "twelvelabs-local-extractive"


def test_an_overview_quotes_the_first_passages(api: Api, searchable_store: FilledStore) -> None:
    answer = api.expect(
        200, "POST", "/responses", json=question(searchable_store, "Summarize the videos.", stream=False)
    )
    cited = {one["item_id"] for one in answer["output"][0]["content"][0]["annotations"]}
    assert cited == set(searchable_store.item_ids)


def test_events_of_a_stream(api: Api, searchable_store: FilledStore) -> None:
    response = api.send("POST", "/responses", json=question(searchable_store))
    assert response.headers["content-type"].startswith("text/event-stream")
    blocks = response.content.decode().strip().split("\n\n")
    assert blocks.pop() == "data: [DONE]"
    names, events = [], []
    for block in blocks:
        name, data = block.split("\n")
        names.append(name.removeprefix("event: "))
        events.append(json.loads(data.removeprefix("data: ")))
    assert names == [event["type"] for event in events]
    assert names[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert names[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert set(names[4:-4]) == {"response.output_text.delta"}
    whole = "".join(event["delta"] for event in events if "delta" in event)
    assert whole == events[-4]["text"] == events[-1]["response"]["output"][0]["content"][0]["text"]


@pytest.mark.parametrize(
    "path",
    [
        f"/knowledge-stores/ks_{NOWHERE}",
        f"/knowledge-stores/ks_{NOWHERE}/items",
        f"/knowledge-stores/ks_{NOWHERE}/item-collections",
        f"/knowledge-stores/STORE/items/ksi_{NOWHERE}",
        f"/knowledge-stores/STORE/item-collections/ksic_{NOWHERE}",
        f"/knowledge-stores/STORE/item-collections/ksic_{NOWHERE}/items",
    ],
)
def test_unknown_ids(api: Api, searchable_store: FilledStore, path: str) -> None:
    api.refused(404, "resource_not_exist", "GET", path.replace("STORE", searchable_store.store_id))


@pytest.mark.parametrize("wrong", [UNKNOWN, "ks_x", f"ksi_{NOWHERE}"])
def test_invalid_ids(api: Api, wrong: str) -> None:
    assert "ks_xxx" in api.refused(400, "parameter_invalid", "GET", f"/knowledge-stores/{wrong}")


def test_an_item_waits_for_its_asset(api: Api, store: str, tmp_path: Path) -> None:
    asset_id = api.upload(make_image(tmp_path / "sign.jpg", "CLOSED"))["_id"]
    path = f"/knowledge-stores/{store}/items"
    made = api.expect(202, "POST", path, json={"asset_id": asset_id, "asset_type": "image"})
    assert made["status"] == "queued"
    item = until(lambda: (one := api.get(f"{path}/{made['_id']}"))["status"] == "ready" and one)
    assert item["system_metadata"]["filename"] == "sign.jpg"
    found = api.expect(200, "POST", f"/knowledge-stores/{store}/search", json={"query": {"text": "closed"}})
    assert [hit["item_id"] for hit in found["data"]] == [made["_id"]]


def test_older_generations_have_no_knowledge_stores(legacy: Api) -> None:
    assert legacy.send("GET", "/knowledge-stores").status_code == 404
    assert legacy.send("POST", "/responses", json={}).status_code == 404
