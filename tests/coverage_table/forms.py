"""Arguments of calls with several paths, or with arguments that annotations alone cannot supply."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twelvelabs_provider.api.analysis.request import AnalysisRequest, SourceKind, VideoSource
from twelvelabs_provider.api.analysis.summaries import SummaryKind
from twelvelabs_provider.api.embedding.request import EmbeddingRequest, VideoInput
from twelvelabs_provider.api.embedding.source import MediaSource
from twelvelabs_provider.api.search.request import SearchOption, SearchRequest

Arguments = Mapping[str, Any]

_ASKED = [
    {"request": AnalysisRequest(video, prompt="What is it about?")}
    for video in (VideoSource(SourceKind.INDEXED, "<video_id>"), VideoSource(SourceKind.ASSET, "<asset_id>"))
]
_VIDEO = EmbeddingRequest(VideoInput(MediaSource(url="https://videos.example/x.mp4")))
_LOOK = (SearchOption.VISUAL,)


def _queries() -> Sequence[SearchRequest]:
    return (
        SearchRequest("<index_id>", _LOOK, text="x"),
        SearchRequest("<index_id>", _LOOK, images=("https://pictures.example/x.png",)),
        SearchRequest("<index_id>", _LOOK, query_tree={"$and": [{"text": "x"}]}),
    )


FORMS: Mapping[str, Callable[[], Sequence[Arguments]]] = {
    "analyze": lambda: _ASKED,
    "analyze_stream": lambda: _ASKED,
    "create_embedding_task": lambda: [{"request": _VIDEO}],
    "embed": lambda: [{"text": "x"}],
    "search": lambda: [{"request": request} for request in _queries()],
    "search_v1_1": lambda: [{"request": _queries()[0]}],
    "search_page": lambda: [{"token": "<token>", "request": request} for request in _queries()],
    "summarize": lambda: [{"video_id": "<video_id>", "kind": kind} for kind in SummaryKind],
}
"""By the name of the function; a form that a generation lacks is passed over."""
