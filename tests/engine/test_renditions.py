"""Renditions of assets: a thumbnail and a stream at presigned URLs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests

from tests.engine.client import Api, until
from tests.engine.videos import make_sound


def rendered(api: Api, asset_id: str, *kinds: str) -> Any:
    """Return an asset when its renditions have ended."""

    def ended() -> Any:
        body = api.get(f"/assets/{asset_id}")
        return body if all(body[kind]["status"] in ("ready", "error") for kind in kinds) else None

    return until(ended)


def test_a_thumbnail_shows_the_video(api: Api, clip: Path) -> None:
    import cv2
    import numpy as np

    asset_id = api.asset(clip, enable_thumbnail="true")
    shown = rendered(api, asset_id, "thumbnail")
    assert "hls" not in shown and shown["thumbnail"]["status"] == "ready"
    link = shown["thumbnail"]["representative_url"]
    answer = requests.get(link, timeout=30)
    assert answer.headers["content-type"] == "image/jpeg"
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None and picture.shape[:2] == (360, 640)
    assert requests.get(link.replace("thumbnail.jpg", "other.jpg"), timeout=30).status_code == 403
    api.expect(204, "DELETE", f"/assets/{asset_id}")
    assert requests.get(link, timeout=30).status_code == 404


def test_a_stream_contains_the_complete_video(api: Api, sample: Path, tmp_path: Path) -> None:
    import av

    shown = rendered(api, api.asset(sample, enable_hls="true"), "hls")
    assert shown["hls"]["status"] == "ready" and "thumbnail" not in shown
    playlist = requests.get(shown["hls"]["manifest_url"], timeout=30)
    assert playlist.headers["content-type"].startswith("application/vnd.apple.mpegurl")
    assert "#EXT-X-ENDLIST" in playlist.text
    links = [line for line in playlist.text.splitlines() if line and not line.startswith("#")]
    assert len(links) > 1
    segments = [requests.get(link, timeout=30) for link in links]
    assert {segment.status_code for segment in segments} == {200}
    whole = tmp_path / "whole.ts"
    whole.write_bytes(b"".join(segment.content for segment in segments))
    with av.open(str(whole)) as stream:
        length = sum(1 for _ in stream.decode(video=0))
    with av.open(str(sample)) as stream:
        assert length == sum(1 for _ in stream.decode(video=0))


def test_a_failed_rendition_leaves_the_asset_ready(api: Api, tmp_path: Path) -> None:
    sound = make_sound(tmp_path / "a.wav")
    asset = rendered(api, api.asset(sound, enable_thumbnail="true", enable_hls="true"), "hls", "thumbnail")
    assert (asset["status"], asset["hls"], asset["thumbnail"]) == ("ready", {"status": "error"}, {"status": "error"})
