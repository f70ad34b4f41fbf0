"""Every call of analysis batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.client import until
from tests.engine.suspended_worker import suspended_worker
from twelvelabs_provider.api.analysis.batch_models import ACTIVE, AnalysisBatch, BatchStatus, ItemStatus
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
from twelvelabs_provider.api.analysis.response_format import json_schema, segment_definitions
from twelvelabs_provider.api.errors import (
    TwelveLabsBadRequestError,
    TwelveLabsConflictError,
    TwelveLabsNotFoundError,
)
from twelvelabs_provider.jobs.job import JobKind, JobRef, Phase
from twelvelabs_provider.jobs.kinds import cancellation, read_state

if TYPE_CHECKING:
    from tests.conftest import Library
    from tests.engine_process import Engine
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

UNKNOWN = "665000000000000000000abc"
SCHEMA = {"type": "object", "properties": {"words": {"type": "array", "items": {"type": "string"}}}}
SEGMENTS = segment_definitions([{"id": "text", "description": "Readable text on screen"}])


def ended(hook: TwelveLabsHook, batch_id: str) -> AnalysisBatch:
    def look() -> AnalysisBatch | None:
        batch = hook.execute(read_batch(batch_id))
        return None if batch.active else batch

    found: AnalysisBatch = until(look)
    return found


def test_batch_with_defaults_and_item_options(hook: TwelveLabsHook, library: Library) -> None:
    defaults = BatchOptions(prompt="Which words are shown?", temperature=0.2, max_tokens=1024, start=0, end=30)
    own = BatchOptions(prompt={"input_text": "Which words?"}, response_format=json_schema(SCHEMA))
    items = [BatchItem(library.asset_id, "first"), BatchItem(library.asset_id, "second", own)]
    created = hook.execute(create_batch(BatchRequest(items, defaults)))
    assert (created.total_items, [item.custom_id for item in created.items]) == (2, ["first", "second"])
    assert created.expires_at and created.status == BatchStatus.PENDING
    batch = ended(hook, created.id)
    assert (batch.status, batch.ready_items, batch.model) == (BatchStatus.COMPLETED, 2, "pegasus1.5")
    assert batch.ended_at and batch.created_at and batch.ended_at > batch.created_at
    first, second = hook.stream(batch_results(created.id))
    assert [first.task_id, second.task_id] == [item.task_id for item in created.items]
    assert (first.custom_id, first.status, first.finish_reason) == ("first", ItemStatus.READY, "stop")
    assert first.data and first.usage and first.usage.output_tokens and first.error_message is None
    assert second.data and second.data.startswith("{")
    listed = list(hook.items(lambda paging: list_batches(status=[BatchStatus.COMPLETED], paging=paging)))
    assert created.id in [entry.id for entry in listed]
    with pytest.raises(TwelveLabsConflictError):
        hook.execute(cancel_batch(created.id))
    for _ in range(2):
        hook.execute(delete_batch(created.id))
    with pytest.raises(TwelveLabsNotFoundError):
        hook.execute(read_batch(created.id))


def test_batch_of_segments_is_cancelled(hook: TwelveLabsHook, library: Library, engine: Engine) -> None:
    with suspended_worker(engine):
        cancelled(hook, library.asset_id)


def cancelled(hook: TwelveLabsHook, asset_id: str) -> None:
    defaults = BatchOptions(response_format=SEGMENTS, max_tokens=4096, min_segment_duration=2, max_segment_duration=9)
    request = BatchRequest([BatchItem(asset_id)] * 3, defaults, AnalysisMode.TIME_BASED_METADATA)
    created = hook.execute(create_batch(request))
    assert hook.execute(list_batches(mode=[AnalysisMode.TIME_BASED_METADATA])).items[0].id == created.id
    job = JobRef(JobKind.ANALYSIS_BATCH, created.id)
    assert hook.execute(read_state(hook.api, job)).phase is Phase.RUNNING
    with pytest.raises(TwelveLabsConflictError):
        hook.execute(delete_batch(created.id))
    call = cancellation(hook.api, job)
    assert call
    hook.execute(call)
    batch = ended(hook, created.id)
    assert batch.status == BatchStatus.CANCELED and batch.canceled_items == 3 and batch.status not in ACTIVE
    assert hook.execute(read_state(hook.api, job)).phase is Phase.CANCELED
    assert [item.status for item in hook.stream(batch_results(created.id))] == [ItemStatus.CANCELED] * 3
    hook.execute(delete_batch(created.id))


def test_refused_batches(hook: TwelveLabsHook, library: Library) -> None:
    prompt = BatchOptions(prompt="Which words are shown?")
    with pytest.raises(TwelveLabsNotFoundError, match=UNKNOWN):
        hook.execute(create_batch(BatchRequest([BatchItem(library.asset_id), BatchItem(UNKNOWN)], prompt)))
    with pytest.raises(TwelveLabsBadRequestError, match="twice"):
        hook.execute(create_batch(BatchRequest([BatchItem(library.asset_id, "same")] * 2, prompt)))
    with pytest.raises(TwelveLabsNotFoundError):
        list(hook.stream(batch_results(UNKNOWN)))
