"""Entities: errors and statuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.client import Api, until
from tests.engine.images import delayed_image, make_image
from tests.engine.videos import make_sound

UNKNOWN = "665000000000000000000abc"


@pytest.fixture(scope="module")
def picture(api: Api, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image that is ready."""
    return api.asset(make_image(tmp_path_factory.mktemp("picture") / "logo.png"))


@pytest.fixture
def collection(api: Api, index_name: str) -> str:
    """A collection of this test's own."""
    return str(api.expect(201, "POST", "/entity-collections", json={"name": index_name})["_id"])


@pytest.fixture
def slow_picture(tmp_path: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """The link of a picture that comes only when it is let go, and the function that lets it."""
    with delayed_image(tmp_path / "late.png") as late:
        yield late


def test_an_image_is_an_asset(api: Api, tmp_path: Path) -> None:
    for name, kind in (("a.png", "image/png"), ("a.jpg", "image/jpeg")):
        asset_id = api.asset(make_image(tmp_path / name, size=(320, 240)))
        asset = api.get(f"/assets/{asset_id}")
        assert asset["file_type"] == kind
        assert "duration" not in asset
        technical = asset["technical_metadata"]
        assert (technical["image_width"], technical["image_height"]) == (320, 240)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({}, "parameter_not_provided", "name"),
        ({"name": ""}, "parameter_not_provided", "name"),
        ({"name": 3}, "parameter_invalid", "name"),
        ({"name": "a", "description": 3}, "parameter_invalid", "description"),
        ({"name": "a", "colour": "red"}, "parameter_unknown", "colour"),
    ],
)
def test_an_invalid_collection(api: Api, body: dict[str, Any], code: str, said: str) -> None:
    assert said in api.refused(400, code, "POST", "/entity-collections", json=body)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({"asset_ids": ["PICTURE"]}, "parameter_not_provided", "name"),
        ({"name": "a"}, "parameter_not_provided", "asset_ids"),
        ({"name": "a", "asset_ids": []}, "parameter_invalid", "at least one"),
        ({"name": "a", "asset_ids": "PICTURE"}, "parameter_invalid", "list"),
        ({"name": "a", "asset_ids": ["x"]}, "resource_not_exist", "x"),
        ({"name": "a", "asset_ids": [UNKNOWN]}, "resource_not_exist", UNKNOWN),
        ({"name": "a", "asset_ids": ["PICTURE"], "metadata": []}, "parameter_invalid", "object"),
        ({"name": "a", "asset_ids": ["PICTURE"], "metadata": {"a": None}}, "parameter_invalid", "'a'"),
        ({"name": "a", "asset_ids": ["PICTURE"], "metadata": {"a": [1]}}, "parameter_invalid", "'a'"),
        ({"name": "a", "asset_ids": ["PICTURE"], "age": 3}, "parameter_unknown", "age"),
    ],
)
def test_an_invalid_entity(api: Api, collection: str, picture: str, body: dict[str, Any], code: str, said: str) -> None:
    if isinstance(body.get("asset_ids"), list):
        body = {**body, "asset_ids": [picture if one == "PICTURE" else one for one in body["asset_ids"]]}
    path = f"/entity-collections/{collection}/entities"
    assert said in api.refused(400, code, "POST", path, json=body)
    assert api.get(path)["page_info"]["total_results"] == 0
    # in a bulk request, the error does not affect the other entities
    good = {"name": "good", "asset_ids": [picture]}
    response = api.expect(201, "POST", f"{path}/bulk", json={"entities": [body, good]})
    assert (response["success_count"], response["failed_count"]) == (1, 1)
    assert response["errors"][0]["entity_index"] == 0
    assert said in response["errors"][0]["error_reason"]


@pytest.mark.parametrize("entities", [None, [], "x", {"name": "a"}])
def test_an_invalid_bulk_request(api: Api, collection: str, entities: Any) -> None:
    code = "parameter_not_provided" if entities is None else "parameter_invalid"
    api.refused(400, code, "POST", f"/entity-collections/{collection}/entities/bulk", json={"entities": entities})


def test_audio_and_video_cannot_show_an_entity(api: Api, collection: str, clip: Path, tmp_path: Path) -> None:
    for asset_id in (api.asset(clip), api.asset(make_sound(tmp_path / "a.wav"))):
        body = {"name": "a", "asset_ids": [asset_id]}
        said = api.refused(400, "parameter_invalid", "POST", f"/entity-collections/{collection}/entities", json=body)
        assert asset_id in said and "not an image" in said


def test_an_entity_is_ready_with_its_images(
    api: Api, collection: str, picture: str, slow_picture: tuple[str, Callable[[], None]]
) -> None:
    link, let_go = slow_picture
    form = {"method": (None, "url"), "url": (None, link)}
    late = api.expect(201, "POST", "/assets", files=form)["_id"]
    path = f"/entity-collections/{collection}/entities"
    made = api.expect(201, "POST", path, json={"name": "a", "asset_ids": [picture, late]})
    assert made["status"] == "processing"
    assert api.get(path, status="processing")["page_info"]["total_results"] == 1
    let_go()
    assert until(lambda: api.get(f"{path}/{made['_id']}")["status"] == "ready")
    assert api.get(path, status="processing")["page_info"]["total_results"] == 0


def test_a_deleted_asset_is_removed_from_its_entities(api: Api, collection: str, picture: str, tmp_path: Path) -> None:
    other = api.asset(make_image(tmp_path / "other.png", "OTHER"))
    path = f"/entity-collections/{collection}/entities"
    made = api.expect(201, "POST", path, json={"name": "a", "asset_ids": [picture, other]})
    assert [one["_id"] for one in api.get(f"/assets/{other}/entities")["data"]] == [made["_id"]]
    api.expect(204, "DELETE", f"/assets/{other}")
    assert api.get(f"{path}/{made['_id']}")["asset_ids"] == [picture]
    api.refused(404, "resource_not_exist", "GET", f"/assets/{other}/entities")


def test_ids_in_paths(api: Api, collection: str, picture: str) -> None:
    body = {"name": "a", "asset_ids": [picture]}
    entity = api.expect(201, "POST", f"/entity-collections/{collection}/entities", json=body)["_id"]
    other = api.expect(201, "POST", "/entity-collections", json={"name": "other"})["_id"]
    for path in (
        f"/entity-collections/{UNKNOWN}",
        f"/entity-collections/{UNKNOWN}/entities",
        f"/entity-collections/{collection}/entities/{UNKNOWN}",
        f"/entity-collections/{other}/entities/{entity}",
    ):
        api.refused(404, "resource_not_exist", "GET", path)
    api.refused(400, "parameter_invalid", "GET", "/entity-collections/x")
    api.refused(400, "parameter_unknown", "GET", "/entity-collections", params={"colour": "red"})
    api.refused(
        400, "parameter_invalid", "GET", f"/entity-collections/{collection}/entities", params={"status": "failed"}
    )


def test_a_deleted_collection_deletes_its_entities(api: Api, collection: str, picture: str) -> None:
    path = f"/entity-collections/{collection}/entities"
    entity = api.expect(201, "POST", path, json={"name": "a", "asset_ids": [picture]})["_id"]
    api.expect(200, "DELETE", f"/entity-collections/{collection}")
    assert entity not in [one["_id"] for one in api.get(f"/assets/{picture}/entities", page_limit=50)["data"]]
    assert api.get(f"/assets/{picture}")["status"] == "ready"


def test_older_generations_have_no_entities(legacy: Api) -> None:
    assert legacy.send("GET", "/entity-collections").status_code == 404
