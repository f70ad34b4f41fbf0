"""Rules for analysis requests, checked before a request is sent.

Where the service's contracts differ (a window of 4 seconds at least, then of 1) only that is refused which all refuse.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from twelvelabs_provider.api.analysis.request import (
    INDEX_ENGINE,
    MOST_TOKENS,
    UNLIMITED,
    AnalysisMode,
    AnalysisRequest,
    SourceKind,
    VideoSource,
)
from twelvelabs_provider.api.analysis.response_format import FormatType, Problem, TimeFormat, below
from twelvelabs_provider.api.analysis.schema_rules import problems_of_schema
from twelvelabs_provider.api.analysis.segment_rules import (
    EVENTS_MODEL,
    SHORTEST_SEGMENT,
    is_number,
    problems_of_definitions,
    problems_of_images,
)

MOST_INLINE_BYTES = 30 * 1024**2
"""Of a video within the request, before it is written as base64."""
LONGEST_NOW = 3600.0
"""Seconds of video that a synchronous call takes."""
SHORTEST_WINDOW = 1.0
_FEWEST_TOKENS: Mapping[AnalysisMode, int] = {AnalysisMode.GENERAL: 512, AnalysisMode.TIME_BASED_METADATA: 2048}
_OLD_TOKENS = (2, 4096)
_NOT_BY_ENGINE = "the engine of an index does not take it: use a connection with api_version v1.3"
_CUSTOM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PLACEHOLDER = re.compile(r"<@([^<>@]+)>")


def problems_of_request(request: AnalysisRequest, *, now: bool) -> tuple[Problem, ...]:
    """Return what the service would refuse in a request; pointers are from the root of its body.

    :param now: for the synchronous call instead of a task.
    """
    return (
        *_of_source(request.source, request.model, now),
        *_of_question(request),
        *_of_numbers(request),
        *_of_window(request),
        *_of_mode(request, now),
        *_of_format(request, now),
        *_of_custom_id(request, now),
    )


def _of_source(source: VideoSource, model: str, now: bool) -> list[Problem]:
    value, place = source.value, f"/video/{source.kind.value}"
    if not value.strip():
        return [Problem(place, "it is empty")]
    if source.kind is SourceKind.URL and not _is_address(value):
        return [Problem(place, "it must be an http or https address of a media file")]
    if source.kind is SourceKind.INLINE:
        return _of_inline(place, value)
    if source.kind is SourceKind.INDEXED and not now:
        return [
            Problem("/video_id", f"{value!r}: analysis tasks take no indexed video; give its asset_id, or mode sync")
        ]
    if source.kind is SourceKind.INDEXED and model != INDEX_ENGINE:
        message = f"{value!r}: the engine of its index answers, not {model}; leave model_name out, or give its asset_id"
        return [Problem("/video_id", message)]
    return []


def _of_inline(place: str, value: str) -> list[Problem]:
    if len(value) * 3 // 4 > MOST_INLINE_BYTES:
        size = f"{len(value) * 3 // 4:,} bytes"
        return [Problem(place, f"{size}: a video within the request may have {MOST_INLINE_BYTES:,}; make it an asset")]
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        return [Problem(place, f"it is not base64 ({error})")]
    return []


def _of_question(request: AnalysisRequest) -> list[Problem]:
    given = {"prompt": request.prompt, "prompt_v2": request.prompt_v2}
    asked = [name for name, value in given.items() if value is not None]
    if request.mode is AnalysisMode.TIME_BASED_METADATA:
        message = f"not with analysis_mode {request.mode.value}: the descriptions of the segments say what is wanted"
        return [Problem(f"/{name}", message) for name in asked]
    if len(asked) != 1:
        return [Problem("/prompt", f"give one of prompt and prompt_v2, not {' and '.join(asked) or 'none'}")]
    if request.prompt is not None:
        told = isinstance(request.prompt, str) and request.prompt.strip()
        return [] if told else [Problem("/prompt", f"{request.prompt!r} must be a text that says something")]
    return below("/prompt_v2", _of_prompt_v2(request.prompt_v2, request.model))


def _of_prompt_v2(prompt: Any, model: str) -> list[Problem]:
    if not isinstance(prompt, Mapping):
        return [Problem("", f"{prompt!r} must be an object with input_text and media_sources")]
    found = [] if model != INDEX_ENGINE else [Problem("", _NOT_BY_ENGINE)]
    text, images = prompt.get("input_text"), prompt.get("media_sources") or []
    if not isinstance(text, str) or not text.strip():
        return [*found, Problem("/input_text", f"{text!r} must be a text that says something")]
    found += below("/media_sources", problems_of_images(images))
    names = {image.get("name") for image in images if isinstance(image, Mapping)}
    found += [
        Problem("/input_text", f"<@{name}> names no image of media_sources")
        for name in dict.fromkeys(_PLACEHOLDER.findall(text))
        if name not in names
    ]
    return found


def _of_numbers(request: AnalysisRequest) -> list[Problem]:
    found = []
    if request.temperature is not None and not (is_number(request.temperature) and 0 <= request.temperature <= 1):
        found.append(Problem("/temperature", f"{request.temperature!r} must be a number from 0 to 1"))
    return found + _of_tokens(request)


def _of_tokens(request: AnalysisRequest) -> list[Problem]:
    tokens, model, mode = request.max_tokens, request.model, request.mode
    if tokens is None:
        return []
    if tokens == UNLIMITED:
        allowed = model >= EVENTS_MODEL and mode is AnalysisMode.TIME_BASED_METADATA
        needs = f"it needs model_name {EVENTS_MODEL} and analysis_mode {AnalysisMode.TIME_BASED_METADATA.value}"
        return [] if allowed else [Problem("/max_tokens", f"{tokens!r}: {needs}")]
    low, high = _OLD_TOKENS if model == INDEX_ENGINE else (_FEWEST_TOKENS[mode], MOST_TOKENS)
    if isinstance(tokens, bool) or not isinstance(tokens, int) or not low <= tokens <= high:
        message = f"{tokens!r} must be a whole number from {low:,} to {high:,} ({model}, {mode.value})"
        return [Problem("/max_tokens", message)]
    return []


def _of_window(request: AnalysisRequest) -> list[Problem]:
    given = {"start_time": request.start, "end_time": request.end}
    found = [
        Problem(f"/{name}", f"{value!r} must be a number of seconds, 0 or more")
        for name, value in given.items()
        if value is not None and not (is_number(value) and value >= 0)
    ]
    if found or (request.start is None and request.end is None):
        return found
    if request.model == INDEX_ENGINE:
        found.append(Problem("/start_time", _NOT_BY_ENGINE))
    if request.end is not None and request.end - (request.start or 0.0) < SHORTEST_WINDOW:
        message = (
            f"{request.end:g} must lie at least {SHORTEST_WINDOW:g} second after start_time {request.start or 0:g}"
        )
        found.append(Problem("/end_time", message))
    return found


def _of_mode(request: AnalysisRequest, now: bool) -> list[Problem]:
    timed = request.mode is AnalysisMode.TIME_BASED_METADATA
    found = []
    if timed and now:
        found.append(Problem("/analysis_mode", f"{request.mode.value} needs an analysis task: mode async"))
    if timed and request.model == INDEX_ENGINE:
        found.append(Problem("/analysis_mode", _NOT_BY_ENGINE))
    shortest, longest = request.min_segment_duration, request.max_segment_duration
    for name, value in (("min_segment_duration", shortest), ("max_segment_duration", longest)):
        if value is None:
            continue
        if not timed:
            found.append(Problem(f"/{name}", f"it needs analysis_mode {AnalysisMode.TIME_BASED_METADATA.value}"))
        elif not is_number(value) or value < SHORTEST_SEGMENT:
            found.append(Problem(f"/{name}", f"{value!r} must be a number of seconds, {SHORTEST_SEGMENT:g} or more"))
    if is_number(shortest) and is_number(longest) and shortest > longest:
        found.append(Problem("/max_segment_duration", f"{longest!r} is less than min_segment_duration {shortest!r}"))
    return found


def _of_format(request: AnalysisRequest, now: bool) -> list[Problem]:
    wanted, timed = request.response_format, request.mode is AnalysisMode.TIME_BASED_METADATA
    needed = FormatType.SEGMENTS if timed else FormatType.JSON_SCHEMA
    if wanted is None:
        message = f"analysis_mode {request.mode.value} needs one of type {needed.value}"
        return [Problem("/response_format", message)] if timed else []
    given = wanted.get("type") if isinstance(wanted, Mapping) else wanted
    if given != needed.value:
        hint = "" if now or timed or given != FormatType.SEGMENTS.value else "; segments need time_based_metadata"
        message = f"{given!r} must be {needed.value!r} with analysis_mode {request.mode.value}{hint}"
        return [Problem("/response_format/type", message)]
    if not timed:
        return below("/response_format/json_schema", problems_of_schema(wanted.get("json_schema")))
    return below("/response_format", _of_segments(request, wanted))


def _of_segments(request: AnalysisRequest, wanted: Mapping[str, Any]) -> list[Problem]:
    definitions = wanted.get("segment_definitions")
    found = below("/segment_definitions", problems_of_definitions(definitions, model=request.model))
    formats = [time.value for time in TimeFormat]
    if wanted.get("segment_time_format", formats[0]) not in formats:
        message = f"{wanted['segment_time_format']!r} is not one of {', '.join(formats)}"
        found.append(Problem("/segment_time_format", message))
    ranged = isinstance(definitions, (list, tuple)) and any(
        isinstance(entry, Mapping) and entry.get("time_ranges") for entry in definitions
    )
    others = {
        "start_time": request.start,
        "end_time": request.end,
        "min_segment_duration": request.min_segment_duration,
        "max_segment_duration": request.max_segment_duration,
    }
    clashing = [name for name, value in others.items() if value is not None]
    if ranged and clashing:
        found.append(Problem("/segment_definitions", f"time_ranges cannot go with {', '.join(clashing)}"))
    return found


def _of_custom_id(request: AnalysisRequest, now: bool) -> list[Problem]:
    if request.custom_id is None:
        return []
    if now:
        return [Problem("/custom_id", f"{request.custom_id!r} is for analysis tasks: mode async")]
    if not isinstance(request.custom_id, str) or not _CUSTOM_ID.fullmatch(request.custom_id):
        message = f"{request.custom_id!r} must be 1 to 64 letters, digits, hyphens and underscores"
        return [Problem("/custom_id", message)]
    return []


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
