"""Deduplication of videos and assets by a content mark in their user metadata.

The service lists an upload some seconds after it begins. Two tasks that start with the same content within these
seconds may both index it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.assets import UploadMethod, list_assets
from twelvelabs_provider.api.errors import (
    TwelveLabsBadRequestError,
    TwelveLabsError,
    TwelveLabsNotFoundError,
    TwelveLabsPermissionError,
)
from twelvelabs_provider.api.filters import VideoFilter
from twelvelabs_provider.api.jobs import phase_of
from twelvelabs_provider.api.models import Asset, IndexingTask, Video
from twelvelabs_provider.api.resources import IndexingRoute
from twelvelabs_provider.jobs.idempotency import created_once
from twelvelabs_provider.jobs.job import JobKind, JobRef, Phase
from twelvelabs_provider.storage.source import Source

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)
SOURCE_MARK = "airflow_source"
"""User metadata field with the content mark of a video or an asset."""

TASK_MARK = "airflow_task"
"""User metadata field with the task instance that indexed a video under ``if_indexed="fail"``."""

_MOST_SEARCHED = 200
_SAME_LENGTH = 1.0
_USABLE = (Phase.RUNNING, Phase.READY)


def source_mark(source: Source, *more: str) -> str:
    """Return the content mark of a file: a digest of its URI and its checksum, or its size and modification time.

    :param more: what else makes it another video.
    """
    digest = hashlib.sha256("\0".join((source.uri, source.fingerprint, *more)).encode()).hexdigest()
    # The prefix keeps the service from comparing the digest as a number.
    return f"source-{digest[:32]}"


def find_video(hook: TwelveLabsHook, index_id: str, mark: str) -> Video | None:
    """Return the newest video of some content in an index, ready ones first; failed ones do not count."""
    found = sorted(_marked_videos(hook, index_id, mark), key=lambda video: _phase(video) is not Phase.READY)
    return next((video for video in found if _phase(video) in _USABLE), None)


def find_own_video(hook: TwelveLabsHook, index_id: str, mark: str, task_mark: str) -> Video | None:
    """Return the video of some content that an earlier attempt of a task instance indexed, unless it failed.

    :param task_mark: the value of the field :data:`TASK_MARK`.
    """
    marked = _marked_videos(hook, index_id, mark)
    own = (video for video in marked if video.user_metadata.get(TASK_MARK) == task_mark)
    return next((video for video in own if is_usable(video)), None)


def find_asset(hook: TwelveLabsHook, index_id: str, filename: str, mark: str) -> str | None:
    """Return an uploaded asset of some content, unless the index contains a failed video of it."""
    usable = arrived_assets(hook, filename, SOURCE_MARK, mark)
    return next((asset.id for asset in usable if not _failed_in(hook, index_id, asset.id)), None)


def arrived_assets(hook: TwelveLabsHook, filename: str | None, field: str, mark: str) -> Iterator[Asset]:
    """Return the uploaded assets with a name and a mark that have not failed, newest first.

    :param field: the user metadata field of the mark.
    """
    listed = hook.items(lambda paging: list_assets(filename=filename, paging=paging))
    marked = (asset for asset in islice(listed, _MOST_SEARCHED) if asset.user_metadata.get(field) == mark)
    return (asset for asset in marked if has_arrived(asset))


def asset_of(hook: TwelveLabsHook, video: Video) -> str | None:
    """Return the asset of a video, or None if there is none.

    A video of an indexing task names no asset. Its asset may have the video's own id; otherwise an asset with the same
    mark has the same content.
    """
    if video.asset_id:
        return video.asset_id
    try:
        asset = hook.execute(hook.api.read_asset(video.id))
    except (TwelveLabsNotFoundError, TwelveLabsBadRequestError, TwelveLabsPermissionError):
        mark = video.user_metadata.get(SOURCE_MARK)
        marked = arrived_assets(hook, video.filename, SOURCE_MARK, str(mark)) if mark else iter(())
        return next((asset.id for asset in marked), None)
    lengths = (asset.duration, video.duration)
    other = None not in lengths and abs((asset.duration or 0.0) - (video.duration or 0.0)) > _SAME_LENGTH
    return asset.id if phase_of(asset.status) is Phase.READY and not other else None


def find_task_of(hook: TwelveLabsHook, index_id: str, video: Video) -> IndexingTask | None:
    """Return the indexing task that created a video."""
    tasks = hook.items(
        lambda paging: hook.api.list_tasks(index_id=index_id, filename=video.filename, status=["ready"], paging=paging)
    )
    return next((task for task in islice(tasks, _MOST_SEARCHED) if task.video_id == video.id), None)


def index_asset(hook: TwelveLabsHook, index_id: str, asset_id: str, metadata: Mapping[str, Any] | None) -> str:
    """Index an asset and return the id of the video; after a lost response, search the video, because it is billed.

    :raises TwelveLabsError: the outcome is unknown; call ``find_indexed_asset()`` before another request.
    """
    return created_once(
        lambda: hook.execute(hook.api.create_indexed_asset(index_id, asset_id, user_metadata=metadata)),
        lambda: hook.execute(hook.api.find_indexed_asset(index_id, asset_id)),
    )


def has_arrived(asset: Asset) -> bool:
    """Return whether the file of an asset was uploaded and has not failed."""
    phase = phase_of(asset.status)
    # An asset with missing parts is "processing" too.
    running = phase is Phase.RUNNING and asset.method != UploadMethod.MULTIPART
    return running or phase is Phase.READY


def _marked_videos(hook: TwelveLabsHook, index_id: str, mark: str) -> Iterator[Video]:
    where = VideoFilter(user_metadata={SOURCE_MARK: mark})
    if hook.api.indexing_route() is IndexingRoute.ASSET:
        listed = hook.items(lambda paging: hook.api.list_indexed_assets(index_id, where=where, paging=paging))
    else:
        listed = hook.items(lambda paging: hook.api.list_videos(index_id, where=where, paging=paging))
    # A service that ignores the filter lists all videos.
    return (video for video in islice(listed, _MOST_SEARCHED) if video.user_metadata.get(SOURCE_MARK) == mark)


def is_usable(video: Video) -> bool:
    """Return whether a video is ready or may become ready."""
    return _phase(video) in _USABLE


def _phase(video: Video) -> Phase:
    return phase_of(video.status or "ready")


def _failed_in(hook: TwelveLabsHook, index_id: str, asset_id: str) -> bool:
    video_id = hook.execute(hook.api.find_indexed_asset(index_id, asset_id))
    return bool(video_id) and _phase(hook.execute(hook.api.read_indexed_asset(index_id, str(video_id)))) not in _USABLE


def job_of(hook: TwelveLabsHook, index_id: str, video: Video) -> JobRef | None:
    """Return the job that indexed a video; None if it no longer exists."""
    if hook.api.indexing_route() is IndexingRoute.ASSET:
        return JobRef(JobKind.INDEXED_ASSET, video.id, index_id)
    task = find_task_of(hook, index_id, video)
    return JobRef(JobKind.INDEXING_TASK, task.id) if task else None


def leave_mark(hook: TwelveLabsHook, index_id: str, video_id: str, mark: str, task_mark: str | None = None) -> None:
    """Add the content mark to a video whose upload could not carry it; a failure is only logged."""
    marks = {SOURCE_MARK: mark, **({TASK_MARK: task_mark} if task_mark else {})}
    try:
        hook.execute(hook.api.update_video(index_id, video_id, user_metadata=marks))
    except TwelveLabsError as error:
        log.warning("Could not mark video %s with its content, other runs may index it again: %s", video_id, error)


def remove_failed(hook: TwelveLabsHook, job: JobRef, asset_id: str | None) -> None:
    """Delete the objects of a failed indexing, so that a retry uploads again.

    The service keeps an asset that has videos in other indexes.
    """
    api = hook.api
    try:
        if job.kind is JobKind.INDEXING_TASK:
            hook.execute(api.delete_task(job.id))
        if job.kind is JobKind.INDEXED_ASSET:
            hook.execute(api.delete_indexed_asset(job.index_id or "", job.id))
        if asset_id:
            hook.execute(api.delete_asset(asset_id))
    except TwelveLabsError as error:
        log.warning("Could not delete the objects of failed %s: %s", job, error)
    else:
        log.info("Deleted the objects of failed %s", job)
