"""Checks of analysis requests that the service does not make, or makes after something is billed.

Everything else is left to the service: it answers a wrong request with 400 or 422 and bills nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from twelvelabs_provider.api.analysis.request import INDEX_ENGINE, AnalysisMode, AnalysisRequest, SourceKind
from twelvelabs_provider.api.analysis.response_format import Problem, below
from twelvelabs_provider.api.analysis.schema_rules import problems_of_schema

MOST_INLINE_BYTES = 30 * 1024**2
"""Bytes of a video inside a request, before it is encoded as base64."""
LONGEST_NOW = 3600.0
"""Seconds of video that a synchronous call takes."""
_CUSTOM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PLACEHOLDER = re.compile(r"<@([^<>@]+)>")


def problems_of_request(request: AnalysisRequest, *, now: bool) -> tuple[Problem, ...]:
    """Return the problems of a request; pointers start at the root of its body.

    :param now: for the synchronous call instead of a task.
    """
    return (
        *_ignored_fields(request, now),
        *_ignored_model(request),
        *_missing_images(request.prompt_v2),
        *_unusable_schema(request.response_format),
        *_custom_id(request.custom_id),
    )


def _ignored_fields(request: AnalysisRequest, now: bool) -> list[Problem]:
    """Protects money: a synchronous call leaves these fields out, and the answer is billed."""
    found = []
    if now and request.mode is AnalysisMode.TIME_BASED_METADATA:
        found.append(Problem("/analysis_mode", f"{request.mode.value} needs an analysis task: mode async"))
    if now and request.custom_id is not None:
        found.append(Problem("/custom_id", f"{request.custom_id!r} is for analysis tasks: mode async"))
    return found


def _ignored_model(request: AnalysisRequest) -> list[Problem]:
    """Protects money: the older generations ignore the model, and the answer of another one is billed."""
    if request.source.kind is not SourceKind.INDEXED or request.model == INDEX_ENGINE:
        return []
    message = (
        f"{request.source.value!r}: the engine of its index answers, not {request.model}; leave model_name out, or"
        " give its asset_id"
    )
    return [Problem("/video_id", message)]


def _missing_images(prompt: Any) -> list[Problem]:
    """Protects money: a name without an image stays in the prompt as plain text, and the answer is billed."""
    if not isinstance(prompt, Mapping):
        return []
    images = prompt.get("media_sources")
    names = {image.get("name") for image in images if isinstance(image, Mapping)} if isinstance(images, list) else set()
    used = dict.fromkeys(_PLACEHOLDER.findall(str(prompt.get("input_text"))))
    missing = [name for name in used if name not in names]
    return [Problem("/prompt_v2/input_text", f"<@{name}> names no image of media_sources") for name in missing]


def _unusable_schema(wanted: Any) -> list[Problem]:
    """Protects money: the service does not document what it does with every unsupported keyword."""
    schema = wanted.get("json_schema") if isinstance(wanted, Mapping) else None
    return below("/response_format/json_schema", problems_of_schema(schema))


def _custom_id(custom_id: Any) -> list[Problem]:
    """Protects the batches that are billed already when a later one of the same task is refused."""
    if custom_id is None or (isinstance(custom_id, str) and _CUSTOM_ID.fullmatch(custom_id)):
        return []
    return [Problem("/custom_id", f"{custom_id!r} must be 1 to 64 letters, digits, hyphens and underscores")]
