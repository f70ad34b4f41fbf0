"""Transfers of v1.1 and v1.2, with a connected folder in place of a bucket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.connected import connect_folder
from tests.engine.client import Api, until
from tests.engine.videos import make_video
from tests.engine_process import Engine

UNKNOWN = "665000000000000000000abc"


@pytest.fixture
def old(engine: Engine) -> Api:
    """The generation that has integrations."""
    return Api(engine, "v1.2")


@pytest.fixture
def bucket(tmp_path: Path, clip: Path) -> Path:
    """A folder with a video, a copy of it, and a broken video."""
    root = tmp_path / "bucket"
    root.mkdir()
    for name in ("a.mp4", "copy of a.mp4"):
        (root / name).write_bytes(clip.read_bytes())
    (root / "broken.mp4").write_bytes(b"this is no video")
    (root / "notes.txt").write_text("this neither")
    return root


def listed(api: Api, integration: str, index_id: str) -> dict[str, list[Any]]:
    """Return the status of an integration when all files have ended."""
    path = f"/tasks/transfers/import/{integration}/status"

    def look() -> Any:
        found = api.get(path, index_id=index_id)
        return None if any(found[name] for name in ("validating", "pending", "queued", "indexing")) else found

    found: dict[str, list[Any]] = until(look)
    return found


def test_a_list_of_objects_is_indexed(legacy: Api, engine: Engine, bucket: Path, index_name: str) -> None:
    (bucket / "a.srt").write_text("1\n00:00:00,500 --> 00:00:02,000\nGiven words\n")
    connect_folder(engine, bucket)
    index_id = legacy.create_index(index_name)
    bucket_name = bucket.rename(bucket.with_name(f"bucket-{legacy.version}")).name
    connect_folder(engine, bucket.with_name(bucket_name))
    wishes = [
        {
            "index_id": index_id,
            "language": "en",
            "object": f"s3://{bucket_name}/a.mp4",
            "transcription": f"s3://{bucket_name}/a.srt",
        }
    ]
    file = {"file": ("list.json", json.dumps(wishes))}
    assert legacy.expect(204, "POST", "/tasks/transfers", files=file) is None
    (task,) = legacy.get("/tasks", index_id=index_id, filename="a.mp4")["data"]
    video_id = legacy.finished(f"/tasks/{task['_id']}")["video_id"]
    said = legacy.get(f"/indexes/{index_id}/videos/{video_id}/transcription")["data"]
    assert [row["value"].strip() for row in said] == ["Given words"]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"object": "s3://nowhere/a.mp4"}, "parameter_invalid"),
        ({"object": "/etc/passwd"}, "parameter_invalid"),
        ({}, "parameter_not_provided"),
        ({"object": "s3://nowhere/a.mp4", "x": 1}, "parameter_unknown"),
        ({"object": "s3://nowhere/a.mp4", "language": "de"}, "parameter_invalid"),
        ({"object": "s3://nowhere/a.mp4", "index_id": UNKNOWN}, "resource_not_exist"),
    ],
)
def test_a_list_with_an_invalid_entry_is_refused(legacy: Api, library: Any, entry: dict[str, Any], code: str) -> None:
    wishes = [{"index_id": library.index_id, **entry}]
    legacy.refused(400, code, "POST", "/tasks/transfers", files={"file": ("list.json", json.dumps(wishes))})


@pytest.mark.parametrize("content", ["[]", "{}", "nonsense", "[1]"])
def test_an_invalid_list_is_refused(legacy: Api, content: str) -> None:
    legacy.refused(400, "parameter_invalid", "POST", "/tasks/transfers", files={"file": ("list.json", content)})


def test_an_object_outside_of_its_bucket_does_not_exist(
    legacy: Api, engine: Engine, tmp_path: Path, clip: Path
) -> None:
    root = tmp_path / f"inside-{legacy.version}"
    root.mkdir()
    (tmp_path / "secret.mp4").write_bytes(clip.read_bytes())
    (root / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    connect_folder(engine, root)
    index_id = legacy.create_index(f"outside {legacy.version}")
    for key in ("../secret.mp4", "link.mp4", "gone.mp4"):
        wishes = [{"index_id": index_id, "object": f"s3://{root.name}/{key}"}]
        file = {"file": ("list.json", json.dumps(wishes))}
        legacy.refused(400, "parameter_invalid", "POST", "/tasks/transfers", files=file)
    assert legacy.get("/tasks", index_id=index_id)["data"] == []


def test_an_import_indexes_new_files_once(old: Api, engine: Engine, bucket: Path, index_name: str) -> None:
    (bucket / "link.mp4").symlink_to(Path(__file__).parents[1] / "data" / "sample.mp4")
    integration, index_id = connect_folder(engine, bucket), old.create_index(index_name)
    path = f"/tasks/transfers/import/{integration}"
    before = listed(old, integration, index_id)
    assert before["not_imported"] == ["a.mp4", "broken.mp4", "copy of a.mp4"]
    made = old.expect(200, "POST", path, json={"index_id": index_id})
    assert [video["filename"] for video in made["videos"]] == ["a.mp4"], "a copy is recognised by its content"
    (failed,) = made["failed_files"]
    assert set(failed) == {"filename", "error_message"} and failed["filename"] == "broken.mp4"

    after = listed(old, integration, index_id)
    assert [set(entry) for entry in after["ready"]] == [{"video_id", "filename", "created_at"}] * 2
    assert {entry["video_id"] for entry in after["ready"]} == {made["videos"][0]["video_id"]}
    assert [entry["filename"] for entry in after["failed"]] == ["broken.mp4"]
    assert after["not_imported"] == []
    again = old.expect(200, "POST", path, json={"index_id": index_id, "incremental_import": False})
    assert again == {"videos": [], "failed_files": []}


def test_failed_files_are_retried_on_request(old: Api, engine: Engine, bucket: Path, index_name: str) -> None:
    integration, index_id = connect_folder(engine, bucket), old.create_index(index_name)
    path = f"/tasks/transfers/import/{integration}"
    old.expect(200, "POST", path, json={"index_id": index_id, "user_metadata": {"shelf": "b"}})
    make_video(bucket / "broken.mp4", ("MENDED",))
    assert old.expect(200, "POST", path, json={"index_id": index_id})["videos"] == []
    mended = old.expect(200, "POST", path, json={"index_id": index_id, "retry_failed": True})
    assert [video["filename"] for video in mended["videos"]] == ["broken.mp4"]
    assert len(listed(old, integration, index_id)["ready"]) == 3
    logs = old.get(f"{path}/logs")["data"]
    assert [sum(log["video_status"].values()) for log in logs] == [1, 0, 1 + 1], "newest first"


def test_logs_list_each_import(old: Api, engine: Engine, bucket: Path, index_name: str) -> None:
    integration, index_id = connect_folder(engine, bucket), old.create_index(index_name)
    path = f"/tasks/transfers/import/{integration}"
    assert old.get(f"{path}/logs") == {"data": []}
    old.expect(200, "POST", path, json={"index_id": index_id})
    listed(old, integration, index_id)
    (log,) = old.get(f"{path}/logs")["data"]
    assert log["created_at"] <= log["ended_at"]
    assert log["video_status"] == {"ready": 2, "validating": 0, "pending": 0, "queued": 0, "indexing": 0, "failed": 0}
    assert [file["filename"] for file in log["failed_files"]] == ["broken.mp4"]
    assert (log["index_id"], log["index_name"]) == (index_id, index_name)


def test_an_integration_must_exist(old: Api, engine: Engine, library: Any) -> None:
    old.refused(404, "resource_not_exist", "GET", f"/tasks/transfers/import/{UNKNOWN}/logs")
    old.refused(404, "resource_not_exist", "POST", f"/tasks/transfers/import/{UNKNOWN}", json={"index_id": UNKNOWN})
    assert Api(engine, "v1.1").send("GET", f"/tasks/transfers/import/{UNKNOWN}/logs").status_code == 404
    assert Api(engine).send("POST", "/tasks/transfers").status_code in (404, 405)
