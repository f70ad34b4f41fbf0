"""Indexing tasks: upload and index in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from twelvelabs_local.api.call import Call, Form, answer, done, required
from twelvelabs_local.api.lists import PAGING, equal, listing, numeric, one_of, read_paging, refuse_unknown, since
from twelvelabs_local.api.uploads import arriving, checked_link, refuse_large
from twelvelabs_local.downloads import filename_of
from twelvelabs_local.engine.probe import probe
from twelvelabs_local.engine.subtitles import LIMIT, read_subtitles
from twelvelabs_local.errors import MediaError, ServiceError, invalid, missing, not_exist
from twelvelabs_local.identity import is_id, later
from twelvelabs_local.requirements import TASK_BYTES, Requirements, check_video, requirements_of
from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.assets import TERMINAL, Asset, create_asset
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.store.media_files import IncomingFile, delete_unused_content
from twelvelabs_local.store.videos import Task, Video, create_task, delete_video

STATUSES = ("ready", "uploading", "validating", "pending", "queued", "indexing", "failed")
PARTS = ("index_id", "video_file", "video_url")
CURRENT_PARTS = (*PARTS, "enable_video_stream", "user_metadata")
LEGACY_PARTS = (
    *PARTS,
    "language",
    "provide_transcription",
    "transcription_file",
    "transcription_url",
    "disable_video_stream",
)
SPEED = 0.4
"""Processing seconds per second of video that the forecast of older bodies assumes."""

LEAST_SECONDS = 5.0


@dataclass(frozen=True)
class Given:
    """A transcript that came with a task.

    :param rows: its cues, when it came as a file.
    :param link: where it is, when it came as a link.
    """

    rows: Sequence[SegmentRow] | None = None
    link: str | None = None


async def create(call: Call) -> Response:
    """POST /tasks."""
    refuse_large(call, TASK_BYTES)
    async with call.form(LEGACY_PARTS if call.dialect.legacy else CURRENT_PARTS) as form:
        index = _index(call, required(await form.text("index_id"), "index_id"))
        await _language(call, form)
        given = await _given(form) if call.dialect.legacy else Given()
        metadata = await form.metadata()
        link, upload = await form.text("video_url"), form.file("video_file")
        if link and upload:
            raise invalid("video_url", "Give either video_file or video_url.")
        if upload:
            return await _from_file(call, index, upload, given, metadata)
        url = checked_link(required(link, "video_file or video_url"), "video_url")
        new = Asset(method="url", filename=filename_of(url), size_limit=TASK_BYTES, url=url, implicit=True)
        return _created(call, index, new, given, metadata)


def _index(call: Call, index_id: str) -> Index:
    if not is_id(index_id):
        raise invalid("index_id", f"{index_id!r} is not an id.")
    index = call.db.find(Index, id=index_id)
    if index is None:
        raise not_exist(index_id, "indexes", 400)
    return index


async def _language(call: Call, form: Form) -> None:
    language = await form.text("language")
    if language is None and call.dialect.version == "v1.1":
        raise missing("language")
    if language not in (None, "en"):
        raise invalid("language", f"It is {language!r}; it must be en.")


async def _given(form: Form) -> Given:
    """Return the transcript that came along; a file is read now, so that a bad one is refused now."""
    link, upload = await form.text("transcription_url"), form.file("transcription_file")
    if not await form.flag("provide_transcription", False):
        if link or upload:
            raise invalid("provide_transcription", "It must be true when a transcription is given.")
        return Given()
    if link and upload:
        raise invalid("transcription_url", "Give either transcription_file or transcription_url.")
    if upload:
        try:
            return Given(rows=read_subtitles(await upload.read(LIMIT + 1)))
        except MediaError as error:
            raise invalid("transcription_file", error.message) from error
    return Given(link=checked_link(required(link, "transcription_file or transcription_url"), "transcription_url"))


async def _from_file(
    call: Call, index: Index, upload: UploadFile, given: Given, metadata: Mapping[str, Any]
) -> Response:
    async with arriving(call, upload, TASK_BYTES) as arrival:
        limits = requirements_of([model.name for model in index.named_models()], bool(index.legacy))
        try:
            await run_in_threadpool(_check, arrival, limits)
        except MediaError as error:
            raise error.refused() from error
        # from here to the new row nothing else runs: the content cannot be taken for unused
        name = upload.filename or "video"
        new = Asset(method="direct", filename=name, size_limit=TASK_BYTES, sha256=arrival.keep(), implicit=True)
        return _created(call, index, new, given, metadata)


def _check(arrival: IncomingFile, limits: Requirements) -> None:
    check_video(probe(arrival.path), limits)


def _created(call: Call, index: Index, new: Asset, given: Given, metadata: Mapping[str, Any]) -> Response:
    with call.db.transaction():
        # the index may have been deleted while the file was arriving
        if call.db.find(Index, id=index.id) is None:
            raise not_exist(index.id, "indexes", 400)
        asset = create_asset(call.db, new)
        wish = Video(
            index_id=index.id,
            asset_id=asset.id,
            filename=asset.filename,
            legacy=call.dialect.legacy,
            user_metadata=metadata,
            subtitles=given.rows,
            subtitles_url=given.link,
        )
        video = call.db.insert(wish)
        task_id = create_task(call.db, video).id
    call.work_to_do()
    body = {"_id": task_id} if call.dialect.legacy else {"_id": task_id, "video_id": video.id}
    return answer(call.dialect.with_type(body, "index_task_create"), headers=call.counted("index"))


async def list_all(call: Call) -> Response:
    """GET /tasks."""
    query = call.request.query_params
    numbers = ("duration", "width", "height")
    refuse_unknown(query, (*PAGING, "_id", "index_id", "status", "filename", "created_at", "updated_at", *numbers))
    conditions = [
        *equal(query, "_id", "id"),
        *equal(query, "index_id", "index_id"),
        *equal(query, "filename", "filename"),
        *one_of(query, "status", "status", STATUSES),
        *numeric(query, numbers),
        *since(query),
    ]
    page = call.db.page(Task, conditions, read_paging(query, call.dialect))

    def body(task: Task) -> Mapping[str, Any]:
        return task_body(call, task)

    return answer(call.dialect.with_type(listing(page, body), "index_task_list"))


async def read(call: Call) -> Response:
    """GET /tasks/{task_id}."""
    return answer(call.dialect.with_type(task_body(call, _task(call)), "index_task_info"))


async def delete(call: Call) -> Response:
    """DELETE /tasks/{task_id}."""
    task = _task(call)
    video = call.db.find(Video, id=task.video_id)
    if task.status not in TERMINAL:
        raise _kept(task, f"it is {task.status}; wait until it is ready or failed")
    if task.status == "ready" and video:
        raise _kept(task, f"its video {video.id} exists; delete the video first")
    with call.db.transaction():
        sha256 = delete_video(call.db, video) if video else None
        call.db.delete(Task, id=task.id)
    delete_unused_content(call.engine.settings.data, call.db, sha256)
    return done()


def _kept(task: Task, why: str) -> ServiceError:
    return ServiceError(400, "task_cannot_be_deleted", f"The task {task.id} cannot be deleted: {why}.")


async def counts(call: Call) -> Response:
    """GET /tasks/status (v1.1 and v1.2)."""
    index = _index(call, required(call.request.query_params.get("index_id"), "index_id"))
    rows = call.db.rows("SELECT status, count(*) AS n FROM tasks WHERE index_id = ? GROUP BY status", index.id)
    found = {row["status"]: row["n"] for row in rows}
    shown = {status: found.get(status, 0) for status in ("ready", "validating", "pending", "failed")}
    return answer({"index_id": index.id, **shown, **found, "total_result": sum(found.values())})


def _task(call: Call) -> Task:
    return call.found("task_id", "tasks", Task)


def task_body(call: Call, task: Task) -> Mapping[str, Any]:
    """Return a task as the service shows it."""
    shape = {"duration": task.duration, "filename": task.filename, "height": task.height, "width": task.width}
    metadata = {key: value for key, value in shape.items() if value is not None}
    body: dict[str, Any] = {
        "_id": task.id,
        "index_id": task.index_id,
        "status": task.status,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
    }
    if task.error_message:
        body["error_reason"] = task.error_message
        body["error"] = {"code": task.error_code or "generic_error", "message": task.error_message}
    if not call.dialect.legacy:
        return {**body, "video_id": task.video_id, "system_metadata": metadata}
    # the older generations tell the id of the video only once the file has been checked
    if task.status != "validating":
        body["video_id"] = task.video_id
    return {**body, "metadata": metadata, **_forecast(call, task)}


def _forecast(call: Call, task: Task) -> Mapping[str, Any]:
    seconds = max(LEAST_SECONDS, SPEED * (task.duration or 0.0))
    forecast: dict[str, Any] = {"estimated_time": later(task.created_at, seconds)}
    if call.dialect.version == "v1.2":
        video = call.db.find(Video, id=task.video_id)
        share = 1.0 if task.status == "ready" else video.progress if video else 0.0
        forecast["process"] = {"percentage": round(share * 100, 1), "remain_seconds": round((1 - share) * seconds)}
    return forecast
