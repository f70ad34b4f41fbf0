"""Videos of an index, and the same as indexed assets: one row, two faces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field
from starlette.responses import Response

from twelvelabs_local.api.assets import MetadataBody
from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.embedding_request import VideoOption
from twelvelabs_local.api.indexed_embeddings import embedding_of
from twelvelabs_local.api.lists import (
    Instants,
    Numbers,
    SortedQuery,
    among,
    equal_or_within,
    listing,
    metadata_equals,
    since,
)
from twelvelabs_local.api.parameters import Id, UserMetadata, merged_metadata
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.errors import ServiceError, invalid, not_exist
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.indexes import Index, has_option
from twelvelabs_local.store.media_files import delete_unused_content
from twelvelabs_local.store.videos import Video, delete_video, segments_of
from twelvelabs_local.times import now
from twelvelabs_local.validation import validate_video

NUMBERS = ("duration", "fps", "width", "height", "size")


class VideoQuery(SortedQuery):
    """The query of the list of videos; any other parameter is a key of the user metadata."""

    model_config = ConfigDict(extra="allow")
    ids: list[str] = Field([], alias="_id")
    filename: list[str] = []
    duration: Numbers = {}
    fps: Numbers = {}
    width: Numbers = {}
    height: Numbers = {}
    size: Numbers = {}
    created_at: Instants = {}
    updated_at: Instants = {}

    def conditions(self) -> list[Condition]:
        """Return the conditions of the list."""
        metadata = {
            key.removeprefix("user_metadata[").removesuffix("]") if key.startswith("user_metadata[") else key: value
            for key, value in (self.model_extra or {}).items()
        }
        return [
            *among("id", self.ids),
            *among("filename", self.filename),
            *(condition for name in NUMBERS for condition in equal_or_within(name, getattr(self, name))),
            *since("created_at", self.created_at),
            *since("updated_at", self.updated_at),
            *(metadata_equals(key, value) for key, value in metadata.items()),
        ]


class IndexedAssetQuery(VideoQuery):
    """The query of the list of indexed assets."""

    status: list[Literal["ready", "validating", "pending", "queued", "indexing", "failed"]] = []


class NewIndexedAsset(RequestModel):
    """A new indexed asset."""

    asset_id: Id
    enable_video_stream: Any = None
    user_metadata: UserMetadata = {}


class ReadQuery(RequestModel):
    """The query of one video."""

    transcription: bool = False
    embedding_option: list[VideoOption] = []
    embed: bool = False


class LegacyChange(RequestModel):
    """An update of a video of v1.1 and v1.2."""

    video_title: str | None = None
    metadata: UserMetadata = {}


async def list_videos(call: Call) -> Response:
    """GET /indexes/{index_id}/videos: the videos that are ready."""
    query = call.query(VideoQuery)
    return _list(call, query, [Condition("status = 'ready'")], with_status=False)


async def list_indexed_assets(call: Call) -> Response:
    """GET /indexes/{index_id}/indexed-assets."""
    query = call.query(IndexedAssetQuery)
    return _list(call, query, among("status", query.status), with_status=True)


def _list(call: Call, query: VideoQuery, conditions: list[Condition], with_status: bool) -> Response:
    conditions = [Condition("index_id = ?", [call.index().id]), *conditions, *query.conditions()]
    body = listing(call, Video, conditions, query, lambda video: video_body(call, video, with_status))
    return answer(call.dialect.with_type(body, "video_list"))


async def create_indexed_asset(call: Call) -> Response:
    """POST /indexes/{index_id}/indexed-assets."""
    index = call.index()
    new = await call.json(NewIndexedAsset)
    asset = call.db.find(Asset, id=new.asset_id)
    if asset is None:
        raise not_exist(new.asset_id, "assets")
    if asset.status != "ready":
        raise invalid("asset_id", f"The asset {asset.id} is {asset.status}; wait until it is ready.")
    with call.db.transaction():
        video = call.db.insert(
            Video(
                index_id=index.id,
                asset_id=asset.id,
                filename=asset.filename,
                legacy=False,
                user_metadata=new.user_metadata,
            )
        )
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
    query = call.query(ReadQuery)
    index, video = video_of(call)
    body = dict(video_body(call, video, with_status))
    spoken = query.transcription and has_option(index, "audio")
    # the service leaves it out where it found no words
    if not call.dialect.legacy and spoken and (words := segments_of(call.db, video.id, "transcription")):
        body["transcription"] = words
    body |= await embedding_of(call, index, video, query.embedding_option, embed=query.embed)
    return answer(call.dialect.with_type(body, "video_info"))


async def change(call: Call) -> Response:
    """PATCH on v1.3: ``user_metadata`` is merged."""
    _, video = video_of(call)
    change = await call.json(MetadataBody)
    merged = merged_metadata(video.user_metadata, change.user_metadata)
    call.db.update(Video, video.id, user_metadata=merged, updated_at=now())
    return done()


async def change_legacy(call: Call) -> Response:
    """PUT on v1.1 and v1.2: title and metadata."""
    _, video = video_of(call)
    change = await call.json(LegacyChange)
    merged = merged_metadata(video.user_metadata, change.metadata)
    title = video.title if change.video_title is None else change.video_title
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
