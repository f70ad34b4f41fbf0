"""One poll in the triggerer for all waits of a connection, a kind and a scope."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from zlib import crc32

from twelvelabs_provider.api.errors import (
    TwelveLabsBadRequestError,
    TwelveLabsError,
    TwelveLabsPermanentError,
    TwelveLabsRateLimitError,
    TwelveLabsUnsupportedError,
)
from twelvelabs_provider.jobs.ended import EndedJobs, Sighting, Wanted
from twelvelabs_provider.jobs.job import JobKind
from twelvelabs_provider.jobs.patience import LONGEST_SILENCE
from twelvelabs_provider.jobs.waiting import LONGEST_PAUSE, SHORTEST_PAUSE, grown_pause
from twelvelabs_provider.jobs.wake import WakeReason

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

log = logging.getLogger(__name__)

# Seconds after which everybody is woken to look at the clock, even if nothing has ended.
TICK = 30.0
# Seconds by which a wait reaches back before the worker's last look, for clocks that differ.
MARGIN = 60.0
# Those who wait are told in so many turns, and the loop can do other things in between.
PARTS = 64
_JITTER = 0.15


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

    reason: WakeReason
    message: str


@dataclass(frozen=True)
class Snapshot:
    """All that the poll knows, so that whoever joins late loses nothing.

    :param ended: by id.
    :param trouble: why there is nothing to know.
    :param listed: False where the service refuses the list: everybody looks for itself.
    """

    ended: Mapping[str, Sighting] = field(repr=False)
    trouble: Trouble | None = None
    listed: bool = True


@dataclass
class _Waiting:
    """Those who take part in one poll.

    :param started_at: epoch seconds at which each job was submitted, by its id.
    :param back_to: epoch seconds; how far back somebody new wants the poll to look.
    :param joined_at: epoch seconds at which the last one joined.
    :param new_parts: where somebody has not been told anything yet.
    :param other_parts: where somebody waits for many jobs, by the id of each that is of another part.
    """

    started_at: dict[str, float] = field(default_factory=dict)
    back_to: float = float("inf")
    joined_at: float = 0.0
    new_parts: set[int] = field(default_factory=set)
    other_parts: dict[str, set[int]] = field(default_factory=dict)

    def parts_of(self, job_ids: Iterable[str]) -> set[int]:
        """Return the parts for which it is news that some jobs have ended."""
        return {part for job_id in job_ids for part in (part_of(job_id), *self.other_parts.get(job_id, ()))}

    def wanted(self) -> Wanted:
        """Return what all of them want to know, and count on its being read."""
        back_to, self.back_to = self.back_to, float("inf")
        return Wanted(back_to, min(self.started_at.values(), default=time.time()) - MARGIN, tuple(self.started_at))


# Airflow hands a poll the arguments of one of its triggers only; what the others want of it is left here for it.
_waiting: dict[PollKey, _Waiting] = {}


@contextmanager
def taking_part(key: PollKey, job_ids: Collection[str], started_at: float, running_at: float) -> Iterator[None]:
    """Take part in a poll with some jobs.

    :param started_at: epoch seconds at which the oldest of them was submitted.
    :param running_at: epoch seconds at which all were last seen running.
    """
    waiting = _waiting.setdefault(key.poll, _Waiting())
    waiting.back_to = min(waiting.back_to, running_at - MARGIN)
    waiting.joined_at = time.time()
    waiting.new_parts.add(key.part)
    for job_id in job_ids:
        waiting.started_at[job_id] = started_at
        if key.part != part_of(job_id):
            waiting.other_parts.setdefault(job_id, set()).add(key.part)
    try:
        yield
    finally:
        for job_id in job_ids:
            waiting.started_at.pop(job_id, None)
            waiting.other_parts.pop(job_id, None)


async def snapshots(key: PollKey) -> AsyncIterator[Snapshot]:
    """Listen to the poll for ever, which begins with its first listener and ends with the last one.

    What goes wrong is told in a snapshot, nothing is raised.
    """
    shared = _polls.get(key.poll)
    if shared is None or shared.ended:
        shared = _polls[key.poll] = _SharedPoll(key.poll)
    told = shared.join(key.part)
    # Whoever takes part may have done so before its part listened.
    _waiting.setdefault(key.poll, _Waiting()).new_parts.add(key.part)
    try:
        while True:
            yield await told.get()
    finally:
        shared.leave(key.part, told)
        if shared.ended and _polls.get(key.poll) is shared:
            del _polls[key.poll]


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
    from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

    while True:
        pause = key.poll_interval or SHORTEST_PAUSE
        try:
            async with TwelveLabsAsyncHook(key.twelvelabs_conn_id) as hook:
                async for snapshot, concerned in _Poll(key, hook).run():
                    yield snapshot, concerned
        except (TwelveLabsBadRequestError, TwelveLabsUnsupportedError) as error:
            log.warning("%s cannot be listed (%s): every wait looks for itself", key.kind.value, error)
            last, pause = Snapshot({}, listed=False), LONGEST_PAUSE
        except TwelveLabsPermanentError as error:
            last = _troubled(WakeReason.REFUSED, str(error))
        except TwelveLabsError as error:
            last = _troubled(WakeReason.UNREACHABLE, str(error))
        except Exception as error:
            log.exception("the poll of %s broke off; the jobs themselves go on", key.kind.value)
            last = _troubled(WakeReason.UNREACHABLE, f"{type(error).__name__}: {error}")
        yield last, range(PARTS)
        # Whoever joins now gets an attempt of its own.
        await asyncio.sleep(pause)


def _troubled(reason: WakeReason, message: str) -> Snapshot:
    return Snapshot({}, Trouble(reason, message))


class _Poll:
    """The life of one poll over one connection."""

    def __init__(self, key: PollKey, hook: TwelveLabsAsyncHook) -> None:
        self._key = key
        self._hook = hook
        self._jobs = EndedJobs(key.kind, key.index_id, time.time())
        self._answered_at = self._told_at = time.time()

    async def run(self) -> AsyncIterator[tuple[Snapshot, Iterable[int]]]:
        """Look, tell whom it concerns, and wait; the rhythm does not drift with the time that a look takes."""
        next_look = time.time()
        while True:
            waiting = _waiting.setdefault(self._key, _Waiting())
            concerned, waiting.new_parts = waiting.new_parts, set()
            wanted = waiting.wanted()
            pause = self._pause(waiting)
            try:
                concerned |= waiting.parts_of(await self._jobs.look(self._hook, wanted))
                self._answered_at = time.time()
            except TwelveLabsError as error:
                waiting.back_to = min(wanted.back_to, waiting.back_to)
                pause = max(pause, self._borne(error))
            if time.time() - self._told_at >= TICK:
                self._told_at = time.time()
                concerned.update(range(PARTS))
            if concerned:
                yield Snapshot(self._jobs.found), concerned
            next_look = max(next_look + pause, time.time())
            await asyncio.sleep(next_look - time.time())

    def _pause(self, waiting: _Waiting) -> float:
        """A little less than the interval: a look takes its time, and several triggerers shall not look at once."""
        interval = self._key.poll_interval
        pause = interval if interval and interval > 0 else grown_pause(time.time() - waiting.joined_at)
        return pause * (1 - _JITTER * random.random())

    def _borne(self, error: TwelveLabsError) -> float:
        """Return the seconds to leave the service alone after an error; raise it where nobody waits any longer."""
        if isinstance(error, TwelveLabsPermanentError):
            raise error
        asked = error.retry_after or 0.0
        if isinstance(error, TwelveLabsRateLimitError):
            self._answered_at = time.time() + asked
        elif time.time() - self._answered_at > LONGEST_SILENCE:
            raise error
        log.warning("%s could not be listed and is left alone: %s", self._key.kind.value, error)
        return min(asked, LONGEST_PAUSE * 60)
