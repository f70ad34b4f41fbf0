"""Assets."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import model_validator
from starlette.datastructures import UploadFile
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.lists import PageQuery, among, listing
from twelvelabs_local.api.parameters import Link, UserMetadata, merged_metadata
from twelvelabs_local.api.renditions import shown_renditions
from twelvelabs_local.api.request_model import RequestModel, missing_field
from twelvelabs_local.api.uploads import arriving, reject_large
from twelvelabs_local.downloads import filename_of
from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.errors import ServiceError
from twelvelabs_local.store.assets import Asset, create_asset, delete_asset
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.imports import source_of
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.store.media_files import delete_renditions, delete_unused_content
from twelvelabs_local.store.renditions import HLS, THUMBNAIL, request_renditions
from twelvelabs_local.store.upload_parts import delete_parts
from twelvelabs_local.store.uploads import Upload
from twelvelabs_local.store.videos import Video, delete_video, videos_of_asset
from twelvelabs_local.times import now
from twelvelabs_local.video_limits import DIRECT_BYTES, LINK_BYTES


class AssetForm(RequestModel):
    """The form of an upload."""

    method: Literal["direct", "url"]
    file: UploadFile | None = None
    url: Link | None = None
    filename: str | None = None
    enable_hls: bool = False
    enable_thumbnail: bool = False
    user_metadata: UserMetadata = {}

    @model_validator(mode="after")
    def _check_content(self) -> AssetForm:
        name = "url" if self.method == "url" else "file"
        if getattr(self, name) is None:
            raise missing_field(name)
        return self


class AssetQuery(PageQuery):
    """The query of the list of assets."""

    asset_ids: list[str] = []
    asset_types: list[Literal["image", "video", "audio"]] = []
    filename: str = ""


class DeletionQuery(RequestModel):
    """The query of a deletion."""

    force: bool = False


class MetadataBody(RequestModel):
    """The body of a change of user metadata."""

    user_metadata: UserMetadata


async def create(call: Call) -> Response:
    """POST /assets."""
    reject_large(call, DIRECT_BYTES)
    async with call.form(AssetForm) as form:
        wanted = [kind for kind in (HLS, THUMBNAIL) if getattr(form, f"enable_{kind}")]
        metadata = form.user_metadata
        if form.method == "url" and form.url:
            name = form.filename or filename_of(form.url)
            return _created(
                call,
                Asset(method="url", filename=name, size_limit=LINK_BYTES, url=form.url, user_metadata=metadata),
                wanted,
            )
        assert form.file is not None
        async with arriving(call, form.file, DIRECT_BYTES) as arrival:
            name = form.filename or form.file.filename or "video"
            # nothing else runs between keep() and the new row, so no cleanup takes the content for unused
            new = Asset(
                method="direct", filename=name, size_limit=DIRECT_BYTES, sha256=arrival.keep(), user_metadata=metadata
            )
            return _created(call, new, wanted)


def _created(call: Call, new: Asset, wanted: Sequence[str]) -> Response:
    with call.db.transaction():
        asset = create_asset(call.db, new)
        request_renditions(call.db, asset.id, wanted)
    call.work_to_do()
    return answer(asset_body(asset), 201, call.counted("upload"))


async def list_all(call: Call) -> Response:
    """GET /assets."""
    query = call.query(AssetQuery)
    conditions = [
        Condition("implicit = 0"),
        *among("id", query.asset_ids),
        *among("substr(file_type, 1, 5)", query.asset_types),
    ]
    if query.filename:
        conditions.append(Condition("instr(lower(filename), lower(?)) > 0", [query.filename]))
    return answer(listing(call, Asset, conditions, query, lambda asset: _shown(call, asset)))


async def read(call: Call) -> Response:
    """GET /assets/{asset_id}."""
    return answer(_shown(call, asset_of(call)))


def _shown(call: Call, asset: Asset) -> Mapping[str, Any]:
    return {**asset_body(asset), **source_of(call.db, asset), **shown_renditions(call, asset)}


async def delete(call: Call) -> Response:
    """DELETE /assets/{asset_id}; ``force=true`` also deletes what was indexed from it."""
    force = call.query(DeletionQuery).force
    asset = asset_of(call)
    with call.db.transaction():
        videos = videos_of_asset(call.db, asset.id)
        if videos and not force:
            message = f"The asset {asset.id} is used by {len(videos)} indexed assets. Delete them, or use force=true."
            raise ServiceError(409, "asset_in_use", message)
        for video in videos:
            delete_video(call.db, video)
        upload = call.db.find(Upload, asset_id=asset.id)
        delete_asset(call.db, asset.id)
    delete_unused_content(call.engine.settings.data, call.db, asset.sha256)
    delete_renditions(call.engine.settings.data, asset.id)
    if upload:
        delete_parts(call.engine.settings.data, upload.id)
    return done()


async def list_indexed(call: Call) -> Response:
    """GET /assets/{asset_id}/indexed-assets."""
    query = call.query(PageQuery)
    conditions = [Condition("asset_id = ?", [asset_of(call).id])]

    def body(video: Video) -> Mapping[str, Any]:
        index = call.db.find(Index, id=video.index_id)
        return {"_id": video.id, "index": {"_id": video.index_id, "name": index.name if index else ""}}

    return answer(listing(call, Video, conditions, query, body))


async def patch_metadata(call: Call) -> Response:
    """PATCH /assets/{asset_id}/user-metadata: merge."""
    asset = asset_of(call)
    return _metadata(call, asset, merged_metadata(asset.user_metadata, (await call.json(MetadataBody)).user_metadata))


async def put_metadata(call: Call) -> Response:
    """PUT /assets/{asset_id}/user-metadata: replace."""
    return _metadata(call, asset_of(call), merged_metadata({}, (await call.json(MetadataBody)).user_metadata))


async def delete_metadata(call: Call) -> Response:
    """DELETE /assets/{asset_id}/user-metadata: clear."""
    return _metadata(call, asset_of(call), {})


def _metadata(call: Call, asset: Asset, metadata: Mapping[str, Any]) -> Response:
    call.db.update(Asset, asset.id, user_metadata=metadata, updated_at=now())
    return done()


def asset_of(call: Call) -> Asset:
    """Return the asset of the path.

    :raises ServiceError: ``resource_not_exist``.
    """
    return call.found("asset_id", "assets", Asset)


def asset_body(asset: Asset) -> Mapping[str, Any]:
    """Return an asset as the service shows it."""
    body: dict[str, Any] = {
        "_id": asset.id,
        "method": asset.method,
        "status": asset.status,
        "filename": asset.filename,
        "file_type": asset.file_type or mimetypes.guess_type(asset.filename)[0] or "application/octet-stream",
        "created_at": asset.created_at,
        "user_metadata": asset.user_metadata,
    }
    found = asset.probe
    if found:
        body |= {"size": found.size, "technical_metadata": _technical(found)}
        if not found.still:
            body["duration"] = found.duration
    if asset.error_message:
        body["error"] = {"code": asset.error_code or "generic_error", "message": asset.error_message}
    return body


def _technical(found: Probe) -> Mapping[str, Any]:
    sizes = {"file_size_bytes": found.size, "file_mime_type": found.file_type, "file_container_format": found.container}
    sound: dict[str, Any] = {"has_audio": found.audio_codec is not None}
    if found.audio_codec:
        sound |= {"audio_codec": found.audio_codec}
    if found.still:
        return {**sizes, "image_width": found.width, "image_height": found.height}
    if not found.video_codec:
        return {**sizes, **sound, "audio_duration_seconds": found.duration}
    return {
        **sizes,
        **sound,
        "video_codec": found.video_codec,
        "video_width": found.width,
        "video_height": found.height,
        "video_fps": found.fps,
        "video_duration_seconds": found.duration,
    }
