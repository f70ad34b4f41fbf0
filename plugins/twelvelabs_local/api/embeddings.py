"""Embeddings (v2): at once for what is short, as tasks for what is long."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.embedding_media import (
    image_of,
    material_of,
    plain,
    ready_asset,
    receive,
    source_metadata,
    too_large_inline,
)
from twelvelabs_local.api.embedding_request import INPUTS, TASK_INPUTS, Wish, checked_wish
from twelvelabs_local.api.entry import Entry, Errors
from twelvelabs_local.api.lists import listing, one_of, read_paging, refuse_unknown
from twelvelabs_local.downloads import filename_of
from twelvelabs_local.engine.embedding import EmbeddingOptions, embeddings
from twelvelabs_local.engine.embedding_input import billed_minutes
from twelvelabs_local.engine.features import MODEL_NAME, blended, text_vector
from twelvelabs_local.errors import MediaError, invalid, not_exist
from twelvelabs_local.identity import new_id, read_instant, written
from twelvelabs_local.requirements import INLINE_BYTES, LINK_BYTES
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

FIELDS = ("input_type", "model_name", *INPUTS)
STATUSES = ("processing", "ready", "failed")
LARGEST_BODY = INLINE_BYTES * 4 // 3 + 1024 * 1024
"""Bytes of a request: inline media is a third longer as text."""

WATCHING = CapacityLimiter(2)
"""Videos that are embedded while their callers wait: more at a time would take the threads of everything else."""


async def create(call: Call) -> Response:
    """POST /embed-v2."""
    wish = checked_wish(await _body(call), INPUTS)
    limiter = WATCHING if wish.ask else None
    body = await to_thread.run_sync(partial(_embedded, call, wish), limiter=limiter)
    return answer(body, 200, call.counted("embed"))


async def _body(call: Call) -> dict[str, Any]:
    announced = call.request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > LARGEST_BODY:
        raise too_large_inline()
    return await call.body(FIELDS)


def _embedded(call: Call, wish: Wish) -> Mapping[str, Any]:
    """Return the answer to a request; it may take its time."""
    if wish.ask:
        return _watched(call, wish, wish.ask)
    vectors = [image_of(call, source, f"{wish.input_type}.media_source") for source in wish.sources]
    if wish.text is not None:
        vectors.insert(0, text_vector(wish.text))
    bill(call.db, f"embedding_{wish.input_type}", 0.0, new_id())
    body = {"data": [plain(blended(vectors))], "model_name": MODEL_NAME}
    if wish.input_type == "text":
        return body
    shown = source_metadata(call, wish.sources[0]) if wish.input_type != "multi_input" else {}
    return {**body, "metadata": {"input_type": wish.input_type, **shown}}


def _watched(call: Call, wish: Wish, ask: EmbeddingOptions) -> Mapping[str, Any]:
    source = wish.sources[0]
    material = material_of(call, source, wish.input_type, ask, f"{wish.input_type}.media_source")
    bill(call.db, "embedding", billed_minutes(ask, material.duration), new_id())
    metadata = _metadata(wish.input_type, ask, material.duration, source_metadata(call, source))
    return {"data": embeddings(ask, material), "metadata": metadata, "model_name": MODEL_NAME}


def _metadata(kind: str, ask: EmbeddingOptions, duration: float, source: Mapping[str, Any]) -> Mapping[str, Any]:
    scopes = [name for name, wanted in (("clip", ask.clips), ("asset", ask.whole)) if wanted]
    cut = {} if ask.segmentation.dynamic or kind == "audio" else {"clip_length": int(ask.segmentation.seconds)}
    return {
        "input_type": kind,
        **source,
        **cut,
        "embedding_options": [option.value for option in ask.options],
        "embedding_scopes": scopes,
        "duration": duration,
        "start_offset_sec": ask.start,
        "end_offset_sec": duration if ask.end is None else ask.end,
    }


async def create_task(call: Call) -> Response:
    """POST /embed-v2/tasks."""
    wish = checked_wish(await _body(call), TASK_INPUTS)
    forget_old(call)
    source, path = wish.sources[0], f"{wish.input_type}.media_source"
    if source.kind == "asset_id":
        return _created(call, wish, ready_asset(call, source.value, path).id)
    if source.kind == "url":
        name, link = filename_of(source.value), source.value
        return _created(call, wish, Asset(method="url", filename=name, size_limit=LINK_BYTES, url=link, implicit=True))
    with IncomingFile(call.engine.settings.data) as arrival:
        try:
            await to_thread.run_sync(receive, arrival, source, path, INLINE_BYTES)
        except MediaError as error:
            raise error.refused() from error
        # from here to the new row nothing else runs: the content cannot be taken for unused
        return _created(
            call,
            wish,
            Asset(method="direct", filename="inline", size_limit=INLINE_BYTES, sha256=arrival.keep(), implicit=True),
        )


def _created(call: Call, wish: Wish, file: Asset | str) -> Response:
    request = {"ask": asdict(wish.ask), "source": source_metadata(call, wish.sources[0])} if wish.ask else {}
    with call.db.transaction():
        asset_id = file if isinstance(file, str) else create_asset(call.db, file).id
        task = create_embedding_task(
            call.db, EmbeddingTask(edition=Edition.V2, kind=wish.input_type, asset_id=asset_id, request=request)
        )
    call.work_to_do()
    headers = {**call.counted("embed"), "Location": f"/{call.dialect.version}/embed-v2/tasks/{task.id}"}
    return answer({"_id": task.id, "status": task.status, "data": None}, 202, headers)


def forget_old(call: Call) -> None:
    """Delete the tasks that are kept no longer."""
    for sha256 in delete_expired_tasks(call.db):
        delete_unused_content(call.engine.settings.data, call.db, sha256)


async def list_tasks(call: Call) -> Response:
    """GET /embed-v2/tasks."""

    def body(task: EmbeddingTask) -> Mapping[str, Any]:
        return {**head(task), "model_name": MODEL_NAME, f"{task.kind}_embedding": {"metadata": listed(call, task)}}

    return task_list(call, Edition.V2, body)


def task_list(call: Call, edition: Edition, body: Callable[[EmbeddingTask], Mapping[str, Any]]) -> Response:
    """Return a page of the tasks of one edition, as the query asks for it.

    :param body: makes the entry of a task.
    """
    query = call.request.query_params
    refuse_unknown(query, ("started_at", "ended_at", "status", "page", "page_limit"))
    conditions = [Condition("edition = ?", [int(edition)]), Condition("created_at >= ?", [oldest_kept()])]
    for name, sign in (("started_at", ">="), ("ended_at", "<=")):
        if text := query.get(name):
            try:
                conditions.append(Condition(f"created_at {sign} ?", [written(read_instant(text.replace(" ", "+")))]))
            except ValueError as error:
                raise invalid(name, f"{text!r} is not an instant like 2026-06-01T10:00:00Z.") from error
    conditions += one_of(query, "status", "status", STATUSES)
    return answer(listing(call.db.page(EmbeddingTask, conditions, read_paging(query, call.dialect)), body))


def listed(call: Call, task: EmbeddingTask) -> Mapping[str, Any]:
    """Return the metadata of a task as lists and the older calls show it."""
    ask = EmbeddingOptions.of(task.request["ask"])
    source, duration = task.request.get("source", {}), duration_of(call, task)
    scopes = [name for name, wanted in (("clip", ask.clips), (task.request.get("whole", "asset"), ask.whole)) if wanted]
    known = {"duration": duration} if duration is not None else {}
    if task.kind == "audio":
        options = [option.value for option in ask.options]
        span = {"start_offset_sec": ask.start, **({} if ask.end is None else {"end_offset_sec": ask.end})}
        return {**source, "audio_embedding_options": options, "audio_embedding_scopes": scopes, **known, **span}
    cut = {} if ask.segmentation.dynamic else {"video_clip_length": ask.segmentation.seconds}
    return {**source, **cut, "video_embedding_scope": scopes, **known}


def duration_of(call: Call, task: EmbeddingTask) -> float | None:
    """Return the seconds of a task's file, once they are known."""
    asset = call.db.find(Asset, id=task.asset_id)
    found = asset.probe if asset else None
    return found.duration if found else None


