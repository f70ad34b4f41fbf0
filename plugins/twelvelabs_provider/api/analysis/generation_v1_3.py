"""Text generation in v1.3: one call that returns the text whole or as a stream."""

from __future__ import annotations

from twelvelabs_provider.api.analysis.generation import LONGEST_ANSWER, Generation
from twelvelabs_provider.api.analysis.request import DEFAULT_MODEL, AnalysisRequest, SourceKind
from twelvelabs_provider.api.analysis.stream import StreamEvent, read_event
from twelvelabs_provider.api.call import Call, JsonBody, Method, RateCategory, StreamedCall
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.retired_models import RETIRED_MODELS


def ensure_current(request: AnalysisRequest) -> None:
    """Refuse a request that needs a retired model.

    :raises TwelveLabsUnsupportedError: names the alternative.
    """
    if request.model in RETIRED_MODELS:
        raise TwelveLabsUnsupportedError(
            f"model {request.model} was retired on {RETIRED_MODELS[request.model]}: leave model_name out, or name"
            f" {DEFAULT_MODEL} or a newer one"
        )
    if request.source.kind is SourceKind.INDEXED:
        raise TwelveLabsUnsupportedError(
            f"video_id {request.source.value} cannot be analyzed by its id since the last model for that was retired on"
            f" {RETIRED_MODELS['pegasus1.2']}: give the asset_id, a URL or the file of the video"
        )


def analyze(request: AnalysisRequest) -> Call[Generation]:
    """Return the call that analyzes a video of up to an hour and waits for the answer; each call is billed.

    :raises TwelveLabsUnsupportedError: for a retired model, and for a video by its id.
    """
    ensure_current(request)
    return Call(
        Method.POST,
        "/analyze",
        Generation.read,
        body=JsonBody(request.immediate_body(stream=False)),
        category=RateCategory.ANALYZE,
        patience=LONGEST_ANSWER,
    )


def analyze_stream(request: AnalysisRequest) -> StreamedCall[StreamEvent]:
    """Return the call that streams the answer; the answer is complete after the last event.

    :raises TwelveLabsUnsupportedError: for a retired model, and for a video by its id.
    """
    ensure_current(request)
    return StreamedCall(
        Method.POST,
        "/analyze",
        read_event,
        body=JsonBody(request.immediate_body(stream=True)),
        category=RateCategory.ANALYZE,
        patience=LONGEST_ANSWER,
    )
