from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.client import Api, multipart, until
from tests.engine.test_tasks import BAD_FILES
from tests.engine.videos import make_sound, make_video


def test_an_upload_becomes_a_ready_asset(api: Api, clip: Path) -> None:
    created = api.upload(clip, user_metadata='{"dag": "x"}')
    assert (created["status"], created["method"], created["filename"]) == ("processing", "direct", "clip.mp4")
    asset = api.finished(f"/assets/{created['_id']}")
    assert asset["file_type"] == "video/mp4" and asset["user_metadata"] == {"dag": "x"}
    assert asset["size"] == clip.stat().st_size and asset["duration"] == pytest.approx(6, abs=0.1)
    technical = asset["technical_metadata"]
    assert (technical["video_width"], technical["video_height"], technical["video_codec"]) == (640, 360, "h264")
    assert technical["has_audio"] is False


def test_a_url_becomes_a_ready_asset(api: Api, site: Callable[[Path], str], clip: Path) -> None:
    fields = {"method": "url", "url": site(clip), "filename": "mine.mp4"}
    created = api.expect(201, "POST", "/assets", files=multipart(fields))
    assert api.finished(f"/assets/{created['_id']}")["filename"] == "mine.mp4"


@pytest.mark.parametrize("what", [what for what in BAD_FILES if what != "sound only"])
def test_a_broken_file_fails_the_asset(api: Api, tmp_path: Path, what: str) -> None:
    code, make = BAD_FILES[what]
    failed = api.finished(f"/assets/{api.upload(make(tmp_path))['_id']}", "failed")
    assert failed["error"]["code"] == code and failed["error"]["message"]


def test_audio_files_and_images(api: Api, tmp_path: Path) -> None:
    import cv2
    import numpy as np

    picture = tmp_path / "a.png"
    cv2.imwrite(str(picture), np.zeros((40, 60, 3), np.uint8))
    for path, kind in ((make_sound(tmp_path / "a.wav"), "audio/wav"), (picture, "image/png")):
        assert api.get(f"/assets/{api.asset(path)}")["file_type"] == kind


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("parameter_not_provided", {}),
        ("parameter_invalid", {"method": "pigeon"}),
        ("parameter_not_provided", {"method": "url"}),
        ("parameter_invalid", {"method": "url", "url": "gs://bucket/a.mp4"}),
        ("parameter_not_provided", {"method": "direct"}),
        ("parameter_invalid", {"method": "direct", "file": "text"}),
        ("parameter_invalid", {"method": "url", "url": "http://127.0.0.1:9/a.mp4", "user_metadata": "[]"}),
        ("parameter_invalid", {"method": "url", "url": "http://127.0.0.1:9/a.mp4", "enable_hls": "maybe"}),
        ("parameter_unknown", {"method": "url", "url": "http://127.0.0.1:9/a.mp4", "index_id": "x"}),
    ],
)
def test_invalid_form_parts(api: Api, code: str, fields: dict[str, str]) -> None:
    parts = multipart(fields or {"filename": "x"})
    api.refused(400, code, "POST", "/assets", files=parts)


def test_filters_of_the_list(api: Api, clip: Path, tmp_path: Path) -> None:
    video = api.asset(clip, filename="listed-video.mp4")
    sound = api.asset(make_sound(tmp_path / "a.wav"), filename="listed-sound.wav")

    def ids(**query: Any) -> list[str]:
        return [asset["_id"] for asset in api.get("/assets", **query)["data"]]

    assert ids(filename="listed-") == [sound, video]
    assert ids(filename="listed-", asset_types="audio") == [sound]
    assert ids(asset_ids=[video, sound], asset_types=["audio", "video"]) == [sound, video]
    assert ids(filename="listed-", page_limit=1, page=2) == [video]
    api.refused(400, "parameter_invalid", "GET", "/assets", params={"asset_types": "hologram"})


def test_the_asset_of_a_task_is_not_listed(api: Api, clip: Path, index_name: str) -> None:
    index_id = api.create_index(index_name)
    video_id = api.index_video(index_id, clip)
    asset_id = api.get(f"/indexes/{index_id}/videos/{video_id}")["asset_id"]
    assert api.get("/assets", asset_ids=asset_id)["data"] == []
    # it can be analysed all the same
    assert api.get(f"/assets/{asset_id}")["status"] == "ready"


def test_metadata_of_an_asset(api: Api, clip: Path) -> None:
    asset_id = api.asset(clip, user_metadata='{"a": 1}')
    path = f"/assets/{asset_id}"
    api.expect(204, "PATCH", f"{path}/user-metadata", json={"user_metadata": {"b": ["x", "y"]}})
    assert api.get(path)["user_metadata"] == {"a": 1, "b": ["x", "y"]}
    api.expect(204, "PUT", f"{path}/user-metadata", json={"user_metadata": {"c": 1}})
    assert api.get(path)["user_metadata"] == {"c": 1}
    api.expect(204, "DELETE", f"{path}/user-metadata")
    assert api.get(path)["user_metadata"] == {}


