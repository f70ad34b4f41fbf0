"""Bodies of the older generations: exactly the fields of that generation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.client import Api, until
from tests.engine_process import Engine

PAGE = {"limit_per_page", "page", "total_page", "total_results"}
INDEX = {"_id", "created_at", "updated_at", "index_name", "video_count", "total_duration", "addons"}
OF_INDEX = {"v1.1": INDEX | {"engine_id", "index_options"}, "v1.2": INDEX | {"engines"}}
TASK = {"_id", "index_id", "video_id", "status", "metadata", "estimated_time", "created_at", "updated_at"}
OF_TASK = {"v1.1": TASK, "v1.2": TASK | {"process"}}
VIDEO = {"_id", "created_at", "updated_at", "indexed_at", "metadata"}
OF_VIDEO = {"v1.1": VIDEO, "v1.2": VIDEO | {"source"}}
TYPES = {
    "index": "index_info",
    "indexes": "index_list",
    "task": "index_task_info",
    "tasks": "index_task_list",
    "video": "video_info",
    "videos": "video_list",
}


class Found:
    """What one generation says of an index with one video in it."""

    def __init__(self, api: Api, clip: Path) -> None:
        self.api = api
        options = ("visual", "conversation", "text_in_video", "logo")
        wish = {**api.index(f"shapes {api.version}", options), "addons": ["thumbnail"]}
        self.created_index = api.expect(200 if api.version == "v1.1" else 201, "POST", "/indexes", json=wish)
        self.index_id = str(self.created_index["_id"])
        self.created_task = api.task(self.index_id, clip)
        self.early = api.get(f"/tasks/{self.created_task['_id']}")
        self.task = api.finished(f"/tasks/{self.created_task['_id']}")
        self.video = f"/indexes/{self.index_id}/videos/{self.task['video_id']}"

    def typed(self, keys: set[str], body: dict[str, Any], what: str) -> None:
        """Check the fields of a body; v1.1 says its type besides."""
        if self.api.version == "v1.1":
            assert body["type"] == TYPES[what]
            keys = keys | {"type"}
        assert set(body) == keys


@pytest.fixture(scope="session", params=["v1.1", "v1.2"])
def found(engine: Engine, clip: Path, request: pytest.FixtureRequest) -> Found:
    """An index with a video in each older generation."""
    return Found(Api(engine, request.param), clip)


def test_responses_of_creation(found: Found) -> None:
    types = {"type"} if found.api.version == "v1.1" else set()
    assert set(found.created_index) == set(found.created_task) == {"_id"} | types
    if types:
        assert (found.created_index["type"], found.created_task["type"]) == ("index_create", "index_task_create")


def test_an_index(found: Found) -> None:
    index = found.api.get(f"/indexes/{found.index_id}")
    found.typed(OF_INDEX[found.api.version], index, "index")
    assert (index["video_count"], index["addons"]) == (1, ["thumbnail"])
    if found.api.version == "v1.2":
        assert [set(engine) for engine in index["engines"]] == [{"engine_name", "engine_options"}]
    listed = found.api.get("/indexes", index_name=index["index_name"])
    found.typed({"data", "page_info"}, listed, "indexes")
    assert set(listed["page_info"]) == PAGE
    assert [set(entry) for entry in listed["data"]] == [OF_INDEX[found.api.version]]


def test_a_task(found: Found) -> None:
    found.typed(OF_TASK[found.api.version], found.task, "task")
    assert set(found.task["metadata"]) == {"duration", "filename", "height", "width"}
    assert set(found.early) <= set(found.task)
    assert found.early["status"] in ("validating", "pending", "queued", "indexing", "ready")
    if found.api.version == "v1.2":
        assert found.task["process"] == {"percentage": 100.0, "remain_seconds": 0}
    listed = found.api.get("/tasks", index_id=found.index_id)
    found.typed({"data", "page_info"}, listed, "tasks")
    assert [set(entry) for entry in listed["data"]] == [OF_TASK[found.api.version]]


def test_a_failed_task_has_an_error(found: Found, tmp_path: Path, site: Any) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"this is no video")
    task = found.api.task(found.index_id, None, video_url=site(tmp_path / "broken.mp4"))

    def failed() -> Any:
        body = found.api.get(f"/tasks/{task['_id']}")
        return body if body["status"] == "failed" else None

    assert "broken" in until(failed)["error_reason"]
    found.api.expect(204, "DELETE", f"/tasks/{task['_id']}")


def test_a_video(found: Found) -> None:
    video = found.api.get(found.video)
    found.typed(OF_VIDEO[found.api.version], video, "video")
    names = {"filename", "duration", "fps", "width", "height", "size", "video_title"}
    assert set(video["metadata"]) == names and video["metadata"]["video_title"] == "clip"
    assert video.get("source", {"type": "file", "name": "clip.mp4"}) == {"type": "file", "name": "clip.mp4"}
    listed = found.api.get(f"/indexes/{found.index_id}/videos")
    found.typed({"data", "page_info"}, listed, "videos")
    assert [set(entry) for entry in listed["data"]] == [OF_VIDEO[found.api.version]]


@pytest.mark.parametrize("what", ["text-in-video", "transcription", "logo"])
def test_results_of_a_video(found: Found, what: str) -> None:
    body = found.api.get(f"{found.video}/{what}")
    assert set(body) == {"_id", "index_id", "data", "type"}
    assert (body["_id"], body["index_id"]) == (found.task["video_id"], found.index_id)
    assert body["type"] == f"video_index_meta_{what.replace('-', '_')}"
    if what == "text-in-video":
        assert [set(row) for row in body["data"]] == [{"start", "end", "value"}] * len(body["data"])
        assert body["data"] == sorted(body["data"], key=lambda row: float(row["start"]))
    else:
        assert body["data"] is None, "the clip is silent, and the engine finds no logos"


def test_a_frame_and_the_counts(found: Found) -> None:
    assert set(found.api.get(f"{found.video}/thumbnail")) == {"thumbnail"}
    counts = found.api.get("/tasks/status", index_id=found.index_id)
    assert {"index_id", "ready", "validating", "pending", "failed", "total_result"} <= set(counts)
