"""The trigger that waits for some of many remote jobs of one kind."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TriggerEvent

from twelvelabs_provider.api.errors import (
    TwelveLabsBadRequestError,
    TwelveLabsNotFoundError,
    TwelveLabsUnsupportedError,
    is_missing,
)
from twelvelabs_provider.jobs.durations import Duration, plain_number
from twelvelabs_provider.jobs.finished_jobs import AwaitedJobs, FinishedJobs, can_be_listed
from twelvelabs_provider.jobs.job import JobKind, JobRef, Phase
from twelvelabs_provider.jobs.kinds import read_state
from twelvelabs_provider.jobs.trigger_event import EventReason
from twelvelabs_provider.triggers.shared import MARGIN, PollKey, Snapshot, Wait, part_of
from twelvelabs_provider.triggers.shared_wait import OWN_LOOK, GivenUpError, LonePoll, TwelveLabsSharingTrigger

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

log = logging.getLogger(__name__)


class TwelveLabsJobsTrigger(TwelveLabsSharingTrigger):
    """Waits until enough of some jobs have ended, the deadline passes, or nobody can tell any more; it never raises.

    The jobs go on whatever becomes of the wait; all that the event tells is why it is over. From time to time it is
    over although nothing is known to have ended: a job that was deleted is on no list, so whoever waits looks itself.

    :param twelvelabs_conn_id: connection; only its id is stored.
    :param kind: of all the jobs, a :class:`JobKind`.
    :param index_id: the index, where their list needs one.
    :param job_ids: the jobs, a few hundred at most.
    :param enough: how many have to end.
    :param started_at: epoch seconds at which the oldest was submitted.
    :param running_at: epoch seconds at which all were last seen running.
    :param deadline: epoch seconds.
    :param poll_interval: seconds between looks; None lets the pause grow from 5 to 60 seconds.
    """

    def __init__(
        self,
        twelvelabs_conn_id: str,
        kind: str,
        index_id: str | None,
        job_ids: Sequence[str],
        enough: int,
        started_at: float,
        running_at: float,
        deadline: float,
        poll_interval: Duration | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.twelvelabs_conn_id = twelvelabs_conn_id
        self.kind = JobKind(kind)
        self.index_id = index_id
        self.job_ids = list(job_ids)
        self.enough = enough
        self.started_at = started_at
        self.running_at = running_at
        self.deadline = deadline
        self.poll_interval = plain_number(poll_interval)
        self._ended: set[str] = set()
        self._until = min(deadline, running_at + OWN_LOOK * (1 + random.random()))

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to make this trigger again."""
        fields = {
            "twelvelabs_conn_id": self.twelvelabs_conn_id,
            "kind": self.kind.value,
            "index_id": self.index_id,
            "job_ids": self.job_ids,
            "enough": self.enough,
            "started_at": self.started_at,
            "running_at": self.running_at,
            "deadline": self.deadline,
            "poll_interval": self.poll_interval,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", fields

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, whatever happens."""
        yield await self._alone(can_be_listed(self.kind))

    async def on_kill(self) -> None:
        """Say that the jobs go on; Airflow 3.3 calls this when a user acts on the task."""
        log.warning("%d jobs (%s) cannot be stopped: they go on, and a retry attaches", len(self.job_ids), self.kind)

    def shared_stream_key(self) -> PollKey | None:
        """Waits of one connection, kind, scope and rhythm share one poll, for one job or for many."""
        if not self.job_ids or not can_be_listed(self.kind):
            return None
        part = part_of(self.job_ids[0])
        return PollKey(self.twelvelabs_conn_id, self.kind, self.index_id, self.poll_interval, part)

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Snapshot]) -> AsyncIterator[TriggerEvent]:
        """Yield one event as soon as the snapshots hold enough of the jobs, or there is another reason."""
        part = part_of(self.job_ids[0])
        wait = Wait(part, frozenset(self.job_ids), self.running_at, self.running_at, self.started_at - MARGIN)
        try:
            event = await self.heard(shared_stream, self._told, wait)
        except Exception as error:
            log.exception("the wait for %d jobs broke off; the jobs themselves go on", len(self.job_ids))
            event = _event(EventReason.UNREACHABLE, f"{type(error).__name__}: {error}")
        yield event

    async def _told(self, shared_stream: AsyncIterator[Snapshot]) -> TriggerEvent:
        async for snapshot in shared_stream:
            self._ended |= snapshot.ended.keys() & set(self.job_ids)
            if event := self._over():
                return event
            if snapshot.trouble:
                return _event(snapshot.trouble.reason, snapshot.trouble.message)
            if not snapshot.listed:
                return await self._alone(listed=False)
        raise RuntimeError("the shared poll ended by itself")

    async def _alone(self, listed: bool) -> TriggerEvent:
        """Poll these jobs alone, where there is no poll to share or no list."""
        jobs = FinishedJobs(self.kind, self.index_id, self.running_at - MARGIN)
        wanted = AwaitedJobs(self.running_at - MARGIN, dict.fromkeys(self.job_ids, self.started_at - MARGIN))

        async def look(hook: TwelveLabsAsyncHook) -> TriggerEvent | None:
            nonlocal listed
            try:
                if listed:
                    await jobs.poll(hook, wanted)
                    self._ended |= jobs.found.keys() & set(self.job_ids)
                else:
                    await self._look_at_each(hook)
            except (TwelveLabsBadRequestError, TwelveLabsUnsupportedError):
                if not listed:
                    raise
                listed = False
                await self._look_at_each(hook)
            return self._over()

        poll = LonePoll(
            self.twelvelabs_conn_id,
            look,
            self._over,
            f"{len(self.job_ids)} jobs",
            self.running_at,
            self.running_at,
            self._until,
            self.poll_interval,
            one_job=False,
        )
        try:
            return await poll.run()
        except GivenUpError as error:
            return _event(error.reason, str(error))
        except Exception as error:
            log.exception("The wait for %d jobs failed; the jobs continue", len(self.job_ids))
            return _event(EventReason.UNREACHABLE, f"{type(error).__name__}: {error}")

    async def _look_at_each(self, hook: TwelveLabsAsyncHook) -> None:
        for job_id in self.job_ids:
            if job_id in self._ended:
                continue
            try:
                state = await hook.execute(
                    read_state(hook.api, JobRef(self.kind, job_id, self.index_id)), until=self._until
                )
            except TwelveLabsNotFoundError as error:
                if not is_missing(error):
                    raise
                self._ended.add(job_id)
                continue
            if state.phase is not Phase.RUNNING:
                self._ended.add(job_id)

    def _over(self) -> TriggerEvent | None:
        if len(self._ended) >= min(self.enough, len(self.job_ids)):
            return _event(EventReason.ENDED)
        if time.time() < self._until:
            return None
        return _event(EventReason.DEADLINE if time.time() >= self.deadline else EventReason.ENDED)


def _event(reason: EventReason, message: str = "") -> TriggerEvent:
    return TriggerEvent({"reason": reason.value, "message": message})  # type: ignore[no-untyped-call]
