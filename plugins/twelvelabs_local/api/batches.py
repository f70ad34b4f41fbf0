"""Batches of analyses: created whole or not at all, ended item by item."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from twelvelabs_local.api.analysis_request import MODES, check_request
from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.entry import Entry, Errors
from twelvelabs_local.api.lists import listing, one_of, read_paging, refuse_unknown
from twelvelabs_local.errors import ServiceError, invalid, missing, not_exist, unknown
from twelvelabs_local.store.analyses import Analysis
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.batches import (
    ACTIVE,
    ENDED,
    Batch,
    active_batches,
    cancel_batch,
    create_batch,
    delete_batch,
    expire_batches,
    item_counts,
    item_status,
    items_of,
)
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.webhooks import reports_of

MODEL = "pegasus1.5"
MOST_ITEMS = 1000
MOST_SECONDS = 2000 * 3600.0
MOST_ACTIVE = 5
OPTIONS = (
    "prompt",
    "response_format",
    "temperature",
    "max_tokens",
    "min_segment_duration",
    "max_segment_duration",
    "start_time",
    "end_time",
)


async def create(call: Call) -> Response:
    """POST /analyze/batches."""
    body = await call.body(("model_name", "analysis_mode", "defaults", "requests"))
    requests = _requests(body)
    # a thousand assets are looked up and a thousand tasks written
    created = await run_in_threadpool(_create, call.db, body, requests)
    call.work_to_do()
    return answer(created, 201, call.counted("analyze"))


def _requests(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the request of every item, its own words before the defaults.

    :raises ServiceError: for the first thing that is wrong.
    """
    for name in ("model_name", "analysis_mode", "requests"):
        if body.get(name) is None:
            raise missing(name)
    if body["model_name"] != MODEL:
        raise invalid("model_name", f"It is {body['model_name']!r}; batches need {MODEL}.")
    items, defaults = body["requests"], body.get("defaults") or {}
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
        raise invalid("requests", f"It must hold 1 to {MOST_ITEMS:,} requests.")
    if not isinstance(defaults, dict):
        raise invalid("defaults", "It must be an object.")
    if extra := set(defaults) - set(OPTIONS):
        raise unknown([f"defaults.{name}" for name in extra])
    found = [_request(body, defaults, item, f"requests[{number}]") for number, item in enumerate(items)]
    _refuse_repeated([request["custom_id"] for request in found if "custom_id" in request])
    return found


