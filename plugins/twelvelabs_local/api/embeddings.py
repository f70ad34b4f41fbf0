"""Embeddings (v2): direct for short inputs, tasks for long ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Literal

from anyio import CapacityLimiter, to_thread
from starlette.responses import Response

from twelvelabs_local.api.call import Call, M, answer
from twelvelabs_local.api.embedding_media import (
    image_of,
    plain,
    read_media,
    ready_asset,
    receive,
    source_metadata,
    too_large_inline,
)
from twelvelabs_local.api.embedding_request import EmbeddingRequest, EmbeddingTaskRequest
from twelvelabs_local.api.endpoint import Endpoint, ErrorFormat
from twelvelabs_local.api.lists import Instant, PageQuery, among, listing
from twelvelabs_local.downloads import filename_of
from twelvelabs_local.engine.embedding import EmbeddingOptions, embeddings
from twelvelabs_local.engine.embedding_input import billed_minutes
from twelvelabs_local.engine.features import MODEL_NAME, blended, text_vector
from twelvelabs_local.errors import MediaError, not_exist
from twelvelabs_local.ids import new_id
from twelvelabs_local.store.assets import Asset, create_asset
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.embeddings import (
    Edition,
    EmbeddingTask,
    create_embedding_task,
    delete_expired_tasks,
    find_embedding_task,
    oldest_kept,
)
from twelvelabs_local.store.media_files import IncomingFile, delete_unused_content
from twelvelabs_local.video_limits import INLINE_BYTES, LINK_BYTES

LARGEST_BODY = INLINE_BYTES * 4 // 3 + 1024 * 1024
"""Bytes of a request: base64 makes inline media a third longer."""

READING = CapacityLimiter(2)
"""Videos that are embedded while their callers wait: more at once would use up the threads of all other calls."""


async def create(call: Call) -> Response:
    """POST /embed-v2."""
    request = await _request(call, EmbeddingRequest)
    limiter = READING if request.options else None
    body = await to_thread.run_sync(partial(_embedded, call, request), limiter=limiter)
    return answer(body, 200, call.counted("embed"))


async def _request(call: Call, model: type[M]) -> M:
    announced = call.request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > LARGEST_BODY:
        raise too_large_inline()
    return await call.json(model)


def _embedded(call: Call, request: EmbeddingRequest) -> Mapping[str, Any]:
    """Return the response body. This may take long."""
    kind = request.input_type
    if request.options:
        return _read(call, request, request.options)
    vectors = [image_of(call, source, f"{kind}.media_source") for source in request.media_sources]
    if request.input_text is not None:
        vectors.insert(0, text_vector(request.input_text))
    bill(call.db, f"embedding_{kind}", 0.0, new_id())
    body = {"data": [plain(blended(vectors))], "model_name": MODEL_NAME}
    if kind == "text":
        return body
    shown = source_metadata(call, request.media_sources[0]) if kind != "multi_input" else {}
    return {**body, "metadata": {"input_type": kind, **shown}}


def _read(call: Call, request: EmbeddingRequest, options: EmbeddingOptions) -> Mapping[str, Any]:
    """Return the response body for audio or video."""
    kind, source = request.input_type, request.media_sources[0]
    media = read_media(call, source, kind, options, f"{kind}.media_source")
    bill(call.db, "embedding", billed_minutes(options, media.duration), new_id())
    metadata = _metadata(kind, options, media.duration, source_metadata(call, source))
    return {"data": embeddings(options, media), "metadata": metadata, "model_name": MODEL_NAME}


def _metadata(kind: str, options: EmbeddingOptions, duration: float, source: Mapping[str, Any]) -> Mapping[str, Any]:
    scopes = [name for name, wanted in (("clip", options.clips), ("asset", options.whole)) if wanted]
    cut = {} if options.segmentation.dynamic or kind == "audio" else {"clip_length": int(options.segmentation.seconds)}
    return {
        "input_type": kind,
        **source,
        **cut,
        "embedding_options": [option.value for option in options.options],
        "embedding_scopes": scopes,
        "duration": duration,
        "start_offset_sec": options.start,
        "end_offset_sec": duration if options.end is None else options.end,
    }


async def create_task(call: Call) -> Response:
    """POST /embed-v2/tasks."""
    request = await _request(call, EmbeddingTaskRequest)
    forget_old(call)
    source, path = request.media_sources[0], f"{request.input_type}.media_source"
    if source.asset_id:
        return _created(call, request, ready_asset(call, source.asset_id, path).id)
    if source.url:
        new = Asset(
            method="url", filename=filename_of(source.url), size_limit=LINK_BYTES, url=source.url, implicit=True
        )
        return _created(call, request, new)
    with IncomingFile(call.engine.settings.data) as arrival:
        try:
            await to_thread.run_sync(receive, arrival, source, path, INLINE_BYTES)
        except MediaError as error:
            raise error.as_service_error() from error
        # nothing else runs between keep() and the new row, so no cleanup takes the content for unused
        new = Asset(method="direct", filename="inline", size_limit=INLINE_BYTES, sha256=arrival.keep(), implicit=True)
        return _created(call, request, new)


def _created(call: Call, request: EmbeddingTaskRequest, file: Asset | str) -> Response:
    assert request.options is not None
    stored = {"ask": asdict(request.options), "source": source_metadata(call, request.media_sources[0])}
    with call.db.transaction():
        asset_id = file if isinstance(file, str) else create_asset(call.db, file).id
        task = create_embedding_task(
            call.db, EmbeddingTask(edition=Edition.V2, kind=request.input_type, asset_id=asset_id, request=stored)
        )
    call.work_to_do()
    headers = {**call.counted("embed"), "Location": f"/{call.dialect.version}/embed-v2/tasks/{task.id}"}
    return answer({"_id": task.id, "status": task.status, "data": None}, 202, headers)


def forget_old(call: Call) -> None:
    """Delete the tasks whose retention has ended."""
    for sha256 in delete_expired_tasks(call.db):
        delete_unused_content(call.engine.settings.data, call.db, sha256)


class EmbeddingTaskQuery(PageQuery):
    """The query of the lists of embedding tasks."""

    started_at: Instant | None = None
    ended_at: Instant | None = None
    status: list[Literal["processing", "ready", "failed"]] = []


async def list_tasks(call: Call) -> Response:
    """GET /embed-v2/tasks."""

    def body(task: EmbeddingTask) -> Mapping[str, Any]:
        return {**head(task), "model_name": MODEL_NAME, f"{task.kind}_embedding": {"metadata": listed(call, task)}}

    return task_list(call, Edition.V2, body)


def task_list(call: Call, edition: Edition, body: Callable[[EmbeddingTask], Mapping[str, Any]]) -> Response:
    """Return a page of the tasks of one edition.

    :param body: returns one entry.
    """
    query = call.query(EmbeddingTaskQuery)
    conditions = [Condition("edition = ?", [int(edition)]), Condition("created_at >= ?", [oldest_kept()])]
    if query.started_at:
        conditions.append(Condition("created_at >= ?", [query.started_at]))
    if query.ended_at:
        conditions.append(Condition("created_at <= ?", [query.ended_at]))
    conditions += among("status", query.status)
    return answer(listing(call, EmbeddingTask, conditions, query, body))


def listed(call: Call, task: EmbeddingTask) -> Mapping[str, Any]:
    """Return the metadata of a task as lists and the older calls show it."""
    options = EmbeddingOptions.of(task.request["ask"])
    source, duration = task.request.get("source", {}), duration_of(call, task)
    scopes = [
        name
        for name, wanted in (("clip", options.clips), (task.request.get("whole", "asset"), options.whole))
        if wanted
    ]
    known = {"duration": duration} if duration is not None else {}
    if task.kind == "audio":
        names = [option.value for option in options.options]
        span = {"start_offset_sec": options.start, **({} if options.end is None else {"end_offset_sec": options.end})}
        return {**source, "audio_embedding_options": names, "audio_embedding_scopes": scopes, **known, **span}
    cut = {} if options.segmentation.dynamic else {"video_clip_length": options.segmentation.seconds}
    return {**source, **cut, "video_embedding_scope": scopes, **known}


def duration_of(call: Call, task: EmbeddingTask) -> float | None:
    """Return the seconds of a task's file, or None before it is probed."""
    asset = call.db.find(Asset, id=task.asset_id)
    found = asset.probe if asset else None
    return found.duration if found else None


