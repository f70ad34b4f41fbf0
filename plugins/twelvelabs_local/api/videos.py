"""Videos of an index, and the same as indexed assets: one row, two faces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, checked_metadata, done, merged_metadata
from twelvelabs_local.api.indexed_embeddings import embedding_of
from twelvelabs_local.api.lists import (
    PAGING,
    equal,
    flag,
    listing,
    metadata_equal,
    numeric,
    one_of,
    read_paging,
    refuse_unknown,
    since,
)
from twelvelabs_local.errors import ServiceError, invalid, missing, not_exist
from twelvelabs_local.identity import is_id, now
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.indexes import Index, has_option
from twelvelabs_local.store.media_files import delete_unused_content
from twelvelabs_local.store.videos import Video, delete_video, segments_of
from twelvelabs_local.validation import validate_video

NUMBERS = ("duration", "fps", "width", "height", "size")
FILTERS = (*PAGING, *NUMBERS, "filename", "created_at", "updated_at")
STATUSES = ("ready", "validating", "pending", "queued", "indexing", "failed")


async def list_videos(call: Call) -> Response:
    """GET /indexes/{index_id}/videos: the videos that are ready."""
    ready = Condition("status = 'ready'")
    return _list(call, [ready, *equal(call.request.query_params, "_id", "id")], ("_id",))


async def list_indexed_assets(call: Call) -> Response:
    """GET /indexes/{index_id}/indexed-assets."""
    return _list(call, one_of(call.request.query_params, "status", "status", STATUSES), ("status",), True)


def _list(call: Call, conditions: list[Condition], more: tuple[str, ...], with_status: bool = False) -> Response:
    index, query = call.index(), call.request.query_params
    conditions += [
        Condition("index_id = ?", [index.id]),
        *equal(query, "filename", "filename"),
        *numeric(query, NUMBERS),
        *since(query),
        *metadata_equal(query, (*FILTERS, *more)),
    ]
    page = call.db.page(Video, conditions, read_paging(query, call.dialect))

    def body(video: Video) -> Mapping[str, Any]:
        return video_body(call, video, with_status)

    return answer(call.dialect.with_type(listing(page, body), "video_list"))


async def create_indexed_asset(call: Call) -> Response:
    """POST /indexes/{index_id}/indexed-assets."""
    index = call.index()
    body = await call.body(("asset_id", "enable_video_stream", "user_metadata"))
    asset_id = body.get("asset_id")
    if asset_id is None:
        raise missing("asset_id")
    if not isinstance(asset_id, str) or not is_id(asset_id):
        raise invalid("asset_id", f"{asset_id!r} is not an id.")
    asset = call.db.find(Asset, id=asset_id)
    if asset is None:
        raise not_exist(asset_id, "assets")
    if asset.status != "ready":
        raise invalid("asset_id", f"The asset {asset.id} is {asset.status}; wait until it is ready.")
    wish = Video(
        index_id=index.id,
        asset_id=asset.id,
        filename=asset.filename,
        legacy=False,
        user_metadata=checked_metadata(body.get("user_metadata") or {}),
    )
    with call.db.transaction():
        video = call.db.insert(wish)
        validate_video(call.db, video, index, asset)
    call.work_to_do()
    path = f"/{call.dialect.version}/indexes/{index.id}/indexed-assets/{video.id}"
    return answer({"_id": video.id, "asset_id": asset.id}, 202, {**call.counted("index"), "Location": path})


async def read_video(call: Call) -> Response:
    """GET /indexes/{index_id}/videos/{video_id}."""
    return await _read(call, with_status=False)


async def read_indexed_asset(call: Call) -> Response:
    """GET /indexes/{index_id}/indexed-assets/{video_id}."""
    return await _read(call, with_status=True)


async def _read(call: Call, with_status: bool) -> Response:
    query = call.request.query_params
    refuse_unknown(query, ("transcription", "embedding_option", "embed"))
    index, video = video_of(call)
    body = dict(video_body(call, video, with_status))
    spoken = flag(query, "transcription") and has_option(index, "audio")
    # the service leaves it out where it found no words
    if not call.dialect.legacy and spoken and (words := segments_of(call.db, video.id, "transcription")):
        body["transcription"] = words
    body |= await embedding_of(call, index, video)
    return answer(call.dialect.with_type(body, "video_info"))


async def change(call: Call) -> Response:
    """PATCH on v1.3: ``user_metadata`` is merged."""
    _, video = video_of(call)
    body = await call.body(("user_metadata",))
    if body.get("user_metadata") is None:
        raise missing("user_metadata")
    merged = merged_metadata(video.user_metadata, checked_metadata(body["user_metadata"]))
    call.db.update(Video, video.id, user_metadata=merged, updated_at=now())
    return done()


async def change_legacy(call: Call) -> Response:
    """PUT on v1.1 and v1.2: title and metadata."""
    _, video = video_of(call)
    body = await call.body(("video_title", "metadata"))
    title = body.get("video_title", video.title)
    if title is not None and not isinstance(title, str):
        raise invalid("video_title", "It must be text.")
    merged = merged_metadata(video.user_metadata, checked_metadata(body.get("metadata") or {}))
    call.db.update(Video, video.id, title=title, user_metadata=merged, updated_at=now())
    return done()


async def delete(call: Call) -> Response:
    """DELETE a video, or an indexed asset (its asset stays)."""
    _, video = video_of(call)
    sha256 = delete_video(call.db, video)
    delete_unused_content(call.engine.settings.data, call.db, sha256)
    return done()


def video_of(call: Call) -> tuple[Index, Video]:
    """Return the index and the video of the path.

    :raises ServiceError: ``resource_not_exist``.
    """
    index = call.index()
    video_id = call.path_id("video_id", "videos")
    video = call.db.find(Video, id=video_id)
    if video is None or video.index_id != index.id:
        raise not_exist(video_id, "videos")
    return index, video


def ready_video(call: Call) -> tuple[Index, Video]:
    """Return the index and the video of the path once it is indexed.

    :raises ServiceError: ``resource_not_exist`` or ``video_not_ready``.
    """
    index, video = video_of(call)
    if video.status != "ready":
        raise ServiceError(400, "video_not_ready", f"The video {video.id} is {video.status}; wait until it is ready.")
    return index, video


def video_body(call: Call, video: Video, with_status: bool) -> Mapping[str, Any]:
    """Return a video as the service shows it."""
    shape = {"filename": video.filename, **{name: getattr(video, name) for name in NUMBERS}}
    system = {key: value for key, value in shape.items() if value is not None}
    body: dict[str, Any] = {"_id": video.id, "created_at": video.created_at, "updated_at": video.updated_at}
    if video.indexed_at:
        body["indexed_at"] = video.indexed_at
    if call.dialect.legacy:
        title = video.title or video.filename.rsplit(".", 1)[0]
        metadata = {**video.user_metadata, **system, "video_title": title}
        return {**body, "metadata": metadata, **_source(call, video)}
    body |= {"asset_id": video.asset_id, "system_metadata": system, "user_metadata": video.user_metadata}
    if with_status:
        body["status"] = video.status
    if with_status and video.error_message:
        body["error"] = {"code": video.error_code or "generic_error", "message": video.error_message}
    return body


def _source(call: Call, video: Video) -> Mapping[str, Any]:
    """Return where a video of v1.2 came from; v1.1 does not say."""
    asset = call.db.find(Asset, id=video.asset_id)
    if call.dialect.version != "v1.2" or asset is None:
        return {}
    return {"source": {"type": "url" if asset.method == "url" else "file", "name": video.filename}}
