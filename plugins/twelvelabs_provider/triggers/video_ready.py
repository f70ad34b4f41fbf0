"""Trigger of event-driven DAGs that fires for every video that becomes ready in an index."""

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
from twelvelabs_provider.hooks.connection_type import DEFAULT_CONN_ID
from twelvelabs_provider.jobs.durations import Duration, seconds_of
from twelvelabs_provider.jobs.new_videos import LONGEST_INDEXING, EventWatermark, NewVideos, read_new_videos
from twelvelabs_provider.triggers.watermark import WatermarkStore, watermark_store

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

log = logging.getLogger(__name__)

# Seconds between the last event of a poll and its watermark. The triggerer writes events to the database once a second;
# a watermark that is written first would lose the events of a triggerer that dies in between.
STORE_DELAY = 3.0
# Seconds between polls at least, and after a refusal that a person has to resolve.
SHORTEST_PAUSE = 5.0
REFUSED_PAUSE = 300.0
LONGEST_PAUSE = 3600.0
# Seconds by which the clocks of this machine and of the service may differ.
MARGIN = 60.0
_JITTER = 0.1


class TwelveLabsVideoReadyTrigger(BaseEventTrigger):
    """Fires once for every video of an index that becomes ready; for an :class:`airflow.sdk.AssetWatcher`.

    It lists the videos that were created since its watermark. The watermark is kept in the state store of the asset
    (Airflow 3.3 and newer) or in an Airflow Variable ``twelvelabs_video_ready_...`` (before), so that a restart of the
    triggerer loses no video. An event can come twice if a triggerer dies in the seconds between an event and its
    watermark; the payload contains the video's id, so a DAG can recognise it. A video that takes longer than a day to
    be indexed is skipped.

    It never ends and never raises: errors are logged, and it polls again.

    The event's payload: ``index_id``, ``video_id``, ``asset_id``, ``filename``, ``duration`` in seconds,
    ``created_at`` (ISO time).

    :param index_name: the index, which may be created later.
    :param index_id: the index, instead of its name.
    :param twelvelabs_conn_id: connection; only its id is stored.
    :param poll_interval: seconds (or a timedelta) between polls, at least 5, None means 60; each poll costs one
        request, or a few for many new videos.
    :param since: ISO time; the first poll also fires for videos created since then. None: only for videos that become
        ready later.
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
            # The only error type that a triggerer accepts from a constructor.
            raise TypeError("give index_name or index_id")
        self.index_name = index_name
        self.index_id = index_id
        self.twelvelabs_conn_id = twelvelabs_conn_id
        self.poll_interval = 60.0 if poll_interval is None else seconds_of("poll_interval", poll_interval, or_zero=True)
        self.since = since
        self._found_id: str | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments of this trigger."""
        fields = {
            "index_name": self.index_name,
            "index_id": self.index_id,
            "twelvelabs_conn_id": self.twelvelabs_conn_id,
            "poll_interval": self.poll_interval,
            "since": self.since,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", fields

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for every video that becomes ready."""
        store = watermark_store(getattr(self, "asset_state_store", None), self._key())
        saved: EventWatermark | None = None
        watermark: EventWatermark | None = None
        while True:
            pause, new = self._pause(), None
            try:
                saved = saved or await self._load(store)
                watermark = watermark or saved
                new = await self._poll(watermark)
            except Exception as error:
                pause = max(pause, _pause_after(error, self._index()))
            if new is not None:
                for video in new.ready:
                    yield TriggerEvent(video.as_payload())  # type: ignore[no-untyped-call]
                if new.ready:
                    log.info("%d videos became ready in index %s", len(new.ready), self._index())
                watermark = new.watermark
                saved = await self._save(store, watermark, saved, bool(new.ready))
            await asyncio.sleep(pause)

    async def _load(self, store: WatermarkStore) -> EventWatermark | None:
        """Return the watermark.

        :raises ValueError: it cannot be read, so nothing says which videos have had their event.
        """
        value = await store.load()
        return None if value is None else EventWatermark.from_json(value)

    async def _save(
        self, store: WatermarkStore, watermark: EventWatermark, saved: EventWatermark | None, with_events: bool
    ) -> EventWatermark | None:
        """Save the watermark and return the saved one; a failed save is repeated after the next poll."""
        if watermark == saved:
            return saved
        try:
            if with_events:
                await asyncio.sleep(STORE_DELAY)
                # Airflow answers in order, so the events have been handed over before this response.
                await store.load()
            await store.save(watermark.as_json())
        except Exception as error:
            log.warning("Could not save the watermark of index %s, trying again later: %r", self._index(), error)
            return saved
        return watermark

    async def _poll(self, watermark: EventWatermark | None) -> NewVideos:
        from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

        now = time.time()
        async with TwelveLabsAsyncHook(self.twelvelabs_conn_id) as hook:
            try:
                index_id, known = await self._resolve_index(hook), watermark or self._first_watermark()
                if index_id is None:
                    return NewVideos((), known or EventWatermark(now - MARGIN))
                if known:
                    return await read_new_videos(hook, index_id, known, now)
                # Videos that are already ready get no event, videos that are being indexed do.
                first = await read_new_videos(hook, index_id, EventWatermark(now - LONGEST_INDEXING), now)
                return NewVideos((), first.watermark)
            except TwelveLabsNotFoundError:
                # The name may belong to another index by now.
                self._found_id = None
                raise

    def _first_watermark(self) -> EventWatermark | None:
        moment = pendulum.parse(self.since) if self.since else None
        return EventWatermark(moment.timestamp()) if isinstance(moment, pendulum.DateTime) else None

    async def _resolve_index(self, hook: TwelveLabsAsyncHook) -> str | None:
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
    """Log an error, and return the seconds before the next poll."""
    if isinstance(error, TwelveLabsPermanentError):
        log.error("Cannot poll index %s until this is resolved: %s", index, error)
        return REFUSED_PAUSE
    if isinstance(error, TwelveLabsError):
        log.warning("Could not poll index %s, polling again: %s", index, error)
        return min(error.retry_after or 0.0, LONGEST_PAUSE)
    log.error("The poll of index %s failed: %r", index, error, exc_info=error)
    return 0.0
