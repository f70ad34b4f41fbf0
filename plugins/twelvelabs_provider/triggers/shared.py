"""One poll in the triggerer for all waits of a connection, a kind and a scope."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from zlib import crc32

from twelvelabs_provider.api.errors import (
    TwelveLabsBadRequestError,
    TwelveLabsError,
    TwelveLabsPermanentError,
    TwelveLabsUnsupportedError,
    is_missing,
)
from twelvelabs_provider.jobs.finished_jobs import AwaitedJobs, FinishedJobs, ListedJob
from twelvelabs_provider.jobs.job import JobKind, JobRef
from twelvelabs_provider.jobs.kinds import read_state
from twelvelabs_provider.jobs.outage import Outage, ended_by
from twelvelabs_provider.jobs.polling import LONGEST_PAUSE, SHORTEST_PAUSE, pause_after
from twelvelabs_provider.jobs.trigger_event import EventReason

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

log = logging.getLogger(__name__)

# Seconds after which everybody is woken to look at the clock, even if nothing has ended.
TICK = 30.0
# Seconds by which a wait reaches back before the worker's last look, for clocks that differ.
MARGIN = 60.0
# Those who wait are told in so many turns, and the loop can do other things in between.
PARTS = 64
# Seconds between two looks at least, however many join meanwhile.
SPACING = 2.0
# Seconds by which a trigger that joins must need its look earlier to wake the poll: thousands join in a burst.
WAKE_STEP = 0.1
# Seconds for which the service can hold back a poll with Retry-After; each wait has its deadline all the same.
LONGEST_HOLD = 3600.0


@dataclass(frozen=True)
class PollKey:
    """What one poll serves.

    :param poll_interval: seconds between looks; None lets it grow from 5 to 60 seconds.
    :param part: which of those who wait, see :func:`part_of`; all parts are served by the same poll.
    """

    twelvelabs_conn_id: str
    kind: JobKind
    index_id: str | None
    poll_interval: float | None
    part: int = 0

    @property
    def poll(self) -> PollKey:
        """What all parts have in common."""
        return replace(self, part=0)


def part_of(job_id: str) -> int:
    """Return which part of those who wait a job belongs to.

    Airflow tells everybody who shares a stream at once; ten thousand would keep its loop busy for a second.
    """
    return crc32(job_id.encode()) % PARTS


@dataclass(frozen=True)
class Trouble:
    """Why the poll cannot serve anybody now."""

    reason: EventReason
    message: str


@dataclass(frozen=True)
class Snapshot:
    """All that the poll knows, so that whoever joins late loses nothing.

    :param ended: by id.
    :param trouble: why there is nothing to know.
    :param listed: False where the service refuses the list: everybody looks for itself.
    """

    ended: Mapping[str, ListedJob] = field(repr=False)
    trouble: Trouble | None = None
    listed: bool = True


@dataclass(frozen=True, eq=False)
class Wait:
    """One trigger that takes part in a poll.

    :param part: see :func:`part_of`.
    :param job_ids: the jobs that it waits for.
    :param started_at: epoch seconds at which the youngest of them was submitted.
    :param running_at: epoch seconds at which all were last seen running.
    :param created_at: epoch seconds before which none of them was created, by the clock of the service.
    """

    part: int
    job_ids: Collection[str]
    started_at: float
    running_at: float
    created_at: float


@dataclass
class _Waits:
    """The triggers that take part in one poll, and what is new since its last look.

    :param back_to: epoch seconds; how far back the next look has to read.
    :param due: epoch seconds at which a trigger that joined since the last look needs one.
    :param new_parts: parts that have not been sent a snapshot yet.
    :param changed: set when ``due`` moved forward.
    """

    poll_interval: float | None
    waits: dict[Wait, None] = field(default_factory=dict)
    back_to: float = float("inf")
    due: float = float("inf")
    new_parts: set[int] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, wait: Wait) -> None:
        """Add a trigger; the next look comes in time for its jobs."""
        self.waits[wait] = None
        self.back_to = min(self.back_to, wait.running_at - MARGIN)
        self.new_parts.add(wait.part)
        waited = wait.running_at - wait.started_at
        due = wait.running_at + pause_after(waited, self.poll_interval, random.random())
        if due < self.due - WAKE_STEP:
            self.due = due
            self.changed.set()

    def remove(self, wait: Wait) -> None:
        """Remove a trigger; other triggers may still wait for its jobs."""
        self.waits.pop(wait, None)

    async def change(self, timeout: float) -> None:
        """Return when a trigger needs a look sooner than planned, or after some seconds."""
        self.changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, timeout)):
                await self.changed.wait()

    def parts_of(self, job_ids: Collection[str]) -> set[int]:
        """Return the parts for which it is news that some jobs have ended."""
        if not job_ids:
            return set()
        news, parts = set(job_ids), {part_of(job_id) for job_id in job_ids}
        # A trigger that waits for many jobs is in the part of its first one.
        return parts | {wait.part for wait in self.waits if len(wait.job_ids) > 1 and news & set(wait.job_ids)}

    def youngest(self) -> float:
        """Return the epoch seconds at which the youngest job was submitted."""
        return max((wait.started_at for wait in self.waits), default=0.0)

    def read_again(self) -> None:
        """Have the next look read back as far as any trigger needs, for a poll that knows nothing yet."""
        self.back_to = min([self.back_to, *(wait.running_at - MARGIN for wait in self.waits)])

    def wanted(self) -> AwaitedJobs:
        """Return what the next look is for, and count on its being read."""
        back_to, self.back_to, self.due = self.back_to, float("inf"), float("inf")
        created: dict[str, float] = {}
        for wait in self.waits:
            for job_id in wait.job_ids:
                created[job_id] = min(created.get(job_id, float("inf")), wait.created_at)
        return AwaitedJobs(back_to, created)


# Airflow passes only one trigger's arguments to the shared stream, so the other triggers register theirs here.
_waiting: dict[PollKey, _Waits] = {}


def _waits_of(key: PollKey) -> _Waits:
    return _waiting.setdefault(key.poll, _Waits(key.poll_interval))


def _forget_unused(key: PollKey) -> None:
    """Drop what is kept about a poll that no trigger takes part in any more."""
    waits = _waiting.get(key.poll)
    if waits is not None and not waits.waits and key.poll not in _polls:
        del _waiting[key.poll]


@contextmanager
def taking_part(key: PollKey, wait: Wait) -> Iterator[None]:
    """Take part in a poll."""
    waits = _waits_of(key)
    waits.add(wait)
    try:
        yield
    finally:
        waits.remove(wait)
        _forget_unused(key)


async def snapshots(key: PollKey) -> AsyncIterator[Snapshot]:
    """Yield the snapshots of a poll, which starts with its first listener and stops with its last one.

    Errors are part of a snapshot; nothing is raised.
    """
    shared = _polls.get(key.poll)
    if shared is None or shared.ended:
        shared = _polls[key.poll] = _SharedPoll(key.poll)
    queue = shared.join(key.part)
    # A trigger may take part before its part listens.
    _waits_of(key).new_parts.add(key.part)
    try:
        while True:
            yield await queue.get()
    finally:
        shared.leave(key.part, queue)
        if shared.ended and _polls.get(key.poll) is shared:
            del _polls[key.poll]
        _forget_unused(key)


class _SharedPoll:
    """One poll, and the parts of those who wait that listen to it."""

    def __init__(self, key: PollKey) -> None:
        self._parts: dict[int, asyncio.Queue[Snapshot]] = {}
        self._left = False
        self._telling = asyncio.create_task(self._tell(key))

    @property
    def ended(self) -> bool:
        """Whether nobody will be told anything any more."""
        return self._left or self._telling.done()

    def join(self, part: int) -> asyncio.Queue[Snapshot]:
        """Return what a part will be told."""
        told = self._parts[part] = asyncio.Queue()
        return told

    def leave(self, part: int, told: asyncio.Queue[Snapshot]) -> None:
        """Tell a part no more; somebody may have joined it anew meanwhile."""
        if self._parts.get(part) is told:
            del self._parts[part]
        if not self._parts:
            self._left = True
            self._telling.cancel()

    async def _tell(self, key: PollKey) -> None:
        async for snapshot, concerned in _polled(key):
            for part in concerned:
                if told := self._parts.get(part):
                    told.put_nowait(snapshot)
                    await asyncio.sleep(0)


_polls: dict[PollKey, _SharedPoll] = {}


async def _polled(key: PollKey) -> AsyncIterator[tuple[Snapshot, Iterable[int]]]:
    """Poll for ever; yield what is known, and which parts it is news for."""
    while True:
        poll = _Poll(key)
        try:
            async with aclosing(poll.run()) as looks:
                async for snapshot, concerned in looks:
                    yield snapshot, concerned
        except (TwelveLabsBadRequestError, TwelveLabsUnsupportedError, _ListRefusedError) as error:
            log.warning("Cannot list %s, every wait polls its own job: %s", key.kind.value, error)
            async for snapshot, concerned in _repeated(_waits_of(key), Snapshot({}, listed=False)):
                yield snapshot, concerned
            continue
        except (TwelveLabsError, _GivenUpError) as error:
            last = _troubled(str(error))
        except Exception as error:
            log.exception("The poll of %s failed; the jobs continue", key.kind.value)
            last = _troubled(f"{type(error).__name__}: {error}")
        yield last, range(PARTS)
        # A trigger that joins now gets an attempt of its own.
        await asyncio.sleep(min(SHORTEST_PAUSE, key.poll_interval or SHORTEST_PAUSE))


async def _repeated(waits: _Waits, snapshot: Snapshot) -> AsyncIterator[tuple[Snapshot, Iterable[int]]]:
    """Yield a snapshot for all parts, then for those that triggers join, for a minute."""
    until, concerned = time.time() + LONGEST_PAUSE, set(range(PARTS))
    while (left := until - time.time()) > 0:
        if concerned:
            yield snapshot, concerned
        await waits.change(left)
        concerned, waits.new_parts, waits.due = waits.new_parts, set(), float("inf")


def _troubled(message: str) -> Snapshot:
    return Snapshot({}, Trouble(EventReason.UNREACHABLE, message))


class _GivenUpError(Exception):
    """The polls have failed for too long; the message is the reason."""


class _ListRefusedError(Exception):
    """The service refuses the list, but not the reading of a single job."""


class _Poll:
    """One poll: when it looks, and what it does about failures."""

    def __init__(self, key: PollKey) -> None:
        self._key = key
        self._waits = _waits_of(key)
        self._waits.read_again()
        self._jobs = FinishedJobs(key.kind, key.index_id, time.time())
        self._outage = Outage()
        self._looked_at = 0.0
        self._next_look = float("inf")
        self._not_before = 0.0
        self._told_at = time.time()
        self._hook: TwelveLabsAsyncHook | None = None

    async def run(self) -> AsyncGenerator[tuple[Snapshot, Iterable[int]]]:
        """Look when a job may have to be noticed; yield what is known, and which parts it is news for."""
        try:
            while True:
                concerned: set[int] = set()
                if time.time() >= self._due():
                    concerned = await self._look()
                if time.time() - self._told_at >= TICK:
                    self._told_at = time.time()
                    concerned.update(range(PARTS))
                if concerned:
                    yield Snapshot(self._jobs.found), concerned
                await self._waits.change(min(self._due(), self._told_at + TICK) - time.time())
        finally:
            await self._disconnect()

    def _due(self) -> float:
        """Return the epoch seconds of the next look."""
        if not self._waits.waits:
            return float("inf")
        interval = self._key.poll_interval
        spacing = SPACING if not interval or interval <= 0 else min(SPACING, interval / 2)
        return max(min(self._next_look, self._waits.due), self._looked_at + spacing, self._not_before)

    async def _look(self) -> set[int]:
        """Look once; after a failure the next look reads the connection again, so that a rotated key goes unnoticed."""
        waits = self._waits
        concerned, waits.new_parts = waits.new_parts, set()
        youngest, wanted = waits.youngest(), waits.wanted()
        self._looked_at = time.time()
        pause = pause_after(self._looked_at - youngest, self._key.poll_interval, random.random())
        try:
            concerned |= waits.parts_of(await self._jobs.poll(await self._connected(), wanted))
            self._outage.end()
        except TwelveLabsError as error:
            waits.back_to = min(wanted.back_to, waits.back_to)
            waits.new_parts |= concerned
            concerned = set()
            await self._disconnect()
            await self._bear(error, wanted)
            pause = self._outage.pause(pause)
        self._next_look = self._looked_at + pause
        return concerned

    async def _bear(self, error: TwelveLabsError, wanted: AwaitedJobs) -> None:
        """Return if the next look may succeed.

        :raises _GivenUpError: the looks have failed for too long.
        """
        if isinstance(error, TwelveLabsBadRequestError | TwelveLabsUnsupportedError):
            raise error
        now = time.time()
        if self._outage.tolerates(error, f"the list of {self._key.kind.value}", now):
            # An empty loop between failures would keep the triggerer busy.
            self._not_before = now + min(error.retry_after or 0.0, LONGEST_HOLD)
            return
        if isinstance(error, TwelveLabsPermanentError) and await self._answers_for_one(wanted):
            raise _ListRefusedError(str(error)) from error
        raise _GivenUpError(ended_by(error, self._outage, now)) from error

    async def _answers_for_one(self, wanted: AwaitedJobs) -> bool:
        """Return whether the service tells about one of the jobs, although it refuses the list."""
        job_id = next(iter(wanted.created), None)
        if job_id is None:
            return False
        try:
            hook = await self._connected()
            await hook.execute(read_state(hook.api, JobRef(self._key.kind, job_id, self._key.index_id)))
        except TwelveLabsError as error:
            return is_missing(error)
        return True

    async def _connected(self) -> TwelveLabsAsyncHook:
        from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

        if self._hook is None:
            self._hook = await TwelveLabsAsyncHook(self._key.twelvelabs_conn_id).__aenter__()
        return self._hook

    async def _disconnect(self) -> None:
        if self._hook is not None:
            hook, self._hook = self._hook, None
            await hook.__aexit__(None, None, None)
