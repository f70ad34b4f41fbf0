"""Search with v1.1 and v1.2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Library
from tests.engine.client import Api, multipart
from tests.engine.frames import frame_of
from tests.engine_process import Engine


@pytest.fixture(scope="session")
def v1_2(engine: Engine) -> Api:
    return Api(engine, "v1.2")


def body(library: Library, query: Any, **fields: Any) -> dict[str, Any]:
    return {"index_id": library.index_id, "search_options": ["conversation"], "query": query, **fields}


def test_a_text(legacy: Api, library: Library) -> None:
    found = legacy.expect(200, "POST", "/search", json=body(library, "children", page_limit=1))
    (clip,) = found["data"]
    assert set(clip) == {"score", "confidence", "video_id", "start", "end", "metadata", "modules"}
    assert 0 < clip["score"] <= 100
    assert clip["metadata"][0]["type"] == "conversation"
    assert "children" in clip["metadata"][0]["text"]
    assert set(clip["modules"][0]) == {"type", "confidence"}
    info = found["page_info"]
    assert (info["limit_per_page"], info["total_results"]) == (1, 2)
    assert info["page_expired_at"]
    assert (found["query"], found["search_options"]) == ("children", ["conversation"])
    assert found["conversation_option"] == "semantic"
    assert found["search_pool"]["index_id"] == library.index_id
    last = legacy.get(f"/search/{info['next_page_token']}")
    assert last["data"][0]["start"] != clip["start"]
    assert (found.get("type"), last.get("type")) == (
        ("search_create", "search_create_token") if legacy.version == "v1.1" else (None, None)
    )


@pytest.mark.parametrize(("option", "found"), [("semantic", 1), ("transcription", 0), ("exact_match", 0)])
def test_word_matching(legacy: Api, library: Library, option: str, found: int) -> None:
    request = body(library, "walks", conversation_option=option)
    assert len(legacy.expect(200, "POST", "/search", json=request)["data"]) == found


def test_exact_match_needs_a_single_option(legacy: Api, library: Library) -> None:
    request = {**body(library, "x", conversation_option="transcription"), "search_options": ["visual", "conversation"]}
    legacy.refused(400, "search_option_combination_not_supported", "POST", "/search", json=request)


def test_additions_of_v1_2(v1_2: Api, engine: Engine, library: Library) -> None:
    request = body(library, "old teacher children", group_by="video", threshold="low", sort_option="clip_count")
    (group,) = v1_2.expect(200, "POST", "/search", json=request)["data"]
    assert group["id"] == library.video_id
    assert len(group["clips"]) == 3
    sure = v1_2.expect(200, "POST", "/search", json={**request, "group_by": "clip", "threshold": "high"})["data"]
    assert all(clip["confidence"] == "high" for clip in sure)
    assert len(sure) < 3
    Api(engine, "v1.1").refused(400, "parameter_unknown", "POST", "/search", json=request)


def test_an_image(v1_2: Api, library: Library, sample: Path, tmp_path: Path) -> None:
    still = frame_of(sample, tmp_path / "still.png", 10)
    fields = {"index_id": library.index_id, "search_options": '["visual"]', "query_media_type": "image", "dummy": ""}
    found = v1_2.expect(200, "POST", "/search-v2", files=multipart(fields, {"query_media_file": still}))
    (clip,) = found["data"]
    assert clip["start"] <= 10 <= clip["end"]
    assert (clip["confidence"], clip["metadata"]) == ("high", [{"type": "visual"}])


def test_a_text_as_a_form(v1_2: Api, library: Library) -> None:
    fields = {"index_id": library.index_id, "search_options": "conversation", "query_text": "children"}
    fields |= {"adjust_confidence_level": "0", "page_limit": "1"}
    found = v1_2.expect(200, "POST", "/search-v2", files=multipart(fields))
    assert found["data"][0]["confidence"] == "high"
    token = found["page_info"]["next_page_token"]
    assert v1_2.get(f"/search-v2/{token}")["data"]
    v1_2.refused(400, "parameter_invalid", "GET", f"/search/{token}")
    for wrong in ({**fields, "adjust_confidence_level": "2"}, {**fields, "page_limit": "0"}):
        v1_2.refused(400, "parameter_invalid", "POST", "/search-v2", files=multipart(wrong))
    v1_2.refused(400, "parameter_not_provided", "POST", "/search-v2", files=multipart({**fields, "query_text": ""}))


def test_a_boolean_query(v1_2: Api, library: Library) -> None:
    tree = {"$and": [{"$or": [{"text": "children"}, {"text": "teacher"}]}, {"$not": {"text": "dog"}}]}
    found = v1_2.expect(200, "POST", "/search/combined", json=body(library, tree, page_limit=1))
    assert found["page_info"]["total_results"] == 2
    assert found["query"] == tree
    assert v1_2.get(f"/search/combined/{found['page_info']['next_page_token']}")["data"]


@pytest.mark.parametrize(
    "tree",
    [
        "children",
        {},
        {"text": ""},
        {"$and": []},
        {"$xor": [{"text": "a"}]},
        {"text": "a", "$not": {"text": "b"}},
        {"$not": {"text": "a"}},
        {"$and": [{"$not": {"text": "a"}}]},
        {"$or": ["a"]},
    ],
)
def test_invalid_boolean_queries(v1_2: Api, library: Library, tree: Any) -> None:
    response = v1_2.send("POST", "/search/combined", json=body(library, tree))
    assert (response.status_code, response.json()["code"][:10]) == (400, "parameter_")


def test_calls_that_v1_1_lacks(engine: Engine, library: Library) -> None:
    oldest = Api(engine, "v1.1")
    for path in ("/search/combined", "/search-v2"):
        oldest.expect(404, "POST", path, json=body(library, {"text": "a"}))
    oldest.expect(404, "GET", "/search-v2/x-1")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"query": None}, "parameter_not_provided"),
        ({"query": 3}, "parameter_invalid"),
        ({"query": {"text": "a"}}, "parameter_invalid"),
        ({"search_options": []}, "parameter_not_provided"),
        ({"search_options": ["audio"]}, "parameter_invalid"),
        ({"filter": {"duration": "x"}}, "search_filter_invalid"),
        ({"conversation_option": "exact"}, "parameter_invalid"),
        ({"index_id": "0" * 24}, "resource_not_exist"),
        ({"colour": "red"}, "parameter_unknown"),
    ],
)
def test_invalid_requests(legacy: Api, library: Library, change: dict[str, Any], code: str) -> None:
    legacy.refused(400, code, "POST", "/search", json={**body(library, "x"), **change})
