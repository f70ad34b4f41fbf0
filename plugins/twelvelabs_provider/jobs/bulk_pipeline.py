"""Work on many videos by one task: what the pipelines of indexing and of extraction share."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from twelvelabs_provider.api.errors import TwelveLabsError, TwelveLabsPermanentError
from twelvelabs_provider.jobs.bulk_failures import Failures
from twelvelabs_provider.jobs.bulk_indexing.lookup import states_of
from twelvelabs_provider.jobs.bulk_state import BulkState, PendingJobs
from twelvelabs_provider.jobs.job import JobKind, JobState
from twelvelabs_provider.jobs.outage import poll_through_outage
from twelvelabs_provider.jobs.worker_threads import run_in_threads

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
    from twelvelabs_provider.jobs.checkpoint import Checkpoint

log = logging.getLogger(__name__)

MOST_THREADS = 8
"""Concurrent requests of one worker."""
LONGEST_STOP = 5.0
"""Seconds in which the threads of a task that ends have to stop."""
MOST_WAITED_FOR = 200
"""Jobs of one trigger."""

S = TypeVar("S", bound=BulkState[Any])


class BulkPipeline(ABC, Generic[S]):
    """Work on many videos by one task. Subclasses are dataclasses with these fields.

    :param most: jobs that run on the service at once.
    """

    hook: TwelveLabsHook
    checkpoint: Checkpoint[S]
    state: S
    most: int
    failures: Failures

    @property
    def refused_until(self) -> float:
        """Epoch seconds until which the service accepts no more requests."""
        return self.failures.refused_until

    def advance(self) -> PendingJobs | None:
        """Do everything possible; return the jobs to wait for, None when everything is settled.

        :raises TwelveLabsError: an error that concerns all videos: key, permission, quota.
        :raises TwelveLabsUnreachableError: the service keeps failing; a retry continues.
        """
        while True:
            self.collect_ended()
            if not self.refused_until <= time.time() < self.state.deadline or not self.send_next():
                return self.jobs_to_wait_for()

    @abstractmethod
    def collect_ended(self) -> None:
        """Continue with the entries whose jobs have ended."""

    @abstractmethod
    def send_next(self) -> bool:
        """Send the next requests; return whether there were any."""

    @abstractmethod
    def jobs_to_wait_for(self) -> PendingJobs | None:
        """Return the running jobs: none if only a refusal of the service is waited for; None if all is settled."""

    @abstractmethod
    def summary(self) -> str:
        """Return the numbers per stage, for the log."""

    def stop(self) -> None:
        """Let this process write nothing more."""
        self.checkpoint.close()

    def save(self) -> None:
        """Write the checkpoint."""
        self.checkpoint.write(self.state)

    @property
    def threads(self) -> int:
        """Concurrent requests of this process."""
        return MOST_THREADS

    def run_each(self, work: Callable[[str], Any], keys: Collection[str]) -> Iterator[tuple[str, Future[Any]]]:
        """Run a function for several entries at once; yield each when its result is there."""
        return run_in_threads(work, keys, self.threads, self.stop, LONGEST_STOP)

    def states_of_jobs(self, kind: JobKind, index_id: str, jobs: Mapping[str, str]) -> Mapping[str, JobState]:
        """Return the states of jobs by id; none if the poll fails.

        :param jobs: key of the entry to id of its job.
        :raises TwelveLabsUnreachableError: every poll has been refused for some minutes; a retry continues.
        """
        if not jobs:
            return {}
        since = min(self.state.entries[key].at or time.time() for key in jobs)
        ids, deadline = set(jobs.values()), self.state.deadline
        try:
            states = poll_through_outage(
                self.hook,
                lambda: states_of(self.hook, kind, index_id, ids, since, deadline),
                f"{len(ids)} jobs",
                deadline,
            )
        except TwelveLabsPermanentError:
            raise
        except TwelveLabsError as error:
            self.count_failure(error)
            log.warning("Could not poll %d jobs, polling again: %s", len(ids), error)
            return {}
        self.failures.end()
        return states

    def count_failure(self, error: Exception) -> None:
        """Count a failed request; raise after too many in a row.

        :raises TwelveLabsUnreachableError: the service keeps failing; a retry continues.
        """
        self.failures.note()
        if self.failures.are_too_many:
            self.save()
            raise self.failures.unreachable(error) from error
