"""The trigger that tells of every video that becomes ready in an index, for event-driven DAGs."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from twelvelabs_provider.api.errors import TwelveLabsError, TwelveLabsNotFoundError, TwelveLabsPermanentError
from twelvelabs_provider.hooks.connection import DEFAULT_CONN_ID
from twelvelabs_provider.jobs.durations import Duration, seconds_of
from twelvelabs_provider.jobs.new_videos import LONGEST_INDEXING, EventWatermark, NewVideos, read_new_videos
from twelvelabs_provider.triggers.watermark import Memory, memory_of

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

log = logging.getLogger(__name__)

# Seconds between a look's last event and its watermark: the triggerer hands events to the database once a second. The
# other way round, a triggerer that dies in between would have lost them.
STORED = 3.0
# Seconds between looks at least, and after a refusal that only a person can end.
SHORTEST_PAUSE = 5.0
REFUSED_PAUSE = 300.0
LONGEST_PAUSE = 3600.0
# Seconds by which the clocks of this machine and of the service may differ.
MARGIN = 60.0
_JITTER = 0.1


class TwelveLabsVideoReadyTrigger(BaseEventTrigger):
    """Fires once for every video of an index that becomes ready; for an :class:`airflow.sdk.AssetWatcher`.

    It lists what was created since its watermark, which it keeps in the state store of the asset (Airflow 3.3 and
    newer; before, in an Airflow Variable ``twelvelabs_video_ready_...``), so that no restart of a triggerer loses a
    video. An event may come twice where a triggerer ends within the few seconds between storing the event and storing
    the watermark: its payload names the video, by which a DAG tells that it has done it already. A video that takes
    longer than a day to be indexed is not waited for.

    It never ends and never raises: passing failures and refusals are logged, and it looks again.

    The event's payload: ``index_id``, ``video_id``, ``asset_id``, ``filename``, ``duration`` in seconds,
    ``created_at`` (ISO time).

    :param index_name: the index, which need not be there yet.
    :param index_id: the index, instead of its name.
    :param twelvelabs_conn_id: connection; only its id is stored.
    :param poll_interval: seconds (or a timedelta) between looks, 5 at least, None means 60; each costs a request, or
        two where pages are many.
    :param since: ISO time; when it looks for the first time, videos created since are told of too. None: only what
        becomes ready from then on.
    """

    def __init__(
        self,
        index_name: str | None = None,
        index_id: str | None = None,
        twelvelabs_conn_id: str = DEFAULT_CONN_ID,
        poll_interval: Duration | None = 60.0,
        since: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        if bool(index_name) == bool(index_id):
            # The one error that a triggerer takes from a constructor.
            raise TypeError("give index_name or index_id")
        self.index_name = index_name
        self.index_id = index_id
        self.twelvelabs_conn_id = twelvelabs_conn_id
        self.poll_interval = 60.0 if poll_interval is None else seconds_of("poll_interval", poll_interval, or_zero=True)
        self.since = since
        self._found_id: str | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to make this trigger again."""
        fields = {
            "index_name": self.index_name,
            "index_id": self.index_id,
            "twelvelabs_conn_id": self.twelvelabs_conn_id,
            "poll_interval": self.poll_interval,
            "since": self.since,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", fields

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for every video that becomes ready, for ever."""
        memory = memory_of(getattr(self, "asset_state_store", None), self._key())
        saved: EventWatermark | None = None
        told: EventWatermark | None = None
        while True:
            pause, news = self._pause(), None
            try:
                saved = saved or await self._remembered(memory)
                told = told or saved
                news = await self._look(told)
            except Exception as error:
                pause = max(pause, _pause_after(error, self._index()))
            if news is not None:
                for video in news.ready:
                    yield TriggerEvent(video.as_payload())  # type: ignore[no-untyped-call]
                if news.ready:
                    log.info("%d videos became ready in index %s", len(news.ready), self._index())
                told = news.told
                saved = await self._saved(memory, told, saved, bool(news.ready))
            await asyncio.sleep(pause)

    async def _remembered(self, memory: Memory) -> EventWatermark | None:
        """Return the watermark; what cannot be read is an error, since nobody would know what was told."""
        value = await memory.load()
        return None if value is None else EventWatermark.from_json(value)

    async def _saved(
        self, memory: Memory, told: EventWatermark, saved: EventWatermark | None, with_events: bool
    ) -> EventWatermark | None:
        """Keep the watermark, and return what is kept; a failure is made up for after the next look."""
        if told == saved:
            return saved
        try:
            if with_events:
                await asyncio.sleep(STORED)
                # Airflow answers in the order in which it is asked: the events were handed over before this.
                await memory.load()
            await memory.save(told.as_json())
        except Exception as error:
            log.warning("what was told of index %s could not be kept, and is kept later: %r", self._index(), error)
            return saved
        return told

    async def _look(self, told: EventWatermark | None) -> NewVideos:
        from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

        now = time.time()
        async with TwelveLabsAsyncHook(self.twelvelabs_conn_id) as hook:
            try:
                index_id, known = await self._resolved(hook), told or self._beginning()
                if index_id is None:
                    return NewVideos((), known or EventWatermark(now - MARGIN))
                if known:
                    return await read_new_videos(hook, index_id, known, now)
                # What is ready already is nothing new; what is on its way is.
                first = await read_new_videos(hook, index_id, EventWatermark(now - LONGEST_INDEXING), now)
                return NewVideos((), first.told)
            except TwelveLabsNotFoundError:
                # Another index may bear the name by now.
                self._found_id = None
                raise

    def _beginning(self) -> EventWatermark | None:
        moment = pendulum.parse(self.since) if self.since else None
        return EventWatermark(moment.timestamp()) if isinstance(moment, pendulum.DateTime) else None

    async def _resolved(self, hook: TwelveLabsAsyncHook) -> str | None:
        if self.index_id or self._found_id:
            return self.index_id or self._found_id
        index = await hook.execute(hook.api.find_index(str(self.index_name)))
        self._found_id = index.id if index else None
        return self._found_id

    def _index(self) -> str:
        return str(self.index_id or self.index_name)

    def _key(self) -> str:
        identity = "\0".join((self.twelvelabs_conn_id, str(self.index_id), str(self.index_name)))
        return f"video_ready_{hashlib.sha256(identity.encode()).hexdigest()[:16]}"

    def _pause(self) -> float:
        return max(SHORTEST_PAUSE, self.poll_interval) * (1 - _JITTER * random.random())


def _pause_after(error: Exception, index: str) -> float:
    """Say what went wrong, and return the seconds to leave the service alone."""
    if isinstance(error, TwelveLabsPermanentError):
        log.error("index %s cannot be watched until somebody puts this right: %s", index, error)
        return REFUSED_PAUSE
    if isinstance(error, TwelveLabsError):
        log.warning("index %s could not be looked at and is left alone: %s", index, error)
        return min(error.retry_after or 0.0, LONGEST_PAUSE)
    log.error("the look at index %s broke off: %r", index, error, exc_info=error)
    return 0.0
