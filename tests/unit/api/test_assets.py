"""Asset calls, models, and the choice of an upload method."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from tests.unit.api.test_calls import asked
from twelvelabs_provider.api import assets
from twelvelabs_provider.api.assets import UPLOADS, UploadMethod, choose_method, create_asset, list_assets
from twelvelabs_provider.api.call import Call, FilePart
from twelvelabs_provider.api.models import Asset, Rendition
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.api.version import ApiVersion

METADATA = {"user_metadata": {"a": 1, "b": None}}


@pytest.mark.parametrize(
    ("call", "name", "query", "body"),
    [
        (list_assets(), "GET /assets", {"page": "1", "page_limit": "50"}, None),
        (
            list_assets(asset_ids=["a", "b"], asset_types=["video"], filename="x", paging=Paging(2, 10)),
            "GET /assets",
            {"page": "2", "page_limit": "10", "asset_ids": ["a", "b"], "asset_types": "video", "filename": "x"},
            None,
        ),
        (
            assets.update_asset_metadata("c03", {"a": 1, "b": None}),
            "PATCH /assets/c03/user-metadata",
            {},
            METADATA,
        ),
        (assets.replace_asset_metadata("c03", {}), "PUT /assets/c03/user-metadata", {}, {"user_metadata": {}}),
        (assets.delete_asset_metadata("c03"), "DELETE /assets/c03/user-metadata", {}, None),
    ],
)
def test_requests(call: Call[Any], name: str, query: dict[str, Any], body: Any) -> None:
    assert asked(call) == (name, query, body)
    assert call.repeatable
    assert call.only == (ApiVersion.V1_3,) and "()" in call.instead


def test_stream_and_thumbnail_are_requested() -> None:
    part = FilePart("a.mp4", lambda: BytesIO(b"video"), 5)
    call = create_asset(part, enable_hls=True, enable_thumbnail=True)
    assert asked(call)[2] == [
        ("filename", "a.mp4"),
        ("enable_hls", "true"),
        ("enable_thumbnail", "true"),
        ("method", "direct"),
        ("file", part),
    ]
    assert not call.repeatable


def test_asset_with_all_fields() -> None:
    answer = {
        "_id": "c03",
        "method": "multipart",
        "status": "ready",
        "filename": "a.mp4",
        "file_type": "video/mp4",
        "user_metadata": {"dag": "x"},
        "hls": {"manifest_url": "https://m.example/a.m3u8?sig=SIGNATURE", "status": "ready"},
        "thumbnail": {"status": "processing"},
        "technical_metadata": {"file_size_bytes": 5, "video_duration_seconds": 7.5, "tomorrow": 1},
    }
    asset = Asset.read(answer)
    assert (asset.method, asset.file_type, asset.size, asset.duration) == ("multipart", "video/mp4", 5, 7.5)
    assert asset.hls == Rendition(status="ready", url="https://m.example/a.m3u8?sig=SIGNATURE")
    assert asset.thumbnail == Rendition(status="processing", url=None)
    assert asset.technical["tomorrow"] == 1
    assert "SIGNATURE" not in repr(asset)


def test_asset_with_required_fields_only() -> None:
    asset = Asset.read({"_id": "c03", "status": "failed", "error": {"message": "no video"}})
    assert (asset.error, asset.hls, asset.thumbnail, dict(asset.user_metadata)) == ("no video", None, None, {})


@pytest.mark.parametrize(
    ("size", "wanted", "method"),
    [
        (None, None, "url"),
        (None, "url", "url"),
        (1, None, "direct"),
        (200_000_000, None, "direct"),
        (200_000_001, None, "multipart"),
        (10 * 1024**3, None, "multipart"),
        (1, "multipart", "multipart"),
        (200_000_000, "direct", "direct"),
    ],
)
def test_upload_method_follows_the_file_size(size: int | None, wanted: str | None, method: str) -> None:
    choice = choose_method(size, UploadMethod(wanted) if wanted else None)
    assert choice.method.value == method
    assert choice.why


@pytest.mark.parametrize(
    ("size", "wanted", "said"),
    [
        (None, "direct", "fetched by the service"),
        (None, "multipart", "fetched by the service"),
        (1, "url", "needs an http"),
        (UPLOADS.max_direct + 1, "direct", "use 'multipart'"),
        (UPLOADS.max_multipart + 1, None, "10,737,418,241 bytes"),
        (UPLOADS.max_multipart + 1, "multipart", "at most 10,737,418,240 by any route"),
    ],
)
def test_unsupported_upload_method_is_refused(size: int | None, wanted: str | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        choose_method(size, UploadMethod(wanted) if wanted else None)
