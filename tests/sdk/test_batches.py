"""Analysis batches with the vendor's client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twelvelabs import ConflictError, NotFoundError, TwelveLabs
from twelvelabs.types import BatchDefaults, BatchItemRequest, BatchPrompt, BatchVideoContext

from tests.engine.client import until
from tests.engine.suspended_worker import suspended_worker

if TYPE_CHECKING:
    from tests.conftest import Library
    from tests.engine_process import Engine

UNKNOWN = "665000000000000000000abc"
DEFAULTS = BatchDefaults(prompt=BatchPrompt(input_text="Which words are shown?"), temperature=0.2)


def item(asset_id: str, **fields: Any) -> BatchItemRequest:
    return BatchItemRequest(video=BatchVideoContext(type="asset_id", asset_id=asset_id), **fields)


def submitted(client: TwelveLabs, *items: BatchItemRequest) -> Any:
    batches = client.analyze_async.batches
    return batches.create(model_name="pegasus1.5", analysis_mode="general", defaults=DEFAULTS, requests=list(items))


def ended(client: TwelveLabs, batch_id: str) -> Any:
    def look() -> Any:
        batch = client.analyze_async.batches.retrieve(batch_id)
        return batch if batch.status in ("completed", "canceled", "expired") else None

    return until(look)


def test_batch_is_created_read_listed_and_deleted(client: TwelveLabs, library: Library) -> None:
    batches = client.analyze_async.batches
    created = submitted(client, item(library.asset_id, custom_id="one"), item(library.asset_id, max_tokens=600))
    assert (created.total_items, [entry.custom_id for entry in created.items]) == (2, ["one", None])
    assert (created.expires_at - created.created_at).total_seconds() == 24 * 3600
    done = ended(client, created.batch_id)
    assert (done.status, done.ready_items, done.failed_items, done.canceled_items) == ("completed", 2, 0, 0)
    assert done.completed_at and done.model_name == "pegasus1.5"
    one, two = batches.results(created.batch_id)
    assert (one.custom_id, one.status, two.custom_id) == ("one", "ready", None)
    assert one.data and one.data.data and one.data.finish_reason == "stop" and one.data.usage.output_tokens
    task = client.analyze_async.tasks.retrieve(one.task_id)
    assert task.status == "ready" and task.result and task.result.data == one.data.data
    assert created.batch_id in [
        entry.batch_id for entry in batches.list(page_limit=50, status=["completed"]).items or ()
    ]
    with pytest.raises(ConflictError) as caught:
        batches.cancel(created.batch_id)
    assert caught.value.body["error"]["code"] == "batch_completed"
    batches.delete(created.batch_id)
    with pytest.raises(NotFoundError):
        batches.retrieve(created.batch_id)


def test_batch_is_cancelled(client: TwelveLabs, library: Library, engine: Engine) -> None:
    batches = client.analyze_async.batches
    with suspended_worker(engine):
        created = submitted(client, item(library.asset_id), item(library.asset_id))
        with pytest.raises(ConflictError) as caught:
            batches.delete(created.batch_id)
        assert caught.value.body["error"]["code"] == "batch_not_terminal"
        assert batches.cancel(created.batch_id).status == "canceled"
        assert {entry.status for entry in batches.results(created.batch_id)} == {"canceled"}
    batches.delete(created.batch_id)


def test_refused_batches(client: TwelveLabs) -> None:
    with pytest.raises(NotFoundError) as caught:
        submitted(client, item(UNKNOWN))
    assert caught.value.body["error"]["code"] == "resource_not_exist"
    with pytest.raises(NotFoundError):
        list(client.analyze_async.batches.results(UNKNOWN))
