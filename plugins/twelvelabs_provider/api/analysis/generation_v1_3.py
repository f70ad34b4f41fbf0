"""Text generation as v1.3 writes it: one call that answers by itself, whole or as a stream."""

from __future__ import annotations

from twelvelabs_provider.api.analysis.generation import LONGEST_ANSWER, Generation, generation_from
from twelvelabs_provider.api.analysis.request import AnalysisRequest
from twelvelabs_provider.api.analysis.stream import StreamEvent, event_from
from twelvelabs_provider.api.analysis.summaries import Summary, SummaryKind
from twelvelabs_provider.api.call import Call, JsonBody, Method, RateCategory, StreamedCall
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError


def analyze(request: AnalysisRequest) -> Call[Generation]:
    """Return the call that analyses a video of up to an hour and answers when it is done; each call is billed."""
    return Call(
        Method.POST,
        "/analyze",
        generation_from,
        body=JsonBody(request.immediate_body(stream=False)),
        category=RateCategory.ANALYZE,
        patience=LONGEST_ANSWER,
    )


def analyze_stream(request: AnalysisRequest) -> StreamedCall[StreamEvent]:
    """Return the call that answers piece by piece; it is whole only once its last event has come."""
    return StreamedCall(
        Method.POST,
        "/analyze",
        event_from,
        body=JsonBody(request.immediate_body(stream=True)),
        category=RateCategory.ANALYZE,
        patience=LONGEST_ANSWER,
    )


def summarize(
    video_id: str, kind: SummaryKind, *, prompt: str | None = None, temperature: float | None = None
) -> Call[Summary]:
    """Refuse: v1.3 answers summaries, chapters, highlights and gists through an analysis only."""
    raise TwelveLabsUnsupportedError(
        "API v1.3 has no summarize or gist endpoint any more: the nearest way is an analysis with summary_request()"
    )
