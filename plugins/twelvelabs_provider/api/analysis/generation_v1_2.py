"""Text generation in v1.2: indexed videos only, one endpoint for each kind of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn, TypeVar

from twelvelabs_provider.api.analysis.generation import LONGEST_ANSWER, Generation
from twelvelabs_provider.api.analysis.request import AnalysisRequest, SourceKind
from twelvelabs_provider.api.analysis.stream import StreamEvent, read_event
from twelvelabs_provider.api.analysis.summaries import Summary, SummaryKind, summary_from
from twelvelabs_provider.api.call import Call, CallT, Method, RateCategory, StreamedCall, json_body, only_in
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.service_model import as_object
from twelvelabs_provider.api.version import ApiVersion

T = TypeVar("T")
_SUMMARIZE: Mapping[SummaryKind, str] = {
    SummaryKind.SUMMARY: "summary",
    SummaryKind.CHAPTERS: "chapter",
    SummaryKind.HIGHLIGHTS: "highlight",
}
_GIST: Mapping[SummaryKind, tuple[str, ...]] = {
    SummaryKind.TITLES: ("title",),
    SummaryKind.TOPICS: ("topic",),
    SummaryKind.HASHTAGS: ("hashtag",),
    SummaryKind.GIST: ("title", "topic", "hashtag"),
}

_NO_TEXT = "take transcription() and text_in_video(), or use a connection with api_version v1.2 or v1.3"
_NO_SUMMARY = "start an analysis with summary_request() (v1.3), or use a connection with api_version v1.2"


def analyze(request: AnalysisRequest) -> Call[Generation]:
    """Return the call that runs a prompt on an indexed video; each call is billed.

    :raises TwelveLabsUnsupportedError: for a field that this generation lacks.
    """
    return _only_here(_billed("/generate", Generation.read, _body(request, stream=False)), _NO_TEXT)


def analyze_stream(request: AnalysisRequest) -> StreamedCall[StreamEvent]:
    """Return the call that streams the answer.

    :raises TwelveLabsUnsupportedError: for a field that this generation lacks.
    """
    call = StreamedCall(
        Method.POST,
        "/generate",
        read_event,
        body=json_body(_body(request, stream=True)),
        category=RateCategory.ANALYZE,
        patience=LONGEST_ANSWER,
    )
    return _only_here(call, _NO_TEXT)


def summarize(
    video_id: str, kind: SummaryKind, *, prompt: str | None = None, temperature: float | None = None
) -> Call[Summary]:
    """Return the call that summarizes an indexed video; each call is billed.

    :param prompt: guides the summary; titles, topics and hashtags take none.
    :raises TwelveLabsUnsupportedError: for a prompt or a temperature that the kind does not take.
    """
    read = partial(_summary, kind)
    if kind in _SUMMARIZE:
        body = {"video_id": video_id, "type": _SUMMARIZE[kind], "prompt": prompt, "temperature": temperature}
        return _only_here(_billed("/summarize", read, body), _NO_SUMMARY)
    if prompt is not None or temperature is not None:
        raise TwelveLabsUnsupportedError(
            f"{kind.value} takes neither prompt nor temperature: leave them out, or ask with"
            " TwelveLabsAnalyzeVideoOperator(prompt=...)"
        )
    return _only_here(_billed("/gist", read, {"video_id": video_id, "types": list(_GIST[kind])}), _NO_SUMMARY)


def _only_here(call: CallT, instead: str) -> CallT:
    return only_in(call, ApiVersion.V1_2, instead=instead)


def _billed(path: str, parse: Callable[[Any], T], content: Mapping[str, Any]) -> Call[T]:
    body = json_body(content)
    return Call(Method.POST, path, parse, body=body, category=RateCategory.ANALYZE, patience=LONGEST_ANSWER)


def _body(request: AnalysisRequest, *, stream: bool) -> dict[str, Any]:
    """Return the body; raise for a field that v1.2 does not have."""
    if request.source.kind is not SourceKind.INDEXED:
        _lacks(f"analysis of a video by {request.source.kind.value}", "give the video_id of an indexed video")
    unknown = {
        "prompt_v2": request.prompt_v2,
        "response_format": request.response_format,
        "max_tokens": request.max_tokens,
        "start": request.start,
        "end": request.end,
        "min_segment_duration": request.min_segment_duration,
        "max_segment_duration": request.max_segment_duration,
        "custom_id": request.custom_id,
    }
    given = [name for name, value in unknown.items() if value is not None]
    if given or request.prompt is None:
        _lacks(", ".join(given) or "analysis without a prompt", "ask with prompt and temperature alone")
    fields = {"video_id": request.source.value, "prompt": request.prompt, "temperature": request.temperature}
    return {**fields, "stream": stream, **request.extra}


def _lacks(what: str, instead: str) -> NoReturn:
    raise TwelveLabsUnsupportedError(f"API v1.2 has no {what}: {instead}, or use a connection with api_version v1.3")


def _summary(kind: SummaryKind, answer: Any) -> Summary:
    raw = as_object(answer, f"the {kind.value} of a video")
    return summary_from(kind, raw, Generation.read({**raw, "data": ""}))
