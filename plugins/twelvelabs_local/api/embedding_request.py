"""Request models of embeddings (v2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ValidationInfo, field_validator, model_validator

from twelvelabs_local.api.parameters import Id, Link, NonEmpty, Seconds, between, sized
from twelvelabs_local.api.request_model import RequestModel, invalid_field, missing_field
from twelvelabs_local.engine.embedding import EmbeddingOptions, Option, Segmentation

VideoOption = Literal["visual", "audio", "transcription"]
AudioOption = Literal["audio", "transcription"]
SOURCES = ("url", "asset_id", "base64_string")
MOST_TOKENS = 500
MOST_IMAGES = 10
DEFAULT_SECONDS = 6
DEFAULT_DYNAMIC_SECONDS = 4

_TOKEN = re.compile(r"\w+|[^\w\s]")
_REFERENCE = re.compile(r"<@([^<>@]+)>")


def short_text(text: str) -> str:
    """Return a text within the limit of the model.

    :raises ValueError: when it has too many tokens.
    """
    if len(_TOKEN.findall(text)) > MOST_TOKENS:
        raise ValueError(f"It is longer than {MOST_TOKENS} tokens.")
    return text


def _each_once(values: list[str]) -> list[str]:
    if not values or len(set(values)) < len(values):
        raise ValueError(f"It is {values!r}; it must be a list with each value at most once.")
    return values


InputText = Annotated[NonEmpty, AfterValidator(short_text)]
EachOnce = AfterValidator(_each_once)


class MediaSource(RequestModel):
    """An image, a sound or a video: a link, an asset or inline content."""

    url: Link | None = None
    asset_id: Id | None = None
    base64_string: NonEmpty | None = None

    @model_validator(mode="after")
    def _check_one(self) -> MediaSource:
        if sum(getattr(self, name) is not None for name in SOURCES) != 1:
            raise ValueError(f"It must have exactly one of {', '.join(SOURCES)}.")
        return self


class ReferencedImage(MediaSource):
    """An image that the text of the request may refer to by its name."""

    name: str | None = None
    media_type: str | None = None

    @field_validator("name")
    @classmethod
    def _drop_empty(cls, name: str) -> str | None:
        return name or None

    @model_validator(mode="after")
    def _check_media_type(self) -> ReferencedImage:
        if self.media_type != "image":
            raise invalid_field("media_type", f"It is {self.media_type!r}; it must be image.")
        return self


class TextInput(RequestModel):
    """A text."""

    input_text: InputText


class ImageInput(RequestModel):
    """An image."""

    media_source: MediaSource


class TextImageInput(RequestModel):
    """A text with an image."""

    input_text: InputText
    media_source: MediaSource


class MultiInput(RequestModel):
    """Images, with a text that may refer to them."""

    media_sources: Annotated[list[ReferencedImage], sized(1, MOST_IMAGES, "objects")]
    input_text: InputText | None = None

    @field_validator("media_sources")
    @classmethod
    def _check_names(cls, images: list[ReferencedImage]) -> list[ReferencedImage]:
        names = [image.name for image in images if image.name]
        if len(set(names)) < len(names):
            raise invalid_field("name", "Two media sources have the same name.")
        return images

    @field_validator("input_text")
    @classmethod
    def _check_references(cls, text: str, info: ValidationInfo) -> str:
        names = {image.name for image in info.data.get("media_sources", ())}
        for name in _REFERENCE.findall(text):
            if name not in names:
                raise ValueError(f"No media source has the name {name!r}.")
        return text


class FixedSegments(RequestModel):
    """Segments of one length."""

    duration_sec: Annotated[int, between(2, 10)]


class DynamicSegments(RequestModel):
    """Segments that follow the content."""

    min_duration_sec: Annotated[int, between(2, 5)]


class AudioSegmentation(RequestModel):
    """How a sound is cut into segments."""

    strategy: Literal["fixed"]
    fixed: FixedSegments
    dynamic: Any = None

    def read(self) -> Segmentation:
        """Return the engine's segmentation."""
        return Segmentation(float(self.fixed.duration_sec))


