"""First embedding calls: the only ones of v1.2, deprecated in v1.3.

In v1.3, use the calls of :mod:`twelvelabs_provider.api.embedding.embeddings`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from twelvelabs_provider.api.embedding.models import Embeddings, EmbeddingTask
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.models import Json, Page
from twelvelabs_provider.api.resources import Paging, id_from
from twelvelabs_provider.api.service_model import ServiceModel, Text, as_object, named, part_of
from twelvelabs_provider.api.version import ApiVersion

T = TypeVar("T")
Medium = FilePart | str
"""A file, or a URL that the service fetches."""


@dataclass(frozen=True)
class ModelField:
    """The field that names the model in a generation, and its default.

    :param name: of the field.
    """

    name: str
    default: str


V1_3 = ModelField("model_name", "marengo3.0")
V1_2 = ModelField("engine_name", "Marengo-retrieval-2.6")


class EmbeddingsByKind(ServiceModel):
    """Response of ``POST /embed``; None for inputs that were not given."""

    model: Text = named("model_name", "engine_name", default=None)
    text: Embeddings | None = None
    image: Embeddings | None = None
    audio: Embeddings | None = None

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        for kind in ("text", "image", "audio"):
            if (found := body.pop(f"{kind}_embedding", None)) is not None:
                body[kind] = _one_kind(kind, as_object(found, f"a {kind} embedding"), body)
        return body

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
    model_field: ModelField = V1_3,
) -> Call[EmbeddingsByKind]:
    """Return the call that embeds a text, an image and an audio file, each if given.

    :param audio_start: seconds.
    """
    fields = {model_field.name: model or model_field.default, "text": text, "audio_start_offset_sec": audio_start}
    parts = (*_texts(fields), *_media("image", image), *_media("audio", audio))
    return only_embedding(
        Call(Method.POST, "/embed", EmbeddingsByKind.read, body=FormBody(parts), category=RateCategory.EMBED)
    )


def create_video_embedding_task(
    video: Medium,
    *,
    start: float | None = None,
    end: float | None = None,
    clip_length: float | None = None,
    scopes: Sequence[str] = (),
    model: str | None = None,
    model_field: ModelField = V1_3,
) -> Call[str]:
    """Return the call that starts a task for a video and returns its id.

    :param clip_length: seconds of a clip, 2 to 10; None is 6.
    :param scopes: ``clip``, ``video`` or both; none is ``clip``.
    """
    fields = {
        model_field.name: model or model_field.default,
        "video_start_offset_sec": start,
        "video_end_offset_sec": end,
        "video_clip_length": clip_length,
    }
    repeated = tuple(("video_embedding_scope", scope) for scope in scopes)
    parts = (*_texts(fields), *repeated, *_media("video", video))
    return only_embedding(Call(Method.POST, "/embed/tasks", id_from, body=FormBody(parts), category=RateCategory.EMBED))


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
    return only_embedding(get(path_of("embed", "tasks", task_id, "status"), EmbeddingTask.read))


def read_video_embedding_task(task_id: str, *, options: Sequence[str] = ()) -> Call[EmbeddingTask]:
    """Return the call that reads a task with its embeddings.

    :param options: ``visual``, ``audio``, ``transcription``, ``visual-text``; none is all that there are.
    """
    path = path_of("embed", "tasks", task_id)
    return only_embedding(get(path, EmbeddingTask.read, {"embedding_option": list(options)}))


def only_embedding(call: Call[T]) -> Call[T]:
    """Return the call, marked as one of the generations that embed: all but v1.1."""
    return only_in(call, ApiVersion.V1_2, ApiVersion.V1_3, instead="use a connection with api_version v1.2 or v1.3")


def _texts(fields: Json) -> tuple[tuple[str, str], ...]:
    return tuple((name, wire_text(value)) for name, value in fields.items() if value is not None)


def _media(kind: str, medium: Medium | None) -> tuple[tuple[str, str | FilePart], ...]:
    if medium is None:
        return ()
    return ((f"{kind}_url" if isinstance(medium, str) else f"{kind}_file", medium),)


def _one_kind(kind: str, found: Json, body: Json) -> Json:
    """Return one of several embeddings in the form of the later calls."""
    if found.get("error_message"):
        raise TwelveLabsAnswerError(f"the service could not embed the {kind}: {found['error_message']}")
    rows = [{"float": found["float"]}] if "float" in found else found.get("segments") or ()
    model = body.get("model_name") or body.get("engine_name")
    return {"data": rows, "metadata": {"input_type": kind, **part_of(found, "metadata")}, "model_name": model}
