"""What a request for embeddings (v2) may say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twelvelabs_local.api.uploads import checked_link
from twelvelabs_local.engine.embedding import EmbeddingOptions, Option, Segmentation
from twelvelabs_local.errors import invalid, missing, unknown
from twelvelabs_local.identity import is_id

INPUTS = ("text", "image", "text_image", "audio", "video", "multi_input")
TASK_INPUTS = ("audio", "video")
MODELS = ("marengo3.0",)
SOURCES = ("url", "asset_id", "base64_string")
SCOPES = ("clip", "asset")
TYPES = ("separate_embedding", "fused_embedding")
OPTIONS: Mapping[str, Sequence[Option]] = {
    "audio": (Option.AUDIO, Option.TRANSCRIPTION),
    "video": (Option.VISUAL, Option.AUDIO, Option.TRANSCRIPTION),
}
MEDIA_FIELDS = (
    "media_source",
    "start_sec",
    "end_sec",
    "segmentation",
    "embedding_option",
    "embedding_scope",
    "embedding_type",
)
MOST_TOKENS = 500
MOST_IMAGES = 10
SEGMENT = (2, 10)
LEAST_SEGMENT = (2, 5)
DEFAULT_SECONDS = 6

_TOKEN = re.compile(r"\w+|[^\w\s]")
_REFERENCE = re.compile(r"<@([^<>@]+)>")


@dataclass(frozen=True)
class Source:
    """Where a medium is.

    :param kind: one of ``SOURCES``.
    :param value: the link, the id or the base64 text.
    """

    kind: str
    value: str


@dataclass(frozen=True)
class Wish:
    """A checked request.

    :param input_type: one of ``INPUTS``.
    :param text: its text, if it has one.
    :param sources: its media.
    :param ask: how audio or video is to be described.
    """

    input_type: str
    text: str | None
    sources: Sequence[Source]
    ask: EmbeddingOptions | None = None


def checked_wish(body: Mapping[str, Any], inputs: Sequence[str]) -> Wish:
    """Check a request for embeddings.

    :param body: its body; it has no unknown fields.
    :param inputs: the input types that the call takes.
    :raises ServiceError: for the first thing that is wrong.
    """
    for name in ("input_type", "model_name"):
        if not body.get(name):
            raise missing(name)
    kind = body["input_type"]
    among("input_type", kind, inputs)
    among("model_name", body["model_name"], MODELS)
    for other in INPUTS:
        if other != kind and body.get(other) is not None:
            raise invalid(other, f"It does not go with input_type {kind}.")
    part = body.get(kind)
    if part is None:
        raise missing(kind)
    if not isinstance(part, dict):
        raise invalid(kind, "It must be an object.")
    if kind in TASK_INPUTS:
        _only(part, MEDIA_FIELDS, kind)
        return Wish(kind, None, [_source(part.get("media_source"), f"{kind}.media_source")], ask_of(kind, part))
    if kind == "multi_input":
        return _several(part)
    _only(part, {"text": ("input_text",), "image": ("media_source",)}.get(kind, ("input_text", "media_source")), kind)
    sources = [] if kind == "text" else [_source(part.get("media_source"), f"{kind}.media_source")]
    return Wish(kind, None if kind == "image" else _text(part.get("input_text"), f"{kind}.input_text"), sources)


def _several(part: Mapping[str, Any]) -> Wish:
    _only(part, ("input_text", "media_sources"), "multi_input")
    listed, path = part.get("media_sources"), "multi_input.media_sources"
    if not listed:
        raise missing(path)
    if not isinstance(listed, list) or len(listed) > MOST_IMAGES or not all(isinstance(item, dict) for item in listed):
        raise invalid(path, f"It must be a list of 1 to {MOST_IMAGES} objects.")
    sources = [_source(item, path, ("name", "media_type")) for item in listed]
    for item in listed:
        among(f"{path}.media_type", item.get("media_type"), ("image",))
    names = [item["name"] for item in listed if item.get("name")]
    if len(set(names)) != len(names):
        raise invalid(f"{path}.name", "Two media sources have the same name.")
    text = part.get("input_text")
    if text is None:
        return Wish("multi_input", None, sources)
    for name in _REFERENCE.findall(_text(text, "multi_input.input_text")):
        if name not in names:
            raise invalid("multi_input.input_text", f"No media source has the name {name!r}.")
    return Wish("multi_input", text, sources)


def _source(value: Any, path: str, more: Sequence[str] = ()) -> Source:
    if value is None:
        raise missing(path)
    if not isinstance(value, dict):
        raise invalid(path, "It must be an object.")
    _only(value, (*SOURCES, *more), path)
    given = [kind for kind in SOURCES if value.get(kind)]
    if len(given) != 1:
        raise invalid(path, f"It must have exactly one of {', '.join(SOURCES)}.")
    kind, content = given[0], value[given[0]]
    if not isinstance(content, str):
        raise invalid(f"{path}.{kind}", "It must be text.")
    if kind == "url":
        checked_link(content, f"{path}.url")
    if kind == "asset_id" and not is_id(content):
        raise invalid(f"{path}.asset_id", f"{content!r} is not an id.")
    return Source(kind, content)


def _text(value: Any, path: str) -> str:
    if value is None:
        raise missing(path)
    if not isinstance(value, str) or not value.strip():
        raise invalid(path, "It must be text that is not empty.")
    return checked_text(value, path)


def checked_text(text: str, path: str) -> str:
    """Return a text that is short enough.

    :raises ServiceError: ``parameter_invalid``.
    """
    if len(_TOKEN.findall(text)) > MOST_TOKENS:
        raise invalid(path, f"It is longer than {MOST_TOKENS} tokens.")
    return text


def ask_of(kind: str, part: Mapping[str, Any]) -> EmbeddingOptions:
    """Return how audio or video is to be described.

    :param kind: ``audio`` or ``video``.
    :param part: what the request says about it.
    :raises ServiceError: for the first thing that is wrong.
    """
    options = _list(f"{kind}.embedding_option", part.get("embedding_option"), OPTIONS[kind], OPTIONS[kind])
    scopes = _list(f"{kind}.embedding_scope", part.get("embedding_scope"), SCOPES, SCOPES)
    types = _list(f"{kind}.embedding_type", part.get("embedding_type"), TYPES, TYPES[:1])
    if part.get("embedding_type") and len(options) < 2:
        raise invalid(f"{kind}.embedding_type", "It needs at least two values in embedding_option.")
    start = between(f"{kind}.start_sec", part.get("start_sec"), 0, float("inf")) or 0.0
    end = between(f"{kind}.end_sec", part.get("end_sec"), 0, float("inf"))
    if end is not None and end <= start:
        raise invalid(f"{kind}.end_sec", f"It is {end:g}; it must be greater than start_sec, {start:g}.")
    return EmbeddingOptions(
        options=tuple(Option(option) for option in options),
        segmentation=_segmentation(kind, part.get("segmentation")),
        clips="clip" in scopes,
        whole="asset" in scopes,
        separate=TYPES[0] in types,
        fused=TYPES[1] in types,
        start=start,
        end=end,
    )


def _segmentation(kind: str, value: Any) -> Segmentation:
    path = f"{kind}.segmentation"
    if value is None:
        return Segmentation(4.0, True) if kind == "video" else Segmentation(DEFAULT_SECONDS)
    if not isinstance(value, dict):
        raise invalid(path, "It must be an object.")
    _only(value, ("strategy", "fixed", "dynamic"), path)
    strategy = value.get("strategy")
    if not strategy:
        raise missing(f"{path}.strategy")
    among(f"{path}.strategy", strategy, ("fixed", "dynamic") if kind == "video" else ("fixed",))
    how, name = value.get(strategy), "duration_sec" if strategy == "fixed" else "min_duration_sec"
    if not isinstance(how, dict) or how.get(name) is None:
        raise missing(f"{path}.{strategy}.{name}")
    seconds = how[name]
    low, high = SEGMENT if strategy == "fixed" else LEAST_SEGMENT
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise invalid(f"{path}.{strategy}.{name}", f"It is {seconds!r}; it must be a whole number.")
    between(f"{path}.{strategy}.{name}", seconds, low, high)
    return Segmentation(float(seconds), strategy == "dynamic")


def _list(path: str, value: Any, allowed: Sequence[str], default: Sequence[str]) -> list[str]:
    if value is None:
        return list(default)
    if not isinstance(value, list) or not value or len(set(map(str, value))) != len(value):
        raise invalid(path, f"It is {value!r}; it must be a list with each of {', '.join(allowed)} at most once.")
    for item in value:
        among(path, item, allowed)
    return [str(item) for item in value]


def _only(value: Mapping[str, Any], allowed: Sequence[str], path: str) -> None:
    if extra := set(value) - set(allowed):
        raise unknown([f"{path}.{name}" for name in extra])


def among(name: str, value: Any, allowed: Sequence[str]) -> None:
    """Refuse a value that is none of those allowed.

    :raises ServiceError: ``parameter_invalid``.
    """
    if value not in allowed:
        raise invalid(name, f"It is {value!r}; it must be one of {', '.join(allowed)}.")


def between(name: str, value: Any, low: float, high: float) -> float | None:
    """Return a number that lies in a range, or None where there is none.

    :raises ServiceError: ``parameter_invalid``.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise invalid(name, f"It is {value!r}; it must be a number from {low:g} to {high:g}.")
    return float(value)
