"""Delivery of webhook events: signed like the service's, with retries."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool

from twelvelabs_local.store.analyses import Analysis
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.batches import Batch, item_counts
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.store.videos import Task, Video
from twelvelabs_local.store.webhooks import (
    Delivery,
    Event,
    Webhook,
    all_webhooks,
    due_deliveries,
    new_events,
    save_attempt,
    send_event,
)

POLL_INTERVAL = 0.5
"""Seconds between two looks for events, which the worker process creates. Without webhooks nothing is polled."""

RESPONSE_TIMEOUT = 10.0

log = logging.getLogger("twelvelabs_local.webhook_sender")


def signature(body: bytes, secret: str, moment: int) -> str:
    """Return the ``TL-Signature`` header.

    :param moment: epoch seconds.
    """
    mac = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={mac.hexdigest()}"


class WebhookSender:
    """Sends events to the webhooks while the server runs.

    :param db: the database with the events and webhooks.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._changed = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def webhooks_changed(self) -> None:
        """Look for webhooks now."""
        self._changed.set()

    async def start(self) -> None:
        """Start to send events."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop. The next start sends the pending deliveries."""
        if self._loop:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            webhooks = await run_in_threadpool(all_webhooks, self._db)
            if webhooks:
                try:
                    await self._send_due({webhook.url: webhook for webhook in webhooks})
                except Exception:
                    log.exception("sending webhook events failed; retrying in %g s", POLL_INTERVAL)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), POLL_INTERVAL if webhooks else None)

    async def _send_due(self, webhooks: Mapping[str, Webhook]) -> None:
        await run_in_threadpool(self._queue_deliveries)
        due = await run_in_threadpool(due_deliveries, self._db, time.time())
        await asyncio.gather(*(self._attempt(delivery, webhooks[delivery.url]) for delivery in due))

    def _queue_deliveries(self) -> None:
        for event in new_events(self._db):
            data = _data(self._db, event)
            body = {"id": event.id, "created_at": event.created_at, "type": event.type, "data": data}
            send_event(self._db, event, json.dumps(body, ensure_ascii=False) if data is not None else None)

    async def _attempt(self, delivery: Delivery, webhook: Webhook) -> None:
        error = await _post(delivery.body.encode(), webhook)
        next_at = None
        if error is not None and delivery.attempts + 1 < webhook.attempts:
            next_at = time.time() + webhook.retry_seconds * 2**delivery.attempts
        await run_in_threadpool(save_attempt, self._db, delivery, error, next_at)


async def _post(body: bytes, webhook: Webhook) -> str | None:
    """Send a request; return the reason of a failure, or None."""
    import httpx

    headers = {"content-type": "application/json", "TL-Signature": signature(body, webhook.secret, int(time.time()))}
    try:
        async with httpx.AsyncClient(timeout=RESPONSE_TIMEOUT) as client:
            response = await client.post(webhook.url, content=body, headers=headers)
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    return None if response.is_success else f"The endpoint answered {response.status_code}."


def _data(db: Database, event: Event) -> Mapping[str, Any] | None:
    """Return the ``data`` of an event, or None when its subject was deleted."""
    if event.type.startswith("index."):
        return _video(db, event.subject)
    return _batch(db, event.subject) if event.type.startswith("analyze.batch.") else _analysis(db, event.subject)


def _video(db: Database, video_id: str) -> Mapping[str, Any] | None:
    video = db.find(Video, id=video_id)
    index = db.find(Index, id=video.index_id) if video else None
    if video is None or index is None:
        return None
    # a video that was indexed from an asset has no task, so its own id is sent
    task = db.find(Task, video_id=video_id)
    models = [{"name": model.name, "options": list(model.options)} for model in index.named_models()]
    data = {
        "id": task.id if task else video.id,
        "metadata": {"duration": video.duration},
        "status": video.status,
        "engines" if index.legacy else "models": models,
        "tags": [],
    }
    return {**data, "error": {"message": video.error_message}} if video.error_message else data


def _analysis(db: Database, task_id: str) -> Mapping[str, Any] | None:
    task = db.find(Analysis, id=task_id)
    if task is None:
        return None
    asset = db.find(Asset, id=task.asset_id)
    source = dict(task.request["video"])
    if asset and asset.probe:
        source["system_metadata"] = {"duration": asset.probe.duration}
    data = {
        "id": task.id,
        "custom_id": task.custom_id,
        "created_at": task.created_at,
        "status": task.status,
        "video_source": source,
    }
    return {**data, "error": {"message": task.error_message}} if task.error_message else data


def _batch(db: Database, batch_id: str) -> Mapping[str, Any] | None:
    batch = db.find(Batch, id=batch_id)
    if batch is None:
        return None
    counts = {f"{status}_items": count for status, count in item_counts(db, batch_id).items()}
    data = {"id": batch.id, "created_at": batch.created_at, "status": batch.status, "total_items": batch.total_items}
    return {**data, **counts}
