"""Entities, knowledge stores and answers after a lost response: found again, or an unknown outcome."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.task_context import task_context
from tests.unit.scripted_server import CutShort, Lost, Reply, ScriptedServer, Unframed
from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.exceptions import TwelveLabsJobFailedError, TwelveLabsUnknownOutcomeError
from twelvelabs_provider.operators.entities import TwelveLabsCreateEntitiesOperator
from twelvelabs_provider.operators.entity import (
    TwelveLabsCreateEntityCollectionOperator,
    TwelveLabsCreateEntityOperator,
)
from twelvelabs_provider.operators.knowledge_ask import TwelveLabsAskKnowledgeStoreOperator
from twelvelabs_provider.operators.knowledge_search import TwelveLabsSearchKnowledgeStoreOperator
from twelvelabs_provider.operators.knowledge_store import (
    TwelveLabsCreateKnowledgeStoreItemOperator,
    TwelveLabsCreateKnowledgeStoreOperator,
)

EMPTY = Reply({"data": []})
ANN = {"_id": "e1", "name": "Ann", "asset_ids": ["a1"], "status": "ready", "entity_collection_id": "c1"}
FAILURES = [Lost(), Reply(status=502), Reply(b"<html>")]
NAMES = ["lost", "502", "garbled"]


def listed(*entries: dict[str, Any]) -> Reply:
    return Reply({"data": list(entries)})


@pytest.mark.parametrize("failure", FAILURES, ids=NAMES)
def test_collection_is_found_after_a_lost_response(server: ScriptedServer, failure: Any) -> None:
    server.script += [EMPTY, failure, listed({"_id": "c1", "name": "people"})]
    operator = TwelveLabsCreateEntityCollectionOperator(task_id="t", collection_name="people")
    assert operator.execute(task_context()) == "c1"
    assert server.asked.count("POST /v1.3/entity-collections") == 1


def test_oldest_of_several_collections_with_the_same_name_is_reused(server: ScriptedServer) -> None:
    server.script += [listed(*({"_id": one, "name": name} for one, name in (("c3", "x"), ("c2", "p"), ("c1", "p"))))]
    operator = TwelveLabsCreateEntityCollectionOperator(task_id="t", collection_name="p")
    assert operator.execute(task_context()) == "c1"


def create_entity(**fields: Any) -> Any:
    operator = TwelveLabsCreateEntityOperator(
        task_id="t", entity_collection_id="c1", entity_name="Ann", asset_ids="a1", **fields
    )
    return operator.execute(task_context())


@pytest.mark.parametrize("failure", FAILURES, ids=NAMES)
def test_entity_is_found_after_a_lost_response(server: ScriptedServer, failure: Any) -> None:
    server.script += [EMPTY, failure, listed({**ANN, "_id": "e0", "name": "Anne"}, ANN), Reply(ANN)]
    assert create_entity()["entity_id"] == "e1"
    assert server.asked.count("POST /v1.3/entity-collections/c1/entities") == 1


def test_lost_response_is_raised_if_the_entity_does_not_exist(server: ScriptedServer) -> None:
    server.script += [EMPTY, Lost(), EMPTY]
    with pytest.raises(TwelveLabsError, match="response was lost"):
        create_entity()


def test_each_entity_of_a_bulk_is_searched_after_a_lost_response(server: ScriptedServer) -> None:
    wanted = [{"name": name, "asset_ids": ["a1"]} for name in ("Ann", "Bob", "Cid")]
    cid = {**ANN, "_id": "e3", "name": "Cid"}
    server.script += [listed(cid), Lost(), listed(cid, ANN), EMPTY]
    operator = TwelveLabsCreateEntitiesOperator(
        task_id="t", entity_collection_id="c1", entities=wanted, fail_on_partial_error=False
    )
    result = operator.execute(task_context())
    assert (result["created"], result["existed"], result["refused"]) == (1, 1, 1)
    assert result["entity_ids"] == {"Ann": "e1", "Cid": "e3"}
    (sent,) = [request.json for request in server.requests if request.method == "POST"]
    assert [entity["name"] for entity in sent["entities"]] == ["Ann", "Bob"]


def test_more_than_100_entities_are_sent_in_several_requests(server: ScriptedServer) -> None:
    wanted = [{"name": f"Nr {number}", "asset_ids": ["a1"]} for number in range(250)]
    parts = [wanted[:100], wanted[100:200], wanted[200:]]
    answers: list[dict[str, Any]] = [
        {"entities": [{"_id": entity["name"], **entity} for entity in part]} for part in parts
    ]
    answers[1]["entities"].pop(7)
    answers[1]["errors"] = [{"entity_index": 7, "entity_name": "Nr 107", "error_reason": "no such asset"}]
    server.script += [EMPTY, *map(Reply, answers)]
    operator = TwelveLabsCreateEntitiesOperator(task_id="t", entity_collection_id="c1", entities=json.dumps(wanted))
    with pytest.raises(TwelveLabsJobFailedError, match=r"1 of 250 entities were refused: Nr 107 \(no such asset\)"):
        operator.execute(task_context())
    assert server.asked.count("POST /v1.3/entity-collections/c1/entities/bulk") == 3


def test_knowledge_store_is_found_after_a_lost_response(server: ScriptedServer) -> None:
    server.script += [EMPTY, Lost(), listed({"_id": "ks_1", "name": "films"})]
    operator = TwelveLabsCreateKnowledgeStoreOperator(task_id="t", store_name="films")
    assert operator.execute(task_context()) == "ks_1"


def item(status: str, item_id: str = "ksi_1") -> dict[str, Any]:
    return {"_id": item_id, "asset_id": "a1", "asset_type": "video", "status": status}


def add_item(**fields: Any) -> Any:
    operator = TwelveLabsCreateKnowledgeStoreItemOperator(
        task_id="t", knowledge_store_id="ks_1", asset_id="a1", **fields
    )
    return operator.execute(task_context())


def test_item_is_found_after_a_lost_response(server: ScriptedServer) -> None:
    server.script += [listed(item("failed", "ksi_0")), Lost(), listed(item("ready"), item("failed", "ksi_0"))]
    server.script += [Reply(item("ready"))]
    assert add_item()["item_id"] == "ksi_1"
    assert server.asked.count("POST /v1.3/knowledge-stores/ks_1/items") == 1


def test_failed_item_is_deleted(server: ScriptedServer) -> None:
    failed = {**item("failed"), "error": {"message": "no picture"}}
    server.script += [EMPTY, Reply(item("queued")), Reply(failed), Reply()]
    with pytest.raises(TwelveLabsJobFailedError, match="no picture"):
        add_item()
    assert server.asked[-1] == "DELETE /v1.3/knowledge-stores/ks_1/items/ksi_1"


def test_item_id_is_returned_without_waiting(server: ScriptedServer) -> None:
    server.script += [EMPTY, Reply(item("queued"))]
    result = add_item(wait_for_completion=False)
    assert (result["item_id"], result["knowledge_store_id"], result["status"]) == ("ksi_1", "ks_1", None)


def stream(*events: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def delta(text: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "sequence_number": 1, "delta": text}


def ended(status: str, text: str, **fields: Any) -> dict[str, Any]:
    message = {"type": "message", "content": [{"type": "output_text", "text": text}]}
    response = {"id": "resp_1", "status": status, "output": [message], **fields}
    return {"type": "response.completed", "sequence_number": 2, "response": response}


def ask(**fields: Any) -> Any:
    operator = TwelveLabsAskKnowledgeStoreOperator(
        task_id="t", knowledge_store_id="ks_1", question="Who is seen?", **fields
    )
    return operator.execute(task_context())


def test_result_holds_the_start_of_a_long_answer(server: ScriptedServer) -> None:
    server.script += [Reply(stream(delta("A" * 2000), ended("completed", "A" * 2000)))]
    result = ask()
    assert (result["response_id"], result["characters"], len(result["answer"])) == ("resp_1", 2000, 1000)


@pytest.mark.parametrize(
    "answer",
    [
        Unframed(stream(delta("Ann and "), delta("Bob"))),
        Reply(stream(ended("incomplete", "Ann and", incomplete_details={"reason": "max_output_tokens"}))),
    ],
    ids=["ends", "incomplete"],
)
def test_incomplete_answer_is_saved_and_not_requested_again(
    server: ScriptedServer, tmp_path: Path, answer: Any
) -> None:
    server.script += [answer]
    with pytest.raises(TwelveLabsUnknownOutcomeError, match="billed") as caught:
        ask(output_path=str(tmp_path))
    assert "kept in file://" in str(caught.value)
    (kept,) = tmp_path.rglob("*.txt")
    assert kept.read_text().startswith("Ann and")
    assert len(server.asked) == 1


def test_truncated_response_is_not_requested_again(server: ScriptedServer) -> None:
    whole = Reply(stream(delta("Ann and "), delta("Bob"), ended("completed", "Ann and Bob")))
    server.script += [CutShort(whole, 140)]
    with pytest.raises(TwelveLabsUnknownOutcomeError, match="billed"):
        ask()
    assert len(server.asked) == 1


def test_answer_that_is_not_the_requested_json_is_saved(server: ScriptedServer, tmp_path: Path) -> None:
    server.script += [Reply(stream(ended("completed", "Ann, I think")))]
    with pytest.raises(TwelveLabsUnknownOutcomeError, match="not JSON"):
        ask(output_path=str(tmp_path), answer_schema={"type": "object", "properties": {"who": {"type": "string"}}})
    (kept,) = tmp_path.rglob("*.txt")
    assert kept.read_text() == "Ann, I think"


def test_selections_are_placed_in_the_question(server: ScriptedServer) -> None:
    server.script += [Reply(stream(ended("completed", "Ann")))]
    ask(item_ids='["ksi_1", "ksi_2"]', item_collection_ids="ksic_1", session_id="sess_1", instructions="Be brief.")
    sent = server.requests[0].json
    assert sent["input"][0]["content"] == "Who is seen? {{sel:0}} {{sel:1}} {{sel:2}}"
    assert [selection["kind"] for selection in sent["selections"]] == ["item", "item", "collection"]
    assert (sent["session_id"], sent["instructions"], sent["stream"]) == ("sess_1", "Be brief.", True)


def test_search_stops_at_max_results(server: ScriptedServer) -> None:
    hits = [{"asset_type": "image", "rank": number, "item_id": f"i{number}"} for number in range(1, 61)]
    server.script += [
        Reply({"data": hits[:50], "next_page_token": "t1"}),
        Reply({"code": "gone", "message": "expired"}, status=410),
        Reply({"data": hits[:50], "next_page_token": "t2"}),
        Reply({"data": hits[50:], "next_page_token": "t3"}),
    ]
    operator = TwelveLabsSearchKnowledgeStoreOperator(
        task_id="t", knowledge_store_id="ks_1", query="a dog", max_results="55"
    )
    result = operator.execute(task_context())
    assert (result["results"], len(result["top"])) == (55, 20)
    assert result["top"][0] == {"rank": 1, "item_id": "i1", "asset_type": "image", "start": None, "end": None}
    tokens = [request.json.get("page_token") for request in server.requests]
    assert tokens == [None, "t1", None, "t2"]