def test_an_asset_is_indexed(api: Api, clip: Path, index_name: str) -> None:
    index_id, asset_id = api.create_index(index_name), api.asset(clip)
    path = f"/indexes/{index_id}/indexed-assets"
    response = api.send("POST", path, json={"asset_id": asset_id, "user_metadata": {"run": "r1"}})
    assert response.status_code == 202
    created = response.json()
    assert set(created) == {"_id", "asset_id"} and created["asset_id"] == asset_id
    assert response.headers["Location"].endswith(f"{path}/{created['_id']}")

    indexed = api.finished(f"{path}/{created['_id']}")
    assert indexed["system_metadata"]["filename"] == "clip.mp4" and indexed["user_metadata"] == {"run": "r1"}
    assert indexed["indexed_at"]
    assert [item["_id"] for item in api.get(path, status=["ready", "failed"])["data"]] == [created["_id"]]
    assert api.get(path, status="indexing")["data"] == []
    # the same video by its older name
    assert api.get(f"/indexes/{index_id}/videos/{created['_id']}")["asset_id"] == asset_id
    api.expect(204, "PATCH", f"{path}/{created['_id']}", json={"user_metadata": {"run": "r2"}})
    assert api.get(path, run="r2")["data"][0]["user_metadata"] == {"run": "r2"}

    back = api.get(f"/assets/{asset_id}/indexed-assets")
    assert back["data"] == [{"_id": created["_id"], "index": {"_id": index_id, "name": index_name}}]
    api.expect(204, "DELETE", f"{path}/{created['_id']}")
    assert api.get(f"/assets/{asset_id}/indexed-assets")["data"] == []
    assert api.get(f"/assets/{asset_id}")["status"] == "ready"


def test_an_asset_in_use_is_deleted_by_force_only(api: Api, clip: Path, index_name: str) -> None:
    index_id, asset_id = api.create_index(index_name), api.asset(clip)
    path = f"/indexes/{index_id}/indexed-assets"
    indexed = api.expect(202, "POST", path, json={"asset_id": asset_id})["_id"]
    api.finished(f"{path}/{indexed}")
    assert "force" in api.refused(409, "asset_in_use", "DELETE", f"/assets/{asset_id}")
    api.expect(204, "DELETE", f"/assets/{asset_id}", params={"force": "true"})
    api.refused(404, "resource_not_exist", "GET", f"/assets/{asset_id}")
    api.refused(404, "resource_not_exist", "GET", f"{path}/{indexed}")


def test_assets_that_cannot_be_indexed(api: Api, clip: Path, tmp_path: Path, index_name: str) -> None:
    path = f"/indexes/{api.create_index(index_name)}/indexed-assets"
    api.refused(404, "resource_not_exist", "POST", path, json={"asset_id": "0" * 24})
    api.refused(400, "parameter_not_provided", "POST", path, json={})
    api.refused(400, "parameter_invalid", "POST", path, json={"asset_id": "x"})
    api.refused(400, "parameter_unknown", "POST", path, json={"asset_id": "0" * 24, "colour": "red"})
    other = f"/indexes/{'0' * 24}/indexed-assets"
    api.refused(404, "resource_not_exist", "POST", other, json={"asset_id": api.asset(clip)})
    broken = api.upload(BAD_FILES["no video"][1](tmp_path))["_id"]
    api.finished(f"/assets/{broken}", "failed")
    assert "failed" in api.refused(400, "parameter_invalid", "POST", path, json={"asset_id": broken})
    # a sound is a good asset, but no video
    sound = api.asset(make_sound(tmp_path / "a.wav"))
    indexed = api.expect(202, "POST", path, json={"asset_id": sound})["_id"]
    assert api.finished(f"{path}/{indexed}", "failed")["error"]["code"] == "unsupported_file_type"


def test_the_transcript_of_an_asset(api: Api, sample: Path) -> None:
    path = f"/assets/{api.asset(sample)}/transcription"

    def ready() -> Any:
        body = api.get(path, include=["words", "sentences", "utterances"])
        assert body["status"] in ("pending", "processing", "ready")
        return body if body["status"] == "ready" else None

    body = until(ready)
    said = " ".join(word["value"] for word in body["words"])
    assert "good morning and welcome" in said
    assert [row["value"] for row in body["sentences"]] == [row["value"] for row in body["utterances"]]
    assert body["sentences"][0]["value"] in said and len(body["sentences"]) < len(body["words"])
    assert all(
        before["end"] <= after["start"] + 0.02 for before, after in zip(body["words"], body["words"][1:], strict=False)
    )
    assert set(api.get(path)) == {"status", "words"}
    api.refused(400, "parameter_invalid", "GET", path, params={"include": "letters"})


def test_a_silent_asset_has_no_transcript(api: Api, clip: Path, tmp_path: Path) -> None:
    api.refused(404, "resource_not_exist", "GET", f"/assets/{api.asset(clip)}/transcription")
    api.refused(404, "resource_not_exist", "GET", f"/assets/{'0' * 24}/transcription")
    # a video with a tone has sound, in which nothing is said
    path = f"/assets/{api.asset(make_video(tmp_path / 'tone.mp4', ('HUM',), sound=True))}/transcription"
    assert until(lambda: (body := api.get(path))["status"] == "ready" and body)["words"] == []