def _request(body: Mapping[str, Any], defaults: Mapping[str, Any], item: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(item, dict):
        raise invalid(place, "It must be an object.")
    if extra := set(item) - {"video", "custom_id", *OPTIONS}:
        raise unknown([f"{place}.{name}" for name in extra])
    video = item.get("video")
    if not isinstance(video, dict) or video.get("type") != "asset_id":
        raise invalid(f"{place}.video", "It must be an object whose type is asset_id.")
    request = {**defaults, **{name: value for name, value in item.items() if value is not None}}
    if "prompt" in request:
        # a batch knows only the structured prompt, which an analysis task calls by another name
        request["prompt_v2"] = request.pop("prompt")
    request |= {"model_name": body["model_name"], "analysis_mode": body["analysis_mode"]}
    try:
        check_request(request)
    except ServiceError as error:
        raise ServiceError(400, error.code, f"{place}: {error.message}") from error
    return request


def _refuse_repeated(custom_ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for custom_id in custom_ids:
        if custom_id in seen:
            raise invalid("requests.custom_id", f"{custom_id!r} is given twice in this batch.")
        seen.add(custom_id)


def _create(db: Database, body: Mapping[str, Any], requests: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    expire_batches(db)
    _check_assets(db, {request["video"]["asset_id"] for request in requests}, requests)
    with db.transaction():
        if active_batches(db) >= MOST_ACTIVE:
            message = f"You already have {MOST_ACTIVE} active batches. Wait until one of them has ended."
            raise ServiceError(429, "too_many_requests", message)
        batch = create_batch(db, body["analysis_mode"], body["model_name"], requests)
        items = [{"task_id": item.id, "custom_id": item.custom_id} for item in items_of(db, batch.id)]
    return {
        "batch_id": batch.id,
        "status": batch.status,
        "total_items": batch.total_items,
        "created_at": batch.created_at,
        "expires_at": batch.expires_at,
        "items": items,
    }


def _check_assets(db: Database, asset_ids: set[str], requests: Sequence[Mapping[str, Any]]) -> None:
    durations: dict[str, float] = {}
    for asset_id in sorted(asset_ids):
        asset = db.find(Asset, id=asset_id)
        if asset is None:
            raise not_exist(asset_id, "assets")
        probe = asset.probe
        if asset.status != "ready" or probe is None:
            message = f"The asset {asset_id} is {asset.status}. Wait until it is ready, then send the batch again."
            raise ServiceError(409, "asset_not_ready", message)
        durations[asset_id] = probe.duration
    total = sum(durations[request["video"]["asset_id"]] for request in requests)
    if total > MOST_SECONDS:
        raise invalid("requests", f"They hold {total / 3600:,.1f} hours of video; a batch may hold 2,000.")


async def list_all(call: Call) -> Response:
    """GET /analyze/batches."""
    expire_batches(call.db)
    query = call.request.query_params
    refuse_unknown(query, ("page", "page_limit", "status", "analysis_mode"))
    conditions = [
        *one_of(query, "status", "status", (*ACTIVE, *ENDED)),
        *one_of(query, "analysis_mode", "analysis_mode", MODES),
    ]
    page = call.db.page(Batch, conditions, read_paging(query, call.dialect))

    def body(batch: Batch) -> Mapping[str, Any]:
        return batch_body(call.db, batch)

    return answer(listing(page, body))


async def read(call: Call) -> Response:
    """GET /analyze/batches/{batch_id}."""
    return answer(batch_body(call.db, _batch(call)))


async def results(call: Call) -> Response:
    """GET /analyze/batches/{batch_id}/results."""
    return StreamingResponse(_lines(call.db, _batch(call).id), media_type="application/jsonl")


def _lines(db: Database, batch_id: str) -> Iterator[bytes]:
    for item in items_of(db, batch_id):
        yield json.dumps(_result(db, item), ensure_ascii=False).encode() + b"\n"


def _result(db: Database, item: Analysis) -> Mapping[str, Any]:
    line: dict[str, Any] = {"task_id": item.id, "custom_id": item.custom_id, "status": item_status(item.status)}
    if item.status == "ready":
        line["data"] = item.result
    if item.status == "failed":
        line["error"] = {"message": item.error_message or "The analysis failed."}
        if db.find(Asset, id=item.asset_id) is None:
            line["error"] = {"code": "asset_unavailable", **line["error"]}
    return line


async def cancel(call: Call) -> Response:
    """POST /analyze/batches/{batch_id}/cancel."""
    batch = _batch(call)
    if batch.status in ENDED:
        raise ServiceError(409, f"batch_{batch.status}", f"The batch {batch.id} is {batch.status} already.")
    cancel_batch(call.db, batch.id)
    return answer(batch_body(call.db, _batch(call)), 202)


async def delete(call: Call) -> Response:
    """DELETE /analyze/batches/{batch_id}."""
    batch = _batch(call)
    if batch.status not in ENDED:
        message = f"The batch {batch.id} is {batch.status}; cancel it, or wait for its end."
        raise ServiceError(409, "batch_not_terminal", message)
    await run_in_threadpool(delete_batch, call.db, batch.id)
    return done()


def _batch(call: Call) -> Batch:
    expire_batches(call.db)
    return call.found("batch_id", "batches", Batch)


def batch_body(db: Database, batch: Batch) -> Mapping[str, Any]:
    """Return a batch as the service shows it."""
    counts = item_counts(db, batch.id)
    body: dict[str, Any] = {
        "batch_id": batch.id,
        "analysis_mode": batch.analysis_mode,
        "model_name": batch.model_name,
        "status": batch.status,
        "total_items": batch.total_items,
        "created_at": batch.created_at,
        "expires_at": batch.expires_at,
        **{f"{status}_items": count for status, count in counts.items()},
    }
    if batch.ended_at:
        body[f"{batch.status}_at"] = batch.ended_at
    if reports := reports_of(db, batch.id):
        body["webhooks"] = reports
    return body


ROUTES: Sequence[Entry] = (
    ("POST", "/analyze/batches", create, Errors.WRAPPED),
    ("GET", "/analyze/batches", list_all, Errors.WRAPPED),
    ("GET", "/analyze/batches/{batch_id}", read, Errors.WRAPPED),
    ("DELETE", "/analyze/batches/{batch_id}", delete, Errors.WRAPPED),
    ("GET", "/analyze/batches/{batch_id}/results", results, Errors.WRAPPED),
    ("POST", "/analyze/batches/{batch_id}/cancel", cancel, Errors.WRAPPED),
)
