"""Bulk indexing with indexing tasks: one request uploads and indexes a video.

A video has no content mark before it is ready, so a lost response is reconciled by the file's name.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.jobs.bulk_indexing.pipeline import IndexingPipeline
from twelvelabs_provider.jobs.bulk_indexing.preflight import late_preflight
from twelvelabs_provider.jobs.bulk_indexing.state import Stage, VideoState
from twelvelabs_provider.jobs.bulk_indexing.steps import CheckedVideo
from twelvelabs_provider.jobs.deduplication import leave_mark
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.jobs.job import JobKind
from twelvelabs_provider.jobs.reconcile_indexing import check_found, filename_of, find_lost_indexing, tasks_begun
from twelvelabs_provider.storage.locations import Location
from twelvelabs_provider.version_compat import AirflowFailException

log = logging.getLogger(__name__)


@dataclass
class TaskPipeline(IndexingPipeline):
    """Indexing of many videos on a generation without assets."""

    _kind: ClassVar[JobKind] = JobKind.INDEXING_TASK

    def send_next(self) -> bool:
        """Check each video, write the checkpoint, then submit."""
        chosen = self._next(self._free, Stage.SENDING, apart=True)
        if not chosen:
            return False
        for key in chosen:
            self.state.entries.setdefault(key, VideoState(Location.parse(self.videos[key].uri).uri, Stage.SENDING))
        checked: dict[str, CheckedVideo] = {}
        for key, future in self.run_each(self._checked, chosen):
            if future.exception() is None and isinstance(future.result(), CheckedVideo):
                checked[key] = future.result()
            else:
                # It is already in the index, or its check failed.
                self._apply(key, future)
        for key in [key for key in checked if key in self._unconfirmed]:
            if self._reconcile(key, checked[key]):
                del checked[key]
        self._submit_tasks(checked)
        self.save()
        return True

    def _checked(self, key: str) -> CheckedVideo | VideoState:
        entry = self.state.entries[key]
        return (late_preflight(self, key) if entry.preflight_pending else None) or self.steps.check(self.videos[key])

    def _submit_tasks(self, checked: Mapping[str, CheckedVideo]) -> None:
        if not checked:
            return
        now = time.time()
        names = {None, *(one.located.source.filename for one in checked.values())}
        begun = tasks_begun(self.hook, self.state.index_id, now)
        known = tuple(task.id for task in begun if filename_of(task) in names)
        for key, one in checked.items():
            self.state.entries[key] = replace(
                self.state.entries[key],
                at=now,
                known=known,
                duration=one.video.duration,
                mark=one.located.mark,
                size=one.located.source.size,
                preflight_pending=None,
            )
        checked = {key: checked[key] for key in self._within_limit(checked)}
        self.save()
        self._unconfirmed |= checked.keys()
        lost: list[str] = []
        for key, future in self.run_each(lambda key: self.steps.submit(checked[key], self.state.entries[key]), checked):
            if isinstance(future.exception(), UNKNOWN_OUTCOME):
                lost.append(key)
            self._apply(key, future)
        # The ids of the other submissions are known only now.
        for key in lost:
            self._reconcile(key, checked[key])

    def _reconcile(self, key: str, checked: CheckedVideo) -> bool:
        """Search the task of a video whose response was lost; return whether the video is done for now."""
        entry = self.state.entries[key]
        if entry.stage is not Stage.SENDING or entry.at is None:
            return entry.settled
        ours = {one.job_id for one in self.state.entries.values() if one.job_id}
        try:
            task = find_lost_indexing(self.hook, self.steps.submitted(checked), entry.at, {*entry.known, *ours})
        except (TwelveLabsError, AirflowFailException) as error:
            self._handle_error(key, error)
            return True
        if task is None:
            return False
        log.info("Found indexing task %s of %s, whose response was lost", task.id, entry.uri)
        self.state.entries[key] = replace(
            entry, stage=Stage.RUNNING, job_id=task.id, video_id=task.video_id, found=True, attempts=0
        )
        return True

    def _mark(self, entry: VideoState, video_id: str) -> None:
        """Add the content mark to a video, after a check that it is the right one."""
        if not entry.mark:
            return
        if entry.found:
            video = self.hook.execute(self.hook.api.read_video(self.state.index_id, video_id))
            check_found(video, entry.size, entry.mark)
        if entry.fingerprint and not self._is_as_checked(entry):
            log.warning("%s changed while the service fetched it, so other runs will not reuse the video", entry.uri)
            return
        leave_mark(self.hook, self.state.index_id, video_id, entry.mark)

    def _is_as_checked(self, entry: VideoState) -> bool:
        key = next((key for key, one in self.state.entries.items() if one.job_id == entry.job_id), "")
        return key in self.videos and self.steps.is_as_checked(self.videos[key], entry)
