"""Deduplication of the video of a task: an already indexed video, or an asset that was uploaded for another run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.models import Video
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsUnknownOutcomeError
from twelvelabs_provider.inputs.policies import IfIndexed
from twelvelabs_provider.jobs.deduplication import (
    TASK_MARK,
    find_asset,
    find_own_video,
    find_video,
    leave_mark,
    source_mark,
)
from twelvelabs_provider.jobs.reconcile_indexing import check_found
from twelvelabs_provider.storage.source import Source

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
    from twelvelabs_provider.jobs.job import Memo
    from twelvelabs_provider.jobs.task_state import TaskState

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VideoDeduplicator:
    """Search for the content of one source in an index.

    The memo of a job has ``index_id``, ``mark`` (of the content), ``shared`` (another task uploaded the asset or
    indexed the video), ``reused`` (the video was already in the index) and ``found`` (by its file name, after a lost
    response).
    """

    hook: TwelveLabsHook
    task_state: TaskState

    def existing_video(self, policy: IfIndexed, metadata: Mapping[str, Any], memo: dict[str, Any]) -> Video | None:
        """Return a video of the same content that has not failed, and write into the memo whose it is.

        :raises TwelveLabsInputError: there is one, and the policy is to fail.
        """
        if policy is IfIndexed.REINDEX:
            return None
        if policy is IfIndexed.FAIL and (own := self._own_video(memo)):
            return own
        index_id = memo["index_id"]
        video = find_video(self.hook, index_id, memo["mark"])
        if video is None:
            return None
        if policy is IfIndexed.FAIL:
            raise TwelveLabsInputError(
                f"{memo['source_uri']!r} is already indexed, and if_indexed is 'fail': index {index_id} has video"
                f" {video.id} of the same content ({video.status or 'ready'})"
            )
        log.info("Reusing video %s of the same content (%s): no upload, no bill", video.id, video.status or "ready")
        if not metadata.items() <= video.user_metadata.items():
            self.hook.execute(self.hook.api.update_video(index_id, video.id, user_metadata=metadata))
        memo |= {"reused": True, "shared": True, "video_id": video.id, "asset_id": video.asset_id}
        return video

    def _own_video(self, memo: dict[str, Any]) -> Video | None:
        """Return the video that an earlier attempt of this task indexed; no other video has the task's mark."""
        memo["task_mark"] = f"task-{self.task_state.identity.key()[:32]}"
        video = find_own_video(self.hook, memo["index_id"], memo["mark"], memo["task_mark"])
        if video is not None:
            log.info("Attaching to video %s, which an earlier attempt of this task indexed", video.id)
            # Another task may have uploaded its asset, so the asset is not deleted with a video that fails.
            memo |= {"shared": True, "video_id": video.id, "asset_id": video.asset_id}
        return video

    def existing_asset(self, policy: IfIndexed, source: Source, memo: Memo) -> str | None:
        """Return the id of an asset of the same content that is not indexed yet."""
        if policy is IfIndexed.REINDEX:
            return None
        asset_id = find_asset(self.hook, memo["index_id"], source.filename, source_mark(source))
        if asset_id is not None:
            log.info("Reusing asset %s of the same content: it is only indexed", asset_id)
        return asset_id

    def is_own(self, video_id: str, memo: Memo) -> bool:
        """Tell by the task's mark whether an earlier attempt of this task indexed a video."""
        mark = memo.get("task_mark")
        if not mark:
            return False
        video = self.hook.execute(self.hook.api.read_video(memo["index_id"], video_id))
        return bool(video.user_metadata.get(TASK_MARK) == mark)

    def mark(self, video_id: str, memo: Memo) -> None:
        """Mark a video that could not be marked with its upload.

        :raises TwelveLabsUnknownOutcomeError: a video that was found by its file name has another content.
        """
        mark = memo.get("mark")
        if memo.get("found"):
            video = self.hook.execute(self.hook.api.read_video(memo["index_id"], video_id))
            try:
                check_found(video, memo["size"], mark)
            except TwelveLabsUnknownOutcomeError:
                self.task_state.clear()
                raise
        if mark:
            leave_mark(self.hook, memo["index_id"], video_id, mark, memo.get("task_mark"))
