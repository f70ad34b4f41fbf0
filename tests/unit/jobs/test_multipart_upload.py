"""Multipart uploads that a retry continues."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from random import Random
from typing import Any, BinaryIO

import pytest

from tests.task_context import TaskStateStore
from tests.unit.jobs.test_task_state import IDENTITY
from tests.unit.parts_store import PartsStore, source_of
from tests.unit.scripted_server import connection_text, forget_proxies
from twelvelabs_provider.api.assets import AssetOptions, AssetType
from twelvelabs_provider.api.errors import TwelveLabsTransientError
from twelvelabs_provider.exceptions import TwelveLabsSourceChangedError
from twelvelabs_provider.hooks import multipart
from twelvelabs_provider.hooks.multipart import PartSource
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.jobs.multipart_upload import MultipartUpload
from twelvelabs_provider.jobs.task_state import BegunUpload, TaskState

CONTENT = Random(5).randbytes(10_500)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[PartsStore]:
    """A service that takes eleven parts, one attempt at each."""
    forget_proxies(monkeypatch)
    monkeypatch.setattr(multipart, "growing_delay", lambda *_: 0.0)
    with PartsStore(len(CONTENT), 1000) as store:
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(store.origin, max_attempts=1))
        yield store


def upload(
    memory: TaskStateStore | None, *, fingerprint: str = "etag-1", content: bytes = CONTENT, **other: Any
) -> str:
    """Run one attempt of a task."""
    task_state = TaskState(memory, replace(IDENTITY, **other))
    return MultipartUpload(TwelveLabsHook(), task_state, source_of(content), fingerprint).run(
        AssetType.VIDEO, AssetOptions("a.mp4")
    )


def broken(service: PartsStore, memory: TaskStateStore | None) -> None:
    """Run an attempt that fails at the seventh part."""
    service.trouble[7] = [500]
    with pytest.raises(TwelveLabsTransientError, match="part 7"):
        upload(memory)
    assert 0 < len(service.completed) < 11


def test_a_retry_sends_only_what_is_missing(service: PartsStore) -> None:
    memory = TaskStateStore()
    broken(service, memory)
    there = set(service.completed)
    service.forget_puts()
    assert upload(memory) == "c1"
    assert set(service.sent) == set(range(1, 12)) - there
    assert service.completed == set(range(1, 12))
    assert service.sessions == 1


def test_parts_beyond_the_first_page_are_known(service: PartsStore) -> None:
    service.chunk_size = 100
    memory = TaskStateStore()
    service.trouble[90] = [500]
    with pytest.raises(TwelveLabsTransientError):
        upload(memory)
    there = set(service.completed)
    assert len(there) > 50
    service.forget_puts()
    upload(memory)
    assert set(service.sent) == set(range(1, 106)) - there


@pytest.mark.parametrize(
    "change",
    [{"fingerprint": "etag-2"}, {"content": CONTENT + b"more"}, {"life": 9}, {"asked": "another"}],
    ids=["etag", "size", "cleared", "asked"],
)
def test_another_file_or_a_clear_starts_a_new_upload(service: PartsStore, change: dict[str, Any]) -> None:
    memory = TaskStateStore()
    broken(service, memory)
    service.forget_puts()
    service.total = len(change.get("content", CONTENT))
    upload(memory, **change)
    assert service.sent == list(range(1, 12))
    assert service.sessions == 2


def test_parts_of_former_content_are_deleted(service: PartsStore) -> None:
    memory = TaskStateStore()
    broken(service, memory)
    upload(memory, fingerprint="etag-2")
    assert service.asked["DELETE c1"] == 1, "a later run would find it under the former content"


def test_a_file_that_changes_between_two_parts(service: PartsStore) -> None:
    memory = TaskStateStore()

    def open_range(start: int, size: int) -> BinaryIO:
        if start:
            raise TwelveLabsSourceChangedError("a.mp4 changed while it was sent")
        return BytesIO(CONTENT[start : start + size])

    parts = MultipartUpload(
        TwelveLabsHook(), TaskState(memory, IDENTITY), PartSource("a.mp4", len(CONTENT), open_range), "etag-1"
    )
    with pytest.raises(TwelveLabsSourceChangedError):
        parts.run(AssetType.VIDEO, AssetOptions("a.mp4"))
    assert service.asked["DELETE c1"] == 1 and memory == {}


@pytest.mark.parametrize("status", ["expired", "failed"])
def test_an_expired_upload_is_started_again(service: PartsStore, status: str) -> None:
    memory = TaskStateStore()
    broken(service, memory)
    service.forget_puts()
    service.status = status
    upload(memory)
    assert service.sent == list(range(1, 12))


def test_a_complete_upload_is_not_sent_again(service: PartsStore) -> None:
    memory = TaskStateStore()
    upload(memory)
    service.forget_puts()
    service.status = "completed"
    assert upload(memory) == "c1"
    assert (service.sent, service.sessions) == ([], 1)
    service.asset_status = "failed"
    upload(memory)
    assert (service.sent, service.sessions) == (list(range(1, 12)), 2)


def test_without_a_store_a_retry_starts_a_new_upload(service: PartsStore) -> None:
    broken(service, None)
    upload(None)
    assert service.sessions == 2


def test_the_record_contains_no_url(service: PartsStore) -> None:
    memory = TaskStateStore()
    upload(memory)
    assert "SIGNATURE" not in str(memory) and "http" not in str(memory)
    task_state = TaskState(memory, IDENTITY)
    begun = task_state.earlier_upload()
    assert begun and (begun.upload_id, begun.asset_id, begun.chunk_size) == ("u1", "c1", 1000)
    task_state.clear()
    assert task_state.earlier_upload() is None and memory == {}


def test_an_invalid_upload_record_is_ignored() -> None:
    memory = TaskStateStore()
    memory.set("twelvelabs_upload", {"identity": IDENTITY.key(), "upload": {"colour": "red"}})
    assert TaskState(memory, IDENTITY).earlier_upload() is None
    begun = BegunUpload("u1", "c1", 5, 50, "etag")
    TaskState(memory, IDENTITY).record_upload(begun)
    assert TaskState(memory, IDENTITY).earlier_upload() == begun
    assert TaskState(memory, replace(IDENTITY, run_id="other")).earlier_upload() is None
