"""Which content is in an index already, known by a mark that every video and asset from here bears.

It protects from paying twice as far as the service tells: from the moment at which an upload is listed. Two tasks that
begin with the same content within the seconds before that may both index it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from enum import StrEnum
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
from twelvelabs_provider.api.models import Asset, IndexingTask, Video
from twelvelabs_provider.api.resources import IndexingRoute
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.jobs.job import JobKind, JobRef, Phase
from twelvelabs_provider.jobs.kinds import phase_of
from twelvelabs_provider.storage.source import Source

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)
SOURCE_MARK = "airflow_source"
"""The field of user metadata that tells which content a video or an asset was made of."""

TASK_MARK = "airflow_task"
"""The field of user metadata that tells which task instance had a video indexed that no other was to index."""

_LOOKED_THROUGH = 200
_SAME_LENGTH = 1.0
_USABLE = (Phase.RUNNING, Phase.READY)


class IfIndexed(StrEnum):
    """What to do about content that is in the index already."""

    REUSE = "reuse"
    REINDEX = "reindex"
    FAIL = "fail"


def source_mark(source: Source, *more: str) -> str:
    """Return the mark of a file's content: where it lies, and its checksum, or its size and time.

    :param more: whatever else makes another video of it.
    """
    digest = hashlib.sha256("\0".join((source.uri, source.fingerprint, *more)).encode()).hexdigest()
    # A text that looks like a number would be compared as one.
    return f"source-{digest[:32]}"


def find_video(hook: TwelveLabsHook, index_id: str, mark: str) -> Video | None:
    """Return the newest video of some content that is in an index or on its way, ready ones first."""
    found = sorted(_marked_videos(hook, index_id, mark), key=lambda video: _phase(video) is not Phase.READY)
    return next((video for video in found if _phase(video) in _USABLE), None)


def find_own_video(hook: TwelveLabsHook, index_id: str, mark: str, task_mark: str) -> Video | None:
    """Return the video of some content that an earlier attempt of a task instance had indexed, if it did not fail.

    :param task_mark: what that attempt left in the field :data:`TASK_MARK`.
    """
    marked = _marked_videos(hook, index_id, mark)
    own = (video for video in marked if video.user_metadata.get(TASK_MARK) == task_mark)
    return next((video for video in own if is_usable(video)), None)


def find_asset(hook: TwelveLabsHook, index_id: str, filename: str, mark: str) -> str | None:
    """Return an asset of some content whose file is there, and of which no failed video is in the index."""
    usable = arrived_assets(hook, filename, SOURCE_MARK, mark)
    return next((asset.id for asset in usable if not _failed_in(hook, index_id, asset.id)), None)


def arrived_assets(hook: TwelveLabsHook, filename: str | None, field: str, mark: str) -> Iterator[Asset]:
    """Return the newest assets of a name that bear a mark, whose files are there and have not failed.

    :param field: of the user metadata, where the mark stands.
    """
    listed = hook.items(lambda paging: list_assets(filename=filename, paging=paging))
    marked = (asset for asset in islice(listed, _LOOKED_THROUGH) if asset.user_metadata.get(field) == mark)
    return (asset for asset in marked if has_arrived(asset))


def asset_of(hook: TwelveLabsHook, video: Video) -> str | None:
    """Return the asset that a video was made of; None where none can be found.

    A video of an indexing task names none. The service may keep its asset under the video's own id; else an asset that
    bears the same mark is of the same content.
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
    """Return the task that made a video, where videos come of tasks."""
    tasks = hook.items(
        lambda paging: hook.api.list_tasks(index_id=index_id, filename=video.filename, status=["ready"], paging=paging)
    )
    return next((task for task in islice(tasks, _LOOKED_THROUGH) if task.video_id == video.id), None)


def index_asset(hook: TwelveLabsHook, index_id: str, asset_id: str, metadata: Mapping[str, Any] | None) -> str:
    """Index an asset and return the id of the video; an answer that was lost is looked for, since it is billed.

    :raises TwelveLabsError: if nobody knows whether it was done; look with ``find_indexed_asset()`` before the next.
    """
    try:
        return hook.execute(hook.api.create_indexed_asset(index_id, asset_id, user_metadata=metadata))
    except UNKNOWN_OUTCOME:
        video_id = hook.execute(hook.api.find_indexed_asset(index_id, asset_id))
        if video_id is None:
            raise
        return video_id


def has_arrived(asset: Asset) -> bool:
    """Tell whether the file of an asset is there, and has not failed."""
    phase = phase_of(asset.status)
    # An asset whose parts are still awaited is "processing" too.
    running = phase is Phase.RUNNING and asset.method != UploadMethod.MULTIPART
    return running or phase is Phase.READY


def _marked_videos(hook: TwelveLabsHook, index_id: str, mark: str) -> Iterator[Video]:
    where = VideoFilter(user_metadata={SOURCE_MARK: mark})
    if hook.api.indexing_route() is IndexingRoute.ASSET:
        listed = hook.items(lambda paging: hook.api.list_indexed_assets(index_id, where=where, paging=paging))
    else:
        listed = hook.items(lambda paging: hook.api.list_videos(index_id, where=where, paging=paging))
    # A service that does not know the filter would list them all.
    return (video for video in islice(listed, _LOOKED_THROUGH) if video.user_metadata.get(SOURCE_MARK) == mark)


def is_usable(video: Video) -> bool:
    """Tell whether a video is ready or may become so."""
    return _phase(video) in _USABLE


def _phase(video: Video) -> Phase:
    return phase_of(video.status or "ready")


def _failed_in(hook: TwelveLabsHook, index_id: str, asset_id: str) -> bool:
    video_id = hook.execute(hook.api.find_indexed_asset(index_id, asset_id))
    return bool(video_id) and _phase(hook.execute(hook.api.read_indexed_asset(index_id, str(video_id)))) not in _USABLE


def policy_of(value: str) -> IfIndexed:
    """Return what ``if_indexed`` asks for.

    :raises TwelveLabsInputError: naming what it may be.
    """
    try:
        return IfIndexed(value)
    except ValueError:
        raise TwelveLabsInputError(f"if_indexed={value!r} is not one of {', '.join(IfIndexed)}") from None


def job_of(hook: TwelveLabsHook, index_id: str, video: Video) -> JobRef | None:
    """Return the job by which a video came into its index, for those who wait for jobs; None if it is gone."""
    if hook.api.indexing_route() is IndexingRoute.ASSET:
        return JobRef(JobKind.INDEXED_ASSET, video.id, index_id)
    task = find_task_of(hook, index_id, video)
    return JobRef(JobKind.INDEXING_TASK, task.id) if task else None


def leave_mark(hook: TwelveLabsHook, index_id: str, video_id: str, mark: str, task_mark: str | None = None) -> None:
    """Mark a video that could not be marked with its upload; a video without a mark is as good as any other."""
    marks = {SOURCE_MARK: mark, **({TASK_MARK: task_mark} if task_mark else {})}
    try:
        hook.execute(hook.api.update_video(index_id, video_id, user_metadata=marks))
    except TwelveLabsError as error:
        log.warning("video %s bears no mark of its source, another run will not know it: %s", video_id, error)


def remove_failed(hook: TwelveLabsHook, job: JobRef, asset_id: str | None) -> None:
    """Remove what a failed indexing leaves on the service, so that a retry uploads again.

    An asset stays of which there are videos in other indexes.
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
        log.warning("what %s left behind could not be removed: %s", job, error)
    else:
        log.info("removed what %s left behind on the service", job)
