"""Bulk indexing: submits what the limits allow, and returns the jobs to wait for."""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from twelvelabs_provider.api.errors import TwelveLabsError, TwelveLabsPermanentError, TwelveLabsRateLimitError
from twelvelabs_provider.exceptions import (
    TwelveLabsJobFailedError,
    TwelveLabsSourceChangedError,
)
from twelvelabs_provider.jobs.bulk_failures import MOST_ATTEMPTS, Failures, of_one_video
from twelvelabs_provider.jobs.bulk_indexing.lookup import NOT_FOUND
from twelvelabs_provider.jobs.bulk_indexing.state import IndexingState, Stage, VideoState
from twelvelabs_provider.jobs.bulk_indexing.steps import Steps
from twelvelabs_provider.jobs.bulk_pipeline import MOST_THREADS, MOST_WAITED_FOR, BulkPipeline
from twelvelabs_provider.jobs.bulk_state import PendingJobs, enough_of
from twelvelabs_provider.jobs.checkpoint import Checkpoint
from twelvelabs_provider.jobs.cost import ROUNDING, Bill, indexing_bill, over_limit, unknown_length
from twelvelabs_provider.jobs.deduplication import remove_failed
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, Phase
from twelvelabs_provider.storage.video_list import ListedVideo
from twelvelabs_provider.version_compat import AirflowFailException

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)