async def read_task(call: Call) -> Response:
    """GET /embed-v2/tasks/{task_id}."""
    task = task_of(call, Edition.V2)
    body: dict[str, Any] = {**head(task), "model_name": MODEL_NAME}
    duration = duration_of(call, task)
    if duration is not None:
        options = EmbeddingOptions.of(task.request["ask"])
        body["metadata"] = _metadata(task.kind, options, duration, task.request.get("source", {}))
    if task.error_message is not None:
        body["error"] = {"message": task.error_message}
    # the stored JSON is sent as it is: to parse and write some 10 MB would block all other requests
    content = json.dumps(body, ensure_ascii=False)[:-1] + f', "data": {task.result or "null"}}}'
    return Response(content, media_type="application/json")


def task_of(call: Call, edition: Edition) -> EmbeddingTask:
    """Return the task of the path.

    :raises ServiceError: ``resource_not_exist``, also after its retention.
    """
    task_id = call.path_id("task_id", "embedding tasks")
    task = find_embedding_task(call.db, task_id)
    if task is None or task.edition != edition:
        raise not_exist(task_id, "embedding tasks")
    return task


def head(task: EmbeddingTask) -> Mapping[str, Any]:
    """Return the fields that all bodies of a task begin with."""
    return {
        "_id": task.id,
        "status": task.status,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
    }


ROUTES: Sequence[Endpoint] = (
    ("POST", "/embed-v2", create, ErrorFormat.WRAPPED),
    ("POST", "/embed-v2/tasks", create_task, ErrorFormat.WRAPPED),
    ("GET", "/embed-v2/tasks", list_tasks),
    ("GET", "/embed-v2/tasks/{task_id}", read_task, ErrorFormat.WRAPPED),
)
