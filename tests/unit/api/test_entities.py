"""Entity calls, models, and errors of older generations."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.test_calls import LIST, asked
from twelvelabs_provider.api import entities
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.entities import EntityStatus, NewEntity
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.api.version import ApiVersion

COLLECTION = {"_id": "c1", "name": "people", "description": "", "created_at": "2026-06-01T10:00:00Z"}
ENTITY = {
    "_id": "e1",
    "entity_collection_id": "c1",
    "name": "Ann",
    "asset_ids": ["a1", "a2"],
    "status": "processing",
    "metadata": {"age": 3},
    "created_at": "2026-06-01T10:00:00Z",
    "from_tomorrow": 1,
}
ANN = NewEntity("Ann", ("a1",), "sings", {"age": 3})

CASES: list[tuple[Call[Any], str, dict[str, Any], Any]] = [
    (
        entities.create_entity_collection("people", description="all"),
        "POST /entity-collections",
        {},
        {"name": "people", "description": "all"},
    ),
    (entities.create_entity_collection("people"), "POST /entity-collections", {}, {"name": "people"}),
    (entities.list_entity_collections(name="people"), "GET /entity-collections", {**LIST, "name": "people"}, None),
    (entities.read_entity_collection("c1"), "GET /entity-collections/c1", {}, None),
    (entities.update_entity_collection("c1", name="n"), "PATCH /entity-collections/c1", {}, {"name": "n"}),
    (entities.delete_entity_collection("c1"), "DELETE /entity-collections/c1", {}, None),
    (
        entities.create_entity("c1", ANN),
        "POST /entity-collections/c1/entities",
        {},
        {"name": "Ann", "asset_ids": ["a1"], "description": "sings", "metadata": {"age": 3}},
    ),
    (
        entities.create_entities("c1", [NewEntity("Bob", ("a2",))]),
        "POST /entity-collections/c1/entities/bulk",
        {},
        {"entities": [{"name": "Bob", "asset_ids": ["a2"]}]},
    ),
    (
        entities.list_entities("c1", name="Ann", status=EntityStatus.READY, paging=Paging(2, 5)),
        "GET /entity-collections/c1/entities",
        {**LIST, "page": "2", "page_limit": "5", "name": "Ann", "status": "ready"},
        None,
    ),
    (
        entities.list_entities_of_asset("a1"),
        "GET /assets/a1/entities",
        {"page": "1", "page_limit": "50"},
        None,
    ),
    (entities.read_entity("c1", "e/1"), "GET /entity-collections/c1/entities/e%2F1", {}, None),
    (
        entities.update_entity("c1", "e1", description="", metadata={}),
        "PATCH /entity-collections/c1/entities/e1",
        {},
        {"description": "", "metadata": {}},
    ),
    (entities.delete_entity("c1", "e1"), "DELETE /entity-collections/c1/entities/e1", {}, None),
    (
        entities.add_entity_assets("c1", "e1", ("a2",)),
        "POST /entity-collections/c1/entities/e1/assets",
        {},
        {"asset_ids": ["a2"]},
    ),
    (
        entities.remove_entity_assets("c1", "e1", ["a2"]),
        "DELETE /entity-collections/c1/entities/e1/assets",
        {},
        {"asset_ids": ["a2"]},
    ),
]


@pytest.mark.parametrize(("call", "name", "query", "body"), CASES, ids=[case[1] for case in CASES])
def test_requests(call: Call[Any], name: str, query: dict[str, Any], body: Any) -> None:
    assert asked(call) == (name, query, body)
    assert call.only == (ApiVersion.V1_3,)
    assert "older generations" in call.instead


def test_only_creations_are_not_repeatable() -> None:
    once = {call.name for call, *_ in CASES if not call.repeatable}
    assert once == {
        "POST /entity-collections",
        "POST /entity-collections/c1/entities",
        "POST /entity-collections/c1/entities/bulk",
    }


def test_entity_with_unknown_fields_is_parsed() -> None:
    entity = entities.read_entity("c1", "e1").parse(ENTITY)
    assert (entity.id, entity.collection_id, entity.name) == ("e1", "c1", "Ann")
    assert (entity.asset_ids, entity.status) == (("a1", "a2"), EntityStatus.PROCESSING)
    assert (entity.metadata, entity.description, entity.updated_at) == ({"age": 3}, None, None)
    assert entity.created_at is not None
    assert entity.created_at.isoformat() == "2026-06-01T10:00:00+00:00"
    assert entity.raw["from_tomorrow"] == 1


def test_page_of_collections_is_parsed() -> None:
    page = entities.list_entity_collections().parse(
        {"data": [COLLECTION], "page_info": {"page": 1, "total_page": 3, "total_results": 21}}
    )
    assert ([one.name for one in page.items], page.total_pages) == (["people"], 3)


@pytest.mark.parametrize("missing", ["_id", "name", "status"])
def test_missing_required_field_is_named(missing: str) -> None:
    broken = {name: value for name, value in ENTITY.items() if name != missing}
    with pytest.raises(TwelveLabsAnswerError, match="id" if missing == "_id" else missing):
        entities.read_entity("c1", "e1").parse(broken)


def test_bulk_response_is_parsed() -> None:
    outcome = entities.create_entities("c1", [ANN]).parse(
        {
            "success_count": 1,
            "failed_count": 1,
            "entities": [{"_id": "e1", "name": "Ann", "status": "processing"}],
            "errors": [{"entity_index": 1, "entity_name": "Bob", "error_reason": "no such asset"}],
        }
    )
    assert [(made.id, made.name, made.status) for made in outcome.created] == [("e1", "Ann", "processing")]
    assert [(no.position, no.name, no.reason) for no in outcome.refused] == [(1, "Bob", "no such asset")]


def test_bulk_response_without_lists_is_empty() -> None:
    outcome = entities.create_entities("c1", [ANN]).parse({"entities": None})
    assert (outcome.created, outcome.refused) == ((), ())


@pytest.mark.parametrize("answer", [None, [], {"errors": [{"entity_name": "Bob"}]}, {"entities": ["Ann"]}])
def test_empty_bulk_response_is_an_error(answer: Any) -> None:
    with pytest.raises(TwelveLabsAnswerError):
        entities.create_entities("c1", [ANN]).parse(answer)