async def read_task(call: Call) -> Response:
    """GET /embed-v2/tasks/{task_id}."""
    task = task_of(call, Edition.V2)
    body: dict[str, Any] = {**head(task), "model_name": MODEL_NAME}
    duration = duration_of(call, task)
    if duration is not None:
        ask = EmbeddingOptions.of(task.request["ask"])
        body["metadata"] = _metadata(task.kind, ask, duration, task.request.get("source", {}))
    if task.error_message is not None:
        body["error"] = {"message": task.error_message}
    # the embeddings go out as they were saved: reading and writing some 10 MB would stop everybody else
    content = json.dumps(body, ensure_ascii=False)[:-1] + f', "data": {task.result or "null"}}}'
    return Response(content, media_type="application/json")


def task_of(call: Call, edition: Edition) -> EmbeddingTask:
    """Return the task of the path.

    :raises ServiceError: ``resource_not_exist``, also for one that is kept no longer.
    """
    task_id = call.path_id("task_id", "embedding tasks")
    task = find_embedding_task(call.db, task_id)
    if task is None or task.edition != edition:
        raise not_exist(task_id, "embedding tasks")
    return task


def head(task: EmbeddingTask) -> Mapping[str, Any]:
    """Return what every body of a task begins with."""
    return {
        "_id": task.id,
        "status": task.status,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
    }


ROUTES: Sequence[Entry] = (
    ("POST", "/embed-v2", create, Errors.WRAPPED),
    ("POST", "/embed-v2/tasks", create_task, Errors.WRAPPED),
    ("GET", "/embed-v2/tasks", list_tasks),
    ("GET", "/embed-v2/tasks/{task_id}", read_task, Errors.WRAPPED),
)
