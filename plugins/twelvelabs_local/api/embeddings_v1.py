"""Embeddings as the older calls have them (v1.2, and v1.3 until they go): forms in, one object per kind out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from anyio import to_thread
from starlette.responses import Response

from twelvelabs_local.api.call import Call, Form, answer, required
from twelvelabs_local.api.embedding_media import IMAGE_BYTES, image_of, material_of
from twelvelabs_local.api.embedding_request import OPTIONS, Source, among, between, checked_text
from twelvelabs_local.api.embeddings import WATCHING, forget_old, head, listed, task_list, task_of
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.api.lists import refuse_unknown
from twelvelabs_local.api.uploads import arriving, checked_link, refuse_large
from twelvelabs_local.downloads import filename_of
from twelvelabs_local.engine.embedding import EmbeddingOptions, Option, Segmentation, embeddings
from twelvelabs_local.engine.embedding_input import billed_minutes
from twelvelabs_local.engine.features import MODEL_NAME, numbers, text_vector
from twelvelabs_local.errors import ServiceError, invalid, missing
from twelvelabs_local.identity import new_id
from twelvelabs_local.requirements import LINK_BYTES, TASK_BYTES
from twelvelabs_local.store.assets import Asset, create_asset
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.embeddings import Edition, EmbeddingTask, create_embedding_task
from twelvelabs_local.store.media_files import IncomingFile

PARTS = ("text", "image_url", "image_file", "audio_url", "audio_file", "audio_start_offset_sec")
TASK_PARTS = (
    "video_file",
    "video_url",
    "video_start_offset_sec",
    "video_end_offset_sec",
    "video_clip_length",
    "video_embedding_scope",
)
TASK_SCOPES = ("clip", "video")
CLIP = (2.0, 10.0)
LEAST_REST = 2.0
"""Seconds below which the last clip of a video is left out."""

MODELS = {"v1.3": ("marengo3.0", "Marengo-retrieval-2.7"), "v1.2": ("Marengo-retrieval-2.6",)}
PICTURE_AND_TEXT = "visual-text"
"""What the option for pictures was called before v1.3's newest model."""

Medium = Source | IncomingFile


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
    refuse_large(call, TASK_BYTES)
    async with call.form((word, *PARTS)) as form, AsyncExitStack() as stack:
        await _check_model(call, form, word)
        text = await form.text("text")
        image = await _input(call, form, "image", IMAGE_BYTES, stack)
        audio = await _input(call, form, "audio", LINK_BYTES, stack)
        start = await _number(form, "audio_start_offset_sec", 0.0, float("inf")) or 0.0
        if text is None and image is None and audio is None:
            raise missing("text, image_url, image_file, audio_url or audio_file")
        work = partial(_embedded, call, text and checked_text(text, "text"), image, audio, start)
        found = await to_thread.run_sync(work, limiter=WATCHING if audio else None)
    return answer({word: MODEL_NAME, **found}, 200, call.counted("embed"))


def _embedded(
    call: Call, text: str | None, image: Input | None, audio: Input | None, start: float
) -> Mapping[str, Any]:
    """Return the embeddings by kind; it may take its time."""
    body: dict[str, Any] = {}
    if text:
        body["text_embedding"] = {"segments": [{"float": numbers(text_vector(text))}]}
    if image:
        vector = image_of(call, image.medium, "image_url")
        body["image_embedding"] = {"segments": [{"float": numbers(vector)}], "metadata": image.shown}
    if audio:
        ask = EmbeddingOptions(
            (Option.AUDIO, Option.TRANSCRIPTION), whole=False, separate=False, fused=True, start=start
        )
        material = material_of(call, audio.medium, "audio", ask, "audio_url")
        segments = [
            {name: row[name] for name in ("float", "start_offset_sec", "end_offset_sec")}
            for row in map(_segment, embeddings(ask, material))
        ]
        body["audio_embedding"] = {"segments": segments, "metadata": audio.shown}
        bill(call.db, "embedding", billed_minutes(ask, material.duration), new_id())
    for kind in ("text", "image"):
        if f"{kind}_embedding" in body:
            bill(call.db, f"embedding_{kind}", 0.0, new_id())
    return body


