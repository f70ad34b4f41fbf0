"""Embeddings and embedding tasks."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

import pendulum

from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.models import Json
from twelvelabs_provider.api.reading import as_object, error_text_from, identifier, number_from, text_from
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.service_model import moment_from

_NOTHING: Json = MappingProxyType({})
_KNOWN = {
    "embedding", "float", "embedding_option", "embedding_scope", "start_sec", "end_sec", "start_offset_sec",
    "end_offset_sec",
}  # fmt: skip


@dataclass(frozen=True)
class Embedding(Answer):
    """One vector.

    :param vector: an array, because hours of video have thousands of vectors.
    :param option: ``visual``, ``audio``, ``transcription`` or ``fused``; None for texts and images.
    :param scope: ``clip`` or ``asset``; None for texts and images.
    :param start: seconds; None for texts and images.
    :param end: seconds; None for texts and images.
    :param extra: fields that this package does not know.
    """

    vector: array[float] = field(repr=False)
    option: str | None = None
    scope: str | None = None
    start: float | None = None
    end: float | None = None
    extra: Json = field(default_factory=lambda: _NOTHING)

    @classmethod
    def deserialize(cls, data: Mapping[str, Any], version: int) -> Self:
        """Return the vector that was serialized as a list."""
        return super().deserialize({**data, "vector": array("d", data["vector"])}, version)


@dataclass(frozen=True)
class EmbeddedInput(Answer):
    """The input of an embedding, as the service describes it.

    :param url: as given; it may be signed and stays out of ``repr``.
    :param duration: seconds, of audio and video.
    """

    type: str | None = None
    url: str | None = field(default=None, repr=False)
    filename: str | None = None
    duration: float | None = None
    options: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    clip_length: float | None = None
    start: float | None = None
    end: float | None = None
    raw: Json = field(repr=False, default_factory=lambda: _NOTHING)


@dataclass(frozen=True)
class Embeddings(Answer):
    """Response to a request for embeddings.

    :param model: if the response names it.
    """

    items: tuple[Embedding, ...]
    input: EmbeddedInput
    model: str | None

    @property
    def dimensions(self) -> int | None:
        """Length of the vectors; None without a vector."""
        return len(self.items[0].vector) if self.items else None


@dataclass(frozen=True)
class EmbeddingTask(Answer):
    """An embedding task.

    :param status: ``processing``, ``ready`` or ``failed``.
    :param items: the embeddings; empty until it is ready, and in lists.
    """

    id: str
    status: str
    model: str | None
    input: EmbeddedInput
    items: tuple[Embedding, ...]
    error: str | None
    created_at: pendulum.DateTime | None
    updated_at: pendulum.DateTime | None

    def embeddings(self) -> Embeddings:
        """Return the embeddings of the task."""
        return Embeddings(self.items, self.input, self.model)


def embeddings_from(answer: Any) -> Embeddings:
    """Return the embeddings of a response of ``POST /embed-v2``.

    :raises TwelveLabsAnswerError: if it has no ``data``.
    """
    raw = as_object(answer, "embeddings")
    if not isinstance(raw.get("data"), list):
        raise TwelveLabsAnswerError(
            f"the service's answer for embeddings has no list data; its fields are {sorted(raw)}"
        )
    return Embeddings(vectors_from(raw["data"]), embedded_input_from(raw.get("metadata")), raw.get("model_name"))


def embedding_task_from(answer: Any, *, whole: bool = True) -> EmbeddingTask:
    """Return the embedding task of a response.

    :param whole: False skips the embeddings, for a status poll.
    """
    raw = as_object(answer, "an embedding task")
    kind = next((kind for kind in ("video", "audio", "image", "document") if raw.get(f"{kind}_embedding")), None)
    older = as_object(raw[f"{kind}_embedding"], f"the {kind}_embedding of a task") if kind else _NOTHING
    rows = raw.get("data") or older.get("segments") or raw.get("video_embeddings") or ()
    found = raw.get("metadata") or {"input_type": kind, **(older.get("metadata") or {})}
    return EmbeddingTask(
        id=identifier(raw, "an embedding task"),
        status=text_from(raw, "status", "an embedding task"),
        model=raw.get("model_name") or raw.get("engine_name"),
        input=embedded_input_from(found),
        items=vectors_from(rows) if whole else (),
        error=error_text_from(raw),
        created_at=moment_from(raw.get("created_at")),
        updated_at=moment_from(raw.get("updated_at")),
    )


def vectors_from(rows: Iterable[Any]) -> tuple[Embedding, ...]:
    """Return a list of embeddings of any generation."""
    return tuple(_embedding(as_object(row, "an embedding")) for row in rows)


def embedded_input_from(answer: Any) -> EmbeddedInput:
    """Return the input description of any generation; an empty one without a description."""
    raw = answer if isinstance(answer, Mapping) else _NOTHING
    kind = raw.get("input_type")

    def listed(name: str) -> tuple[str, ...]:
        for key in (f"embedding_{name}s", f"{kind}_embedding_{name}", f"{kind}_embedding_{name}s"):
            if raw.get(key):
                return tuple(raw[key])
        return ()

    return EmbeddedInput(
        type=kind,
        url=raw.get("input_url"),
        filename=raw.get("input_filename"),
        duration=number_from(raw.get("duration")),
        options=listed("option"),
        scopes=listed("scope"),
        clip_length=number_from(raw.get("clip_length") or raw.get("video_clip_length")),
        start=number_from(raw.get("start_offset_sec")),
        end=number_from(raw.get("end_offset_sec")),
        raw=raw,
    )


def _embedding(raw: Json) -> Embedding:
    return Embedding(
        vector=_vector(raw),
        option=raw.get("embedding_option"),
        scope=raw.get("embedding_scope"),
        start=number_from(raw.get("start_sec", raw.get("start_offset_sec"))),
        end=number_from(raw.get("end_sec", raw.get("end_offset_sec"))),
        extra={name: value for name, value in raw.items() if name not in _KNOWN},
    )


def _vector(raw: Json) -> array[float]:
    """The numbers under ``embedding`` (v2), ``float`` (v1), or ``embedding.float`` (v1.2's first months)."""
    numbers = raw.get("embedding", raw.get("float"))
    if isinstance(numbers, Mapping):
        numbers = numbers.get("float")
    if not isinstance(numbers, list) or not numbers:
        raise TwelveLabsAnswerError(f"an embedding of the service has no vector; its fields are {sorted(raw)}")
    try:
        return array("d", numbers)
    except TypeError as error:
        raise TwelveLabsAnswerError(f"an embedding of the service is not made of numbers: {error}") from error