class VideoSegmentation(RequestModel):
    """How a video is cut into segments."""

    strategy: Literal["fixed", "dynamic"]
    fixed: FixedSegments | None = None
    dynamic: DynamicSegments | None = None

    @model_validator(mode="after")
    def _check_strategy(self) -> VideoSegmentation:
        if self.strategy == "fixed" and self.fixed is None:
            raise missing_field("fixed.duration_sec")
        if self.strategy == "dynamic" and self.dynamic is None:
            raise missing_field("dynamic.min_duration_sec")
        return self

    def read(self) -> Segmentation:
        """Return the engine's segmentation."""
        if self.strategy == "dynamic" and self.dynamic:
            return Segmentation(float(self.dynamic.min_duration_sec), True)
        return Segmentation(float(self.fixed.duration_sec if self.fixed else DEFAULT_SECONDS))


class MediaInput(RequestModel):
    """What the requests for audio and video share."""

    media_source: MediaSource
    embedding_option: list[Any]
    embedding_scope: Annotated[list[Literal["clip", "asset"]], EachOnce] = ["clip", "asset"]
    embedding_type: Annotated[list[Literal["separate_embedding", "fused_embedding"]], EachOnce] = ["separate_embedding"]
    start_sec: Seconds = 0.0
    end_sec: Seconds | None = None

    @field_validator("embedding_type")
    @classmethod
    def _check_options(cls, types: list[str], info: ValidationInfo) -> list[str]:
        if len(info.data.get("embedding_option", ())) < 2:
            raise ValueError("It needs at least two values in embedding_option.")
        return types

    @field_validator("end_sec")
    @classmethod
    def _check_end(cls, end: float, info: ValidationInfo) -> float:
        start = info.data.get("start_sec", 0.0)
        if end <= start:
            raise ValueError(f"It is {end:g}; it must be greater than start_sec, {start:g}.")
        return end

    def options(self, segmentation: Segmentation) -> EmbeddingOptions:
        """Return what the engine is to compute."""
        return EmbeddingOptions(
            options=tuple(Option(option) for option in self.embedding_option),
            segmentation=segmentation,
            clips="clip" in self.embedding_scope,
            whole="asset" in self.embedding_scope,
            separate="separate_embedding" in self.embedding_type,
            fused="fused_embedding" in self.embedding_type,
            start=self.start_sec,
            end=self.end_sec,
        )


class AudioInput(MediaInput):
    """A sound, and how to embed it."""

    embedding_option: Annotated[list[AudioOption], EachOnce] = ["audio", "transcription"]
    segmentation: AudioSegmentation = AudioSegmentation(
        strategy="fixed", fixed=FixedSegments(duration_sec=DEFAULT_SECONDS)
    )


class VideoInput(MediaInput):
    """A video, and how to embed it."""

    embedding_option: Annotated[list[VideoOption], EachOnce] = ["visual", "audio", "transcription"]
    segmentation: VideoSegmentation = VideoSegmentation(
        strategy="dynamic", dynamic=DynamicSegments(min_duration_sec=DEFAULT_DYNAMIC_SECONDS)
    )


class EmbeddingRequest(RequestModel):
    """A request for embeddings; the field that ``input_type`` names contains the input."""

    input_type: Literal["text", "image", "text_image", "audio", "video", "multi_input"]
    model_name: Literal["marengo3.0"]
    text: TextInput | None = None
    image: ImageInput | None = None
    text_image: TextImageInput | None = None
    audio: AudioInput | None = None
    video: VideoInput | None = None
    multi_input: MultiInput | None = None

    @field_validator("text", "image", "text_image", "audio", "video", "multi_input", mode="before")
    @classmethod
    def _check_kind(cls, given: Any, info: ValidationInfo) -> Any:
        kind = info.data.get("input_type", info.field_name)
        if info.field_name != kind:
            raise ValueError(f"It does not go with input_type {kind}.")
        return given

    @model_validator(mode="after")
    def _check_input(self) -> EmbeddingRequest:
        if getattr(self, self.input_type) is None:
            raise missing_field(self.input_type)
        return self

    @property
    def input_text(self) -> str | None:
        """The text of the input."""
        part = self.text or self.text_image or self.multi_input
        return part.input_text if part else None

    @property
    def media_sources(self) -> Sequence[MediaSource]:
        """The media of the input."""
        if self.multi_input:
            return self.multi_input.media_sources
        part = self.image or self.text_image or self.audio or self.video
        return [part.media_source] if part else []

    @property
    def options(self) -> EmbeddingOptions | None:
        """What the engine is to compute of audio or video."""
        part = self.audio or self.video
        return part.options(part.segmentation.read()) if part else None


class EmbeddingTaskRequest(EmbeddingRequest):
    """A request for an embedding task."""

    input_type: Literal["audio", "video"]
