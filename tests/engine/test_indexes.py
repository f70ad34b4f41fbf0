from __future__ import annotations

from typing import Any

import pytest

from tests.engine.client import Api


def test_create_rename_and_delete(every: Api, index_name: str) -> None:
    index_id = every.create_index(index_name)
    index = every.get(f"/indexes/{index_id}")
    assert index["index_name"] == index_name
    assert (index["video_count"], index["total_duration"]) == (0, 0)

    every.expect(204, "PUT", f"/indexes/{index_id}", json={"index_name": f"{index_name} renamed"})
    assert every.get(f"/indexes/{index_id}")["index_name"] == f"{index_name} renamed"

    every.expect(204, "DELETE", f"/indexes/{index_id}")
    message = every.refused(404, "resource_not_exist", "GET", f"/indexes/{index_id}")
    assert index_id in message and "indexes" in message


def test_models_are_returned_as_requested(every: Api, index_name: str) -> None:
    request = every.index(index_name)
    index = every.get(f"/indexes/{every.create_index(index_name)}")
    assert {key: index[key] for key in request} == request
    assert ("type" in index) == (every.version == "v1.1")


def test_each_generation_returns_the_options_in_its_own_terms(api: Api, engine: Any, index_name: str) -> None:
    index_id = Api(engine, "v1.2").create_index(index_name, ["text_in_video", "conversation"])
    assert api.get(f"/indexes/{index_id}")["models"] == [
        {"model_name": "marengo2.6", "model_options": ["visual", "audio"]}
    ]
    current = api.create_index(f"{index_name} current", ["audio"])
    assert Api(engine, "v1.1").get(f"/indexes/{current}")["index_options"] == ["conversation"]


def test_the_list_filters_by_exact_name(every: Api, index_name: str) -> None:
    index_id = every.create_index(index_name)
    every.create_index(f"{index_name} and more")
    found = every.get("/indexes", index_name=index_name)
    assert [index["_id"] for index in found["data"]] == [index_id]
    assert found["page_info"] == {"limit_per_page": 10, "page": 1, "total_page": 1, "total_results": 1}
    assert every.get("/indexes", index_name="an unknown name")["data"] == []


def test_pages_are_sorted_newest_first(api: Api, index_name: str) -> None:
    created = [api.create_index(f"{index_name} {number}") for number in range(3)]
    first = api.get("/indexes", page_limit=2)
    second = api.get("/indexes", page_limit=2, page=2)
    assert [index["_id"] for index in first["data"]] == created[:0:-1]
    assert second["data"][0]["_id"] == created[0]
    assert first["page_info"]["total_results"] >= 3
    since = api.get(f"/indexes/{created[1]}")["created_at"]
    later = api.get("/indexes", created_at=since, sort_option="asc", page_limit=50)["data"]
    assert created[1] in [index["_id"] for index in later] and all(index["created_at"] >= since for index in later)


def test_names_are_unique(every: Api, index_name: str) -> None:
    every.create_index(index_name)
    other = every.create_index(f"{index_name} other")
    code = "index_name_already_exists"
    assert index_name in every.refused(400, code, "POST", "/indexes", json=every.index(index_name))
    every.refused(400, code, "PUT", f"/indexes/{other}", json={"index_name": index_name})


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("parameter_not_provided", {"index_name": None}),
        ("parameter_not_provided", {"index_name": " "}),
        ("parameter_invalid", {"index_name": 7}),
        ("parameter_not_provided", {"models": None}),
        ("parameter_invalid", {"models": "marengo3.0"}),
        ("parameter_invalid", {"models": [{"model_name": "marengo2.7", "model_options": ["visual"]}]}),
        ("parameter_invalid", {"models": [{"model_name": "marengo3.0", "model_options": ["conversation"]}]}),
        ("parameter_invalid", {"models": [{"model_name": "marengo3.0", "model_options": ["visual", "visual"]}]}),
        ("parameter_not_provided", {"models": [{"model_name": "marengo3.0", "model_options": []}]}),
        ("parameter_invalid", {"addons": ["confetti"]}),
        ("parameter_unknown", {"engine_id": "marengo2.5"}),
    ],
)
def test_invalid_requests(api: Api, index_name: str, code: str, change: dict[str, Any]) -> None:
    request = {**api.index(index_name), **change}
    api.refused(400, code, "POST", "/indexes", json={key: value for key, value in request.items() if value is not None})


def test_models_cannot_be_changed(every: Api, index_name: str) -> None:
    index_id = every.create_index(index_name)
    request = every.index(index_name)
    changed = next(key for key in request if key != "index_name")
    body = {"index_name": index_name, changed: request[changed]}
    every.refused(400, "index_engine_cannot_be_changed", "PUT", f"/indexes/{index_id}", json=body)


@pytest.mark.parametrize(
    ("code", "query"),
    [
        ("parameter_invalid", {"page": 0}),
        ("parameter_invalid", {"page_limit": 51}),
        ("parameter_invalid", {"page_limit": "ten"}),
        ("parameter_invalid", {"sort_by": "name"}),
        ("parameter_invalid", {"sort_option": "up"}),
        ("parameter_invalid", {"created_at": "yesterday"}),
        ("parameter_unknown", {"name": "x"}),
    ],
)
def test_invalid_queries(api: Api, code: str, query: dict[str, Any]) -> None:
    api.refused(400, code, "GET", "/indexes", params=query)


def test_a_body_that_is_not_json_is_refused(api: Api) -> None:
    api.refused(400, "content_type_invalid", "POST", "/indexes", data={"index_name": "x"})
    json_type = {"Content-Type": "application/json"}
    api.refused(400, "parameter_invalid", "POST", "/indexes", data="{", headers=json_type)
    api.refused(400, "parameter_invalid", "POST", "/indexes", data="[]", headers=json_type)


def test_an_invalid_id(api: Api) -> None:
    api.refused(400, "parameter_invalid", "GET", "/indexes/not-an-id")
