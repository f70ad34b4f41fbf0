"""Embeddings in v1.2: the requests of v1.3, sent as forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from twelvelabs_provider.api.call import Call, get, only_in, path_of
from twelvelabs_provider.api.embedding.embeddings import indexed_embeddings_from
from twelvelabs_provider.api.embedding.embeddings_v1 import (
    V1_2,
    Medium,
    create_video_embedding_task,
    embed,
)
from twelvelabs_provider.api.embedding.models import Embeddings, EmbeddingTask
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
from twelvelabs_provider.api.version import ApiVersion


def create_embeddings(request: EmbeddingRequest) -> Call[Embeddings]:
    """Return the call that embeds a text, an image or a sound.

    :raises TwelveLabsUnsupportedError: for a video, and for what is made of several inputs.
    """
    given, model = request.input, _model(request)
    if isinstance(given, TextInput):
        return embed(text=given.text, model=model, model_field=V1_2).then(lambda found: found.only())
    if isinstance(given, ImageInput):
        return embed(image=_medium(given.source), model=model, model_field=V1_2).then(lambda found: found.only())
    if isinstance(given, AudioInput):
        _plain(given)
        sound = embed(audio=_medium(given.source), audio_start=given.start, model=model, model_field=V1_2)
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
        model_field=V1_2,
    )
    return created.then(lambda task_id: EmbeddingTask(id=task_id, status="processing"))


def indexed_embeddings(
    index_id: str, video_id: str, *, options: Sequence[EmbeddingOption] = tuple(EmbeddingOption)
) -> Call[Embeddings]:
    """Return the call for the embeddings of an indexed video, only those of the given options."""
    wanted = {option.value for option in options}

    def kept(found: Embeddings) -> Embeddings:
        items = tuple(item for item in found.items if item.option is None or item.option in wanted)
        return Embeddings(items=items, input=found.input, model=found.model)

    path = path_of("indexes", index_id, "videos", video_id)
    call = get(path, indexed_embeddings_from, {"embed": True}).then(kept)
    return only_in(call, ApiVersion.V1_2, instead="use a connection with api_version v1.2 or v1.3")


def _model(request: EmbeddingRequest) -> str | None:
    """Return the requested model; None for the default of v1.3, which v1.2 does not have."""
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
