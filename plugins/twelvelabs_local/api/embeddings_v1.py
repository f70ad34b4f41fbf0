"""Embeddings (v1): the form calls of v1.2, which v1.3 still has."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any, Literal

from anyio import to_thread
from pydantic import AfterValidator, ValidationInfo, field_validator, model_validator
from starlette.datastructures import UploadFile
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.embedding_media import IMAGE_BYTES, image_of, read_media
from twelvelabs_local.api.embedding_request import MediaSource, short_text
from twelvelabs_local.api.embeddings import READING, forget_old, head, listed, task_list, task_of
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.parameters import Link, Seconds, between
from twelvelabs_local.api.request_model import RequestModel, missing_field
from twelvelabs_local.api.uploads import arriving, reject_large
from twelvelabs_local.downloads import filename_of
from twelvelabs_local.engine.embedding import EmbeddingOptions, Option, Segmentation, embeddings
from twelvelabs_local.engine.embedding_input import billed_minutes
from twelvelabs_local.engine.features import MODEL_NAME, numbers, text_vector
from twelvelabs_local.ids import new_id
from twelvelabs_local.store.assets import Asset, create_asset
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.embeddings import Edition, EmbeddingTask, create_embedding_task
from twelvelabs_local.store.media_files import IncomingFile
from twelvelabs_local.video_limits import LINK_BYTES, TASK_BYTES

LEAST_REST = 2.0
"""Seconds below which the last clip of a video is left out."""

PICTURE_AND_TEXT = "visual-text"
"""The name of the option for pictures before the newest model of v1.3."""

Medium = MediaSource | IncomingFile


class CurrentModel(RequestModel):
    """The model of a form of v1.3."""

    model_name: Literal["marengo3.0", "Marengo-retrieval-2.7"]


class LegacyModel(RequestModel):
    """The model of a form of v1.2."""

    engine_name: Literal["Marengo-retrieval-2.6"]


class EmbedForm(RequestModel):
    """The form of a direct request."""

    text: Annotated[str, AfterValidator(short_text)] | None = None
    image_url: Link | None = None
    image_file: UploadFile | None = None
    audio_url: Link | None = None
    audio_file: UploadFile | None = None
    audio_start_offset_sec: Seconds = 0.0

    @model_validator(mode="after")
    def _check_input(self) -> EmbedForm:
        if not self.model_fields_set & {"text", "image_url", "image_file", "audio_url", "audio_file"}:
            raise missing_field("text, image_url, image_file, audio_url or audio_file")
        return self


class EmbedTaskForm(RequestModel):
    """The form of a task."""

    video_url: Link | None = None
    video_file: UploadFile | None = None
    video_start_offset_sec: Seconds = 0.0
    video_end_offset_sec: Seconds | None = None
    video_clip_length: Annotated[float, between(2, 10)] = Segmentation().seconds
    video_embedding_scope: list[Literal["clip", "video"]] = ["clip"]

    @field_validator("video_end_offset_sec")
    @classmethod
    def _check_end(cls, end: float, info: ValidationInfo) -> float:
        start = info.data.get("video_start_offset_sec", 0.0)
        if end <= start:
            raise ValueError(f"It is {end:g}; it must be after video_start_offset_sec, {start:g}.")
        return end

    @model_validator(mode="after")
    def _check_input(self) -> EmbedTaskForm:
        if self.video_url is None and self.video_file is None:
            raise missing_field("video_url or video_file")
        return self

    def options(self) -> EmbeddingOptions:
        """Return what the engine is to compute."""
        return EmbeddingOptions(
            tuple(Option),
            Segmentation(self.video_clip_length, least=LEAST_REST),
            clips="clip" in self.video_embedding_scope,
            whole="video" in self.video_embedding_scope,
            start=self.video_start_offset_sec,
            end=self.video_end_offset_sec,
        )


class CurrentEmbedForm(CurrentModel, EmbedForm):
    """The form of a direct request of v1.3."""


class CurrentEmbedTaskForm(CurrentModel, EmbedTaskForm):
    """The form of a task of v1.3."""


class LegacyEmbedForm(LegacyModel, EmbedForm):
    """The form of a direct request of v1.2."""


class LegacyEmbedTaskForm(LegacyModel, EmbedTaskForm):
    """The form of a task of v1.2."""


class OptionQuery(RequestModel):
    """The query of one task."""

    embedding_option: list[Literal["visual", "audio", "transcription", "visual-text"]] = []


@dataclass(frozen=True)
class Input:
    """A medium of a form.

    :param medium: a link, or a file that has arrived.
    :param shown: how the answer names it.
    """

    medium: Medium
    shown: Mapping[str, Any]


async def create(call: Call) -> Response:
    """POST /embed."""
    word = _model_word(call)
    reject_large(call, TASK_BYTES)
    model: type[EmbedForm] = LegacyEmbedForm if call.dialect.legacy else CurrentEmbedForm
    async with call.form(model) as form, AsyncExitStack() as stack:
        image = await _input(call, form.image_url, form.image_file, IMAGE_BYTES, stack)
        audio = await _input(call, form.audio_url, form.audio_file, LINK_BYTES, stack)
        work = partial(_embedded, call, form.text, image, audio, form.audio_start_offset_sec)
        found = await to_thread.run_sync(work, limiter=READING if audio else None)
    return answer({word: MODEL_NAME, **found}, 200, call.counted("embed"))


def _embedded(
    call: Call, text: str | None, image: Input | None, audio: Input | None, start: float
) -> Mapping[str, Any]:
    """Return the embeddings by kind. This may take long."""
    body: dict[str, Any] = {}
    if text:
        body["text_embedding"] = {"segments": [{"float": numbers(text_vector(text))}]}
    if image:
        vector = image_of(call, image.medium, "image_url")
        body["image_embedding"] = {"segments": [{"float": numbers(vector)}], "metadata": image.shown}
    if audio:
        options = EmbeddingOptions(
            (Option.AUDIO, Option.TRANSCRIPTION), whole=False, separate=False, fused=True, start=start
        )
        media = read_media(call, audio.medium, "audio", options, "audio_url")
        segments = [
            {name: row[name] for name in ("float", "start_offset_sec", "end_offset_sec")}
            for row in map(_segment, embeddings(options, media))
        ]
        body["audio_embedding"] = {"segments": segments, "metadata": audio.shown}
        bill(call.db, "embedding", billed_minutes(options, media.duration), new_id())
    for kind in ("text", "image"):
        if f"{kind}_embedding" in body:
            bill(call.db, f"embedding_{kind}", 0.0, new_id())
    return body


async def create_task(call: Call) -> Response:
    """POST /embed/tasks."""
    reject_large(call, TASK_BYTES)
    model: type[EmbedTaskForm] = LegacyEmbedTaskForm if call.dialect.legacy else CurrentEmbedTaskForm
    async with call.form(model) as form, AsyncExitStack() as stack:
        video = await _input(call, form.video_url, form.video_file, TASK_BYTES, stack)
        assert video is not None
        request = {"ask": asdict(form.options()), "source": video.shown, "whole": "video"}
        forget_old(call)
        with call.db.transaction():
            asset_id = create_asset(call.db, _file(video)).id
            task = create_embedding_task(
                call.db, EmbeddingTask(edition=Edition.V1, kind="video", asset_id=asset_id, request=request)
            )
    call.work_to_do()
    return answer({"_id": task.id}, 200, call.counted("embed"))


def _file(video: Input) -> Asset:
    if isinstance(video.medium, IncomingFile):
        name = str(video.shown["input_filename"])
        return Asset(method="direct", filename=name, size_limit=TASK_BYTES, sha256=video.medium.keep(), implicit=True)
    link = video.medium.url or ""
    return Asset(method="url", filename=filename_of(link), size_limit=TASK_BYTES, url=link, implicit=True)


async def list_tasks(call: Call) -> Response:
    """GET /embed/tasks."""
    word = _model_word(call)

    def body(task: EmbeddingTask) -> Mapping[str, Any]:
        return {**head(task), word: MODEL_NAME, "video_embedding": {"metadata": listed(call, task)}}

    return task_list(call, Edition.V1, body)


async def read_status(call: Call) -> Response:
    """GET /embed/tasks/{task_id}/status."""
    word, task = _model_word(call), task_of(call, Edition.V1)
    body = {"_id": task.id, word: MODEL_NAME, "status": task.status, **_error(task)}
    return answer({**body, "video_embedding": {"metadata": listed(call, task)}})


async def read_task(call: Call) -> Response:
    """GET /embed/tasks/{task_id}."""
    options = call.query(OptionQuery).embedding_option
    word, task = _model_word(call), task_of(call, Edition.V1)
    embedding: dict[str, Any] = {"metadata": listed(call, task)}
    if task.result:
        embedding["segments"] = await to_thread.run_sync(segments_of, json.loads(task.result), options, "video")
    return answer({**head(task), word: MODEL_NAME, **_error(task), "video_embedding": embedding})


def segments_of(rows: Sequence[Mapping[str, Any]], options: Sequence[str], whole: str) -> list[Mapping[str, Any]]:
    """Return embeddings in the older form.

    :param rows: embeddings as v2 has them.
    :param options: which of them; none means all.
    :param whole: the word for the scope of all of the video.
    """
    names = {"visual": PICTURE_AND_TEXT} if PICTURE_AND_TEXT in options and "visual" not in options else {}
    segments = [_segment(row, names, whole) for row in rows]
    return [segment for segment in segments if not options or segment["embedding_option"] in options]


def _segment(row: Mapping[str, Any], names: Mapping[str, str] | None = None, whole: str = "asset") -> Mapping[str, Any]:
    option, scope = row["embedding_option"], row["embedding_scope"]
    return {
        "float": row["embedding"],
        "start_offset_sec": row["start_sec"],
        "end_offset_sec": row["end_sec"],
        "embedding_option": (names or {}).get(option, option),
        "embedding_scope": whole if scope == "asset" else scope,
    }


def _error(task: EmbeddingTask) -> Mapping[str, Any]:
    return {} if task.error_message is None else {"error": {"message": task.error_message}}


def _model_word(call: Call) -> str:
    """Return what this generation calls a model."""
    return "engine_name" if call.dialect.legacy else "model_name"


async def _input(
    call: Call, link: str | None, upload: UploadFile | None, limit: int, stack: AsyncExitStack
) -> Input | None:
    """Return a medium of a form; a link comes before a file."""
    if link:
        return Input(MediaSource(url=link), {"input_url": link})
    if upload is None:
        return None
    arrival = await stack.enter_async_context(arriving(call, upload, limit))
    return Input(arrival, {"input_filename": upload.filename or "file"})


ROUTES: Sequence[Endpoint] = (
    ("POST", "/embed", create),
    ("POST", "/embed/tasks", create_task),
    ("GET", "/embed/tasks", list_tasks),
    ("GET", "/embed/tasks/{task_id}/status", read_status),
    ("GET", "/embed/tasks/{task_id}", read_task),
)
