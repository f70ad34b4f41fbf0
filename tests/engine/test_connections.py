"""Connections and imports of local folders, and the calls that only Google Drive supports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.connected import connect_folder
from tests.engine.client import Api, until
from tests.engine.videos import make_video
from tests.engine_process import Engine, EngineError, running_engine

UNKNOWN = "665000000000000000000abc"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """A folder with two videos, one of them broken, and a text."""
    root = tmp_path_factory.mktemp("account")
    (root / "below").mkdir()
    (root / "below" / "clip.mp4").write_bytes(clip.read_bytes())
    (root / "broken.mp4").write_bytes(b"this is no video")
    (root / "notes.txt").write_text("this neither")
    return root


@pytest.fixture(scope="module")
def connection(engine: Engine, folder: Path) -> str:
    """The folder, connected."""
    return connect_folder(engine, folder, custom_id="lab")


def items(*source_ids: str) -> dict[str, Any]:
    return {"items": [{"source_id": source_id} for source_id in source_ids]}


def ended(api: Api, connection: str, import_id: str) -> list[dict[str, Any]]:
    """Return the items of an import when all have ended."""

    def look() -> Any:
        found = api.get(f"/connections/{connection}/imports/{import_id}")["items"]
        return None if any(item.get("status") == "processing" for item in found) else found

    found: list[dict[str, Any]] = until(look)
    return found


def test_a_connected_folder_is_a_connection(api: Api, connection: str, folder: Path) -> None:
    body = api.get(f"/connections/{connection}")
    assert body.pop("connected_at") <= body.pop("last_used_at")
    assert body == {
        "_id": connection,
        "provider": "google_drive",
        "status": "active",
        "custom_id": "lab",
        "account": {"external_id": body["account"]["external_id"], "display_name": f"local folder {folder}"},
        "scopes": ["folder.readonly"],
    }
    assert connection in [entry["_id"] for entry in api.get("/connections", page_limit=50)["data"]]


def test_calls_that_need_google_are_refused(api: Api, connection: str) -> None:
    wish = {"provider": "google_drive", "redirect_uri": "https://app.example.com/done"}
    assert "/_local/connections" in api.refused(403, "api_not_allowed", "POST", "/connections:authorize", json=wish)
    api.refused(403, "api_not_allowed", "POST", f"/connections/{connection}/picker-token")


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"provider": "google_drive"}, "parameter_not_provided"),
        ({"redirect_uri": "https://a.example"}, "parameter_not_provided"),
        ({"provider": "dropbox", "redirect_uri": "https://a.example"}, "parameter_invalid"),
        ({"provider": "google_drive", "redirect_uri": "https://a.example", "x": 1}, "parameter_unknown"),
    ],
)
def test_an_invalid_authorization(api: Api, wish: dict[str, Any], code: str) -> None:
    api.refused(400, code, "POST", "/connections:authorize", json=wish)


def test_a_redirect_uri_is_saved_once(api: Api) -> None:
    uri = "https://app.example.com/oauth/done"
    made = api.expect(201, "POST", "/connections/redirect-uris", json={"redirect_uri": uri})
    assert api.get("/connections/redirect-uris")["data"] == [made] and made["redirect_uri"] == uri
    api.refused(409, "redirect_uri_already_exists", "POST", "/connections/redirect-uris", json={"redirect_uri": uri})
    other = {"provider": "google_drive", "redirect_uri": "https://app.example.com/other"}
    api.refused(400, "parameter_invalid", "POST", "/connections:authorize", json=other)
    api.refused(403, "api_not_allowed", "POST", "/connections:authorize", json={**other, "redirect_uri": uri})
    api.expect(204, "DELETE", f"/connections/redirect-uris/{made['_id']}")
    api.refused(404, "resource_not_exist", "DELETE", f"/connections/redirect-uris/{made['_id']}")


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example.com/done",
        "https://*.example.com/done",
        "https://localhost/done",
        "https://10.0.0.1/done",
        "https://printer.local/done",
        "https://app.example.com/a b",
        "https://[broken/done",
        "app.example.com",
    ],
)
def test_a_redirect_uri_that_is_not_public_is_invalid(api: Api, uri: str) -> None:
    api.refused(422, "redirect_uri_invalid", "POST", "/connections/redirect-uris", json={"redirect_uri": uri})


def test_each_file_becomes_an_asset_or_is_rejected(api: Api, connection: str) -> None:
    path = f"/connections/{connection}/imports"
    made = api.expect(202, "POST", path, json=items("below/clip.mp4", "notes.txt", "gone.mp4", "../x.mp4"))
    assert made["has_failures"] is True
    assert [(item["source_id"], item["action"], item.get("error", {}).get("code")) for item in made["items"]] == [
        ("below/clip.mp4", "created", None),
        ("notes.txt", "rejected", "unsupported_media_type"),
        ("gone.mp4", "rejected", "source_unavailable"),
        ("../x.mp4", "rejected", "source_not_authorized"),
    ]
    assert all({"asset_id", "status"} & set(item) == set() for item in made["items"][1:])
    (first, *_) = ended(api, connection, made["_id"])
    assert first["status"] == "ready"
    asset = api.get(f"/assets/{first['asset_id']}")
    assert (asset["method"], asset["filename"], asset["duration"]) == (
        "connector",
        "clip.mp4",
        pytest.approx(6, abs=0.3),
    )
    details = {"provider": "google_drive", "source_id": "below/clip.mp4", "original_filename": "clip.mp4"}
    assert asset["source"] == {"type": "connector", "details": details}


def test_imported_files_are_skipped_and_failed_ones_retried(api: Api, engine: Engine, folder: Path) -> None:
    connection, again = connect_folder(engine, folder), connect_folder(engine, folder)
    path = f"/connections/{connection}/imports"
    made = api.expect(202, "POST", path, json=items("below/clip.mp4", "broken.mp4"))
    first = {item["source_id"]: item for item in ended(api, connection, made["_id"])}
    assert (first["below/clip.mp4"]["status"], first["broken.mp4"]["status"]) == ("ready", "failed")
    # another connection with the same account: the files are known
    repeated = api.expect(202, "POST", f"/connections/{again}/imports", json=items("below/clip.mp4", "broken.mp4"))
    assert [item["action"] for item in repeated["items"]] == ["skipped", "retried"]
    assert [item["asset_id"] for item in repeated["items"]] == [item["asset_id"] for item in first.values()]
    assert repeated["items"][0]["status"] == "ready" and repeated["has_failures"] is False
    assert ended(api, again, repeated["_id"])[1]["status"] == "failed"


def test_an_import_omits_deleted_assets_and_counts_them(api: Api, engine: Engine, tmp_path: Path) -> None:
    make_video(tmp_path / "a.mp4")
    connection = connect_folder(engine, tmp_path, custom_id="mine")
    path = f"/connections/{connection}/imports"
    made = api.expect(202, "POST", path, json=items("a.mp4", "gone.mp4"))
    (item, _) = ended(api, connection, made["_id"])
    api.expect(204, "DELETE", f"/assets/{item['asset_id']}")
    found = api.get(f"{path}/{made['_id']}")
    assert [entry["source_id"] for entry in found.pop("items")] == ["gone.mp4"]
    assert (found["item_count"], found["custom_id"], found["connection_id"]) == (2, "mine", connection)
    assert api.get(path)["data"] == [found], "the list has no items"
    # the asset is gone, so the file is new
    assert api.expect(202, "POST", path, json=items("a.mp4"))["items"][0]["action"] == "created"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "parameter_not_provided"),
        ({"items": []}, "parameter_not_provided"),
        ({"items": ["a.mp4"]}, "parameter_invalid"),
        ({"items": [{}]}, "parameter_not_provided"),
        ({"items": [{"source_id": "a", "x": 1}]}, "parameter_unknown"),
        (items("a", "b", "a"), "parameter_invalid"),
        (items(*map(str, range(101))), "parameter_invalid"),
    ],
)
def test_an_invalid_request_imports_nothing(api: Api, connection: str, body: dict[str, Any], code: str) -> None:
    path = f"/connections/{connection}/imports"
    before = api.get(path)["page_info"]["total_results"]
    api.refused(400, code, "POST", path, json=body)
    assert api.get(path)["page_info"]["total_results"] == before


def test_a_missing_folder_is_not_active(api: Api, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    connection = connect_folder(engine, tmp_path / "usb")
    (tmp_path / "usb").rmdir()
    assert api.get(f"/connections/{connection}")["status"] == "expired"
    path = f"/connections/{connection}"
    api.refused(409, "connection_not_active", "POST", f"{path}/imports", json=items("a.mp4"))
    api.refused(409, "connection_not_active", "POST", f"{path}/picker-token")


def test_the_assets_of_a_deleted_connection_stay(api: Api, engine: Engine, tmp_path: Path) -> None:
    make_video(tmp_path / "kept.mp4")
    connection = connect_folder(engine, tmp_path)
    made = api.expect(202, "POST", f"/connections/{connection}/imports", json=items("kept.mp4"))
    api.expect(204, "DELETE", f"/connections/{connection}")
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/picker-token"),
        ("GET", "/imports"),
        ("GET", f"/imports/{made['_id']}"),
    ):
        api.refused(404, "resource_not_exist", method, f"/connections/{connection}{path}")
    assert api.finished(f"/assets/{made['items'][0]['asset_id']}")["filename"] == "kept.mp4"


def test_an_import_of_another_connection_is_not_found(api: Api, engine: Engine, connection: str, folder: Path) -> None:
    other = connect_folder(engine, folder)
    made = api.expect(202, "POST", f"/connections/{other}/imports", json=items("gone.mp4"))
    api.refused(404, "resource_not_exist", "GET", f"/connections/{connection}/imports/{made['_id']}")
    api.refused(404, "resource_not_exist", "GET", f"/connections/{other}/imports/{UNKNOWN}")
    api.refused(400, "parameter_invalid", "GET", f"/connections/{other}/imports/nonsense")


@pytest.mark.parametrize("folder_path", ["relative", "/no/such/folder"])
def test_only_a_folder_can_be_connected(engine: Engine, folder_path: str) -> None:
    Api(engine, "_local").refused(400, "parameter_invalid", "POST", "/connections", json={"folder": folder_path})


def test_folders_of_the_environment_are_connected_once(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    for _ in range(2):
        with running_engine(tmp_path / "data", env={"TWELVELABS_LOCAL_FOLDERS": str(tmp_path / "media")}) as engine:
            (found,) = Api(engine).get("/connections")["data"]
    assert found["account"]["display_name"].endswith("/media")


def test_a_folder_of_the_environment_must_exist(tmp_path: Path) -> None:
    env = {"TWELVELABS_LOCAL_FOLDERS": str(tmp_path / "gone")}
    said = pytest.raises(EngineError, match=r"TWELVELABS_LOCAL_FOLDERS.*is not a folder")
    with said, running_engine(tmp_path / "data", env=env):
        pass
