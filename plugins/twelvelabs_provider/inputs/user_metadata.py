"""Metadata arguments: the user's own fields of videos, assets, entities and knowledge stores."""

from __future__ import annotations

import math
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import mapping_of

# The service's own fields of a video, which metadata of the same name would hide.
_RESERVED = frozenset({"duration", "filename", "fps", "height", "model_names", "size", "video_title", "width"})


def user_metadata_of(name: str, value: Any) -> dict[str, Any]:
    """Return the metadata of a video or an asset; empty if it is not given.

    :param name: the argument's name, for the error.
    :param value: a mapping, its JSON text, or None.
    :raises TwelveLabsInputError: it is none of these, or has a reserved name or a value that the service refuses.
    """
    metadata = mapping_of(name, value)
    for field, one in metadata.items():
        if field in _RESERVED or not field:
            raise TwelveLabsInputError(f"{name}[{field!r}]: the service keeps this name for itself; use another one")
        texts = isinstance(one, list | tuple) and all(isinstance(text, str) for text in one)
        number = isinstance(one, int | float) and math.isfinite(one)
        if not texts and not number and one is not None and not isinstance(one, str):
            raise TwelveLabsInputError(
                f"{name}[{field!r}]={one!r} must be a text, a number, a boolean, a list of texts, or None"
            )
    return metadata


def plain_metadata_of(name: str, value: Any) -> dict[str, str | int | float | bool]:
    """Return the metadata of an entity or a filter; empty if it is not given.

    :raises TwelveLabsInputError: it is no mapping, or a value is not a text, a number or a boolean.
    """
    metadata = mapping_of(name, value)
    for field, one in metadata.items():
        if not isinstance(one, str | int | float):
            raise TwelveLabsInputError(f"{name}[{field!r}]={one!r} must be a text, a number or a boolean")
    return metadata


def text_metadata_of(name: str, value: Any) -> dict[str, str]:
    """Return the metadata of a knowledge store or its item; empty if it is not given.

    :raises TwelveLabsInputError: it is no mapping, or a value is not a text.
    """
    metadata = mapping_of(name, value)
    for field, one in metadata.items():
        if not isinstance(one, str):
            raise TwelveLabsInputError(f"{name}[{field!r}]={one!r} must be a text")
    return metadata
