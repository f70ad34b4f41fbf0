"""Indexing tasks, which upload and index a video in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.lists import Instants, Numbers, SortedQuery, among, equal_or_within, listing, since
from twelvelabs_local.api.parameters import Id, Link, UserMetadata
from twelvelabs_local.api.request_model import RequestModel, invalid_field, missing_field
from twelvelabs_local.api.uploads import arriving, reject_large
from twelvelabs_local.downloads import filename_of
from twelvelabs_local.engine.probe import probe
from twelvelabs_local.engine.subtitles import LIMIT, read_subtitles
from twelvelabs_local.errors import MediaError, ServiceError, invalid, not_exist
from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.assets import TERMINAL, Asset, create_asset
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.store.media_files import IncomingFile, delete_unused_content
from twelvelabs_local.store.videos import Task, Video, create_task, delete_video
from twelvelabs_local.times import add_seconds
from twelvelabs_local.video_limits import TASK_BYTES, VideoLimits, check_video, limits_of

SPEED = 0.4
"""Processing seconds per second of video in the estimate of the older bodies."""

LEAST_SECONDS = 5.0


class TaskForm(RequestModel):
    """What the forms of all generations share."""

    index_id: Id
    video_file: UploadFile | None = None
    video_url: Link | None = None

    @model_validator(mode="after")
    def _check_video(self) -> TaskForm:
        if self.video_file and self.video_url:
            raise invalid_field("video_url", "Give either video_file or video_url.")
        if not self.video_file and not self.video_url:
            raise missing_field("video_file or video_url")
        return self


class CurrentTaskForm(TaskForm):
    """The form of v1.3."""

    enable_video_stream: Any = None
    user_metadata: UserMetadata = {}


class LegacyTaskForm(TaskForm):
    """The form of v1.2; a transcript may come as a file or as a link."""

    language: Literal["en"] | None = None
    disable_video_stream: Any = None
    provide_transcription: bool = False
    transcription_file: UploadFile | None = None
    transcription_url: Link | None = None

    @model_validator(mode="after")
    def _check_transcription(self) -> LegacyTaskForm:
        given = bool(self.transcription_file) + bool(self.transcription_url)
        if given and not self.provide_transcription:
            raise invalid_field("provide_transcription", "It must be true when a transcription is given.")
        if given > 1:
            raise invalid_field("transcription_url", "Give either transcription_file or transcription_url.")
        if self.provide_transcription and not given:
            raise missing_field("transcription_file or transcription_url")
        return self


class OldestTaskForm(LegacyTaskForm):
    """The form of v1.1."""

    language: Literal["en"]


class TaskQuery(SortedQuery):
    """The query of the list of tasks."""

    ids: list[str] = Field([], alias="_id")
    index_id: list[str] = []
    status: list[Literal["ready", "uploading", "validating", "pending", "queued", "indexing", "failed"]] = []
    filename: list[str] = []
    duration: Numbers = {}
    width: Numbers = {}
    height: Numbers = {}
    created_at: Instants = {}
    updated_at: Instants = {}


class CountQuery(RequestModel):
    """The query of the counts of tasks."""

    index_id: Id


FORMS: Mapping[str, type[TaskForm]] = {"v1.1": OldestTaskForm, "v1.2": LegacyTaskForm, "v1.3": CurrentTaskForm}


async def create(call: Call) -> Response:
    """POST /tasks."""
    reject_large(call, TASK_BYTES)
    async with call.form(FORMS[call.dialect.version]) as form:
        index = _index(call, form.index_id)
        transcript = await _transcript(form)
        if form.video_file:
            return await _from_file(call, index, form, form.video_file, transcript)
        assert form.video_url is not None
        new = Asset(
            method="url",
            filename=filename_of(form.video_url),
            size_limit=TASK_BYTES,
            url=form.video_url,
            implicit=True,
        )
        return _created(call, index, new, form, transcript)


def _index(call: Call, index_id: str) -> Index:
    index = call.db.find(Index, id=index_id)
    if index is None:
        raise not_exist(index_id, "indexes", 400)
    return index


async def _transcript(form: TaskForm) -> Sequence[SegmentRow] | None:
    """Return the cues of a transcript file; the worker fetches one that comes as a link."""
    upload = form.transcription_file if isinstance(form, LegacyTaskForm) else None
    if upload is None:
        return None
    try:
        return read_subtitles(await upload.read(LIMIT + 1))
    except MediaError as error:
        raise invalid("transcription_file", error.message) from error


async def _from_file(
    call: Call, index: Index, form: TaskForm, upload: UploadFile, transcript: Sequence[SegmentRow] | None
) -> Response:
    async with arriving(call, upload, TASK_BYTES) as arrival:
        limits = limits_of([model.name for model in index.named_models()], bool(index.legacy))
        try:
            await run_in_threadpool(_check, arrival, limits)
        except MediaError as error:
            raise error.as_service_error() from error
        # nothing else runs between keep() and the new row, so no cleanup takes the content for unused
        name = upload.filename or "video"
        new = Asset(method="direct", filename=name, size_limit=TASK_BYTES, sha256=arrival.keep(), implicit=True)
        return _created(call, index, new, form, transcript)


def _check(arrival: IncomingFile, limits: VideoLimits) -> None:
    check_video(probe(arrival.path), limits)


def _created(call: Call, index: Index, new: Asset, form: TaskForm, transcript: Sequence[SegmentRow] | None) -> Response:
    metadata = form.user_metadata if isinstance(form, CurrentTaskForm) else {}
    link = form.transcription_url if isinstance(form, LegacyTaskForm) else None
    with call.db.transaction():
        # the index may have been deleted while the file was arriving
        if call.db.find(Index, id=index.id) is None:
            raise not_exist(index.id, "indexes", 400)
        asset = create_asset(call.db, new)
        video = call.db.insert(
            Video(
                index_id=index.id,
                asset_id=asset.id,
                filename=asset.filename,
                legacy=call.dialect.legacy,
                user_metadata=metadata,
                subtitles=transcript,
                subtitles_url=link,
            )
        )
        task_id = create_task(call.db, video).id
    call.work_to_do()
    body = {"_id": task_id} if call.dialect.legacy else {"_id": task_id, "video_id": video.id}
    return answer(call.dialect.with_type(body, "index_task_create"), headers=call.counted("index"))


async def list_all(call: Call) -> Response:
    """GET /tasks."""
    query = call.query(TaskQuery)
    conditions = [
        *among("id", query.ids),
        *among("index_id", query.index_id),
        *among("filename", query.filename),
        *among("status", query.status),
        *equal_or_within("duration", query.duration),
        *equal_or_within("width", query.width),
        *equal_or_within("height", query.height),
        *since("created_at", query.created_at),
        *since("updated_at", query.updated_at),
    ]
    body = listing(call, Task, conditions, query, lambda task: task_body(call, task))
    return answer(call.dialect.with_type(body, "index_task_list"))


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
    index = _index(call, call.query(CountQuery).index_id)
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
    # the older generations show the id of the video only after the file was validated
    if task.status != "validating":
        body["video_id"] = task.video_id
    return {**body, "metadata": metadata, **_estimate(call, task)}


def _estimate(call: Call, task: Task) -> Mapping[str, Any]:
    seconds = max(LEAST_SECONDS, SPEED * (task.duration or 0.0))
    estimate: dict[str, Any] = {"estimated_time": add_seconds(task.created_at, seconds)}
    if call.dialect.version == "v1.2":
        video = call.db.find(Video, id=task.video_id)
        share = 1.0 if task.status == "ready" else video.progress if video else 0.0
        estimate["process"] = {"percentage": round(share * 100, 1), "remain_seconds": round((1 - share) * seconds)}
    return estimate
