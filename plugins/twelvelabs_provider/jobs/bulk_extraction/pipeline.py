"""Bulk extraction: publishes what is ready, submits what the limits allow, and returns the jobs to wait for."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from twelvelabs_provider.api.errors import TwelveLabsError, TwelveLabsPermanentError, TwelveLabsRateLimitError
from twelvelabs_provider.exceptions import TwelveLabsJobFailedError
from twelvelabs_provider.jobs.bulk_extraction.extraction import (
    UnusableAnswerError,
)
from twelvelabs_provider.jobs.bulk_extraction.state import ExtractionState, ResultState, Stage
from twelvelabs_provider.jobs.bulk_extraction.steps import Item, Steps
from twelvelabs_provider.jobs.bulk_failures import MOST_ATTEMPTS, Failures, of_one_video
from twelvelabs_provider.jobs.bulk_pipeline import MOST_WAITED_FOR, BulkPipeline
from twelvelabs_provider.jobs.bulk_state import PendingJobs, enough_of
from twelvelabs_provider.jobs.checkpoint import Checkpoint
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.jobs.job import JobKind, JobRef, Phase
from twelvelabs_provider.version_compat import AirflowFailException

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)

BLOCK = 64
"""Results between two writes of the checkpoint."""


@dataclass
class ExtractionPipeline(BulkPipeline[ExtractionState]):
    """Extraction of the results of many videos by one task.

    :param most: analysis tasks that run on the service at once.
    :param limit: minutes that may be billed; None for no limit.
    """

    hook: TwelveLabsHook
    steps: Steps
    checkpoint: Checkpoint[ExtractionState]
    state: ExtractionState
    most: int
    limit: float | None
    failures: Failures = field(init=False)
    # Requests that an earlier attempt may have sent.
    _unconfirmed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.failures = Failures(self.most)
        self._unconfirmed = {key for key, entry in self.state.entries.items() if self.steps.may_be_lost(entry)}

    @property
    def items(self) -> Mapping[str, Item]:
        """The results to extract, by key."""
        return self.steps.items

    def reuse_published(self, keys: Collection[str]) -> None:
        """Settle the results that are published for the same question."""
        for block in _blocks(keys):
            for key, future in self.run_each(self.steps.find_published, block):
                self._apply(key, future)
            self.save()

    def summary(self) -> str:
        """Return the numbers of results per stage, for the log."""
        left = sum(key not in self.state.entries for key in self.items)
        numbers = {stage.value: len(self.state.at(stage)) for stage in (Stage.PUBLISHED, Stage.REUSED, Stage.FAILED)}
        numbers |= {"running": len(self.state.at(Stage.SENDING, Stage.RUNNING)), "to come": left}
        return f"{len(self.items)} results: " + ", ".join(f"{n} {what}" for what, n in numbers.items() if n)

    def is_settled(self, key: str) -> bool:
        """Return whether this attempt is done with a result."""
        entry = self.state.entries.get(key)
        return entry is not None and entry.settled

    def collect_ended(self) -> None:
        """Publish the answers of the analysis tasks that have ended."""
        running = {key: entry for key, entry in self.state.at(Stage.RUNNING).items() if key in self.items}
        states = self.states_of_jobs(
            JobKind.ANALYSIS_TASK, "", {key: entry.job_id or "" for key, entry in running.items()}
        )
        found = {key: states[entry.job_id or ""] for key, entry in running.items() if states}
        ended = {key: state for key, state in found.items() if state.phase is not Phase.RUNNING}
        ready = [key for key, state in ended.items() if state.phase is Phase.READY]
        for key, state in ended.items():
            if state.phase is not Phase.READY:
                job = JobRef(JobKind.ANALYSIS_TASK, running[key].job_id or "")
                error = TwelveLabsJobFailedError(state.failure_of(job))
                self._fail(key, error, again=True)
        for block in _blocks(ready):
            for key, future in self.run_each(lambda key: self.steps.collect(key, self.state.entries[key]), block):
                self._apply(key, future)
            self.save()
        if len(ended) > len(ready):
            self.save()

    def send_next(self) -> bool:
        """Send the next requests; return whether there were any."""
        open_ones = [key for key in self.items if self._may_send(key)]
        at_once = [key for key in open_ones if not self.items[key].extraction.runs_as_task][:BLOCK]
        free = self.most - len(self.state.at(Stage.RUNNING))
        as_task = [key for key in open_ones if self.items[key].extraction.runs_as_task][: max(0, free)]
        chosen = [*at_once, *as_task]
        if not chosen:
            return False
        for key in chosen:
            if self.items[key].extraction.is_billed:
                self.state.entries[key] = self.steps.sending(self.state.entries.get(key))
        # The next attempt has to know which billed requests may have been sent.
        self.save()
        for key, future in self.run_each(self._send, chosen):
            self._apply(key, future)
        self.save()
        return True

    def _may_send(self, key: str) -> bool:
        entry = self.state.entries.get(key)
        return entry is None or entry.stage in (Stage.WAITING, Stage.SENDING)

    def _send(self, key: str) -> ResultState:
        if self.items[key].extraction.runs_as_task:
            return self.steps.submit(key, self.state.entries[key], self.state.deadline)
        return self.steps.read(key, unconfirmed=key in self._unconfirmed)

    def _apply(self, key: str, future: Future[ResultState | None]) -> None:
        error = future.exception()
        if error is None:
            self.failures.end()
            if found := future.result():
                self.state.entries[key] = found
        else:
            self._handle_error(key, error)

    def _handle_error(self, key: str, cause: BaseException) -> None:
        """Record a failed step: final, to be repeated, or an error of all videos, which is raised."""
        error = of_one_video(cause)
        if error is None:
            self.save()
            raise cause
        if isinstance(error, TwelveLabsRateLimitError):
            self.failures.note_refusal(error)
            self._repeat(key)
            return
        if isinstance(error, UnusableAnswerError):
            self.steps.count(error.bill)
            self._fail(key, error, again=False, minutes=error.bill.minutes)
            return
        lost = self._is_lost(key, error)
        if lost or (isinstance(error, TwelveLabsPermanentError | AirflowFailException) and not _is_unknown(error)):
            self._fail(key, error, again=lost and self.steps.resubmit_lost)
            return
        if isinstance(error, TwelveLabsError):
            self.count_failure(error)
        attempts = self._repeat(key, failed=1)
        log.warning("%s, attempt %d of %d: %s", self.items[key].name, attempts, MOST_ATTEMPTS, error)
        if attempts >= MOST_ATTEMPTS:
            self._fail(key, error, again=True)

    def _repeat(self, key: str, failed: int = 0) -> int:
        """Let the last step of a result be repeated; return how often it has failed."""
        entry = self.state.entries.get(key) or ResultState(Stage.WAITING)
        # A result whose analysis task has ended is collected again.
        stage = entry.stage if entry.stage is Stage.RUNNING else Stage.WAITING
        self.state.entries[key] = replace(entry, stage=stage, attempts=entry.attempts + failed)
        return entry.attempts + failed

    def _is_lost(self, key: str, error: Exception) -> bool:
        """Tell whether the answer to a billed request is lost that the service does not keep."""
        extraction = self.items[key].extraction
        return extraction.is_billed and not extraction.runs_as_task and _is_unknown(error)

    def _fail(self, key: str, error: Exception, *, again: bool, minutes: float = 0.0) -> None:
        entry = self.state.entries.get(key) or ResultState(Stage.FAILED)
        self.state.entries[key] = entry.failed(error, again=again, minutes=minutes)
        log.warning("%s: %s", self.items[key].name, self.state.entries[key].reason)

    def jobs_to_wait_for(self) -> PendingJobs | None:
        """Return the running analysis tasks."""
        now = time.time()
        running = list(self.state.at(Stage.RUNNING).values())[:MOST_WAITED_FOR]
        if running:
            ids = tuple(entry.job_id or "" for entry in running)
            began = [entry.at or now for entry in running]
            return PendingJobs(JobKind.ANALYSIS_TASK, None, ids, enough_of(len(ids)), min(began), max(began))
        if all(self.is_settled(key) for key in self.items):
            return None
        return PendingJobs(JobKind.ANALYSIS_TASK, None, (), 0, now, now)


def _blocks(keys: Collection[str]) -> Iterator[list[str]]:
    listed = list(keys)
    return (listed[begin : begin + BLOCK] for begin in range(0, len(listed), BLOCK))


def _is_unknown(error: Exception) -> bool:
    return isinstance(error, UNKNOWN_OUTCOME)
