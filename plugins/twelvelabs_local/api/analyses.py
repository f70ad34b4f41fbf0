"""Asynchronous analysis tasks."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping
from typing import Any, Literal

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from twelvelabs_local.api.analysis_request import AnalysisTaskRequest, Mode, VideoSource
from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.lists import PageQuery, among, listing
from twelvelabs_local.downloads import filename_of
from twelvelabs_local.engine.analysis import MODEL_NAME
from twelvelabs_local.errors import MediaError, ServiceError, invalid, not_exist
from twelvelabs_local.store.analyses import Analysis, create_analysis, delete_analysis, end_analysis
from twelvelabs_local.store.assets import Asset, create_asset
from twelvelabs_local.store.batches import batch_of
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.media_files import IncomingFile, delete_unused_content, read_chunks
from twelvelabs_local.store.webhooks import reports_of
from twelvelabs_local.video_limits import INLINE_BYTES, LINK_BYTES

LISTED_PROMPT = 30
"""Characters of a prompt that a list shows."""


async def create(call: Call) -> Response:
    """POST /analyze/tasks."""
    request = await call.json(AnalysisTaskRequest)
    inline = request.video.base64_string
    if inline is None:
        return _created(call, request, None)
    with IncomingFile(call.engine.settings.data) as arrival:
        await run_in_threadpool(decode_inline, arrival, inline)
        return _created(call, request, arrival)


def decode_inline(arrival: IncomingFile, text: str) -> None:
    """Write inline video to disk.

    :param text: base64.
    :raises ServiceError: when it is none, or too large.
    """
    try:
        arrival.write(read_chunks(io.BytesIO(base64.b64decode(text, validate=True))), INLINE_BYTES)
    except binascii.Error as error:
        raise invalid("video.base64_string", f"It is not base64: {error}.") from error
    except MediaError as error:
        raise error.as_service_error() from error


def _created(call: Call, request: AnalysisTaskRequest, arrival: IncomingFile | None) -> Response:
    # inline video becomes an asset, so the stored request does not contain it again
    stored = {**request.given(), "video": request.video.model_dump(exclude_unset=True, exclude={"base64_string"})}
    key = call.request.headers.get("idempotency-key")
    earlier = call.db.find(Analysis, idempotency_key=key) if key else None
    if earlier:
        if earlier.request != stored:
            message = f"The Idempotency-Key was used for another request, of task {earlier.id}. Use a new key."
            raise ServiceError(409, "idempotency_key_reused", message)
        return answer({"task_id": earlier.id, "status": earlier.status}, 202)
    with call.db.transaction():
        asset_id = asset_of(call, request.video, arrival)
        task = create_analysis(call.db, asset_id, stored, key)
    call.work_to_do()
    return answer({"task_id": task.id, "status": task.status}, 202, call.counted("analyze"))


def asset_of(call: Call, video: VideoSource, arrival: IncomingFile | None, missing: int = 400) -> str:
    """Return the asset of a request; a link or inline video becomes one.

    :param video: the source that the request names.
    :param arrival: inline video, written to disk.
    :param missing: HTTP status if there is no such asset.
    :raises ServiceError: when the asset cannot be used.
    """
    if video.asset_id:
        asset = call.db.find(Asset, id=video.asset_id)
        if asset is None:
            raise not_exist(video.asset_id, "assets", missing)
        if asset.status != "ready":
            raise invalid("video.asset_id", f"The asset {asset.id} is {asset.status}; wait until it is ready.")
        return asset.id
    if arrival:
        new = Asset(method="direct", filename="inline", size_limit=INLINE_BYTES, sha256=arrival.keep(), implicit=True)
    else:
        assert video.url is not None
        new = Asset(method="url", filename=filename_of(video.url), size_limit=LINK_BYTES, url=video.url, implicit=True)
    return create_asset(call.db, new).id


class AnalysisQuery(PageQuery):
    """The query of the list of analysis tasks."""

    status: list[Literal["queued", "pending", "processing", "ready", "failed", "canceled"]] = []
    analysis_mode: list[Mode] = []
    video_url: list[str] = []
    asset_id: list[str] = []
    video_id: list[str] = []


async def list_all(call: Call) -> Response:
    """GET /analyze/tasks."""
    query = call.query(AnalysisQuery)
    conditions = [
        # only direct analyses say whether they stream, and they are no tasks
        Condition("json_extract(request, '$.stream') IS NULL"),
        *among("status", query.status),
        *among("analysis_mode", query.analysis_mode),
        *among("video_url", query.video_url),
        *among("asset_id", query.asset_id),
        *among("asset_id", query.video_id),
    ]
    return answer(listing(call, Analysis, conditions, query, lambda task: analysis_body(call, task, listed=True)))


async def read(call: Call) -> Response:
    """GET /analyze/tasks/{task_id}."""
    return answer(analysis_body(call, _analysis(call), listed=False))


async def delete(call: Call) -> Response:
    """DELETE /analyze/tasks/{task_id}."""
    task = _analysis(call)
    if task.status == "processing":
        message = f"The analysis task {task.id} is being processed; cancel it or wait for its end."
        raise ServiceError(409, "task_cannot_be_deleted", message)
    sha256 = delete_analysis(call.db, task)
    delete_unused_content(call.engine.settings.data, call.db, sha256)
    return done()


async def cancel(call: Call) -> Response:
    """POST /analyze/tasks/{task_id}/cancel; a cancelled task may be cancelled again."""
    task = _analysis(call)
    if batch_id := batch_of(call.db, task.id):
        message = f"The analysis task {task.id} belongs to the batch {batch_id}; cancel the batch."
        raise ServiceError(409, "task_cannot_be_canceled", message)
    if not end_analysis(call.db, task.id, "canceled", None) and _analysis(call).status != "canceled":
        message = f"The analysis task {task.id} is {task.status}; there is nothing to cancel."
        raise ServiceError(409, "task_cannot_be_canceled", message)
    return answer({"task_id": task.id, "status": "canceled"})


def _analysis(call: Call) -> Analysis:
    task_id = call.path_id("task_id", "analysis tasks")
    task = call.db.find(Analysis, id=task_id)
    if task is None or "stream" in task.request:
        raise not_exist(task_id, "analysis tasks")
    return task


def analysis_body(call: Call, task: Analysis, listed: bool) -> Mapping[str, Any]:
    """Return an analysis task as the service shows it.

    :param call: the request.
    :param task: the task.
    :param listed: in a list, where prompts are shortened.
    """
    body: dict[str, Any] = {
        "task_id": task.id,
        "custom_id": task.custom_id,
        "status": task.status,
        "created_at": task.created_at,
        "video_source": _source(call, task),
        "request_params": _params(task, listed),
    }
    if task.completed_at:
        body["completed_at"] = task.completed_at
    if task.result:
        body["result"] = task.result
    if task.error_message:
        body["error"] = {"message": task.error_message}
    if reports := reports_of(call.db, task.id):
        body["webhooks"] = reports
    return body


def _source(call: Call, task: Analysis) -> Mapping[str, Any]:
    asset = call.db.find(Asset, id=task.asset_id)
    probe = asset.probe if asset else None
    source = dict(task.request["video"])
    return {**source, "system_metadata": {"duration": probe.duration}} if probe else source


def _params(task: Analysis, listed: bool) -> Mapping[str, Any]:
    """Return the request as it was made, with the model that really answers."""
    params = {key: value for key, value in task.request.items() if key not in ("video", "custom_id", "model_name")}
    if listed and isinstance(params.get("prompt"), str):
        params["prompt"] = params["prompt"][:LISTED_PROMPT]
    if listed and params.get("prompt_v2"):
        short = params["prompt_v2"]["input_text"][:LISTED_PROMPT]
        params["prompt_v2"] = {**params["prompt_v2"], "input_text": short}
    return {"analysis_mode": task.analysis_mode, **params, "model_name": MODEL_NAME}
