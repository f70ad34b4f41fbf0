"""Submission of a video for indexing: as an uploaded asset, or with its file in one request."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.assets import UploadMethod
from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.jobs.asset_upload import method_for, sent_by
from twelvelabs_provider.jobs.deduplication import SOURCE_MARK, TASK_MARK, index_asset
from twelvelabs_provider.jobs.job import JobKind, JobRef, Memo
from twelvelabs_provider.jobs.reconcile_indexing import SubmittedVideo, submit_once
from twelvelabs_provider.storage.source import Source

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
    from twelvelabs_provider.jobs.task_state import TaskState

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VideoUpload:
    """A video that is uploaded and indexed by one request.

    :param wanted: the requested upload method; None for ``auto``.
    :param transcription: subtitles, as a file or a URL.
    """

    source: Source
    wanted: UploadMethod | None
    transcription: FilePart | str | None = field(repr=False)
    language: str | None
    user_metadata: Mapping[str, Any]


def index_marked_asset(hook: TwelveLabsHook, asset_id: str, memo: Memo, metadata: Mapping[str, Any]) -> str:
    """Submit the indexing of an asset once, and return the video's id.

    After a lost response the video is searched for, because indexing is billed.

    :param memo: has the marks of the content and of the task.
    """
    mark = {SOURCE_MARK: memo["mark"]} if memo.get("mark") else {}
    mark |= {TASK_MARK: memo["task_mark"]} if memo.get("task_mark") else {}
    return index_asset(hook, memo["index_id"], asset_id, {**metadata, **mark} or None)


def upload_and_index(
    hook: TwelveLabsHook, task_state: TaskState, upload: VideoUpload, memo: Memo
) -> tuple[JobRef, dict[str, Any]]:
    """Upload and index a video by one request, once for all attempts.

    :param memo: has the index and the length of the video.
    :return: the indexing task, and additions to its memo.
    """
    source, wanted = upload.source, upload.wanted
    if wanted is UploadMethod.URL or source.is_url:
        method_for(source, wanted)
    media = sent_by(wanted, source, hook.endpoint.origin)
    by_url = isinstance(media, str)
    log.info("Uploading %s%s, with its indexing in one request", source.filename, " by URL" if by_url else "")
    call = hook.api.create_task(
        memo["index_id"],
        media,
        transcription=upload.transcription,
        language=upload.language or None,
        user_metadata=upload.user_metadata or None,
    )
    video = SubmittedVideo(memo["index_id"], source.filename, memo["duration"], by_url)
    task = submit_once(hook, task_state, video, call)
    log.info("Indexing %s by task %s", source.filename, task.id)
    sent: dict[str, Any] = {"video_id": task.video_id, "found": task.found}
    if by_url and not source.is_url:
        sent["method"] = UploadMethod.URL.value
    return JobRef(JobKind.INDEXING_TASK, task.id), sent
