"""Request models of analyses."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, field_validator, model_validator

from twelvelabs_local.api.parameters import Id, Link, NonEmpty, Seconds, at_least, between, sized
from twelvelabs_local.api.request_model import RequestModel, invalid_field, missing_field
from twelvelabs_local.errors import ServiceError, unknown

Model = Literal["pegasus1.2", "pegasus1.5", "pegasus1.6"]
Mode = Literal["general", "time_based_metadata"]
FieldType = Literal["string", "boolean", "number", "integer", "array", "timestamp", "time_array"]
TimeFormat = Literal["seconds", "hh:mm:ss", "hh:mm:ss.fff"]
SCHEMA_REFUSED = frozenset(
    {"minLength", "maxLength", "additionalProperties", "maxItems", "uniqueItems", "oneOf", "allOf", "not"}
)
MOST_DEFINITIONS = 20
MOST_FIELDS = 20
MOST_VALUES = 100
LONGEST_PROMPT = 8000
"""Characters, which are some 2,000 tokens."""
SHORTEST_SEGMENT = 2.0
SHORTEST_WINDOW = 4.0
_CUSTOM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def checked_prompt(prompt: str) -> str:
    """Return a prompt that an older model accepts.

    :raises ServiceError: ``token_limit_exceeded``.
    """
    if len(prompt) > LONGEST_PROMPT:
        limit = f"{LONGEST_PROMPT} ({LONGEST_PROMPT // 4} tokens)"
        message = f"The prompt has {len(prompt)} letters; the model takes some {limit}."
        raise ServiceError(400, "token_limit_exceeded", message)
    return prompt


def _custom_id(value: str) -> str:
    if not _CUSTOM_ID.fullmatch(value):
        raise ValueError(f"It is {value!r}; it takes 1 to 64 letters, digits, hyphens and underscores.")
    return value


def _json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    _reject_keywords(schema, named=False)
    return schema


def _reject_keywords(part: Any, named: bool) -> None:
    """Reject keywords that the service does not support.

    :param part: a schema, a list of schemas, or a map of names to schemas.
    :param named: whether its keys are names that the caller chose.
    """
    if isinstance(part, list):
        for item in part:
            _reject_keywords(item, False)
    if not isinstance(part, dict):
        return
    if not named and (wrong := SCHEMA_REFUSED & set(part)):
        message = f"The json_schema uses keywords that are not supported: {', '.join(sorted(wrong))}."
        raise ServiceError(422, "parameter_invalid", message)
    for key, value in part.items():
        _reject_keywords(value, not named and key in ("properties", "$defs"))


CustomId = Annotated[str, AfterValidator(_custom_id)]
SegmentSeconds = Annotated[float, at_least(SHORTEST_SEGMENT)]
Temperature = Annotated[float, between(0, 1)]


class VideoSource(RequestModel):
    """The video of an analysis; exactly the field that ``type`` names is given."""

    model_config = ConfigDict(extra="allow")
    type: Literal["url", "asset_id", "base64_string"]
    url: Link | None = None
    asset_id: Id | None = None
    base64_string: NonEmpty | None = None

    @model_validator(mode="after")
    def _check_type(self) -> VideoSource:
        if extra := self.model_fields_set - {"type", self.type}:
            raise unknown([f"video.{name}" for name in extra])
        if getattr(self, self.type) is None:
            raise missing_field(self.type)
        return self


class PromptV2(RequestModel):
    """A structured prompt."""

    model_config = ConfigDict(extra="allow")
    input_text: str

    @model_validator(mode="before")
    @classmethod
    def _check_object(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            raise missing_field("input_text")
        return given


class TimeRange(RequestModel):
    """A part of a video."""

    start_time: Seconds | None = None
    end_time: Seconds | None = None

    @model_validator(mode="after")
    def _check_length(self) -> TimeRange:
        if self.start_time is None or self.end_time is None or self.end_time - self.start_time < SHORTEST_SEGMENT:
            raise ValueError(
                f"The range {self.start_time} to {self.end_time} is shorter than {SHORTEST_SEGMENT:g} seconds."
            )
        return self


class SegmentField(RequestModel):
    """A field of a segment definition."""

    model_config = ConfigDict(extra="allow")
    name: NonEmpty
    type: FieldType
    description: NonEmpty
    format: TimeFormat | None = None
    enum: Annotated[list[Any], sized(0, MOST_VALUES, "values")] = []
    items: Any = None

    @model_validator(mode="after")
    def _check_type(self) -> SegmentField:
        if (self.type == "timestamp") != (self.format is not None):
            raise invalid_field("format", "A timestamp needs a format; other types take none.")
        if self.type == "array" and not self.items:
            raise missing_field("items")
        return self


class SegmentDefinition(RequestModel):
    """A kind of segment that the model looks for."""

    id: NonEmpty
    description: NonEmpty
    fields: Annotated[list[SegmentField], sized(0, MOST_FIELDS, "fields")] = []
    media_sources: Any = None
    time_ranges: list[TimeRange] = []

    @field_validator("time_ranges")
    @classmethod
    def _check_overlap(cls, ranges: list[TimeRange]) -> list[TimeRange]:
        ordered = sorted((part.start_time or 0.0, part.end_time or 0.0) for part in ranges)
        if any(start < end for (_, end), (start, _) in pairwise(ordered)):
            raise ValueError("The ranges overlap.")
        return ranges


class ResponseFormat(RequestModel):
    """The form of the answer."""

    model_config = ConfigDict(extra="allow")
    type: Any = None
    json_schema: Annotated[dict[str, Any], AfterValidator(_json_schema)] | None = None
    segment_time_format: TimeFormat = "seconds"
    segment_definitions: Annotated[list[SegmentDefinition], sized(1, MOST_DEFINITIONS, "definitions")] | None = None

    @field_validator("segment_definitions")
    @classmethod
    def _check_ids(cls, definitions: list[SegmentDefinition]) -> list[SegmentDefinition]:
        if len({definition.id for definition in definitions}) < len(definitions):
            raise invalid_field("id", "Two definitions have the same id.")
        return definitions


class AnalysisRequest(RequestModel):
    """What the requests of analysis tasks and of direct analyses share."""

    model_name: Model = "pegasus1.2"
    video: VideoSource | None = None
    prompt: str | None = None
    prompt_v2: PromptV2 | None = None
    temperature: Temperature | None = None
    max_tokens: Any = None
    response_format: ResponseFormat | None = None
    start_time: Seconds | None = None
    end_time: Seconds | None = None

    @model_validator(mode="after")
    def _check_window(self) -> AnalysisRequest:
        start, end = self.start_time, self.end_time
        if (start is not None or end is not None) and self.model_name == "pegasus1.2":
            raise invalid_field("start_time", "A window needs model_name pegasus1.5.")
        if end is not None and end - (start or 0) < SHORTEST_WINDOW:
            why = f"It is {end:g}; it must be at least {SHORTEST_WINDOW:g} seconds after start_time."
            raise invalid_field("end_time", why)
        return self

    def _check_tokens(self, least: int) -> None:
        low, high = (2, 4096) if self.model_name == "pegasus1.2" else (least, 98_304)
        tokens = self.max_tokens
        if tokens is not None and (type(tokens) is not int or not low <= tokens <= high):
            raise invalid_field("max_tokens", f"It is {tokens!r}; it must be a whole number from {low} to {high}.")

    def _check_general(self) -> None:
        self._check_tokens(512)
        if self.prompt and self.prompt_v2:
            raise invalid_field("prompt", "Give either prompt or prompt_v2.")
        if not self.prompt and not self.prompt_v2:
            raise missing_field("prompt")
        if self.prompt and self.model_name == "pegasus1.2":
            checked_prompt(self.prompt)
        if self.response_format is None:
            return
        if self.response_format.type != "json_schema":
            raise invalid_field("response_format.type", "In general mode it must be json_schema.")
        if self.response_format.json_schema is None:
            raise missing_field("response_format.json_schema")


class AnalysisTaskRequest(AnalysisRequest):
    """A request for an analysis task, or for one item of a batch."""

    video: VideoSource
    custom_id: CustomId | None = None
    analysis_mode: Mode = "general"
    min_segment_duration: SegmentSeconds | None = None
    max_segment_duration: SegmentSeconds | None = None

    @model_validator(mode="after")
    def _check_mode(self) -> AnalysisTaskRequest:
        if self.analysis_mode == "time_based_metadata":
            self._check_segmentation()
            return self
        self._check_general()
        for name in ("min_segment_duration", "max_segment_duration"):
            if getattr(self, name) is not None:
                raise invalid_field(name, "It needs analysis_mode time_based_metadata.")
        return self

    def _check_segmentation(self) -> None:
        if self.model_name == "pegasus1.2":
            raise invalid_field("analysis_mode", "time_based_metadata needs model_name pegasus1.5.")
        if not (self.max_tokens == "unlimited" and self.model_name == "pegasus1.6"):
            self._check_tokens(2048)
        for name in ("prompt", "prompt_v2"):
            if getattr(self, name) is not None:
                raise invalid_field(name, "It is not supported with analysis_mode time_based_metadata.")
        shape = self.response_format
        if shape is None or shape.type != "segment_definitions":
            why = "With analysis_mode time_based_metadata it must be segment_definitions."
            raise invalid_field("response_format.type", why)
        if shape.segment_definitions is None:
            why = f"It must be a list of 1 to {MOST_DEFINITIONS} definitions."
            raise invalid_field("response_format.segment_definitions", why)
        shortest, longest = self.min_segment_duration, self.max_segment_duration
        if shortest is not None and longest is not None and longest < shortest:
            raise invalid_field("max_segment_duration", f"It is {longest:g}; min_segment_duration is {shortest:g}.")
        if any(definition.time_ranges for definition in shape.segment_definitions):
            for name in ("min_segment_duration", "max_segment_duration", "start_time", "end_time"):
                if getattr(self, name) is not None:
                    raise invalid_field(name, "It cannot be used together with time_ranges.")


class DirectAnalysisRequest(AnalysisRequest):
    """A request for an analysis whose response is the answer."""

    video_id: Id | None = None
    stream: bool = True

    @model_validator(mode="after")
    def _check_source(self) -> DirectAnalysisRequest:
        if self.video_id is not None and self.video is not None:
            raise invalid_field("video_id", "Give either video or video_id.")
        if self.video_id is not None and self.model_name != "pegasus1.2":
            raise invalid_field("video_id", "It needs model_name pegasus1.2; other models take video.")
        if self.video_id is None and self.video is None:
            raise missing_field("video")
        self._check_general()
        return self
