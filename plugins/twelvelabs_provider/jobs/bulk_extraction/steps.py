"""Steps of one result: find it published, ask for it, collect its answer, publish it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.exceptions import TwelveLabsUnknownOutcomeError
from twelvelabs_provider.inputs.indexed_videos import IndexedVideo
from twelvelabs_provider.jobs.analysis_submission import AnalysisSubmission, task_mark
from twelvelabs_provider.jobs.bulk_extraction.extraction import Extracted, Extraction, located
from twelvelabs_provider.jobs.bulk_extraction.state import ResultState, Stage, key_of
from twelvelabs_provider.jobs.cost import Bill
from twelvelabs_provider.jobs.identity import Identity
from twelvelabs_provider.jobs.job import JobRef, JobState, PendingJob
from twelvelabs_provider.jobs.kinds import read_state

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Item:
    """One result to extract."""

    video: IndexedVideo
    extraction: Extraction

    @property
    def name(self) -> str:
        """What it is, for the log."""
        return f"{self.extraction.kind} of {self.video.name}"


@dataclass
class Steps:
    """The steps of the results of one task; any thread may run them.

    :param items: the results to extract, by key.
    :param identity: of the task instance, without a request.
    :param resubmit_lost: ask again where an earlier billed answer was lost.
    :param count: called with what each result has billed.
    """

    hook: TwelveLabsHook
    items: dict[str, Item]
    identity: Identity
    resubmit_lost: bool
    count: Callable[[Bill], None]
    _videos: dict[tuple[str | None, str | None], IndexedVideo] = field(default_factory=dict)

    def find_published(self, key: str) -> ResultState | None:
        """Return the state of a result that is published for the same question; None if there is none."""
        item = self._located(key)
        found = item.extraction.find_published(item.video)
        return None if found is None else ResultState(Stage.REUSED, manifest=found.manifest, rows=found.rows)

    def sending(self, entry: ResultState | None) -> ResultState:
        """Return the state of a result whose billed request is about to be sent."""
        entry = entry or ResultState(Stage.SENDING)
        sent_as = entry.sent_as or {"life": self.identity.life, "run_started": self.identity.run_started}
        return replace(entry, stage=Stage.SENDING, at=time.time(), sent_as=sent_as)

    def may_be_lost(self, entry: ResultState) -> bool:
        """Tell whether an earlier attempt of this task, since its last clear, may have sent a request."""
        return entry.stage is Stage.SENDING and (entry.sent_as or {}).get("life") == self.identity.life

    def read(self, key: str, *, unconfirmed: bool) -> ResultState:
        """Ask in one request and publish the answer.

        :param unconfirmed: an earlier attempt may have sent the request.
        :raises TwelveLabsUnknownOutcomeError: that request may have been billed.
        """
        item = self._located(key)
        if item.extraction.is_billed and unconfirmed and not self.resubmit_lost:
            raise TwelveLabsUnknownOutcomeError(
                f"An earlier attempt asked for the {item.name} and stopped before the answer arrived. It may have been"
                " billed. Clear the task to ask again, or set resubmit_lost=True"
            )
        return self._published(item, item.extraction.read(item.video))

    def submit(self, key: str, entry: ResultState, deadline: float) -> ResultState:
        """Submit an analysis task; the idempotency key finds one that an earlier attempt submitted.

        :param deadline: epoch seconds.
        """
        item, now = self._located(key), time.time()
        identity = replace(self.identity, asked=key, **(entry.sent_as or {}))
        request = replace(item.extraction.request(item.video), custom_id=task_mark(identity))

        def pending(job: JobRef, **memo: Any) -> PendingJob:
            return PendingJob(job, now, now, deadline, memo)

        def poll(job: PendingJob) -> JobState:
            return self.hook.execute(read_state(self.hook.api, job.job), until=deadline)

        submitted = AnalysisSubmission(self.hook, identity, pending, poll).submit(request)
        return ResultState(Stage.RUNNING, job_id=submitted.job.id, at=now)

    def collect(self, key: str, entry: ResultState) -> ResultState:
        """Publish the answer of a finished analysis task."""
        item = self._located(key)
        task = self.hook.execute(self.hook.api.read_analysis_task(entry.job_id or ""))
        return self._published(item, item.extraction.collect(item.video, task))

    def _located(self, key: str) -> Item:
        """Return a result with the asset and the length of its video, which are part of a question and its cost."""
        item = self.items[key]
        if not item.extraction.is_billed:
            return item
        # One request serves all kinds of results of a video.
        name = (item.video.index_id, item.video.video_id)
        if name not in self._videos:
            self._videos[name] = located(self.hook, item.video)
        item = self.items[key] = replace(item, video=self._videos[name])
        return item

    def _published(self, item: Item, extracted: Extracted) -> ResultState:
        minutes = extracted.bill.minutes if extracted.bill else 0.0
        if extracted.bill:
            self.count(extracted.bill)
        log.info("Published %d rows of the %s to %s", extracted.rows, item.name, extracted.manifest)
        return ResultState(Stage.PUBLISHED, manifest=extracted.manifest, rows=extracted.rows, minutes=minutes)


def items_of(videos: Iterable[IndexedVideo], extractions: Collection[Extraction]) -> dict[str, Item]:
    """Return the results to extract, by key: all kinds of one video after another."""
    return {
        key_of(str(video.index_id), str(video.video_id), extraction.kind): Item(video, extraction)
        for video in videos
        if video.video_id
        for extraction in extractions
    }
