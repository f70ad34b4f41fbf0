"""The base of the operator that indexes: a video that is in the index already is found, and left to whose it is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsUnknownOutcomeError
from twelvelabs_provider.jobs.deduplication import (
    IfIndexed,
    find_asset,
    find_own_video,
    find_video,
    job_of,
    leave_mark,
    remove_failed,
    source_mark,
)
from twelvelabs_provider.jobs.job import JobKind, JobRef, Memo, PendingJob
from twelvelabs_provider.jobs.reconcile_indexing import check_found
from twelvelabs_provider.operators.job import Result
from twelvelabs_provider.operators.upload import TwelveLabsUploadOperator
from twelvelabs_provider.storage.source import Source

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsReusingOperator(TwelveLabsUploadOperator):
    """Base of the operator that indexes a video.

    The memo of a job has ``index_id``, ``mark`` (of the content), ``shared`` (another task uploaded the asset or
    indexed the video), ``reused`` (the video was already in the index) and ``found`` (by its file name, after a lost
    response).
    """

    @abstractmethod
    def told(self, video_id: str, memo: Memo, duration: float | None) -> Result:
        """Return what is told of a video that is ready."""

    def owns(self, pending: PendingJob) -> bool:
        """What another task brought in is left to it."""
        memo = pending.memo
        return not memo.get("reused") and not (memo.get("shared") and pending.job.kind is JobKind.ASSET)

    def clean_up(self, pending: PendingJob) -> None:
        """Remove the failed video and the asset that was uploaded for it; a retry uploads again."""
        if self.owns(pending):
            asset_id = None if pending.memo.get("shared") else pending.memo.get("asset_id")
            remove_failed(self.hook, pending.job, asset_id)

    def mark_of(self, source: Source, given: Source | None) -> str:
        """Return the mark of a file's content.

        :param given: the transcription that goes to the service with it: it makes another video of the same file.
        """
        return source_mark(source, *((given.uri, given.fingerprint) if given else ()))

    def indexed_before(
        self, context: Context, policy: IfIndexed, metadata: Mapping[str, Any], memo: Result
    ) -> PendingJob | Result | None:
        """Return the video of the same content that is in the index, if one is that has not failed."""
        if policy is IfIndexed.FAIL and (own := self._indexed_by_us(context, memo)):
            return own
        video = find_video(self.hook, memo["index_id"], memo["mark"])
        if video is None:
            return None
        what = f"index {memo['index_id']} has video {video.id} of the same content ({video.status or 'ready'})"
        if policy is IfIndexed.FAIL:
            raise TwelveLabsInputError(f"{memo['source_uri']!r} is not indexed again: {what}, and if_indexed is 'fail'")
        self.log.info("reuse: %s; nothing is uploaded, nothing billed", what)
        if not metadata.items() <= video.user_metadata.items():
            self.hook.execute(self.hook.api.update_video(memo["index_id"], video.id, user_metadata=metadata))
        memo |= {"reused": True, "shared": True, "video_id": video.id, "asset_id": video.asset_id}
        job = job_of(self.hook, memo["index_id"], video)
        return self.pending(context, job, **memo) if job else self.told(video.id, memo, video.duration)

    def _indexed_by_us(self, context: Context, memo: Result) -> PendingJob | Result | None:
        """Return the video that an earlier attempt of this task had indexed; no other video may have its mark."""
        memo["task_mark"] = f"task-{self.identity(context).key()[:32]}"
        video = find_own_video(self.hook, memo["index_id"], memo["mark"], memo["task_mark"])
        if video is None:
            return None
        self.log.info("An earlier attempt of this task had video %s indexed: attaching to it", video.id)
        # Its asset may have been there before: it is not removed with a video that fails.
        memo |= {"shared": True, "video_id": video.id, "asset_id": video.asset_id}
        job = job_of(self.hook, memo["index_id"], video)
        return self.pending(context, job, **memo) if job else self.told(video.id, memo, video.duration)

    def uploaded_before(self, context: Context, source: Source, memo: Result) -> PendingJob | None:
        """Return the asset of the same content that waits to be indexed, if there is one."""
        asset_id = find_asset(self.hook, memo["index_id"], source.filename, source_mark(source))
        if asset_id is None:
            return None
        self.log.info("reuse: asset %s is of the same content; nothing is uploaded, it is indexed only", asset_id)
        return self.pending(context, JobRef(JobKind.ASSET, asset_id), **memo, asset_id=asset_id, shared=True)

    def leave_mark(self, context: Context, video_id: str, memo: Memo) -> None:
        """Mark a video that could not be marked with its upload, having made sure that it is the one."""
        mark = memo.get("mark")
        if memo.get("found"):
            try:
                check_found(self.hook.execute(self.hook.api.read_video(memo["index_id"], video_id)), memo["size"], mark)
            except TwelveLabsUnknownOutcomeError:
                self._task_state(context).clear()
                raise
        if mark:
            leave_mark(self.hook, memo["index_id"], video_id, mark, memo.get("task_mark"))
