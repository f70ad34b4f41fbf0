"""Multipart uploads: sessions, parts, presigned URLs."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.engine.client import Api, until
from tests.engine.multipart import CHUNK, Sender, padded
from tests.engine_process import Engine, running_engine


@pytest.fixture(scope="module")
def small_parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with small parts."""
    folder = tmp_path_factory.mktemp("parts")
    with running_engine(folder, env={"TWELVELABS_LOCAL_CHUNK_BYTES": str(CHUNK)}) as running:
        yield running


@pytest.fixture
def parts(small_parts: Engine) -> Api:
    return Api(small_parts)


@pytest.fixture
def video(clip: Path, tmp_path: Path) -> Path:
    """A video of three parts, the last of which is short."""
    return padded(clip, tmp_path / "clip.mp4", 2 * CHUNK + 1000)


def test_an_upload_becomes_a_ready_asset(parts: Api, video: Path, small_parts: Engine) -> None:
    sender = Sender.begin(parts, video, user_metadata={"dag": "x"})
    assert (sender.session["chunk_size"], sender.session["total_chunks"]) == (CHUNK, 3)
    asset_id = sender.session["asset_id"]
    assert parts.get(f"/assets/{asset_id}")["status"] == "processing"
    # in any order, from several sides at once
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda number: sender.report_of(number, sender.put(number)), (3, 1, 2)))
    half = sender.report(reports[:2])
    assert (half["processed_chunks"], half["total_completed"]) == (2, 2) and "url" not in half
    whole = sender.report(reports[2:])
    assert (whole["asset_id"], whole["total_completed"]) == (asset_id, 3) and whole["url"].endswith(asset_id)
    asset = parts.finished(f"/assets/{asset_id}")
    assert (asset["method"], asset["size"], asset["user_metadata"]) == ("multipart", video.stat().st_size, {"dag": "x"})
    content = hashlib.sha256(video.read_bytes()).hexdigest()
    assert (small_parts.data_dir / "media" / content).exists()
    # a little later than the asset is ready
    until(lambda: not (small_parts.data_dir / "uploads" / sender.session["upload_id"]).exists())


def test_a_presigned_url_works_once(parts: Api, video: Path) -> None:
    sender = Sender.begin(parts, video)
    assert sender.put(1).status_code == 200
    again = sender.put(1)
    assert (again.status_code, again.json()["code"]) == (403, "access_denied")
    assert sender.put(1, sender.fresh_url(1)).status_code == 200


@pytest.mark.parametrize("change", ["/1?|/2?", "nonce=|nonce=0", "expires=|expires=9", "signature=|signature=0"])
def test_a_presigned_url_is_bound_to_its_request(parts: Api, video: Path, change: str) -> None:
    sender = Sender.begin(parts, video)
    old, new = change.split("|")
    url = sender.url(1)
    assert old in url
    assert sender.put(1, url.replace(old, new)).status_code == 403
    assert requests.get(url, timeout=30).status_code == 403
    assert parts.get(sender.path)["uploaded_chunks"] == []


def test_progress_of_a_session(parts: Api, video: Path) -> None:
    sender = Sender.begin(parts, video)
    reports = sender.sent((1, 3))
    assert sender.report(reports[:1])["duplicate_chunks"] == 0
    again = sender.report(reports[:1])
    assert (again["processed_chunks"], again["duplicate_chunks"], again["total_completed"]) == (0, 1, 1)
    state = parts.get(sender.path)
    assert state["status"] == "active"
    assert (state["chunks_completed"], state["chunks_failed"], state["chunks_pending"]) == (1, 0, 2)
    assert (state["uploaded_size"], state["total_size"]) == (CHUNK, video.stat().st_size)
    assert [(chunk["index"], chunk["status"]) for chunk in state["uploaded_chunks"]] == [
        (1, "completed"),
        (3, "pending"),
    ]
    assert [chunk["index"] for chunk in parts.get(sender.path, page=2, page_limit=1)["uploaded_chunks"]] == [3]
    listed = parts.get("/assets/multipart-uploads")["data"]
    mine = next(entry for entry in listed if entry["upload_id"] == sender.session["upload_id"])
    assert (mine["status"], mine["total_chunks"], mine["chunk_size"]) == ("active", 3, CHUNK)


def test_a_part_that_differs_from_its_report_fails(parts: Api, video: Path) -> None:
    sender = Sender.begin(parts, video)
    short = sender.put(2, content=b"short")
    report = [
        {"chunk_index": 1, "proof": "0" * 32, "proof_type": "etag", "chunk_size": CHUNK},
        sender.report_of(2, short),
    ]
    assert sender.report(report)["processed_chunks"] == 0
    state = parts.get(sender.path)
    assert state["chunks_failed"] == 2
    assert ["never uploaded" in chunk["error"] for chunk in state["uploaded_chunks"]] == [True, False]
    reports = [sender.report_of(number, sender.put(number, sender.fresh_url(number))) for number in (1, 2, 3)]
    assert sender.report(reports)["url"]
    assert parts.get(sender.path)["status"] == "completed"


