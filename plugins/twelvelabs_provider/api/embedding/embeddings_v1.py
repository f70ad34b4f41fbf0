"""First embedding calls: the only ones of v1.2, deprecated in v1.3.

In v1.3, use the calls of :mod:`twelvelabs_provider.api.embedding.embeddings`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import pendulum

from twelvelabs_provider.api.call import (
    Call,
    FilePart,
    FormBody,
    Method,
    RateCategory,
    get,
    only_in,
    path_of,
    wire_text,
)
from twelvelabs_provider.api.embedding.embeddings import task_page
from twelvelabs_provider.api.embedding.models import (
    Embedding,
    Embeddings,
    EmbeddingTask,
    embedded_input_from,
    embedding_task_from,
    vectors_from,
)
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.models import Json, Page
from twelvelabs_provider.api.reading import as_object, identifier
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.version import ApiVersion

T = TypeVar("T")
Medium = FilePart | str
"""A file, or a URL that the service fetches."""


@dataclass(frozen=True)
class Words:
    """Field name and default model of a generation."""

    field: str
    model: str


TODAY = Words("model_name", "marengo3.0")
V1_2 = Words("engine_name", "Marengo-retrieval-2.6")


@dataclass(frozen=True)
class EmbeddingsByKind(Answer):
    """Response of ``POST /embed``; None for inputs that were not given."""

    model: str | None
    text: Embeddings | None
    image: Embeddings | None
    audio: Embeddings | None

    def only(self) -> Embeddings:
        """Return the only one.

        :raises TwelveLabsAnswerError: there is none.
        """
        for found in (self.text, self.image, self.audio):
            if found:
                return found
        raise TwelveLabsAnswerError("the service answered without an embedding")


def embed(
    *,
    text: str | None = None,
    image: Medium | None = None,
    audio: Medium | None = None,
    audio_start: float | None = None,
    model: str | None = None,
    words: Words = TODAY,
) -> Call[EmbeddingsByKind]:
    """Return the call that embeds a text, an image and an audio file, each if given.

    :param audio_start: seconds.
    """
    fields = {words.field: model or words.model, "text": text, "audio_start_offset_sec": audio_start}
    parts = (*_texts(fields), *_media("image", image), *_media("audio", audio))
    return only_embedding(Call(Method.POST, "/embed", _by_kind, body=FormBody(parts), category=RateCategory.EMBED))


def create_video_embedding_task(
    video: Medium,
    *,
    start: float | None = None,
    end: float | None = None,
    clip_length: float | None = None,
    scopes: Sequence[str] = (),
    model: str | None = None,
    words: Words = TODAY,
) -> Call[str]:
    """Return the call that starts a task for a video and returns its id.

    :param clip_length: seconds of a clip, 2 to 10; None is 6.
    :param scopes: ``clip``, ``video`` or both; none is ``clip``.
    """
    fields = {
        words.field: model or words.model,
        "video_start_offset_sec": start,
        "video_end_offset_sec": end,
        "video_clip_length": clip_length,
    }
    repeated = tuple(("video_embedding_scope", scope) for scope in scopes)
    parts = (*_texts(fields), *repeated, *_media("video", video))
    read = partial(identifier, what="the new video embedding task")
    return only_embedding(Call(Method.POST, "/embed/tasks", read, body=FormBody(parts), category=RateCategory.EMBED))


def list_video_embedding_tasks(
    *,
    since: pendulum.DateTime | None = None,
    until: pendulum.DateTime | None = None,
    status: str | None = None,
    paging: Paging | None = None,
) -> Call[Page[EmbeddingTask]]:
    """Return the call for one page of the tasks of the last seven days, newest first, without their embeddings.

    :param since: only those created after this moment.
    :param until: only those created before this moment.
    :param status: ``processing``, ``ready`` or ``failed``.
    """
    return only_embedding(task_page("/embed/tasks", since, until, status, paging))


def video_embedding_task_status(task_id: str) -> Call[EmbeddingTask]:
    """Return the call that reads the status of a task."""
    return only_embedding(get(path_of("embed", "tasks", task_id, "status"), embedding_task_from))


def read_video_embedding_task(task_id: str, *, options: Sequence[str] = ()) -> Call[EmbeddingTask]:
    """Return the call that reads a task with its embeddings.

    :param options: ``visual``, ``audio``, ``transcription``, ``visual-text``; none is all that there are.
    """
    path = path_of("embed", "tasks", task_id)
    return only_embedding(get(path, embedding_task_from, {"embedding_option": list(options)}))


def only_embedding(call: Call[T]) -> Call[T]:
    """Return the call, marked as one of the generations that embed: all but v1.1."""
    return only_in(call, ApiVersion.V1_2, ApiVersion.V1_3, instead="use a connection with api_version v1.2 or v1.3")


def _texts(fields: Json) -> tuple[tuple[str, str], ...]:
    return tuple((name, wire_text(value)) for name, value in fields.items() if value is not None)


def _media(kind: str, medium: Medium | None) -> tuple[tuple[str, str | FilePart], ...]:
    if medium is None:
        return ()
    return ((f"{kind}_url" if isinstance(medium, str) else f"{kind}_file", medium),)


def _by_kind(answer: Any) -> EmbeddingsByKind:
    raw = as_object(answer, "embeddings")
    model = raw.get("model_name") or raw.get("engine_name")
    return EmbeddingsByKind(model, *(_one_kind(raw, kind, model) for kind in ("text", "image", "audio")))


def _one_kind(raw: Json, kind: str, model: str | None) -> Embeddings | None:
    if raw.get(f"{kind}_embedding") is None:
        return None
    found = as_object(raw[f"{kind}_embedding"], f"a {kind} embedding")
    if found.get("error_message"):
        raise TwelveLabsAnswerError(f"the service could not embed the {kind}: {found['error_message']}")
    items: tuple[Embedding, ...] = vectors_from([found] if "float" in found else found.get("segments") or ())
    return Embeddings(items, embedded_input_from({"input_type": kind, **(found.get("metadata") or {})}), model)
