"""Embeddings: errors, tasks and their lifetime, lists."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Library
from tests.engine.client import Api, multipart
from tests.engine.videos import break_in_the_middle, make_sound, make_video
from twelvelabs_local.engine.probe import probe
from twelvelabs_local.store.assets import Asset, asset_ready, create_asset
from twelvelabs_local.store.embeddings import (
    Edition,
    EmbeddingTask,
    create_embedding_task,
    delete_expired_tasks,
    find_embedding_task,
)
from twelvelabs_local.store.job_queue import JobKind, Lane, job_status, lane_is_busy
from twelvelabs_local.store.schema import open_database
from twelvelabs_local.times import format_time

MODEL = {"model_name": "marengo3.0"}


@pytest.fixture(scope="module")
def clip_id(api: Api, clip: Path) -> str:
    return api.asset(clip)


def inline(path: Path) -> dict[str, str]:
    return {"base64_string": base64.b64encode(path.read_bytes()).decode()}


def request(kind: str, **part: Any) -> dict[str, Any]:
    return {"input_type": kind, **MODEL, kind: part}


def video(source: dict[str, str], **part: Any) -> dict[str, Any]:
    return request("video", media_source=source, **part)


SOURCE = {"url": "https://media.example/a.mp4"}
REFUSED: list[tuple[Any, str, str]] = [
    ({}, "parameter_not_provided", "input_type"),
    ({"input_type": "text"}, "parameter_not_provided", "model_name"),
    ({"input_type": "smell", **MODEL}, "parameter_invalid", "'smell'"),
    ({"input_type": "text", "model_name": "marengo9"}, "parameter_invalid", "'marengo9'"),
    ({"input_type": "text", **MODEL}, "parameter_not_provided", "text"),
    ({"input_type": "text", **MODEL, "text": "a"}, "parameter_invalid", "object"),
    ({**request("text", input_text="a"), "video": {}}, "parameter_invalid", "does not go with input_type text"),
    ({**request("text", input_text="a"), "extra": 1}, "parameter_unknown", "extra"),
    (request("text"), "parameter_not_provided", "text.input_text"),
    (request("text", input_text=" "), "parameter_invalid", "not empty"),
    (request("text", input_text="a", more=1), "parameter_unknown", "text.more"),
    (request("text", input_text="a " * 501), "parameter_invalid", "500 tokens"),
    (request("image"), "parameter_not_provided", "image.media_source"),
    (request("image", media_source="a"), "parameter_invalid", "object"),
    (request("image", media_source={}), "parameter_invalid", "exactly one of url, asset_id, base64_string"),
    (request("image", media_source={**SOURCE, "asset_id": "0" * 24}), "parameter_invalid", "exactly one"),
    (request("image", media_source={"url": "ftp://a/b"}), "parameter_invalid", "http"),
    (request("image", media_source={"url": "http://["}), "parameter_invalid", "http"),
    (request("image", media_source={"asset_id": "x"}), "parameter_invalid", "not an id"),
    (request("image", media_source={"asset_id": "0" * 24}), "resource_not_exist", "assets"),
    (request("image", media_source={"base64_string": "%%%"}), "parameter_invalid", "not base64"),
    (request("image", media_source={"base64_string": "aGVsbG8="}), "video_file_broken", "broken"),
    (request("text_image", media_source=SOURCE), "parameter_not_provided", "text_image.input_text"),
    (request("multi_input"), "parameter_not_provided", "media_sources"),
    (request("multi_input", media_sources=[SOURCE] * 11), "parameter_invalid", "1 to 10"),
    (request("multi_input", media_sources=[SOURCE]), "parameter_invalid", "media_type"),
    (
        request("multi_input", media_sources=[{**SOURCE, "media_type": "image", "name": "a"}] * 2),
        "parameter_invalid",
        "same name",
    ),
    (
        request("multi_input", media_sources=[{**SOURCE, "media_type": "image"}], input_text="<@hat>"),
        "parameter_invalid",
        "'hat'",
    ),
    (video(SOURCE, embedding_option=["smell"]), "parameter_invalid", "video.embedding_option"),
    (video(SOURCE, embedding_option=[]), "parameter_invalid", "at most once"),
    (video(SOURCE, embedding_scope=["clip", "clip"]), "parameter_invalid", "at most once"),
    (
        video(SOURCE, embedding_option=["visual"], embedding_type=["fused_embedding"]),
        "parameter_invalid",
        "at least two values",
    ),
    (video(SOURCE, start_sec=-1), "parameter_invalid", "video.start_sec"),
    (video(SOURCE, start_sec=5, end_sec=5), "parameter_invalid", "greater than start_sec"),
    (video(SOURCE, segmentation={}), "parameter_not_provided", "strategy"),
    (video(SOURCE, segmentation={"strategy": "fixed"}), "parameter_not_provided", "duration_sec"),
    (video(SOURCE, segmentation={"strategy": "fixed", "fixed": {"duration_sec": 11}}), "parameter_invalid", "2 to 10"),
    (video(SOURCE, segmentation={"strategy": "fixed", "fixed": {"duration_sec": 2.5}}), "parameter_invalid", "whole"),
    (
        video(SOURCE, segmentation={"strategy": "dynamic", "dynamic": {"min_duration_sec": 6}}),
        "parameter_invalid",
        "2 to 5",
    ),
    (
        request("audio", media_source=SOURCE, segmentation={"strategy": "dynamic", "dynamic": {"min_duration_sec": 3}}),
        "parameter_invalid",
        "must be one of fixed",
    ),
    (request("audio", media_source=SOURCE, embedding_option=["visual"]), "parameter_invalid", "audio, transcription"),
]


@pytest.mark.parametrize(("body", "code", "said"), REFUSED)
def test_invalid_requests_have_a_wrapped_error(api: Api, body: Any, code: str, said: str) -> None:
    assert said in api.refused(400, code, "POST", "/embed-v2", wrapped=True, json=body)


def test_tasks_are_for_audio_and_video(api: Api) -> None:
    body = request("text", input_text="a")
    assert "audio, video" in api.refused(400, "parameter_invalid", "POST", "/embed-v2/tasks", wrapped=True, json=body)
    body = video({"asset_id": "0" * 24})
    api.refused(400, "resource_not_exist", "POST", "/embed-v2/tasks", wrapped=True, json=body)


def test_too_large_inline_media(api: Api) -> None:
    body = request("image", media_source={"base64_string": "A" * (33 * 2**20 * 4 // 3)})
    api.refused(413, "payload_too_large", "POST", "/embed-v2", wrapped=True, json=body)
    body = video({"base64_string": "A" * (38 * 2**20 * 4 // 3)})
    for path in ("/embed-v2", "/embed-v2/tasks"):
        api.refused(413, "payload_too_large", "POST", path, wrapped=True, json=body)


def test_media_over_ten_minutes_need_a_task(api: Api, tmp_path: Path, site: Callable[[Path], str]) -> None:
    url = site(make_sound(tmp_path / "long.wav", 601.0))
    body = request("audio", media_source={"url": url}, embedding_option=["audio"], embedding_scope=["asset"])
    said = api.refused(400, "parameter_invalid", "POST", "/embed-v2", wrapped=True, json=body)
    assert "601 seconds long" in said and "task" in said


def test_media_of_another_type_than_requested(api: Api, tmp_path: Path, clip: Path, red_image: Path) -> None:
    def refused(code: str, body: Any) -> str:
        return api.refused(400, code, "POST", "/embed-v2", wrapped=True, json=body)

    refused("unsupported_file_type", video(inline(red_image)))
    refused("unsupported_file_type", request("audio", media_source=inline(clip)))
    refused("unsupported_file_type", request("image", media_source=inline(clip)))
    small = make_video(tmp_path / "small.mp4", size=(320, 240), seconds=4)
    refused("video_resolution_too_low", video(inline(small)))
    assert "outside" in refused("parameter_invalid", video(inline(clip), start_sec=7))
    assert "outside" in refused("parameter_invalid", video(inline(clip), end_sec=8))
    broken = break_in_the_middle(clip, tmp_path / "broken.mp4")
    refused("video_file_broken", video(inline(broken), embedding_option=["visual"]))


def test_a_too_small_image(api: Api, tmp_path: Path) -> None:
    import cv2
    import numpy as np

    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((100, 300, 3), np.uint8))
    body = request("image", media_source=inline(tmp_path / "small.png"))
    assert "300x100" in api.refused(400, "image_resolution_too_low", "POST", "/embed-v2", wrapped=True, json=body)


def test_an_image_asset(api: Api, red_image: Path) -> None:
    answer = api.expect(
        200, "POST", "/embed-v2", json=request("image", media_source={"asset_id": api.asset(red_image)})
    )
    assert answer["metadata"] == {"input_type": "image", "input_filename": "red square.png"}


def test_embeddings_are_deterministic(api: Api, clip: Path, clip_id: str) -> None:
    part = {"embedding_option": ["visual"], "embedding_scope": ["clip"]}
    one, other = (
        api.expect(200, "POST", "/embed-v2", json=video(source, **part))["data"]
        for source in (inline(clip), {"asset_id": clip_id})
    )
    assert one == other and [row["end_sec"] for row in one] == [6.0]


def test_segments_follow_the_slides(api: Api, clip_id: str) -> None:
    how = {"strategy": "dynamic", "dynamic": {"min_duration_sec": 2}}
    body = video({"asset_id": clip_id}, segmentation=how, embedding_option=["visual"], embedding_scope=["clip"])
    answer = api.expect(200, "POST", "/embed-v2", json=body)
    assert [(row["start_sec"], row["end_sec"]) for row in answer["data"]] == [(0.0, 3.0), (3.0, 6.0)]
    assert "clip_length" not in answer["metadata"]


def test_speech_is_embedded_in_its_segment(api: Api, library: Library) -> None:
    body = video({"asset_id": library.asset_id}, embedding_option=["transcription"], embedding_scope=["clip"])
    rows = api.expect(200, "POST", "/embed-v2", json=body)["data"]
    text = request("text", input_text="good morning")
    asked = api.expect(200, "POST", "/embed-v2", json=text)["data"][0]["embedding"]

    def nearness(row: Any) -> float:
        return float(sum(a * b for a, b in zip(row["embedding"], asked, strict=True)))

    best = max(rows, key=nearness)
    assert best["start_sec"] == 0.0 and nearness(best) > 0.2


def test_a_silent_video_has_no_audio_embedding(api: Api, clip_id: str) -> None:
    body = video({"asset_id": clip_id}, embedding_option=["audio", "transcription"])
    assert api.expect(200, "POST", "/embed-v2", json=body)["data"] == []


def test_minutes_and_items_are_billed_once(api: Api, clip_id: str) -> None:
    def billed(what: str) -> tuple[int, float]:
        totals = Api(api.engine, "_local").get("/billing")["totals"].get(what, {"events": 0, "minutes": 0.0})
        return totals["events"], totals["minutes"]

    text, media = billed("embedding_text"), billed("embedding")
    api.expect(200, "POST", "/embed-v2", json=request("text", input_text="a"))
    body = video({"asset_id": clip_id}, embedding_option=["visual"], start_sec=3)
    api.expect(200, "POST", "/embed-v2", json=body)
    task = api.expect(202, "POST", "/embed-v2/tasks", json=body)
    api.finished(f"/embed-v2/tasks/{task['_id']}")
    assert billed("embedding_text") == (text[0] + 1, 0.0)
    events, minutes = billed("embedding")
    assert events == media[0] + 2 and minutes == pytest.approx(media[1] + 0.1)


def test_a_slow_request_blocks_no_other(api: Api, tmp_path: Path, site: Callable[[Path], str]) -> None:
    url = site(make_sound(tmp_path / "long.wav", 60.0))
    body = request("audio", media_source={"url": url}, embedding_option=["audio"], embedding_scope=["asset"])
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(api.expect(200, "POST", "/embed-v2", json=body)))
    caller.start()
    others = 0
    while caller.is_alive():
        api.get("/indexes", page_limit=1)
        others += 1
    caller.join()
    # two of them may have been answered before the sound was begun and after it was done
    assert len(answers[0]["data"]) == 1 and others > 2


def test_a_new_task_has_a_location(api: Api, clip_id: str) -> None:
    response = api.send("POST", "/embed-v2/tasks", json=video({"asset_id": clip_id}, embedding_option=["visual"]))
    task = response.json()
    assert response.headers["location"] == f"/v1.3/embed-v2/tasks/{task['_id']}"
    assert task == {"_id": task["_id"], "status": "processing", "data": None}
    assert int(response.headers["x-ratelimit-used"]) > 0
    done = api.finished(f"/embed-v2/tasks/{task['_id']}")
    assert {row["embedding_option"] for row in done["data"]} == {"visual"} and "error" not in done


def test_a_task_with_a_broken_url_fails(api: Api, site: Callable[[Path], str], tmp_path: Path) -> None:
    body = video({"url": site(tmp_path / "nothing.mp4") + "?signature=secret"})
    task = api.expect(202, "POST", "/embed-v2/tasks", json=body)
    done = api.finished(f"/embed-v2/tasks/{task['_id']}", "failed")
    assert done["data"] is None and "404" in done["error"]["message"] and "secret" not in done["error"]["message"]


def test_lists_are_filtered(api: Api, clip_id: str) -> None:
    task = api.expect(202, "POST", "/embed-v2/tasks", json=video({"asset_id": clip_id}, embedding_option=["visual"]))
    created = api.finished(f"/embed-v2/tasks/{task['_id']}")["created_at"]
    assert api.get("/embed-v2/tasks", started_at=created)["data"][-1]["_id"] == task["_id"]
    assert task["_id"] not in [entry["_id"] for entry in api.get("/embed-v2/tasks", status="failed")["data"]]
    before = format_time(datetime.fromisoformat(created) - timedelta(milliseconds=1))
    for entry in api.get("/embed-v2/tasks", ended_at=before, page_limit=50)["data"]:
        assert entry["created_at"] < created
    for query, name in (({"status": "done"}, "status"), ({"started_at": "x"}, "started_at"), ({"page": 0}, "page")):
        assert name in api.refused(400, "parameter_invalid", "GET", "/embed-v2/tasks", params=query)
    api.refused(400, "parameter_unknown", "GET", "/embed-v2/tasks", params={"sort": "x"})
    api.refused(404, "resource_not_exist", "GET", f"/embed/tasks/{task['_id']}")


def test_the_older_tasks_have_their_own_list(api: Api, clip: Path) -> None:
    fields = {**MODEL, "video_clip_length": "5"}
    task = api.expect(200, "POST", "/embed/tasks", files=multipart(fields, {"video_file": clip}))
    api.finished(f"/embed/tasks/{task['_id']}/status")
    # the rest of one second is left out
    segments = api.get(f"/embed/tasks/{task['_id']}", embedding_option="visual")["video_embedding"]["segments"]
    assert [(part["start_offset_sec"], part["end_offset_sec"]) for part in segments] == [(0.0, 5.0)]
    assert task["_id"] in [entry["_id"] for entry in api.get("/embed/tasks")["data"]]
    assert task["_id"] not in [entry["_id"] for entry in api.get("/embed-v2/tasks", page_limit=50)["data"]]


@pytest.mark.parametrize(
    ("path", "fields", "code", "said"),
    [
        ("/embed", {"text": "a"}, "parameter_not_provided", "model_name"),
        ("/embed", {"model_name": "x"}, "parameter_invalid", "'x'"),
        ("/embed", MODEL, "parameter_not_provided", "text, image_url"),
        ("/embed", {**MODEL, "text": "a", "more": "1"}, "parameter_unknown", "more"),
        ("/embed", {**MODEL, "text": "a", "audio_start_offset_sec": "x"}, "parameter_invalid", "must be a number"),
        ("/embed", {**MODEL, "image_url": "ftp://a"}, "parameter_invalid", "image_url"),
        ("/embed/tasks", MODEL, "parameter_not_provided", "video_url or video_file"),
        ("/embed/tasks", {**MODEL, "video_clip_length": "1"}, "parameter_invalid", "2 to 10"),
        ("/embed/tasks", {**MODEL, "video_embedding_scope": "frame"}, "parameter_invalid", "'frame'"),
        (
            "/embed/tasks",
            {**MODEL, "video_start_offset_sec": "5", "video_end_offset_sec": "4"},
            "parameter_invalid",
            "must be after",
        ),
    ],
)
def test_invalid_requests_of_the_older_calls_have_a_flat_error(
    api: Api, path: str, fields: Any, code: str, said: str
) -> None:
    assert said in api.refused(400, code, "POST", path, files=multipart(fields))


def test_the_older_generations(engine: Any, clip: Path) -> None:
    api = Api(engine, "v1.2")
    fields = {"engine_name": "Marengo-retrieval-2.6"}
    answer = api.expect(200, "POST", "/embed", files=multipart({**fields, "text": "good morning"}))
    assert answer["engine_name"] == "twelvelabs-local-features"
    task = api.expect(200, "POST", "/embed/tasks", files=multipart(fields, {"video_file": clip}))
    assert api.finished(f"/embed/tasks/{task['_id']}/status")["engine_name"] == "twelvelabs-local-features"
    api.refused(404, "not_found", "GET", "/embed-v2/tasks")
    Api(engine, "v1.1").refused(404, "not_found", "POST", "/embed", files=multipart({**fields, "text": "a"}))


def test_an_index_returns_the_embeddings_of_its_options(api: Api, clip_id: str, library: Library) -> None:
    index_id = api.create_index("embeddings of pictures only", ["visual"])
    path = f"/indexes/{index_id}/indexed-assets"
    found = api.expect(202, "POST", path, json={"asset_id": clip_id})["_id"]
    early = api.send("GET", f"{path}/{found}", params={"embedding_option": "visual"})
    assert early.status_code == 200 or early.json()["code"] == "video_not_ready"
    api.finished(f"{path}/{found}")
    segments = api.get(f"{path}/{found}", embedding_option="visual")["embedding"]["video_embedding"]["segments"]
    assert [part["embedding_option"] for part in segments] == ["visual"]
    for option, said in (("audio", "without the option 'audio'"), ("smell", "'smell'")):
        assert said in api.refused(
            400, "parameter_invalid", "GET", f"{path}/{found}", params={"embedding_option": option}
        )
    assert "embedding" not in api.get(f"{path}/{found}")
    legacy = Api(api.engine, "v1.2")
    video_path = f"/indexes/{library.index_id}/videos/{library.video_id}"
    embedding = legacy.get(video_path, embed="true")["embedding"]
    assert {part["embedding_option"] for part in embedding["video_embedding"]["segments"]} == {
        "visual",
        "audio",
        "transcription",
    }


def test_a_task_expires_after_seven_days(tmp_path: Path, clip: Path) -> None:
    db = open_database(tmp_path / "engine.sqlite3")
    asset = create_asset(
        db,
        Asset(
            method="url",
            filename="a.mp4",
            size_limit=10**9,
            url="https://media.example/a.mp4",
            sha256="f" * 64,
            implicit=True,
        ),
    )
    asset_ready(db, asset.id, probe(clip))
    task = create_embedding_task(db, EmbeddingTask(edition=Edition.V2, kind="video", asset_id=asset.id, request={}))
    assert job_status(db, JobKind.EMBED, task.id) == "pending" and lane_is_busy(db, Lane.HEAVY)
    assert find_embedding_task(db, task.id) and delete_expired_tasks(db) == []
    week = format_time(datetime.now(UTC) - timedelta(days=7, seconds=1))
    db.update(EmbeddingTask, task.id, created_at=week)
    assert find_embedding_task(db, task.id) is None
    # its file came only for it
    assert delete_expired_tasks(db) == ["f" * 64] and db.find(Asset, id=asset.id) is None
    assert not job_status(db, JobKind.EMBED, task.id)


def test_a_task_waits_for_its_asset(tmp_path: Path) -> None:
    db = open_database(tmp_path / "engine.sqlite3")
    asset = create_asset(
        db, Asset(method="url", filename="a.mp4", size_limit=10**9, url="https://media.example/a.mp4", implicit=True)
    )
    task = create_embedding_task(db, EmbeddingTask(edition=Edition.V2, kind="video", asset_id=asset.id, request={}))
    assert task.status == "processing" and job_status(db, JobKind.EMBED, task.id) is None
