"""Assets and multipart uploads with the vendor's client."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.engine.client import until
from tests.engine.multipart import padded

twelvelabs = pytest.importorskip("twelvelabs")

if TYPE_CHECKING:
    from twelvelabs import TwelveLabs

    from tests.conftest import Library

MIB = 1 << 20


def ready(client: TwelveLabs, asset_id: str) -> Any:
    def ended() -> Any:
        asset: Any = client.assets.retrieve(asset_id)
        assert asset.status in ("processing", "ready")
        made = all(one is None or one.status in ("ready", "error") for one in (asset.hls, asset.thumbnail))
        return asset if asset.status == "ready" and made else None

    return until(ended)


def test_file_is_uploaded_read_listed_and_deleted(client: TwelveLabs, clip: Path) -> None:
    with clip.open("rb") as file:
        created = client.assets.create(
            method="direct", file=file, enable_hls=True, enable_thumbnail=True, user_metadata='{"dag": "x"}'
        )
    assert created.id and created.status == "processing"
    asset = ready(client, created.id)
    assert (asset.method, asset.size, asset.duration) == ("direct", clip.stat().st_size, pytest.approx(6, abs=0.1))
    assert asset.hls.status == asset.thumbnail.status == "ready"
    assert asset.hls.manifest_url and asset.thumbnail.representative_url
    assert asset.technical_metadata.video_codec == "h264"
    client.assets.update_user_metadata(created.id, user_metadata={"run": 7})
    assert client.assets.retrieve(created.id).user_metadata == {"dag": "x", "run": 7}
    client.assets.replace_user_metadata(created.id, user_metadata={"only": True})
    assert client.assets.retrieve(created.id).user_metadata == {"only": True}
    client.assets.delete_user_metadata(created.id)
    assert not client.assets.retrieve(created.id).user_metadata
    client.assets.delete(created.id)
    with pytest.raises(twelvelabs.core.ApiError) as caught:
        client.assets.retrieve(created.id)
    assert caught.value.status_code == 404


def test_url_becomes_an_asset(client: TwelveLabs, clip: Path, site: Callable[[Path], str]) -> None:
    created = client.assets.create(method="url", url=site(clip), filename="by-address.mp4")
    assert created.id
    assert ready(client, created.id).method == "url"
    assert [asset.id for asset in client.assets.list(filename="BY-ADDRESS", asset_types=["video"])] == [created.id]


def test_lists_and_refusals(client: TwelveLabs, library: Library) -> None:
    assert [asset.id for asset in client.assets.list(asset_ids=[library.asset_id])] == [library.asset_id]
    for refused in (
        lambda: client.assets.create(method="direct"),
        lambda: client.assets.list(page_limit=51),
        lambda: client.multipart_upload.create(filename="a.mp4", type="video", total_size=0),
    ):
        with pytest.raises(twelvelabs.BadRequestError):
            refused()
    with pytest.raises(twelvelabs.ConflictError):
        client.assets.delete(library.asset_id)
    with pytest.raises(twelvelabs.NotFoundError):
        client.multipart_upload.get_status("0" * 24)


def test_multipart_upload_helper_of_the_client(client: TwelveLabs, clip: Path, tmp_path: Path) -> None:
    """More parts than there are links at first, and more than one report."""
    video = padded(clip, tmp_path / "large.mp4", 112 * MIB)
    seen: list[float] = []
    result = client.multipart_upload.upload_file(
        video, progress_callback=lambda progress: seen.append(progress.percentage)
    )
    assert len(seen) == 3 and seen[-1] == 100
    assert result.asset_url.endswith(result.asset_id)
    asset = ready(client, result.asset_id)
    assert (asset.method, asset.size, asset.filename) == ("multipart", 112 * MIB, "large.mp4")


def test_multipart_session_step_by_step(client: TwelveLabs, clip: Path, tmp_path: Path) -> None:
    video = padded(clip, tmp_path / "steps.mp4", 6 * MIB)
    session = client.multipart_upload.create(
        filename="steps.mp4", type="video", total_size=6 * MIB, enable_thumbnail=True, user_metadata={"dag": "x"}
    )
    assert session.upload_id and session.total_chunks == 2 and session.upload_urls
    assert session.upload_id in [one.upload_id for one in client.multipart_upload.list_incomplete_uploads()]
    more = client.multipart_upload.get_additional_presigned_urls(session.upload_id, start=2, count=1)
    assert more.upload_urls and more.upload_urls[0].chunk_index == 2
    second = requests.put(str(more.upload_urls[0].url), data=video.read_bytes()[5 * MIB :], timeout=60)
    etag = second.headers["ETag"].strip('"')
    chunk = twelvelabs.CompletedChunk(chunk_index=2, proof=etag, proof_type="etag", chunk_size=MIB)
    reported = client.multipart_upload.report_chunk_batch(session.upload_id, completed_chunks=[chunk])
    assert (reported.processed_chunks, reported.duplicate_chunks, reported.url) == (1, 0, None)
    chunks = list(client.multipart_upload.get_status(session.upload_id))
    assert [(one.index, one.status) for one in chunks] == [(2, "completed")]
