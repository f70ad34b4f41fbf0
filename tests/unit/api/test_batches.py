"""Analysis batch calls and models."""

from __future__ import annotations

from typing import Any

import pytest

from twelvelabs_provider.api.analysis.batch_models import (
    AnalysisBatch,
    BatchItemResult,
    BatchStatus,
    CreatedBatch,
    WebhookReport,
)
from twelvelabs_provider.api.analysis.batches import (
    BatchItem,
    BatchOptions,
    BatchRequest,
    batch_results,
    cancel_batch,
    create_batch,
    delete_batch,
    list_batches,
    read_batch,
)
from twelvelabs_provider.api.analysis.request import AnalysisMode
from twelvelabs_provider.api.analysis.usage import Usage
from twelvelabs_provider.api.call import Call, Framing, JsonBody
from twelvelabs_provider.api.errors import (
    ErrorDetails,
    TwelveLabsAmbiguousError,
    TwelveLabsAnswerError,
    TwelveLabsError,
    TwelveLabsServerError,
)
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.api.retry import may_repeat
from twelvelabs_provider.api.version import ApiVersion

COUNTS = {f"{status}_items": 0 for status in ("queued", "processing", "ready", "failed", "canceled")}
BATCH = {"batch_id": "b01", "status": "processing", "total_items": 2, **COUNTS}


def body(call: Call[Any]) -> Any:
    assert isinstance(call.body, JsonBody)
    return call.body.content


def test_request_body_holds_given_fields_only() -> None:
    assert body(create_batch(BatchRequest([BatchItem("c03")]))) == {
        "model_name": "pegasus1.5",
        "analysis_mode": "general",
        "requests": [{"video": {"type": "asset_id", "asset_id": "c03"}}],
    }


def test_request_with_all_fields() -> None:
    defaults = BatchOptions("Summarise", {"type": "json_schema"}, 0.2, 2048, 1, 9)
    own = BatchOptions(prompt={"input_text": "Like <@a>?", "media_sources": []}, max_segment_duration=8)
    request = BatchRequest([BatchItem("c03", "row-1", own)], defaults, AnalysisMode.TIME_BASED_METADATA)
    sent = body(create_batch(request))
    assert sent["analysis_mode"] == "time_based_metadata"
    assert sent["defaults"] == {
        "prompt": {"input_text": "Summarise"},
        "response_format": {"type": "json_schema"},
        "temperature": 0.2,
        "max_tokens": 2048,
        "start_time": 1,
        "end_time": 9,
    }
    assert sent["requests"] == [
        {
            "video": {"type": "asset_id", "asset_id": "c03"},
            "custom_id": "row-1",
            "prompt": {"input_text": "Like <@a>?", "media_sources": []},
            "max_segment_duration": 8,
        }
    ]


def test_batch_creation_is_repeated_only_if_not_executed() -> None:
    call = create_batch(BatchRequest([BatchItem("c03")]))

    def answered(status: int) -> TwelveLabsError:
        return TwelveLabsServerError("no", ErrorDetails(status))

    assert may_repeat(call, answered(503))
    assert not any(may_repeat(call, answered(status)) for status in (408, 500, 502, 504))
    assert not may_repeat(call, TwelveLabsAmbiguousError("lost"))


def test_requests() -> None:
    calls = [read_batch("b01"), cancel_batch("b01"), delete_batch("b01"), batch_results("b01")]
    names = ["GET /analyze/batches/b01", "POST /analyze/batches/b01/cancel", "DELETE /analyze/batches/b01"]
    assert [call.name for call in calls] == [*names, "GET /analyze/batches/b01/results"]
    assert all(call.repeatable and call.only == (ApiVersion.V1_3,) and call.instead for call in calls)
    assert batch_results("b01").framing is Framing.NDJSON
    listed = list_batches(
        status=[BatchStatus.PENDING, BatchStatus.CANCELING], mode=[AnalysisMode.GENERAL], paging=Paging(2, 10)
    )
    query = (("page", "2"), ("page_limit", "10"), ("status", "pending"), ("status", "canceling"))
    assert listed.query == (*query, ("analysis_mode", "general"))


def test_created_batch_is_parsed() -> None:
    raw = {
        "batch_id": "b01",
        "status": "pending",
        "total_items": 1,
        "created_at": "2026-06-01T10:00:00Z",
        "expires_at": "2026-06-02T10:00:00Z",
        "items": [{"task_id": "a01", "custom_id": None}],
        "news": 1,
    }
    batch = CreatedBatch.read(raw)
    assert (batch.id, batch.items[0].task_id, batch.items[0].custom_id, batch.raw["news"]) == ("b01", "a01", None, 1)
    assert batch.expires_at and batch.expires_at.day == 2
    with pytest.raises(TwelveLabsAnswerError, match=r"no CreatedBatch\.items\.0\.task_id"):
        CreatedBatch.read({**raw, "items": [{"custom_id": "x"}]})


@pytest.mark.parametrize(
    ("ended", "status", "active"),
    [({"expired_at": "2026-06-02T10:00:00Z"}, "expired", False), ({}, "canceling", True), ({}, "new word", True)],
)
def test_batch_status_is_parsed(ended: dict[str, Any], status: str, active: bool) -> None:
    hooks = [{"url": "https://x", "delivered": False, "attempts": 3, "last_error": "500"}]
    batch = AnalysisBatch.read({**BATCH, **ended, "status": status, "webhooks": hooks, "failed_items": 1})
    assert (batch.active, batch.failed_items, batch.ended_at is None) == (active, 1, not ended)
    assert batch.webhooks == (WebhookReport(url="https://x", attempts=3, last_error="500"),)


@pytest.mark.parametrize("missing", ["batch_id", "status", "total_items", "ready_items"])
def test_batch_without_required_fields_is_refused(missing: str) -> None:
    with pytest.raises(TwelveLabsAnswerError, match="id" if missing == "batch_id" else missing):
        AnalysisBatch.read({name: value for name, value in BATCH.items() if name != missing})


def test_results_of_every_status() -> None:
    data = {"generation_id": "g", "data": "{}", "finish_reason": "length", "usage": {"output_tokens": 5}}
    ready = BatchItemResult.read({"task_id": "a01", "custom_id": "row-1", "status": "ready", "data": data})
    assert (ready.data, ready.finish_reason, ready.generation_id) == ("{}", "length", "g")
    assert ready.usage == Usage(output_tokens=5)
    error = {"code": "asset_unavailable", "message": "gone"}
    failed = BatchItemResult.read({"task_id": "a01", "custom_id": None, "status": "failed", "error": error})
    assert (failed.error_code, failed.error_message, failed.data) == ("asset_unavailable", "gone", None)
    assert BatchItemResult.read({"task_id": "a01", "custom_id": None, "status": "someday"}).status == "someday"
    with pytest.raises(TwelveLabsAnswerError, match="status"):
        BatchItemResult.read({"task_id": "a01"})
