"""The job that prepares an asset: download, probe, and queue the jobs that wait for it."""

from __future__ import annotations

from collections.abc import Iterator

from twelvelabs_local.downloads import download
from twelvelabs_local.engine.probe import Probe, probe
from twelvelabs_local.engine.subtitles import LIMIT, read_subtitles
from twelvelabs_local.errors import JobCanceled, MediaError
from twelvelabs_local.jobs.context import JobContext
from twelvelabs_local.store.analyses import queue_analyses_of
from twelvelabs_local.store.assets import Asset, asset_downloaded, asset_failed, asset_ready
from twelvelabs_local.store.embeddings import queue_embedding_tasks_of
from twelvelabs_local.store.entities import queue_entities_of
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.store.knowledge import queue_items_of
from twelvelabs_local.store.media_files import IncomingFile, content_path
from twelvelabs_local.store.renditions import fail_renditions, queue_renditions_of
from twelvelabs_local.store.upload_parts import assembled, delete_parts
from twelvelabs_local.store.uploads import Upload
from twelvelabs_local.store.videos import Video, fail_video, videos_of_asset
from twelvelabs_local.validation import validate_video
from twelvelabs_local.video_limits import MARENGO, VideoLimits, check_video

ANY_LENGTH = VideoLimits(MARENGO.shortest, float("inf"), MARENGO.smallest_side, MARENGO.long_side, MARENGO.short_side)
"""The requirements of an asset, which may have any length: each model has its own limit."""


def prepare_asset(context: JobContext, asset_id: str) -> None:
    """Move an asset to ``ready`` or ``failed``, and its waiting videos to their next status. Skip a deleted asset.

    :raises JobCanceled: when the asset is deleted meanwhile.
    """
    asset = context.db.find(Asset, id=asset_id)
    if asset is None:
        return
    try:
        found = _probe(context, asset)
    except MediaError as error:
        asset_failed(context.db, asset.id, error.code, error.message)
        fail_renditions(context.db, asset.id)
        for video in _waiting_videos(context, asset):
            fail_video(context.db, video.id, error.code, error.message)
    else:
        asset_ready(context.db, asset.id, found)
        queue_renditions_of(context.db, asset.id)
        for video in _waiting_videos(context, asset):
            _validate(context, video)
    queue_analyses_of(context.db, asset.id)
    queue_entities_of(context.db, asset.id)
    queue_items_of(context.db, asset.id)
    queue_embedding_tasks_of(context.db, asset.id)


def _waiting_videos(context: JobContext, asset: Asset) -> list[Video]:
    return [video for video in videos_of_asset(context.db, asset.id) if video.status == "validating"]


def _probe(context: JobContext, asset: Asset) -> Probe:
    """Download the file if needed and probe it.

    :raises MediaError: when the file cannot be used.
    """
    # a download that was killed at its very end leaves a hash without a file
    if asset.sha256 and content_path(context.folder, asset.sha256).exists():
        sha256 = asset.sha256
    else:
        sha256 = _save_content(context, asset)
    found = probe(content_path(context.folder, sha256))
    # a file for an index is checked against the limits of the index when its video is validated
    if not asset.implicit and not found.still and found.video_codec:
        check_video(found, ANY_LENGTH)
    return found


def _save_content(context: JobContext, asset: Asset) -> str:
    with IncomingFile(context.folder) as file:
        file.write(_chunks(context, asset), asset.size_limit)
        # the hash is saved first, because the server deletes contents without an asset
        if not asset_downloaded(context.db, asset.id, file.sha256):
            raise JobCanceled
        sha256 = file.keep()
    if upload := context.db.find(Upload, asset_id=asset.id):
        delete_parts(context.folder, upload.id)
    return sha256


def _chunks(context: JobContext, asset: Asset) -> Iterator[bytes]:
    if asset.method == "multipart":
        return assembled(context.db, context.folder, asset)
    if asset.url is None:
        raise MediaError("video_file_broken", "The uploaded file is missing.")
    return download(asset.url)


def _validate(context: JobContext, video: Video) -> None:
    # read again, because it was saved as ready meanwhile
    asset, index = context.db.find(Asset, id=video.asset_id), context.db.find(Index, id=video.index_id)
    if asset is None or index is None:
        return
    try:
        if video.subtitles_url and video.subtitles is None:
            _download_subtitles(context, video, video.subtitles_url)
    except MediaError as error:
        fail_video(context.db, video.id, error.code, error.message)
        return
    validate_video(context.db, video, index, asset)


def _download_subtitles(context: JobContext, video: Video, url: str) -> None:
    content = bytearray()
    for chunk in download(url):
        content += chunk
        if len(content) > LIMIT:
            break
    context.db.update(Video, video.id, subtitles=read_subtitles(bytes(content)))