@dataclass
class IndexingPipeline(BulkPipeline[IndexingState]):
    """Indexing of many videos by one task, independent of the generation.

    :param most: concurrent indexing jobs, and besides them assets that are not indexed yet.
    :param limit: minutes that may be billed, None for no limit.
    :param videos: the given videos, by key.
    :param count: called with what each video has billed.
    """

    hook: TwelveLabsHook
    steps: Steps
    checkpoint: Checkpoint[IndexingState]
    state: IndexingState
    videos: Mapping[str, ListedVideo]
    most: int
    limit: float | None
    count: Callable[[Bill], None]
    _unconfirmed: set[str] = field(default_factory=set)
    failures: Failures = field(init=False)
    _created: dict[str, float] = field(default_factory=dict)
    _kind: ClassVar[JobKind]

    def __post_init__(self) -> None:
        self.failures = Failures(self.most)
        # The earlier attempt may have sent these requests.
        self._unconfirmed |= self.state.at(Stage.UPLOADING, Stage.SENDING).keys()

    @property
    def threads(self) -> int:
        """Concurrent uploads of this process."""
        return min(self.most, MOST_THREADS)

    def stop(self) -> None:
        """Stop the threads of this process, so that they send and write nothing more."""
        self.steps.stopped.set()
        super().stop()

    def summary(self) -> str:
        """Return the numbers of videos per stage, for the log."""
        counts = {stage: len(self.state.at(stage)) for stage in Stage}
        left = sum(key not in self.state.entries for key in self.videos)
        assets = counts[Stage.UPLOADING] + counts[Stage.ASSET]
        numbers = {
            "indexed": counts[Stage.INDEXED],
            "reused": counts[Stage.REUSED],
            "failed": counts[Stage.FAILED],
            "being indexed": counts[Stage.RUNNING] + counts[Stage.SENDING],
            "being prepared": assets,
            "to come": left,
        }
        return f"{len(self.videos)} videos: " + ", ".join(f"{n} {what}" for what, n in numbers.items() if n)

    @abstractmethod
    def _mark(self, entry: VideoState, video_id: str) -> None:
        """Add the content mark to a video whose upload could not carry it."""

    @property
    def _free(self) -> int:
        return self.most - sum(not entry.shared for entry in self.state.at(Stage.RUNNING).values())

    def collect_ended(self) -> None:
        """Update the videos whose jobs have ended."""
        running = self.state.at(Stage.RUNNING)
        for key, state in self._ended_jobs(self._kind, {key: entry.job_id or "" for key, entry in running.items()}):
            self._ended(key, running[key], state)
        if running:
            self.save()

    def _ended_jobs(self, kind: JobKind, jobs: Mapping[str, str]) -> Iterator[tuple[str, JobState]]:
        """Yield the jobs that have ended; none if the poll fails."""
        # Jobs of other tasks are older, and are read by their ids.
        states = self.states_of_jobs(kind, self.state.index_id, jobs)
        self._created |= {job_id: state.created_at for job_id, state in states.items() if state.created_at}
        for key, job_id in jobs.items():
            if job_id in states and states[job_id].phase is not Phase.RUNNING:
                yield key, states[job_id]

    def _ended(self, key: str, entry: VideoState, state: JobState) -> None:
        job = JobRef(self._kind, entry.job_id or "", self.state.index_id)
        if state.phase is Phase.READY and state.video_id:
            self._indexed(key, replace(entry, video_id=state.video_id, duration=state.duration or entry.duration))
        elif entry.shared:
            # The other task's job failed, so this task indexes the video.
            del self.state.entries[key]
        else:
            self._discard(key, entry, job, state)

    def _indexed(self, key: str, entry: VideoState) -> None:
        video_id = entry.video_id or ""
        if not entry.shared:
            try:
                self._mark(entry, video_id)
            except AirflowFailException as error:
                self.state.entries[key] = entry.failed(error, again=False)
                return
            self.count(indexing_bill(entry.duration))
        stage = Stage.REUSED if entry.shared else Stage.INDEXED
        self.state.entries[key] = replace(entry, stage=stage, known=())

    def _discard(self, key: str, entry: VideoState, job: JobRef, state: JobState) -> None:
        """Delete a failed video, so that a retry uploads it again, unless a user has deleted the job."""
        if state.status != NOT_FOUND:
            remove_failed(self.hook, job, None if entry.borrowed else entry.asset_id)
        error = TwelveLabsJobFailedError(state.failure_of(job))
        log.warning("%s: %s", entry.uri, error)
        failed = entry.failed(error, again=state.status != NOT_FOUND)
        self.state.entries[key] = replace(failed, asset_id=None, job_id=None, video_id=None)

    def _next(self, room: int, stage: Stage, *, apart: bool = False) -> list[str]:
        """Return the next videos: those with an unfinished step first, then in the given order.

        :param apart: no two with the same file name, by which a lost response is reconciled.
        """
        begun = sorted(self.state.at(stage).items(), key=lambda item: item[1].attempts)
        waiting = [key for key, _ in begun if key in self.videos]
        waiting += [key for key in self.videos if key not in self.state.entries]
        chosen: list[str] = []
        names: set[str] = set()
        for key in waiting:
            name = self.videos[key].uri.rpartition("/")[2]
            if len(chosen) < room and not (apart and name in names):
                chosen.append(key)
                names.add(name)
        return chosen

    def _apply(self, key: str, future: Future[VideoState]) -> None:
        error = future.exception()
        if error is None:
            self.failures.end()
            self.state.entries[key] = replace(future.result(), attempts=0)
        else:
            self._handle_error(key, error)

    def _handle_error(self, key: str, cause: BaseException) -> None:
        """Record a failed step: final, to be repeated, or an error of all videos, which is raised."""
        entry = self.state.entries[key]
        error = of_one_video(cause)
        if error is None:
            self.save()
            raise cause
        if isinstance(error, TwelveLabsRateLimitError):
            self.failures.note_refusal(error)
            return
        unknown = isinstance(error, UNKNOWN_OUTCOME)
        if not unknown and isinstance(error, TwelveLabsPermanentError | AirflowFailException):
            self.state.entries[key] = entry.failed(error, again=False)
            log.warning("%s: %s", entry.uri, self.state.entries[key].reason)
            return
        if isinstance(error, TwelveLabsError) and not isinstance(error, TwelveLabsSourceChangedError):
            # Not for an error of the video's own store or disk.
            self.count_failure(error)
        attempts = entry.attempts + 1
        if attempts < MOST_ATTEMPTS:
            self.state.entries[key] = replace(entry, attempts=attempts)
        else:
            doubted = entry.stage is Stage.SENDING
            self.state.entries[key] = replace(entry.failed(error, again=True, doubted=doubted), upload=entry.upload)
        log.warning("%s, attempt %d of %d: %s", entry.uri, attempts, MOST_ATTEMPTS, error)

    def _within_limit(self, keys: Collection[str]) -> list[str]:
        """Return the videos whose indexing stays within the limit; the others fail.

        The lengths are those of the uploaded content, which may have changed since the preflight.
        """
        if self.limit is None:
            return list(keys)
        left = self.limit - sum(entry.minutes for key, entry in self.state.entries.items() if key not in keys)
        within: list[str] = []
        for key in keys:
            entry = self.state.entries[key]
            error = unknown_length() if entry.duration is None else None
            minutes = (entry.duration or 0.0) / 60
            if minutes > left + ROUNDING:
                error = over_limit(self.limit)
            if error is None:
                within.append(key)
                left -= minutes
            else:
                log.warning("%s: %s", entry.uri, error)
                self.state.entries[key] = entry.failed(error, again=False)
        return within

    def jobs_to_wait_for(self) -> PendingJobs | None:
        """Return the running jobs, those of this task first."""
        running, now = self.state.at(Stage.RUNNING), time.time()
        if running:
            own = [entry for entry in running.values() if not entry.shared]
            chosen = [*own, *(entry for entry in running.values() if entry.shared)][:MOST_WAITED_FOR]
            # The list of indexing tasks covers the account, so one poll serves all indexes.
            index_id = self.state.index_id if self._kind is JobKind.INDEXED_ASSET else None
            ids = tuple(entry.job_id or "" for entry in chosen)
            began = [self._began(entry.job_id, entry.at or now) for entry in chosen]
            return PendingJobs(self._kind, index_id, ids, enough_of(len(own) or len(ids)), min(began), max(began))
        open_ones = any(key not in self.state.entries or not self.state.entries[key].settled for key in self.videos)
        return PendingJobs(self._kind, None, (), 0, now, now) if open_ones else None

    def _began(self, job_id: str | None, otherwise: float) -> float:
        """Return when a job was created; a job of another task may be older than this task."""
        return min(self._created.get(job_id or "", otherwise), otherwise)
