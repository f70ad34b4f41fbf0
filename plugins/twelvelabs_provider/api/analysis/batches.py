"""Analysis batches of v1.3: many analyses in one request, done within a day.

A batch is created whole or not at all; its items end one by one, each in its own way. There is no failed batch: look at
its counters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from twelvelabs_provider.api.analysis.batch_models import (
    AnalysisBatch,
    BatchItemResult,
    BatchStatus,
    CreatedBatch,
)
from twelvelabs_provider.api.analysis.request import DEFAULT_MODEL, AnalysisMode
from twelvelabs_provider.api.call import (
    Call,
    Framing,
    JsonBody,
    Method,
    RateCategory,
    StreamedCall,
    delete,
    get,
    only_current,
    path_of,
)
from twelvelabs_provider.api.models import Json, Page
from twelvelabs_provider.api.resources import Paging, page_of
from twelvelabs_provider.api.version import ApiVersion

MOST_ITEMS = 1000
MOST_SECONDS = 2000 * 3600.0
"""Seconds of video in one batch."""
MOST_ACTIVE = 5
"""Batches of one account that have not ended."""
_LARGEST_RESULTS = 4 * 1024**3
_INSTEAD = "analyse the videos one by one with the operators of that generation"


@dataclass(frozen=True)
class BatchOptions:
    """Options of all items of a batch, or of one item.

    :param prompt: the question; an object has ``input_text`` and maybe ``media_sources``.
    :param response_format: the service's object; overridden as a whole.
    :param start: seconds from which a video is analysed; None for its beginning.
    :param end: seconds up to which it is analysed; None for its end.
    :param min_segment_duration: seconds, for segments only.
    :param max_segment_duration: seconds, for segments only.
    """

    prompt: str | Json | None = None
    response_format: Json | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    start: float | None = None
    end: float | None = None
    min_segment_duration: float | None = None
    max_segment_duration: float | None = None

    def wire(self) -> dict[str, Any]:
        """Return the fields of the body, without unset fields."""
        fields = {
            "prompt": {"input_text": self.prompt} if isinstance(self.prompt, str) else self.prompt,
            "response_format": self.response_format,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "start_time": self.start,
            "end_time": self.end,
            "min_segment_duration": self.min_segment_duration,
            "max_segment_duration": self.max_segment_duration,
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True)
class BatchItem:
    """One video of a batch.

    :param custom_id: 1 to 64 of ``[A-Za-z0-9_-]``, another for every item of the batch.
    :param options: options of this item only.
    """

    asset_id: str
    custom_id: str | None = None
    options: BatchOptions = BatchOptions()

    def wire(self) -> dict[str, Any]:
        """Return the entry of the body."""
        named = {"custom_id": self.custom_id} if self.custom_id is not None else {}
        return {"video": {"type": "asset_id", "asset_id": self.asset_id}, **named, **self.options.wire()}


@dataclass(frozen=True)
class BatchRequest:
    """Up to 1,000 analyses of up to 2,000 hours of video."""

    items: Sequence[BatchItem]
    defaults: BatchOptions = BatchOptions()
    mode: AnalysisMode = AnalysisMode.GENERAL
    model: str = DEFAULT_MODEL

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        defaults = self.defaults.wire()
        return {
            "model_name": self.model,
            "analysis_mode": self.mode.value,
            **({"defaults": defaults} if defaults else {}),
            "requests": [item.wire() for item in self.items],
        }


def create_batch(request: BatchRequest) -> Call[CreatedBatch]:
    """Return the call that submits a batch: billed, so repeated only after a status that says that nothing was done."""
    call = Call(
        Method.POST,
        "/analyze/batches",
        CreatedBatch.read,
        body=JsonBody(request.body()),
        undone=frozenset({HTTPStatus.SERVICE_UNAVAILABLE}),
        category=RateCategory.ANALYZE,
    )
    return only_current(call, _INSTEAD)


def list_batches(
    *, status: Sequence[BatchStatus] = (), mode: Sequence[AnalysisMode] = (), paging: Paging | None = None
) -> Call[Page[AnalysisBatch]]:
    """Return the call for one page of the account's batches, newest first.

    :param status: any of these.
    :param mode: any of these.
    """
    query = {**(paging or Paging()).place(), "status": list(status), "analysis_mode": list(mode)}
    return only_current(page_of("/analyze/batches", AnalysisBatch, query), _INSTEAD)


def read_batch(batch_id: str) -> Call[AnalysisBatch]:
    """Return the call that reads a batch."""
    return only_current(get(path_of("analyze", "batches", batch_id), AnalysisBatch.read), _INSTEAD)


def batch_results(batch_id: str) -> StreamedCall[BatchItemResult]:
    """Return the streamed call for the results of all items, also of those that have not ended."""
    return StreamedCall(
        Method.GET,
        path_of("analyze", "batches", batch_id, "results"),
        BatchItemResult.read,
        repeatable=True,
        most_bytes=_LARGEST_RESULTS,
        only=(ApiVersion.V1_3,),
        instead=_INSTEAD,
        framing=Framing.NDJSON,
    )


def cancel_batch(batch_id: str) -> Call[AnalysisBatch]:
    """Return the call that cancels the waiting items; items in progress end and are billed."""
    call = Call(Method.POST, path_of("analyze", "batches", batch_id, "cancel"), AnalysisBatch.read, repeatable=True)
    return only_current(call, _INSTEAD)


def delete_batch(batch_id: str) -> Call[None]:
    """Return the call that deletes a batch that has ended, with its tasks and results."""
    return only_current(delete(path_of("analyze", "batches", batch_id)), _INSTEAD)
