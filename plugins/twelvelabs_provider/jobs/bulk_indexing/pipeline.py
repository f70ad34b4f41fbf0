"""Many videos brought into one index: what can be done now is done, and what has to be waited for is told."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from twelvelabs_provider.api.errors import (
    TwelveLabsAuthError,
    TwelveLabsConfigurationError,
    TwelveLabsError,
    TwelveLabsPermanentError,
    TwelveLabsPermissionError,
    TwelveLabsQuotaError,
    TwelveLabsRateLimitError,
    TwelveLabsRedirectError,
    TwelveLabsUnsupportedError,
)
from twelvelabs_provider.exceptions import (
    TwelveLabsInputError,
    TwelveLabsJobFailedError,
    TwelveLabsOutputError,
    TwelveLabsSourceChangedError,
    TwelveLabsUnreachableError,
)
from twelvelabs_provider.jobs.bulk_indexing.checkpoint import Checkpoint
from twelvelabs_provider.jobs.bulk_indexing.lookup import GONE, states_of
from twelvelabs_provider.jobs.bulk_indexing.state import BulkState, PendingJobs, Stage, VideoState, enough_of
from twelvelabs_provider.jobs.bulk_indexing.steps import Steps
from twelvelabs_provider.jobs.cost import LIMIT, ROUNDING, Bill, indexing_bill
from twelvelabs_provider.jobs.deduplication import remove_failed
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, Phase
from twelvelabs_provider.jobs.outage import poll_through_outage
from twelvelabs_provider.storage.video_list import ListedVideo
from twelvelabs_provider.version_compat import AirflowFailException

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 3
"""How often one try does a step of a video that fails for a reason that may pass."""
MOST_THREADS = 8
"""Uploads on their way at the same time from one worker."""
LONGEST_GOODBYE = 5.0
"""Seconds that a task which ends waits for its uploads to break off."""
MOST_WAITED_FOR = 200
"""Jobs that travel to the triggerer."""
REFUSED_PAUSE = 15.0
"""Seconds after a refusal for too many requests that does not say when to come again."""
_CONCERNS_ALL = (
    TwelveLabsAuthError, TwelveLabsPermissionError, TwelveLabsRedirectError, TwelveLabsConfigurationError,
    TwelveLabsUnsupportedError, TwelveLabsQuotaError,
)  # fmt: skip


@dataclass
class IndexingPipeline(ABC):
    """The videos of one task on their way into an index, whichever way it is.

    :param most: indexings, and besides them assets that are not indexed yet, under way at once.
    :param limit: minutes that may be billed, None for no limit.
    :param videos: what was given, by key.
    :param count: is told what was billed.
    """

    hook: TwelveLabsHook
    steps: Steps
    journal: Checkpoint
    book: BulkState
    videos: Mapping[str, ListedVideo]
    most: int
    limit: float | None
    count: Callable[[Bill], None]
    refused_until: float = 0.0
    _doubtful: set[str] = field(default_factory=set)
    _unlucky: int = 0
    _created: dict[str, float] = field(default_factory=dict)
    _kind: ClassVar[JobKind]

    def __post_init__(self) -> None:
        # What was about to be done when the last worker stopped has to be looked for.
        self._doubtful |= self.book.of(Stage.UPLOADING, Stage.SENDING).keys()

    def go_on(self) -> PendingJobs | None:
        """Do all that can be done now; return what is to be waited for, None when every video is settled.

        :raises TwelveLabsError: what concerns all videos: key, permission, quota.
        :raises TwelveLabsUnreachableError: nothing succeeds any more; a retry goes on.
        """
        while True:
            self._collect()
            if not self.refused_until <= time.time() < self.book.deadline or not self._do():
                return self._wait()

    def stop(self) -> None:
        """Let the threads of this process send and write nothing more; the next attempt continues."""
        self.steps.stopped.set()
        self.journal.close()

    def told(self) -> str:
        """Where all of them stand, in words."""
        counts = {stage: len(self.book.of(stage)) for stage in Stage}
        left = sum(key not in self.book.entries for key in self.videos)
        assets = counts[Stage.UPLOADING] + counts[Stage.ASSET]
        return (
            f"{len(self.videos)} videos: {counts[Stage.INDEXED]} indexed, {counts[Stage.REUSED]} reused,"
            f" {counts[Stage.FAILED]} failed; {counts[Stage.RUNNING] + counts[Stage.SENDING]} being indexed,"
            f" {assets} being prepared, {left} to come"
        )

    @abstractmethod
    def _do(self) -> bool:
        """Ask the service for what may be asked for now; tell whether there was anything."""

    @abstractmethod
    def _mark(self, entry: VideoState, video_id: str) -> None:
        """Mark a video that could not be marked with its upload."""

    @property
    def _free(self) -> int:
        return self.most - sum(not entry.shared for entry in self.book.of(Stage.RUNNING).values())

    def _collect(self) -> None:
        """Take note of what has ended."""
        running = self.book.of(Stage.RUNNING)
        for key, state in self._states(self._kind, {key: entry.job_id or "" for key, entry in running.items()}):
            self._ended(key, running[key], state)
        if running:
            self._save()

    def _states(self, kind: JobKind, jobs: Mapping[str, str]) -> Iterator[tuple[str, JobState]]:
        """Return the jobs that are not running any more; without an answer, none.

        :raises TwelveLabsUnreachableError: every poll has been refused for some minutes; a retry continues.
        """
        if not jobs:
            return
        # What others began is older than anything of ours, and asked for by its id.
        since = min((self.book.entries[key].at or time.time() for key in jobs), default=0.0)
        ids, book = set(jobs.values()), self.book
        try:
            states = poll_through_outage(
                self.hook,
                lambda: states_of(self.hook, kind, book.index_id, ids, since, book.deadline),
                f"{len(ids)} jobs",
                book.deadline,
            )
        except TwelveLabsPermanentError:
            raise
        except TwelveLabsError as error:
            self._unlucky_once(error)
            log.warning("where %d videos stand could not be asked, and they are left alone: %s", len(jobs), error)
            return
        self._unlucky = 0
        self._created |= {job_id: state.created_at for job_id, state in states.items() if state.created_at}
        for key, job_id in jobs.items():
            if states[job_id].phase is not Phase.RUNNING:
                yield key, states[job_id]

    def _ended(self, key: str, entry: VideoState, state: JobState) -> None:
        job = JobRef(self._kind, entry.job_id or "", self.book.index_id)
        if state.phase is Phase.READY and state.video_id:
            self._indexed(key, replace(entry, video_id=state.video_id, duration=state.duration or entry.duration))
        elif entry.shared:
            # What somebody else began came to nothing: it is this task's turn.
            del self.book.entries[key]
        else:
            self._discard(key, entry, job, state)

    def _indexed(self, key: str, entry: VideoState) -> None:
        video_id = entry.video_id or ""
        if not entry.shared:
            try:
                self._mark(entry, video_id)
            except AirflowFailException as error:
                self.book.entries[key] = entry.failed(error, again=False)
                return
            self.count(indexing_bill(entry.duration))
        stage = Stage.REUSED if entry.shared else Stage.INDEXED
        self.book.entries[key] = replace(entry, stage=stage, known=())

    def _discard(self, key: str, entry: VideoState, job: JobRef, state: JobState) -> None:
        """Take away what failed; another try uploads it again, unless somebody took the job away."""
        if state.status != GONE:
            remove_failed(self.hook, job, None if entry.borrowed else entry.asset_id)
        error = TwelveLabsJobFailedError(state.failure_of(job))
        log.warning("%s: %s", entry.uri, error)
        failed = entry.failed(error, again=state.status != GONE)
        self.book.entries[key] = replace(failed, asset_id=None, job_id=None, video_id=None)

    def _next(self, room: int, stage: Stage, *, apart: bool = False) -> list[str]:
        """Return the videos whose turn it is: those that were begun already, then as they were given.

        :param apart: no two of one file name, by which a lost one is found.
        """
        begun = sorted(self.book.of(stage).items(), key=lambda item: item[1].attempts)
        waiting = [key for key, _ in begun if key in self.videos]
        waiting += [key for key in self.videos if key not in self.book.entries]
        chosen: list[str] = []
        names: set[str] = set()
        for key in waiting:
            name = self.videos[key].uri.rpartition("/")[2]
            if len(chosen) < room and not (apart and name in names):
                chosen.append(key)
                names.add(name)
        return chosen

    def each(self, do: Callable[[str], Any], keys: Collection[str]) -> Iterator[tuple[str, Future[Any]]]:
        """Do something for some videos at once; return each as it is done."""
        if not keys:
            return
        pool = ThreadPoolExecutor(min(len(keys), self.most, MOST_THREADS), thread_name_prefix="twelvelabs")
        try:
            futures = {pool.submit(do, key): key for key in keys}
            for future in as_completed(futures):
                yield futures[future], future
        except BaseException:
            # The task ends, or leaves its worker, while others are on their way.
            self.stop()
            wait(futures, timeout=LONGEST_GOODBYE)
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _take(self, key: str, future: Future[VideoState]) -> None:
        error = future.exception()
        if error is None:
            self._unlucky = 0
            self.book.entries[key] = replace(future.result(), attempts=0)
        else:
            self._trouble(key, error)

    def _trouble(self, key: str, error: BaseException) -> None:
        """Note that a step failed: for good, to be done again, or for all videos alike."""
        entry = self.book.entries[key]
        if not isinstance(error, Exception) or isinstance(error, (*_CONCERNS_ALL, TwelveLabsOutputError)):
            self._save()
            raise error
        if isinstance(error, TwelveLabsRateLimitError):
            self.refused_until = max(self.refused_until, time.time() + (error.retry_after or REFUSED_PAUSE))
            return
        unknown = isinstance(error, UNKNOWN_OUTCOME)
        if not unknown and isinstance(error, TwelveLabsPermanentError | AirflowFailException):
            self.book.entries[key] = entry.failed(error, again=False)
            log.warning("%s: %s", entry.uri, self.book.entries[key].reason)
            return
        if isinstance(error, TwelveLabsError) and not isinstance(error, TwelveLabsSourceChangedError):
            # An error of the video's own (a store, a disk) says nothing about the others.
            self._unlucky_once(error)
        attempts = entry.attempts + 1
        if attempts < MOST_ATTEMPTS:
            self.book.entries[key] = replace(entry, attempts=attempts)
        else:
            doubted = entry.stage is Stage.SENDING
            self.book.entries[key] = replace(entry.failed(error, again=True, doubted=doubted), upload=entry.upload)
        log.warning("%s, attempt %d of %d: %s", entry.uri, attempts, MOST_ATTEMPTS, error)

    def _affordable(self, keys: Collection[str]) -> list[str]:
        """Return the videos whose indexing stays within the limit; the others fail.

        The lengths are those of the content that was sent, which the survey may have seen otherwise.
        """
        if self.limit is None:
            return list(keys)
        left = self.limit - sum(entry.minutes for key, entry in self.book.entries.items() if key not in keys)
        within: list[str] = []
        for key in keys:
            entry = self.book.entries[key]
            error = length_unknown() if entry.duration is None else None
            minutes = (entry.duration or 0.0) / 60
            if minutes > left + ROUNDING:
                error = TwelveLabsInputError(f"indexing it would bill more than {LIMIT} allows ({self.limit:g})")
            if error is None:
                within.append(key)
                left -= minutes
            else:
                log.warning("%s: %s", entry.uri, error)
                self.book.entries[key] = entry.failed(error, again=False)
        return within

    def _unlucky_once(self, error: Exception) -> None:
        """Give up where nothing succeeds any more, rather than fail every single video."""
        self._unlucky += 1
        if self._unlucky > 2 * MOST_ATTEMPTS + 2 * self.most:
            self._save()
            raise TwelveLabsUnreachableError(
                f"nothing has succeeded {self._unlucky} times in a row ({error}); a retry goes on from here"
            ) from error

    def _wait(self) -> PendingJobs | None:
        running, now = self.book.of(Stage.RUNNING), time.time()
        if running:
            own = [entry for entry in running.values() if not entry.shared]
            chosen = [*own, *(entry for entry in running.values() if entry.shared)][:MOST_WAITED_FOR]
            # The list of tasks is the account's, and one poll serves all that wait for tasks.
            index_id = self.book.index_id if self._kind is JobKind.INDEXED_ASSET else None
            ids = tuple(entry.job_id or "" for entry in chosen)
            began = [self._began(entry.job_id, entry.at or now) for entry in chosen]
            return PendingJobs(self._kind, index_id, ids, enough_of(len(own) or len(ids)), min(began), max(began))
        open_ones = any(key not in self.book.entries or not self.book.entries[key].settled for key in self.videos)
        return PendingJobs(self._kind, None, (), 0, now, now) if open_ones else None

    def _began(self, job_id: str | None, otherwise: float) -> float:
        """Return the epoch seconds before which a job was not created: another task's may be older than this task."""
        return min(self._created.get(job_id or "", otherwise), otherwise)

    def _save(self) -> None:
        self.journal.write(self.book)


def length_unknown() -> TwelveLabsInputError:
    """Return the refusal of a video whose length nobody knows, where minutes are limited."""
    return TwelveLabsInputError(
        f"its length is unknown, and {LIMIT} is set: index it without a limit, or convert it to MP4 (the 'probe' extra"
        " reads the length of files)"
    )
