"""Text generation in v1.1: there is none yet."""

from __future__ import annotations

from typing import NoReturn

from twelvelabs_provider.api.analysis.generation import Generation
from twelvelabs_provider.api.analysis.request import AnalysisRequest
from twelvelabs_provider.api.analysis.stream import StreamEvent
from twelvelabs_provider.api.analysis.summaries import Summary, SummaryKind
from twelvelabs_provider.api.call import Call, StreamedCall
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError


def analyze(request: AnalysisRequest) -> Call[Generation]:
    """Refuse: this generation generates no text."""
    _no_generation()


def analyze_stream(request: AnalysisRequest) -> StreamedCall[StreamEvent]:
    """Refuse: this generation generates no text."""
    _no_generation()


def summarize(
    video_id: str, kind: SummaryKind, *, prompt: str | None = None, temperature: float | None = None
) -> Call[Summary]:
    """Refuse: this generation generates no text."""
    _no_generation()


def _no_generation() -> NoReturn:
    raise TwelveLabsUnsupportedError(
        "API v1.1 generates no text: its nearest are transcription() and text_in_video(); or use a connection with"
        " api_version v1.2 or v1.3"
    )
