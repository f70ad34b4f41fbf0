"""Embeddings in v1.2: the same questions as today's, asked through its forms; what it has no form for is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import pendulum

from twelvelabs_provider.api.call import Call, get, path_of
from twelvelabs_provider.api.embedding.embeddings import indexed_embeddings_from
from twelvelabs_provider.api.embedding.embeddings_v1 import (
    V1_2,
    Medium,
    create_video_embedding_task,
    embed,
    list_video_embedding_tasks,
    read_video_embedding_task,
    video_embedding_task_status,
)
from twelvelabs_provider.api.embedding.models import EmbeddedInput, Embeddings, EmbeddingTask
from twelvelabs_provider.api.embedding.request import (
    DEFAULT_MODEL,
    AudioInput,
    EmbeddingOption,
    EmbeddingRequest,
    EmbeddingScope,
    ImageInput,
    MediaInput,
    TextInput,
    VideoInput,
)
from twelvelabs_provider.api.embedding.source import FixedSegmentation, MediaSource
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.resources import Paging

_NOTHING = EmbeddedInput()


def create_embeddings(request: EmbeddingRequest) -> Call[Embeddings]:
    """Return the call that embeds a text, an image or a sound.

    :raises TwelveLabsUnsupportedError: for a video, and for what is made of several inputs.
    """
    given, model = request.input, _model(request)
    if isinstance(given, TextInput):
        return embed(text=given.text, model=model, words=V1_2).then(lambda found: found.only())
    if isinstance(given, ImageInput):
        return embed(image=_medium(given.source), model=model, words=V1_2).then(lambda found: found.only())
    if isinstance(given, AudioInput):
        _plain(given)
        sound = embed(audio=_medium(given.source), audio_start=given.start, model=model, words=V1_2)
        return sound.then(lambda found: found.only())
    if isinstance(given, VideoInput):
        _refuse("video at once", "create_embedding_task()")
    _refuse(f"{given.type.value} input", "one embedding for each text and image")


def create_embedding_task(request: EmbeddingRequest) -> Call[EmbeddingTask]:
    """Return the call that starts a task for a video.

    :raises TwelveLabsUnsupportedError: for anything else.
    """
    given = request.input
    if not isinstance(given, VideoInput):
        _refuse(f"tasks for {given.type.value}", "create_embeddings()")
    if given.segmentation is not None and not isinstance(given.segmentation, FixedSegmentation):
        _refuse("dynamic segmentation", "a fixed one")
    if given.options or given.types:
        _refuse("choice of options and types", "all of them")
    created = create_video_embedding_task(
        _medium(given.source),
        start=given.start,
        end=given.end,
        clip_length=given.segmentation.seconds if given.segmentation else None,
        scopes=["clip" if scope is EmbeddingScope.CLIP else "video" for scope in given.scopes or ()],
        model=_model(request),
        words=V1_2,
    )
    return created.then(lambda task_id: EmbeddingTask(task_id, "processing", None, _NOTHING, (), None, None, None))


def read_embedding_task(task_id: str) -> Call[EmbeddingTask]:
    """Return the call that reads a task with its embeddings."""
    return read_video_embedding_task(task_id)


def embedding_task_status(task_id: str) -> Call[EmbeddingTask]:
    """Return the call that tells where a task stands."""
    return video_embedding_task_status(task_id)


def list_embedding_tasks(
    *,
    since: pendulum.DateTime | None = None,
    until: pendulum.DateTime | None = None,
    status: str | None = None,
    paging: Paging | None = None,
) -> Call[Page[EmbeddingTask]]:
    """Return the call for one page of the tasks of the last seven days, newest first, without their embeddings."""
    return list_video_embedding_tasks(since=since, until=until, status=status, paging=paging)


def indexed_embeddings(
    index_id: str, video_id: str, *, options: Sequence[EmbeddingOption] = tuple(EmbeddingOption)
) -> Call[Embeddings]:
    """Return the call for the embeddings of an indexed video, of those options that are wanted."""
    wanted = {option.value for option in options}

    def kept(found: Embeddings) -> Embeddings:
        items = tuple(item for item in found.items if item.option is None or item.option in wanted)
        return Embeddings(items, found.input, found.model)

    return get(path_of("indexes", index_id, "videos", video_id), indexed_embeddings_from, {"embed": True}).then(kept)


def _model(request: EmbeddingRequest) -> str | None:
    """The model that was asked for; today's default means this generation's."""
    return None if request.model == DEFAULT_MODEL else request.model


def _medium(source: MediaSource) -> Medium:
    medium = source.file or source.url
    if medium is None:
        _refuse("assets", "a URL or a file")
    return medium


def _plain(given: MediaInput) -> None:
    if given.end is not None or given.segmentation or given.options or given.scopes or given.types:
        _refuse("end, segmentation, options, scopes and types of sound", "start alone")


def _refuse(what: str, instead: str) -> NoReturn:
    raise TwelveLabsUnsupportedError(
        f"API v1.2 takes no {what} for embeddings: use {instead}, or a connection with api_version v1.3"
    )