async def create_task(call: Call) -> Response:
    """POST /embed/tasks."""
    word = _model_word(call)
    refuse_large(call, TASK_BYTES)
    async with call.form((word, *TASK_PARTS)) as form, AsyncExitStack() as stack:
        await _check_model(call, form, word)
        ask = await _task_ask(form)
        video = await _input(call, form, "video", TASK_BYTES, stack)
        if video is None:
            raise missing("video_url or video_file")
        request = {"ask": asdict(ask), "source": video.shown, "whole": "video"}
        forget_old(call)
        with call.db.transaction():
            asset_id = create_asset(call.db, _file(video)).id
            task = create_embedding_task(
                call.db, EmbeddingTask(edition=Edition.V1, kind="video", asset_id=asset_id, request=request)
            )
    call.work_to_do()
    return answer({"_id": task.id}, 200, call.counted("embed"))


async def _task_ask(form: Form) -> EmbeddingOptions:
    low, high = CLIP
    start = await _number(form, "video_start_offset_sec", 0.0, float("inf")) or 0.0
    end = await _number(form, "video_end_offset_sec", 0.0, float("inf"))
    if end is not None and end <= start:
        raise invalid("video_end_offset_sec", f"It is {end:g}; it must be after video_start_offset_sec, {start:g}.")
    length = await _number(form, "video_clip_length", low, high) or Segmentation().seconds
    scopes = [str(scope) for scope in form.parts.getlist("video_embedding_scope")] or ["clip"]
    for scope in scopes:
        among("video_embedding_scope", scope, TASK_SCOPES)
    return EmbeddingOptions(
        tuple(OPTIONS["video"]),
        Segmentation(length, least=LEAST_REST),
        clips="clip" in scopes,
        whole="video" in scopes,
        start=start,
        end=end,
    )


def _file(video: Input) -> Asset:
    if isinstance(video.medium, IncomingFile):
        name = str(video.shown["input_filename"])
        return Asset(method="direct", filename=name, size_limit=TASK_BYTES, sha256=video.medium.keep(), implicit=True)
    link = video.medium.value
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
    query = call.request.query_params
    refuse_unknown(query, ("embedding_option",))
    options = query.getlist("embedding_option")
    for option in options:
        among("embedding_option", option, (*OPTIONS["video"], PICTURE_AND_TEXT))
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
    """Return how this generation calls a model.

    :raises ServiceError: ``not_found`` in v1.1, which has no embeddings.
    """
    if call.dialect.version not in MODELS:
        raise ServiceError(404, "not_found", f"There is no such call in {call.dialect.version}.")
    return "engine_name" if call.dialect.legacy else "model_name"


async def _check_model(call: Call, form: Form, word: str) -> None:
    among(word, required(await form.text(word), word), MODELS[call.dialect.version])


async def _input(call: Call, form: Form, kind: str, limit: int, stack: AsyncExitStack) -> Input | None:
    """Return a medium of a form; a link comes before a file."""
    link = await form.text(f"{kind}_url")
    if link:
        return Input(Source("url", checked_link(link, f"{kind}_url")), {"input_url": link})
    upload = form.file(f"{kind}_file")
    if upload is None:
        return None
    arrival = await stack.enter_async_context(arriving(call, upload, limit))
    return Input(arrival, {"input_filename": upload.filename or kind})


async def _number(form: Form, name: str, low: float, high: float) -> float | None:
    text = await form.text(name)
    if text is None:
        return None
    try:
        return between(name, float(text), low, high)
    except ValueError as error:
        raise invalid(name, f"It is {text!r}; it must be a number.") from error


ROUTES: Sequence[Entry] = (
    ("POST", "/embed", create),
    ("POST", "/embed/tasks", create_task),
    ("GET", "/embed/tasks", list_tasks),
    ("GET", "/embed/tasks/{task_id}/status", read_status),
    ("GET", "/embed/tasks/{task_id}", read_task),
)
