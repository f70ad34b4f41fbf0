"""Every call of assets and multipart uploads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from tests.engine.client import until
from tests.engine.multipart import padded
from twelvelabs_provider.api.assets import (
    AssetOptions,
    AssetType,
    delete_asset_metadata,
    list_assets,
    replace_asset_metadata,
    update_asset_metadata,
)
from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsConflictError, TwelveLabsNotFoundError
from twelvelabs_provider.api.models import Asset
from twelvelabs_provider.api.multipart_plan import missing_chunks
from twelvelabs_provider.api.multipart_uploads import (
    ChunkStatus,
    SentChunk,
    UploadStatus,
    create_upload,
    list_incomplete_uploads,
    presign_chunks,
    read_upload,
    report_chunks,
)

if TYPE_CHECKING:
    from tests.conftest import Library
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

UNKNOWN = "665000000000000000000abc"
MIB = 1 << 20


def part_of(path: Path) -> FilePart:
    return FilePart(path.name, lambda: path.open("rb"), path.stat().st_size, "video/mp4")


def ready(hook: TwelveLabsHook, asset_id: str) -> Asset:
    """Return an asset that is ready, with all that was to be made of it."""

    def ended() -> Asset | None:
        asset = hook.execute(hook.api.read_asset(asset_id))
        assert asset.status in ("processing", "ready"), asset.error
        made = all(one is None or one.status in ("ready", "error") for one in (asset.hls, asset.thumbnail))
        return asset if asset.status == "ready" and made else None

    found: Asset = until(ended)
    return found


def test_file_with_all_fields_becomes_an_asset(hook: TwelveLabsHook, clip: Path) -> None:
    call = hook.api.create_asset(
        part_of(clip), filename="all.mp4", user_metadata={"dag": "x"}, enable_hls=True, enable_thumbnail=True
    )
    created = hook.execute(call)
    assert (created.status, created.method, created.size) == ("processing", "direct", None)
    asset = ready(hook, created.id)
    assert (asset.filename, asset.file_type, asset.size) == ("all.mp4", "video/mp4", clip.stat().st_size)
    assert asset.duration == pytest.approx(6, abs=0.1)
    assert asset.technical["video_codec"] == "h264"
    assert asset.user_metadata == {"dag": "x"}
    assert asset.hls and asset.hls.status == "ready" and asset.thumbnail and asset.thumbnail.status == "ready"
    assert requests.get(str(asset.thumbnail.url), timeout=30).content.startswith(b"\xff\xd8\xff")
    assert "http" not in repr(asset)
    hook.execute(hook.api.delete_asset(asset.id))
    # a second time finds nothing to delete, which is what was asked for
    hook.execute(hook.api.delete_asset(asset.id))
    with pytest.raises(TwelveLabsNotFoundError):
        hook.execute(hook.api.read_asset(asset.id))


def test_url_becomes_an_asset(hook: TwelveLabsHook, clip: Path, site: Callable[[Path], str]) -> None:
    asset = ready(hook, hook.execute(hook.api.create_asset(site(clip))).id)
    assert (asset.method, asset.filename, asset.hls, asset.thumbnail) == ("url", "clip.mp4", None, None)


def test_assets_are_filtered(hook: TwelveLabsHook, library: Library) -> None:
    found = list(hook.items(lambda paging: list_assets(asset_ids=[library.asset_id], paging=paging)))
    assert [asset.id for asset in found] == [library.asset_id]
    by_name = hook.execute(list_assets(filename="SAMPLE", asset_types=["video"]))
    assert library.asset_id in [asset.id for asset in by_name.items]
    assert hook.execute(list_assets(filename="SAMPLE", asset_types=["image"])).items == ()
    with pytest.raises(TwelveLabsBadRequestError, match="hologram"):
        hook.execute(list_assets(asset_types=["hologram"]))


def test_metadata_is_merged_replaced_and_cleared(hook: TwelveLabsHook, clip: Path) -> None:
    asset_id = hook.execute(hook.api.create_asset(part_of(clip), user_metadata={"a": 1, "b": "x"})).id

    def metadata() -> dict[str, object]:
        return dict(hook.execute(hook.api.read_asset(asset_id)).user_metadata)

    hook.execute(update_asset_metadata(asset_id, {"a": None, "c": True}))
    assert metadata() == {"b": "x", "c": True}
    hook.execute(replace_asset_metadata(asset_id, {"d": 1.5}))
    assert metadata() == {"d": 1.5}
    hook.execute(delete_asset_metadata(asset_id))
    assert metadata() == {}
    with pytest.raises(TwelveLabsBadRequestError, match="reserved"):
        hook.execute(update_asset_metadata(asset_id, {"duration": 1}))


def test_asset_in_use_is_not_deleted_without_force(hook: TwelveLabsHook, library: Library) -> None:
    with pytest.raises(TwelveLabsConflictError, match="force"):
        hook.execute(hook.api.delete_asset(library.asset_id))


def test_file_is_uploaded_in_parts(hook: TwelveLabsHook, clip: Path, tmp_path: Path) -> None:
    video = padded(clip, tmp_path / "parts.mp4", 11 * MIB)
    content = video.read_bytes()
    options = AssetOptions("parts.mp4", {"dag": "x"}, enable_thumbnail=True)
    session = hook.execute(create_upload(AssetType.VIDEO, len(content), options))
    assert (session.chunk_size, session.total_chunks) == (5 * MIB, 3)
    assert [url.index for url in session.urls] == [1, 2, 3]
    assert "http" not in repr(session)
    chunks = missing_chunks(len(content), session.chunk_size)

    def put(index: int, url: str) -> SentChunk:
        chunk = chunks[index - 1]
        body = content[chunk.offset : chunk.offset + chunk.size]
        answer = requests.put(url, data=body, headers=dict(session.headers), timeout=60)
        return SentChunk(index, answer.headers["ETag"].strip('"'), chunk.size)

    first = put(1, session.urls[0].url)
    report = hook.execute(report_chunks(session.id, [first]))
    assert (report.processed, report.duplicates, report.total_completed, report.complete) == (1, 0, 1, False)
    state = hook.execute(read_upload(session.id))
    assert (state.status, state.completed, state.pending) == (UploadStatus.ACTIVE, 1, 2)
    assert [(chunk.index, chunk.status) for chunk in state.chunks.items] == [(1, ChunkStatus.COMPLETED)]
    listed = hook.items(list_incomplete_uploads)
    assert next(upload for upload in listed if upload.id == session.id).total_chunks == 3

    fresh = hook.execute(presign_chunks(session.id, 2, 2))
    assert [url.index for url in fresh] == [2, 3]
    rest = [put(url.index, url.url) for url in fresh]
    report = hook.execute(report_chunks(session.id, [first, *rest]))
    assert (report.asset_id, report.duplicates, report.complete) == (session.asset_id, 1, True)
    assert hook.execute(read_upload(session.id)).status == UploadStatus.COMPLETED
    asset = ready(hook, session.asset_id)
    assert (asset.method, asset.size, asset.user_metadata) == ("multipart", len(content), {"dag": "x"})


def test_unknown_upload_session(hook: TwelveLabsHook) -> None:
    for call in (read_upload(UNKNOWN), presign_chunks(UNKNOWN, 1), report_chunks(UNKNOWN, [SentChunk(1, "x", 1)])):
        with pytest.raises(TwelveLabsNotFoundError):
            hook.execute(call)
