"""Embeddings and embedding tasks."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field, PlainSerializer, SkipValidation

from twelvelabs_provider.api.service_model import (
    ERROR_NAMES,
    Identifier,
    Moment,
    Number,
    Reason,
    ServiceModel,
    Text,
    as_object,
    named,
    object_or_empty,
    part_of,
)

_MEDIA = ("video", "audio", "image", "document")


def _vector(numbers: Any) -> Any:
    """Return the numbers of an embedding, which the first months of v1.2 wrapped in an object."""
    if isinstance(numbers, Mapping):
        numbers = numbers.get("float")
    if isinstance(numbers, array):
        return numbers
    if not isinstance(numbers, list) or not numbers:
        raise ValueError("is no vector")
    try:
        return array("d", numbers)
    except TypeError as error:
        raise ValueError(f"is not made of numbers: {error}") from None


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(map(str, values)) if isinstance(values, list | tuple) else ()


def _described(what: str) -> Any:
    """Return a field of the input that the older generations prefix with its type."""
    older = [f"{kind}_embedding_{ending}" for kind in _MEDIA for ending in (what, f"{what}s")]
    return named(f"embedding_{what}s", *older, default=())


# Python 3.11 cannot evaluate array[float].
Vector = Annotated[
    SkipValidation[array],  # type: ignore[type-arg]
    BeforeValidator(_vector),
    PlainSerializer(lambda numbers: numbers.tolist()),
]
"""Numbers in an array: hours of video have thousands of vectors."""
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
"""A list of texts; none for everything else: a billed response is not lost for it."""


class Embedding(ServiceModel):
    """One vector.

    :param option: ``visual``, ``audio``, ``transcription`` or ``fused``; None for texts and images.
    :param scope: ``clip`` or ``asset``; None for texts and images.
    :param start: seconds; None for texts and images.
    :param end: seconds; None for texts and images.
    """

    vector: Vector = Field(repr=False, validation_alias=AliasChoices("embedding", "float"))
    option: Text = named("embedding_option", default=None)
    scope: Text = named("embedding_scope", default=None)
    start: Number = named("start_sec", "start_offset_sec", default=None)
    end: Number = named("end_sec", "end_offset_sec", default=None)


class EmbeddedInput(ServiceModel):
    """The input of an embedding, as the service describes it.

    :param url: as given; it may be signed and stays out of ``repr``.
    :param duration: seconds, of audio and video.
    """

    type: Text = named("input_type", default=None)
    url: Text = Field(default=None, repr=False, validation_alias=AliasChoices("input_url", "url"))
    filename: Text = named("input_filename", default=None)
    duration: Number = None
    options: Texts = _described("option")
    scopes: Texts = _described("scope")
    clip_length: Number = named("clip_length", "video_clip_length", default=None)
    start: Number = named("start_offset_sec", default=None)
    end: Number = named("end_offset_sec", default=None)


class Embeddings(ServiceModel):
    """Response to a request for embeddings.

    :param model: if the response names it.
    """

    items: tuple[Embedding, ...] = named("data")
    input: Annotated[EmbeddedInput, BeforeValidator(object_or_empty)] = Field(
        default_factory=EmbeddedInput, validation_alias=AliasChoices("metadata", "input")
    )
    model: Text = named("model_name", "engine_name", default=None)

    @property
    def dimensions(self) -> int | None:
        """Length of the vectors; None without a vector."""
        return len(self.items[0].vector) if self.items else None


class EmbeddingTask(ServiceModel):
    """An embedding task.

    :param status: ``processing``, ``ready`` or ``failed``.
    :param items: the embeddings; empty until it is ready, and in lists.
    """

    id: Identifier = named("_id", "id")
    status: str
    model: Text = named("model_name", "engine_name", default=None)
    input: Annotated[EmbeddedInput, BeforeValidator(object_or_empty)] = Field(
        default_factory=EmbeddedInput, validation_alias=AliasChoices("metadata", "input")
    )
    items: tuple[Embedding, ...] = named("data", default=())
    error: Reason = named(*ERROR_NAMES, default=None)
    created_at: Moment = None
    updated_at: Moment = None

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class; lists and the older calls wrap the embeddings in an object of the medium."""
        rows = body.pop("video_embeddings", ())
        kind = next((kind for kind in _MEDIA if part_of(body, f"{kind}_embedding")), None)
        if kind:
            older = body.pop(f"{kind}_embedding")
            rows = older.get("segments") or rows
            body.setdefault("metadata", {"input_type": kind, **part_of(older, "metadata")})
        return {**body, "data": body.get("data") or rows} if rows else body

    def embeddings(self) -> Embeddings:
        """Return the embeddings of the task."""
        return Embeddings(items=self.items, input=self.input, model=self.model)


def task_without_vectors(answer: Any) -> EmbeddingTask:
    """Return the embedding task of a response without its embeddings, for a poll."""
    kept = {
        name: {**value, "segments": ()} if name.endswith("_embedding") and isinstance(value, Mapping) else value
        for name, value in as_object(answer, "an embedding task").items()
        if name not in ("data", "video_embeddings")
    }
    return EmbeddingTask.read(kept)
