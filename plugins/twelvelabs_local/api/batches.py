"""Batches of analyses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from twelvelabs_local.api.analysis_request import AnalysisTaskRequest, Mode
from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.endpoint import Endpoint, ErrorFormat
from twelvelabs_local.api.lists import PageQuery, among, listing
from twelvelabs_local.api.parameters import sized
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.errors import ServiceError, invalid, not_exist
from twelvelabs_local.store.analyses import Analysis
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.batches import (
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

MOST_ITEMS = 1000
MOST_SECONDS = 2000 * 3600.0
MOST_ACTIVE = 5


class BatchOptions(RequestModel):
    """What an item may say about its analysis; the task request that it becomes validates the values."""

    prompt: Any = None
    response_format: Any = None
    temperature: Any = None
    max_tokens: Any = None
    min_segment_duration: Any = None
    max_segment_duration: Any = None
    start_time: Any = None
    end_time: Any = None


class AssetSource(RequestModel):
    """The video of an item; the task request validates the rest."""

    model_config = ConfigDict(extra="allow")
    type: Literal["asset_id"]
    asset_id: Any = None


class BatchItem(BatchOptions):
    """One analysis of a batch."""

    video: AssetSource
    custom_id: Any = None


class BatchRequest(RequestModel):
    """A new batch."""

    model_name: Literal["pegasus1.5"]
    analysis_mode: Mode
    defaults: BatchOptions = BatchOptions()
    requests: Annotated[list[Any], sized(1, MOST_ITEMS, "requests")]


async def create(call: Call) -> Response:
    """POST /analyze/batches."""
    batch = await call.json(BatchRequest)
    requests = [_request(batch, item, f"requests[{number}]") for number, item in enumerate(batch.requests)]
    _reject_repeated([request["custom_id"] for request in requests if "custom_id" in request])
    # a thousand assets are looked up and a thousand tasks written
    created = await run_in_threadpool(_create, call.db, batch, requests)
    call.work_to_do()
    return answer(created, 201, call.counted("analyze"))


def _request(batch: BatchRequest, given: Any, path: str) -> Mapping[str, Any]:
    """Return the task request of an item: its own options, then the defaults.

    :param path: where the batch contains the item, for the errors.
    """
    request = {**batch.defaults.given(), **BatchItem.parse(given, path=path).given()}
    if "prompt" in request:
        # the prompt of a batch is what an analysis task calls prompt_v2
        request["prompt_v2"] = request.pop("prompt")
    request |= {"model_name": batch.model_name, "analysis_mode": batch.analysis_mode}
    try:
        return AnalysisTaskRequest.parse(request).given()
    except ServiceError as error:
        raise ServiceError(400, error.code, f"{path}: {error.message}") from error


def _reject_repeated(custom_ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for custom_id in custom_ids:
        if custom_id in seen:
            raise invalid("requests.custom_id", f"{custom_id!r} is given twice in this batch.")
        seen.add(custom_id)


def _create(db: Database, new: BatchRequest, requests: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    expire_batches(db)
    _check_assets(db, {request["video"]["asset_id"] for request in requests}, requests)
    with db.transaction():
        if active_batches(db) >= MOST_ACTIVE:
            message = f"You already have {MOST_ACTIVE} active batches. Wait until one of them has ended."
            raise ServiceError(429, "too_many_requests", message)
        batch = create_batch(db, new.analysis_mode, new.model_name, requests)
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


class BatchQuery(PageQuery):
    """The query of the list of batches."""

    status: list[Literal["pending", "processing", "canceling", "completed", "canceled", "expired"]] = []
    analysis_mode: list[Mode] = []


async def list_all(call: Call) -> Response:
    """GET /analyze/batches."""
    expire_batches(call.db)
    query = call.query(BatchQuery)
    conditions = [*among("status", query.status), *among("analysis_mode", query.analysis_mode)]
    return answer(listing(call, Batch, conditions, query, lambda batch: batch_body(call.db, batch)))


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


ROUTES: Sequence[Endpoint] = (
    ("POST", "/analyze/batches", create, ErrorFormat.WRAPPED),
    ("GET", "/analyze/batches", list_all, ErrorFormat.WRAPPED),
    ("GET", "/analyze/batches/{batch_id}", read, ErrorFormat.WRAPPED),
    ("DELETE", "/analyze/batches/{batch_id}", delete, ErrorFormat.WRAPPED),
    ("GET", "/analyze/batches/{batch_id}/results", results, ErrorFormat.WRAPPED),
    ("POST", "/analyze/batches/{batch_id}/cancel", cancel, ErrorFormat.WRAPPED),
)
