"""What a request for an analysis may say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from twelvelabs_local.downloads import is_url
from twelvelabs_local.errors import ServiceError, invalid, missing, unknown
from twelvelabs_local.identity import is_id

FIELDS = (
    "model_name",
    "custom_id",
    "video",
    "prompt",
    "prompt_v2",
    "analysis_mode",
    "temperature",
    "max_tokens",
    "response_format",
    "min_segment_duration",
    "max_segment_duration",
    "start_time",
    "end_time",
)
NOW_FIELDS = (
    "model_name",
    "video",
    "video_id",
    "prompt",
    "prompt_v2",
    "temperature",
    "max_tokens",
    "response_format",
    "start_time",
    "end_time",
    "stream",
)
MODELS = ("pegasus1.2", "pegasus1.5", "pegasus1.6")
MODES = ("general", "time_based_metadata")
FIELD_TYPES = ("string", "boolean", "number", "integer", "array", "timestamp", "time_array")
TIME_FORMATS = ("seconds", "hh:mm:ss", "hh:mm:ss.fff")
SCHEMA_REFUSED = frozenset(
    {"minLength", "maxLength", "additionalProperties", "maxItems", "uniqueItems", "oneOf", "allOf", "not"}
)
MOST_DEFINITIONS = 20
MOST_FIELDS = 20
MOST_VALUES = 100
LONGEST_PROMPT = 8000
"""Letters, which are some 2,000 tokens."""
SHORTEST_SEGMENT = 2.0
SHORTEST_WINDOW = 4.0
_CUSTOM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_request(body: Mapping[str, Any]) -> None:
    """Check a request for an analysis.

    :param body: its body; it has no unknown fields.
    :raises ServiceError: for the first thing that is wrong.
    """
    model = body.get("model_name", MODELS[0])
    mode = body.get("analysis_mode", MODES[0])
    _among("model_name", model, MODELS)
    _among("analysis_mode", mode, MODES)
    custom_id = body.get("custom_id")
    if custom_id is not None and not (isinstance(custom_id, str) and _CUSTOM_ID.fullmatch(custom_id)):
        raise invalid("custom_id", f"It is {custom_id!r}; it takes 1 to 64 letters, digits, hyphens and underscores.")
    if "video_id" not in body:
        _check_video(body.get("video"))
    _between("temperature", body.get("temperature"), 0, 1)
    _check_tokens(body.get("max_tokens"), model, mode)
    _check_window(body, model)
    shape = body.get("response_format")
    if mode == "general":
        _check_general(body, shape)
    else:
        _check_segmentation(body, shape, model)


def check_now(body: Mapping[str, Any]) -> None:
    """Check a request for an analysis that is answered at once.

    :param body: its body; it has no unknown fields.
    :raises ServiceError: for the first thing that is wrong.
    """
    if not isinstance(body.get("stream", True), bool):
        raise invalid("stream", f"It is {body['stream']!r}; it must be true or false.")
    video_id = body.get("video_id")
    if "video_id" in body:
        if body.get("video") is not None:
            raise invalid("video_id", "Give either video or video_id.")
        if not (isinstance(video_id, str) and is_id(video_id)):
            raise invalid("video_id", f"{video_id!r} is not an id.")
        if body.get("model_name", MODELS[0]) != MODELS[0]:
            raise invalid("video_id", f"It needs model_name {MODELS[0]}; other models take video.")
    check_request(body)


def check_prompt(body: Mapping[str, Any], longest: int = LONGEST_PROMPT) -> None:
    """Check the prompt of a request of an older model.

    :param longest: letters.
    :raises ServiceError: ``token_limit_exceeded``.
    """
    prompt = body.get("prompt")
    if isinstance(prompt, str) and len(prompt) > longest:
        message = f"The prompt has {len(prompt)} letters; the model takes some {longest} ({longest // 4} tokens)."
        raise ServiceError(400, "token_limit_exceeded", message)


def _check_video(video: Any) -> None:
    if video is None:
        raise missing("video")
    if not isinstance(video, dict):
        raise invalid("video", "It must be an object with type.")
    kind = video.get("type")
    _among("video.type", kind, ("url", "asset_id", "base64_string"))
    if extra := set(video) - {"type", kind}:
        raise unknown([f"video.{name}" for name in extra])
    value = video.get(kind)
    if not value:
        raise missing(f"video.{kind}")
    if kind == "asset_id" and not (isinstance(value, str) and is_id(value)):
        raise invalid("video.asset_id", f"{value!r} is not an id.")
    if not isinstance(value, str) or (kind == "url" and not is_url(value)):
        raise invalid(f"video.{kind}", "It must be an http or https link." if kind == "url" else "It must be text.")


def _check_tokens(tokens: Any, model: str, mode: str) -> None:
    if tokens is None or (tokens == "unlimited" and model == "pegasus1.6" and mode == "time_based_metadata"):
        return
    if isinstance(tokens, bool) or not isinstance(tokens, int):
        raise invalid("max_tokens", f"It is {tokens!r}; it must be a whole number.")
    if model == "pegasus1.2":
        low, high = 2, 4096
    else:
        low, high = (512 if mode == "general" else 2048), 98_304
    _between("max_tokens", tokens, low, high)


def _check_window(body: Mapping[str, Any], model: str) -> None:
    start, end = body.get("start_time"), body.get("end_time")
    _between("start_time", start, 0, float("inf"))
    _between("end_time", end, 0, float("inf"))
    if (start is not None or end is not None) and model == "pegasus1.2":
        raise invalid("start_time", "A window needs model_name pegasus1.5.")
    if end is not None and end - (start or 0) < SHORTEST_WINDOW:
        raise invalid("end_time", f"It is {end}; it must be at least {SHORTEST_WINDOW:g} seconds after start_time.")


def _check_general(body: Mapping[str, Any], shape: Any) -> None:
    prompt, prompt_v2 = body.get("prompt"), body.get("prompt_v2")
    if prompt and prompt_v2:
        raise invalid("prompt", "Give either prompt or prompt_v2.")
    if body.get("model_name", MODELS[0]) == MODELS[0]:
        check_prompt(body)
    if prompt_v2 is not None:
        if not isinstance(prompt_v2, dict) or not isinstance(prompt_v2.get("input_text"), str):
            raise missing("prompt_v2.input_text")
    elif not prompt:
        raise missing("prompt")
    elif not isinstance(prompt, str):
        raise invalid("prompt", "It must be text.")
    for name in ("min_segment_duration", "max_segment_duration"):
        if body.get(name) is not None:
            raise invalid(name, "It needs analysis_mode time_based_metadata.")
    if shape is None:
        return
    if not isinstance(shape, dict) or shape.get("type") != "json_schema":
        raise invalid("response_format.type", "In general mode it must be json_schema.")
    if not isinstance(shape.get("json_schema"), dict):
        raise missing("response_format.json_schema")
    _check_schema(shape["json_schema"], named=False)


def _check_schema(part: Any, named: bool) -> None:
    """Refuse what the service's models cannot promise.

    :param part: a schema, or a map of names to schemas.
    :param named: whether its keys are names that the caller chose.
    """
    if isinstance(part, list):
        for item in part:
            _check_schema(item, False)
    if not isinstance(part, dict):
        return
    if not named and (wrong := SCHEMA_REFUSED & set(part)):
        message = f"The json_schema uses keywords that are not supported: {', '.join(sorted(wrong))}."
        raise ServiceError(422, "parameter_invalid", message)
    for key, value in part.items():
        _check_schema(value, not named and key in ("properties", "$defs"))


def _check_segmentation(body: Mapping[str, Any], shape: Any, model: str) -> None:
    if model == "pegasus1.2":
        raise invalid("analysis_mode", "time_based_metadata needs model_name pegasus1.5.")
    for name in ("prompt", "prompt_v2"):
        if body.get(name) is not None:
            raise invalid(name, "It is not supported with analysis_mode time_based_metadata.")
    if not isinstance(shape, dict) or shape.get("type") != "segment_definitions":
        raise invalid("response_format.type", "With analysis_mode time_based_metadata it must be segment_definitions.")
    _among("response_format.segment_time_format", shape.get("segment_time_format", "seconds"), TIME_FORMATS)
    definitions = shape.get("segment_definitions")
    if not isinstance(definitions, list) or not 1 <= len(definitions) <= MOST_DEFINITIONS:
        raise invalid("response_format.segment_definitions", f"It must hold 1 to {MOST_DEFINITIONS} definitions.")
    for definition in definitions:
        _check_definition(definition)
    ids = [definition["id"] for definition in definitions]
    if len(set(ids)) != len(ids):
        raise invalid("response_format.segment_definitions.id", "Two definitions have the same id.")
    _check_durations(body, definitions)


def _check_definition(definition: Any) -> None:
    path = "response_format.segment_definitions"
    if not isinstance(definition, dict):
        raise invalid(path, "Each definition must be an object.")
    if extra := set(definition) - {"id", "description", "fields", "media_sources", "time_ranges"}:
        raise unknown([f"{path}.{name}" for name in extra])
    for name in ("id", "description"):
        if not definition.get(name):
            raise missing(f"{path}.{name}")
        if not isinstance(definition[name], str):
            raise invalid(f"{path}.{name}", "It must be text.")
    fields = definition.get("fields") or []
    if not isinstance(fields, list) or len(fields) > MOST_FIELDS:
        raise invalid(f"{path}.fields", f"It must be a list of at most {MOST_FIELDS} fields.")
    for item in fields:
        _check_field(item, f"{path}.fields")
    _check_ranges(definition.get("time_ranges") or [], f"{path}.time_ranges")


def _check_field(item: Any, path: str) -> None:
    if not isinstance(item, dict):
        raise invalid(path, "Each field must be an object.")
    for name in ("name", "type", "description"):
        if not item.get(name):
            raise missing(f"{path}.{name}")
    _among(f"{path}.type", item["type"], FIELD_TYPES)
    timed = item["type"] == "timestamp"
    if timed != ("format" in item) or (timed and item["format"] not in TIME_FORMATS):
        raise invalid(f"{path}.format", f"A timestamp needs one of {', '.join(TIME_FORMATS)}; other types take none.")
    if len(item.get("enum") or []) > MOST_VALUES:
        raise invalid(f"{path}.enum", f"It may hold at most {MOST_VALUES} values.")
    if item["type"] == "array" and not item.get("items"):
        raise missing(f"{path}.items")


def _check_ranges(ranges: Any, path: str) -> None:
    if not isinstance(ranges, list):
        raise invalid(path, "It must be a list.")
    for part in ranges:
        if not isinstance(part, dict):
            raise invalid(path, "Each range must be an object.")
        start, end = (-1 if part.get(name) is None else part[name] for name in ("start_time", "end_time"))
        _between(f"{path}.start_time", start, 0, float("inf"))
        _between(f"{path}.end_time", end, 0, float("inf"))
        if end - start < SHORTEST_SEGMENT:
            raise invalid(path, f"The range {start} to {end} is shorter than {SHORTEST_SEGMENT:g} seconds.")
    ordered = sorted(ranges, key=lambda part: float(part["start_time"]))
    if any(after["start_time"] < before["end_time"] for before, after in pairwise(ordered)):
        raise invalid(path, "The ranges overlap.")


def _check_durations(body: Mapping[str, Any], definitions: Sequence[Mapping[str, Any]]) -> None:
    shortest, longest = body.get("min_segment_duration"), body.get("max_segment_duration")
    _between("min_segment_duration", shortest, SHORTEST_SEGMENT, float("inf"))
    _between("max_segment_duration", longest, SHORTEST_SEGMENT, float("inf"))
    if shortest is not None and longest is not None and longest < shortest:
        raise invalid("max_segment_duration", f"It is {longest}; min_segment_duration is {shortest}.")
    others = ("min_segment_duration", "max_segment_duration", "start_time", "end_time")
    if any(definition.get("time_ranges") for definition in definitions):
        for name in others:
            if body.get(name) is not None:
                raise invalid(name, "It cannot be used together with time_ranges.")


def _among(name: str, value: Any, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise invalid(name, f"It is {value!r}; it must be one of {', '.join(allowed)}.")


def _between(name: str, value: Any, low: float, high: float) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise invalid(name, f"It is {value!r}; it must be a number from {low:g} to {high:g}.")
