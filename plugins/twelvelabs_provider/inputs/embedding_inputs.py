"""Inputs of an embedding request, made from the arguments of the operator."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.embedding.request import (
    AudioInput,
    EmbeddingInput,
    EmbeddingOption,
    EmbeddingScope,
    EmbeddingType,
    ImageInput,
    MultiInput,
    TextImageInput,
    TextInput,
    VideoInput,
)
from twelvelabs_provider.api.embedding.source import DynamicSegmentation, FixedSegmentation, MediaSource
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import choices_of, mapping_of, texts_of, whole_number_of
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.storage.media import must_be_picture, must_be_sound
from twelvelabs_provider.storage.probe import check_video, probe_video
from twelvelabs_provider.storage.source import Source, resolve_source

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

_ASSET_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class Medium:
    """An asset, a URL or a file as the input of an embedding.

    :param shown: its URI or id, without a signature.
    :param duration: seconds, None if unknown.
    :param version: changes when the content of a file changes; None for assets.
    """

    source: MediaSource
    shown: str
    duration: float | None = None
    version: str | None = None


@dataclass(frozen=True)
class MediaOptions:
    """Options for audio and video as given to the operator; :meth:`parsed` checks them."""

    start: Any = None
    end: Any = None
    segmentation: Any = None
    segment_seconds: Any = None
    options: Any = None
    scopes: Any = None
    types: Any = None

    def parsed(self) -> dict[str, Any]:
        """Return the fields of a :class:`MediaInput` except its source.

        :raises TwelveLabsInputError: an option is invalid.
        """
        window = TimeRange.parse(self.start, self.end)
        return {
            "start": window.start,
            "end": window.end,
            "segmentation": self._segmentation(),
            "options": choices_of("options", self.options, EmbeddingOption) or None,
            "scopes": choices_of("scopes", self.scopes, EmbeddingScope) or None,
            "types": choices_of("types", self.types, EmbeddingType) or None,
        }

    def must_be_unused(self, what: str) -> None:
        """Refuse options that need segments.

        :raises TwelveLabsInputError: an option is set.
        """
        for name, value in vars(self).items():
            if not is_blank(value):
                raise TwelveLabsInputError(f"{name}={value!r} is for audio and video only; {what} has no segments")

    def _segmentation(self) -> FixedSegmentation | DynamicSegmentation | None:
        if is_blank(self.segmentation) and is_blank(self.segment_seconds):
            return None
        given = self.segment_seconds
        seconds = None if is_blank(given) else whole_number_of("segment_seconds", given)
        if is_blank(self.segmentation) or self.segmentation == "fixed":
            return FixedSegmentation() if seconds is None else FixedSegmentation(seconds)
        if self.segmentation == "dynamic":
            return DynamicSegmentation() if seconds is None else DynamicSegmentation(seconds)
        raise TwelveLabsInputError(f"segmentation={self.segmentation!r} must be fixed or dynamic")


def is_blank(value: Any) -> bool:
    """Return whether an argument is left out or empty after rendering."""
    return value is None or (isinstance(value, str) and value.strip() in ("", "None")) or value in ([], (), {})


def picture_input(hook: TwelveLabsHook, text: str | None, images: Any) -> tuple[EmbeddingInput, list[Medium]]:
    """Return the input of images and a text: one image, one image with a text, or several images.

    :param images: one image, a list of them, or a mapping of names to them.
    :raises TwelveLabsInputError: an image is invalid.
    """
    names, values = _named(images)
    media = [image_medium(hook, value) for value in values]
    sources = [medium.source for medium in media]
    if any(names) or len(sources) > 1:
        return MultiInput(list(zip(names, sources, strict=True)), text), media
    return (ImageInput(sources[0]) if text is None else TextImageInput(text, sources[0])), media


def text_input(text: str) -> tuple[EmbeddingInput, list[Medium]]:
    """Return the input of a text."""
    return TextInput(text), []


def lasting_input(
    hook: TwelveLabsHook, kind: str, value: str, options: MediaOptions
) -> tuple[AudioInput | VideoInput, Medium]:
    """Return the input of an audio file or a video, checked as far as its content can be read.

    :param kind: ``audio`` or ``video``.
    :raises TwelveLabsInputError: the service would refuse the file.
    """
    fields = options.parsed()
    make: Callable[..., AudioInput | VideoInput] = AudioInput if kind == "audio" else VideoInput
    medium = _asset(hook, value) or _stored(hook, kind, value)
    return make(medium.source, **fields), medium


def image_medium(hook: TwelveLabsHook, value: str) -> Medium:
    """Return an image: an asset, a URL, or a file.

    :raises TwelveLabsInputError: a file is neither JPEG nor PNG.
    """
    found = _asset(hook, value)
    if found:
        return found
    source = resolve_source(value, what="image")
    must_be_picture(source)
    return Medium(_media_source(source), source.uri, version=source.fingerprint)


def _asset(hook: TwelveLabsHook, value: str) -> Medium | None:
    """Return the asset with this id; None if the value is not an id."""
    if not _ASSET_ID.fullmatch(value):
        return None
    asset = hook.execute(hook.api.read_asset(value))
    if asset.status != "ready":
        raise TwelveLabsInputError(f"Asset {value} is {asset.status}: wait until it is ready, then embed it")
    return Medium(MediaSource(asset_id=value), value, asset.duration)


def _stored(hook: TwelveLabsHook, kind: str, value: str) -> Medium:
    source = resolve_source(value, what=kind)
    if kind == "audio":
        must_be_sound(source)
    facts = probe_video(source) if kind == "video" else None
    if kind == "video":
        check_video(source, facts, hook.api.LIMITS)
    return Medium(_media_source(source), source.uri, facts.duration if facts else None, source.fingerprint)


def _media_source(source: Source) -> MediaSource:
    if source.url:
        return MediaSource(url=source.url)
    return MediaSource(file=source.file_part())


def _named(images: Any) -> tuple[list[str], list[str]]:
    """Return names (empty for images without one) and images."""
    if isinstance(images, Mapping) or str(images).lstrip().startswith("{"):
        named = mapping_of("image", images)
        return list(named), [str(value) for value in named.values()]
    values = list(texts_of("image", images))
    return [""] * len(values), values