def test_a_part_with_too_many_bytes(parts: Api, video: Path) -> None:
    sender = Sender.begin(parts, video)
    refused = sender.put(1, content=b"x" * (CHUNK + 1))
    assert (refused.status_code, refused.json()["code"]) == (400, "entity_too_large")


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("parameter_not_provided", {"filename": None}),
        ("parameter_not_provided", {"total_size": None}),
        ("parameter_invalid", {"type": "hologram"}),
        ("parameter_invalid", {"total_size": 0}),
        ("parameter_invalid", {"total_size": 10 * 1024**3 + 1}),
        ("parameter_invalid", {"type": "image", "total_size": 33 * 1024**2}),
        ("parameter_invalid", {"user_metadata": {"duration": 1}}),
        ("parameter_invalid", {"enable_hls": "yes"}),
        ("parameter_unknown", {"colour": "red"}),
    ],
)
def test_an_invalid_session(parts: Api, code: str, fields: dict[str, Any]) -> None:
    body = {"filename": "a.mp4", "type": "video", "total_size": 1000, **fields}
    body = {name: value for name, value in body.items() if value is not None}
    parts.refused(400, code, "POST", "/assets/multipart-uploads", json=body)


def test_invalid_reports_and_requests(parts: Api, video: Path) -> None:
    sender = Sender.begin(parts, video)
    part = {"chunk_index": 1, "proof": "x", "proof_type": "etag", "chunk_size": CHUNK}
    for code, chunks in (
        ("parameter_not_provided", []),
        ("parameter_invalid", [part] * 51),
        ("parameter_invalid", [{**part, "chunk_index": 4}]),
        ("parameter_invalid", [{**part, "proof_type": "md5"}]),
        ("parameter_unknown", [{**part, "colour": "red"}]),
        ("parameter_not_provided", [{**part, "proof": ""}]),
    ):
        parts.refused(400, code, "POST", sender.path, json={"completed_chunks": chunks})
    for start, count in ((0, 1), (1, 51), (3, 2), (4, 1)):
        wish = {"start": start, "count": count}
        parts.refused(400, "parameter_invalid", "POST", f"{sender.path}/presigned-urls", json=wish)
    unknown = f"/assets/multipart-uploads/{'0' * 24}"
    parts.refused(404, "resource_not_exist", "GET", unknown)
    parts.refused(404, "resource_not_exist", "POST", unknown, json={"completed_chunks": [part]})
    parts.refused(404, "resource_not_exist", "POST", f"{unknown}/presigned-urls", json={"start": 1, "count": 1})


def test_a_session_expires_after_a_day(parts: Api, video: Path, small_parts: Engine) -> None:
    sender = Sender.begin(parts, video)
    reports = sender.sent((1,))
    upload_id = sender.session["upload_id"]
    with sqlite3.connect(small_parts.data_dir / "engine.sqlite3", timeout=30) as db:
        db.execute("UPDATE uploads SET expires_at = '2020-01-01T00:00:00.000Z' WHERE id = ?", (upload_id,))
    db.close()
    assert parts.get(sender.path)["status"] == "expired"
    parts.refused(400, "upload_not_active", "POST", sender.path, json={"completed_chunks": reports})
    parts.refused(400, "upload_not_active", "POST", f"{sender.path}/presigned-urls", json={"start": 2, "count": 1})
    assert sender.put(2).status_code == 404
    assert parts.get(f"/assets/{sender.session['asset_id']}")["status"] == "failed"
    assert not (small_parts.data_dir / "uploads" / upload_id).exists()


def test_a_deleted_asset_deletes_its_parts(parts: Api, video: Path, small_parts: Engine) -> None:
    sender = Sender.begin(parts, video)
    sender.sent((1,))
    parts.expect(204, "DELETE", f"/assets/{sender.session['asset_id']}")
    assert not (small_parts.data_dir / "uploads" / sender.session["upload_id"]).exists()
    parts.refused(404, "resource_not_exist", "GET", sender.path)


def test_a_session_survives_a_restart(clip: Path, tmp_path: Path) -> None:
    env = {"TWELVELABS_LOCAL_CHUNK_BYTES": str(CHUNK)}
    video = padded(clip, tmp_path / "clip.mp4", CHUNK + 1000)
    folder = tmp_path / "engine"
    with running_engine(folder, env=env) as first:
        sender = Sender.begin(Api(first), video)
        sender.report(sender.sent((1,)))
        (folder / "uploads" / ("0" * 24)).mkdir()
        port = int(first.base_url.rpartition(":")[2])
    with running_engine(folder, env=env, port=port) as second:
        assert not (folder / "uploads" / ("0" * 24)).exists()
        # the links of before are good still
        assert sender.report(sender.sent((2,)))["url"]
        Api(second).finished(f"/assets/{sender.session['asset_id']}")


def test_an_upload_that_is_no_video_fails_its_asset(parts: Api, tmp_path: Path) -> None:
    text = tmp_path / "a.mp4"
    text.write_bytes(b"no video " * 1000)
    sender = Sender.begin(parts, text, enable_thumbnail=True)
    sender.report(sender.sent((1,)))
    asset = parts.finished(f"/assets/{sender.session['asset_id']}", "failed")
    assert asset["error"]["code"] == "video_file_broken" and asset["thumbnail"] == {"status": "error"}
