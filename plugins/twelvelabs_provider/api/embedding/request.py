"""Embedding requests: one class per kind of input."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from twelvelabs_provider.api.embedding.source import DynamicSegmentation, FixedSegmentation, MediaSource
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError

DEFAULT_MODEL = "marengo3.0"
LONGEST_SYNC = 600.0
"""Seconds of audio or video of a synchronous embedding; longer media need a task."""

LARGEST_IMAGE = 32 * 2**20
_REFERENCE = re.compile(r"<@([^<>@]+)>")


class InputType(StrEnum):
    """Kinds of input."""

    TEXT = "text"
    IMAGE = "image"
    TEXT_IMAGE = "text_image"
    AUDIO = "audio"
    VIDEO = "video"
    MULTI_INPUT = "multi_input"


class EmbeddingOption(StrEnum):
    """Contents of a video or audio file that are embedded."""

    VISUAL = "visual"
    AUDIO = "audio"
    TRANSCRIPTION = "transcription"


class EmbeddingScope(StrEnum):
    """One embedding per segment, or one for the whole."""

    CLIP = "clip"
    ASSET = "asset"


class EmbeddingType(StrEnum):
    """One embedding per option, or one for all options."""

    SEPARATE = "separate_embedding"
    FUSED = "fused_embedding"


@dataclass(frozen=True)
class TextInput:
    """A text of 500 tokens at most."""

    text: str
    type: ClassVar[InputType] = InputType.TEXT

    def body(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {"input_text": self.text}


@dataclass(frozen=True)
class ImageInput:
    """A JPEG or PNG image of 32 MiB at most, 128x128 pixels or more."""

    source: MediaSource
    type: ClassVar[InputType] = InputType.IMAGE

    def __post_init__(self) -> None:
        self.source.must_hold_at_most(LARGEST_IMAGE)

    def body(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {"media_source": self.source.body()}


@dataclass(frozen=True)
class TextImageInput:
    """A text and an image that become one embedding."""

    text: str
    source: MediaSource
    type: ClassVar[InputType] = InputType.TEXT_IMAGE

    def __post_init__(self) -> None:
        self.source.must_hold_at_most(LARGEST_IMAGE)

    def body(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {"media_source": self.source.body(), "input_text": self.text}


@dataclass(frozen=True)
class MultiInput:
    """Up to ten images that become one embedding.

    :param images: names (may be empty) with sources.
    :param text: may refer to a named image as ``<@name>``.
    """

    images: Sequence[tuple[str, MediaSource]]
    text: str | None = None
    type: ClassVar[InputType] = InputType.MULTI_INPUT

    def __post_init__(self) -> None:
        for _, source in self.images:
            source.must_hold_at_most(LARGEST_IMAGE)
        # Protects money: a name without an image would be embedded as plain text.
        names = {name for name, _ in self.images}
        if missing := [name for name in _REFERENCE.findall(self.text or "") if name not in names]:
            raise TwelveLabsBadRequestError(f"no image is named <@{missing[0]}>, but the text refers to it")

    def body(self) -> dict[str, Any]:
        """Return the JSON object."""
        sources = [
            {**({"name": name} if name else {}), "media_type": "image", **source.body()} for name, source in self.images
        ]
        return {**({} if self.text is None else {"input_text": self.text}), "media_sources": sources}


@dataclass(frozen=True)
class MediaInput:
    """Options that audio and video share; the service chooses for None.

    :param start: seconds.
    :param end: seconds, after ``start``.
    :param options: what is embedded; None is everything.
    :param scopes: each segment, the whole, or both; None is both.
    :param types: for two options or more: separate embeddings, one fused embedding, or both; None is separate.
    """

    source: MediaSource
    start: float | None = None
    end: float | None = None
    segmentation: FixedSegmentation | DynamicSegmentation | None = None
    options: Sequence[EmbeddingOption] | None = None
    scopes: Sequence[EmbeddingScope] | None = None
    types: Sequence[EmbeddingType] | None = None
    known: ClassVar[Sequence[EmbeddingOption]] = ()

    def body(self) -> dict[str, Any]:
        """Return the JSON object, without unset fields."""
        fields = {
            "media_source": self.source.body(),
            "start_sec": self.start,
            "end_sec": self.end,
            "segmentation": self.segmentation.body() if self.segmentation else None,
            "embedding_option": _values(self.options),
            "embedding_scope": _values(self.scopes),
            "embedding_type": _values(self.types),
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True)
class AudioInput(MediaInput):
    """A WAV, MP3 or FLAC file; see :class:`MediaInput`."""

    type: ClassVar[InputType] = InputType.AUDIO
    known: ClassVar[Sequence[EmbeddingOption]] = (EmbeddingOption.AUDIO, EmbeddingOption.TRANSCRIPTION)


@dataclass(frozen=True)
class VideoInput(MediaInput):
    """A video; see :class:`MediaInput`."""

    type: ClassVar[InputType] = InputType.VIDEO
    known: ClassVar[Sequence[EmbeddingOption]] = tuple(EmbeddingOption)


EmbeddingInput = TextInput | ImageInput | TextImageInput | MultiInput | AudioInput | VideoInput


@dataclass(frozen=True)
class EmbeddingRequest:
    """One request for embeddings.

    :param extra: fields of the body that this provider does not know yet.
    """

    input: EmbeddingInput
    model: str = DEFAULT_MODEL
    extra: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        kind = self.input.type.value
        return {"input_type": kind, "model_name": self.model, kind: self.input.body(), **self.extra}


def _values(given: Sequence[StrEnum] | None) -> list[str] | None:
    return None if given is None else [value.value for value in given]
