"""Many videos where an upload is indexed at once: none bears a mark before it is ready, so names tell them apart."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.jobs.bulk_indexing.pipeline import IndexingPipeline
from twelvelabs_provider.jobs.bulk_indexing.preflight import surveyed_late
from twelvelabs_provider.jobs.bulk_indexing.state import Stage, VideoState
from twelvelabs_provider.jobs.bulk_indexing.steps import Checked
from twelvelabs_provider.jobs.deduplication import leave_mark
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.jobs.job import JobKind
from twelvelabs_provider.jobs.reconcile_indexing import check_found, filename_of, find_lost_indexing, tasks_begun
from twelvelabs_provider.storage.locations import display_uri
from twelvelabs_provider.version_compat import AirflowFailException

log = logging.getLogger(__name__)


@dataclass
class TaskPipeline(IndexingPipeline):
    """The videos of one task where there are no assets."""

    _kind: ClassVar[JobKind] = JobKind.INDEXING_TASK

    def _do(self) -> bool:
        """First look at each, then remember, then submit."""
        chosen = self._next(self._free, Stage.SENDING, apart=True)
        if not chosen:
            return False
        for key in chosen:
            self.book.entries.setdefault(key, VideoState(display_uri(self.videos[key].uri), Stage.SENDING))
        checked: dict[str, Checked] = {}
        for key, future in self.each(self._checked, chosen):
            if future.exception() is None and isinstance(future.result(), Checked):
                checked[key] = future.result()
            else:
                # It is in the index already; or nothing was sent now, but it may have been before.
                self._take(key, future)
        for key in [key for key in checked if key in self._doubtful]:
            if self._recognised(key, checked[key]):
                del checked[key]
        self._submit_tasks(checked)
        self._save()
        return True

    def _checked(self, key: str) -> Checked | VideoState:
        entry = self.book.entries[key]
        return (surveyed_late(self, key) if entry.unsurveyed else None) or self.steps.check(self.videos[key])

    def _submit_tasks(self, checked: Mapping[str, Checked]) -> None:
        if not checked:
            return
        now = time.time()
        names = {None, *(one.looked.source.filename for one in checked.values())}
        begun = tasks_begun(self.hook, self.book.index_id, now)
        known = tuple(task.id for task in begun if filename_of(task) in names)
        for key, one in checked.items():
            self.book.entries[key] = replace(
                self.book.entries[key],
                at=now,
                known=known,
                duration=one.video.duration,
                mark=one.looked.mark,
                size=one.looked.source.size,
                unsurveyed=None,
            )
        checked = {key: checked[key] for key in self._affordable(checked)}
        self._save()
        self._doubtful |= checked.keys()
        lost: list[str] = []
        for key, future in self.each(lambda key: self.steps.submit(checked[key], self.book.entries[key]), checked):
            if isinstance(future.exception(), UNKNOWN_OUTCOME):
                lost.append(key)
            self._take(key, future)
        # Only now the others are known by their ids.
        for key in lost:
            self._recognised(key, checked[key])

    def _recognised(self, key: str, checked: Checked) -> bool:
        """Look for the task of a video whose answer was lost; tell whether there is nothing more to do."""
        entry = self.book.entries[key]
        if entry.stage is not Stage.SENDING or entry.at is None:
            return entry.settled
        ours = {one.job_id for one in self.book.entries.values() if one.job_id}
        try:
            task = find_lost_indexing(self.hook, self.steps.submitted(checked), entry.at, {*entry.known, *ours})
        except (TwelveLabsError, AirflowFailException) as error:
            self._trouble(key, error)
            return True
        if task is None:
            return False
        log.info("reattach: indexing task %s began for %s, its answer was lost", task.id, entry.uri)
        self.book.entries[key] = replace(
            entry, stage=Stage.RUNNING, job_id=task.id, video_id=task.video_id, found=True, attempts=0
        )
        return True

    def _mark(self, entry: VideoState, video_id: str) -> None:
        """Mark a video that could not be marked with its upload, having made sure that it is the one."""
        if not entry.mark:
            return
        if entry.found:
            video = self.hook.execute(self.hook.api.read_video(self.book.index_id, video_id))
            check_found(video, entry.size, entry.mark)
        if entry.fingerprint and not self._is_as_checked(entry):
            log.warning("%s changed while the service fetched it: the video is not reused by another run", entry.uri)
            return
        leave_mark(self.hook, self.book.index_id, video_id, entry.mark)

    def _is_as_checked(self, entry: VideoState) -> bool:
        key = next((key for key, one in self.book.entries.items() if one.job_id == entry.job_id), "")
        return key in self.videos and self.steps.is_as_checked(self.videos[key], entry)
