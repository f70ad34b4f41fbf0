"""Frames, logos, engines, counts and hosting sites of v1.1 and v1.2."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import pytest
import requests

from tests.engine.client import Api
from tests.engine.videos import make_video, turn
from tests.engine_process import Engine
from twelvelabs_local.engine.frames import jpeg_at
from twelvelabs_local.errors import MediaError
from twelvelabs_local.settings import DataFolder
from twelvelabs_local.signed_urls import SIGNED, Signer


@pytest.fixture(scope="session")
def indexed(engine: Engine, clip: Path) -> tuple[str, str]:
    """An index that offers logos, and the clip in it."""
    api = Api(engine, "v1.2")
    index_id = api.create_index("classic", ("visual", "logo"))
    return index_id, api.index_video(index_id, clip)


def opened(picture: bytes) -> tuple[int, int, float]:
    """Return width, height and mean brightness of a JPEG."""
    with av.open(io.BytesIO(picture), "r") as container:
        frame = next(container.decode(video=0))
        return frame.width, frame.height, float(frame.to_ndarray(format="gray").mean())


def test_logos_are_never_found(legacy: Api, indexed: tuple[str, str]) -> None:
    index_id, video_id = indexed
    body = legacy.get(f"/indexes/{index_id}/videos/{video_id}/logo", start=0, end=3)
    assert body == {"_id": video_id, "index_id": index_id, "data": None, "type": "video_index_meta_logo"}


def test_logos_need_the_option(legacy: Api, clip: Path, index_name: str) -> None:
    index_id = legacy.create_index(index_name, ("visual",))
    video_id = legacy.index_video(index_id, clip)
    path = f"/indexes/{index_id}/videos/{video_id}/logo"
    assert "logo" in legacy.refused(400, "parameter_invalid", "GET", path)


def test_a_presigned_url_opens_a_frame(legacy: Api, indexed: tuple[str, str]) -> None:
    index_id, video_id = indexed
    body = legacy.get(f"/indexes/{index_id}/videos/{video_id}/thumbnail", time=1)
    assert set(body) == {"thumbnail"}
    answer = requests.get(body["thumbnail"], timeout=30)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    width, height, brightness = opened(answer.content)
    assert (width, height) == (640, 360) and brightness > 200, "black letters on white"


def test_the_default_frame_is_the_middle(legacy: Api, indexed: tuple[str, str]) -> None:
    index_id, video_id = indexed
    path = f"/indexes/{index_id}/videos/{video_id}/thumbnail"
    pictures = [requests.get(legacy.get(path, **query)["thumbnail"], timeout=30).content for query in ({}, {"time": 3})]
    assert pictures[0] == pictures[1]
    assert pictures[0] != requests.get(legacy.get(path, time=0)["thumbnail"], timeout=30).content


@pytest.mark.parametrize("query", [{"time": -1}, {"time": 7}, {"time": "soon"}])
def test_a_time_outside_of_the_video_is_invalid(legacy: Api, indexed: tuple[str, str], query: dict[str, Any]) -> None:
    index_id, video_id = indexed
    path = f"/indexes/{index_id}/videos/{video_id}/thumbnail"
    legacy.refused(400, "parameter_invalid", "GET", path, params=query)


@pytest.mark.parametrize(
    "forge",
    [
        lambda link: link.replace("time=1", "time=2"),
        lambda link: link.replace("expires=", "expires=9"),
        lambda link: link.split("&signature=")[0],
        lambda link: link[:-1] + ("0" if link[-1] != "0" else "1"),
        lambda link: link.split("?")[0],
    ],
    ids=["other time", "later", "no signature", "wrong signature", "no query"],
)
def test_a_forged_url_is_refused(engine: Engine, indexed: tuple[str, str], forge: Any) -> None:
    index_id, video_id = indexed
    link = Api(engine, "v1.2").get(f"/indexes/{index_id}/videos/{video_id}/thumbnail", time=1)["thumbnail"]
    assert requests.get(link, timeout=30).status_code == 200
    for headers in ({}, {"x-api-key": engine.api_key}):
        answer = requests.get(forge(link), headers=headers, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (403, "access_denied")
    assert requests.post(link, timeout=30).status_code == 403, "it is good for its own method only"


def test_a_presigned_url_expires_and_survives_a_restart(tmp_path: Path) -> None:
    signer = Signer.of(DataFolder(tmp_path))
    path = f"{SIGNED}frames/x.jpg"
    link = signer.sign("GET", path, {"time": "1"})
    assert Signer.of(DataFolder(tmp_path)).accepts("GET", path, link.split("?")[1])
    past = signer.sign("GET", path, seconds=-1)
    assert not signer.accepts("GET", path, past.split("?")[1])
    (tmp_path / "other").mkdir()
    assert not Signer.of(DataFolder(tmp_path / "other")).accepts("GET", path, link.split("?")[1])
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0


def test_a_frame_shows_its_moment(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", ("LEFT", "RIGHT"))
    assert jpeg_at(path, 0) != jpeg_at(path, 4)
    assert jpeg_at(path, 99) == jpeg_at(path, 4.9), "beyond the end it is the last picture"


def test_a_frame_of_a_rotated_video_is_upright(tmp_path: Path) -> None:
    lying = turn(make_video(tmp_path / "sensor.mp4", turned=True), tmp_path / "turned.mp4")
    assert opened(jpeg_at(lying, 1))[:2] == (360, 640)


def test_audio_has_no_frame(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    with pytest.raises(MediaError):
        jpeg_at(tmp_path / "broken.mp4", 0)


def test_list_of_engines(legacy: Api) -> None:
    listed = legacy.get("/engines")
    assert listed["page_info"]["total_results"] == len(listed["data"]) > 0
    for engine in listed["data"]:
        assert legacy.get(f"/engines/{engine['_id']}") == engine
        assert set(engine) == {"_id", "allowed_index_options", "author"}


def test_counts_of_tasks(legacy: Api, indexed: tuple[str, str]) -> None:
    index_id, _ = indexed
    expected = {"index_id": index_id, "ready": 1, "validating": 0, "pending": 0, "failed": 0, "total_result": 1}
    assert legacy.get("/tasks/status", index_id=index_id) == expected


def test_hosting_sites_are_not_supported(engine: Engine, indexed: tuple[str, str]) -> None:
    old, body = Api(engine, "v1.2"), {"index_id": indexed[0], "url": "https://video.example/watch?v=1"}
    path = "/tasks/external-provider"
    assert "video_url" in old.refused(403, "api_not_allowed", "POST", path, json=body)
    old.refused(400, "parameter_not_provided", "POST", path, json={"index_id": indexed[0]})
    old.refused(400, "resource_not_exist", "POST", path, json={**body, "index_id": "665000000000000000000abc"})
    old.refused(400, "parameter_invalid", "POST", path, json={**body, "url": "watch?v=1"})
    assert Api(engine, "v1.1").send("POST", path, json=body).status_code == 404
