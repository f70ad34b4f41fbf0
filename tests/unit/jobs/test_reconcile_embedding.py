"""Reconciliation of an embedding task after a lost response."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.task_context import TaskStateStore
from twelvelabs_provider.api.embedding.models import EmbeddedInput, EmbeddingTask
from twelvelabs_provider.api.embedding.request import (
    AudioInput,
    EmbeddingOption,
    EmbeddingRequest,
    EmbeddingScope,
    VideoInput,
)
from twelvelabs_provider.api.embedding.source import FixedSegmentation, MediaSource
from twelvelabs_provider.api.generations import V1_3
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.exceptions import TwelveLabsUnknownOutcomeError
from twelvelabs_provider.jobs.identity import Identity
from twelvelabs_provider.jobs.reconcile_embedding import find_lost_task
from twelvelabs_provider.jobs.task_state import TaskState

URL = "https://media.example/a.mp4"


def task(task_id: str, status: str = "ready", **given: Any) -> EmbeddingTask:
    return EmbeddingTask(id=task_id, status=status, input=EmbeddedInput(**{"type": "video", **given}))


@dataclass
class Hook:
    """A service with some tasks; the list tells less than the task itself."""

    listed: list[EmbeddingTask]
    whole: dict[str, EmbeddingTask] = field(default_factory=dict)
    api: Any = V1_3
    since: str = ""

    def items(self, page: Any) -> Iterator[EmbeddingTask]:
        self.since = dict(page(Paging()).query)["started_at"]
        yield from self.listed

    def execute(self, call: Any) -> EmbeddingTask:
        task_id = call.path.rpartition("/")[2]
        return self.whole.get(task_id) or next(task for task in self.listed if task.id == task_id)


def found(hook: Any, **fields: Any) -> str | None:
    given = VideoInput(MediaSource(url=URL), **fields)
    task = find_lost_task(hook, EmbeddingRequest(given), 1_780_000_000.0)
    return task.id if task else None


def test_the_newest_task_with_the_same_url_is_found() -> None:
    hook = Hook([task("t2", url=URL), task("t1", url=URL)])
    assert found(hook) == "t2"
    assert hook.since == "2026-05-28T20:24:40Z"


@pytest.mark.parametrize(
    "given",
    [
        {"url": "https://media.example/b.mp4"},
        {"type": "audio", "url": URL},
        {"filename": "a.mp4"},
        {"url": URL, "scopes": ("clip",)},
        {"url": URL, "options": ("audio",)},
        {"url": URL, "clip_length": 6.0},
        {"url": URL, "start": 3.0},
        {"url": URL, "end": 20.0, "duration": 60.0},
    ],
)
def test_a_task_with_another_input_or_request_is_ignored(given: dict[str, Any]) -> None:
    hook = Hook([task("t1", **given)])
    assert found(hook, segmentation=FixedSegmentation(3)) is None


def test_fields_that_the_list_lacks_are_read_from_the_task() -> None:
    hook = Hook([task("t1", url=URL)], {"t1": task("t1", url=URL, options=("audio",))})
    assert found(hook, options=[EmbeddingOption.VISUAL]) is None
    assert found(hook, options=[EmbeddingOption.AUDIO]) == "t1"


def test_the_older_scope_name_is_understood() -> None:
    hook = Hook([task("t1", url=URL, scopes=("video",))])
    assert found(hook, scopes=[EmbeddingScope.ASSET]) == "t1"


def test_a_failed_task_is_ignored() -> None:
    assert found(Hook([task("t1", "failed", url=URL)])) is None


def test_a_task_without_its_input_makes_the_outcome_unknown() -> None:
    with pytest.raises(TwelveLabsUnknownOutcomeError, match="newest t1"):
        found(Hook([task("t1", "processing")]))


def test_a_task_of_an_asset_makes_the_outcome_unknown() -> None:
    request = EmbeddingRequest(VideoInput(MediaSource(asset_id="c03")))
    hook: Any = Hook([task("t1", filename="a.mp4"), task("t0", url=URL)])
    with pytest.raises(TwelveLabsUnknownOutcomeError, match="1 new embedding tasks"):
        find_lost_task(hook, request, 0.0)
    nothing: Any = Hook([task("t0", url=URL)])
    assert find_lost_task(nothing, request, 1_780_000_000.0) is None
    sound = EmbeddingRequest(AudioInput(MediaSource(asset_id="c03")))
    assert find_lost_task(hook, sound, 1_780_000_000.0) is None


def noted_at(task_state: TaskState) -> float | None:
    intended = task_state.unconfirmed()
    return intended.at if intended else None


def test_an_intent_belongs_to_one_identity() -> None:
    store, identity = TaskStateStore(), Identity("d", "r", "t", -1, 0, "asked")
    task_state = TaskState(store, identity)
    assert noted_at(task_state) is None
    task_state.record_intent(12.5)
    assert noted_at(task_state) == 12.5
    assert noted_at(TaskState(store, Identity("d", "r", "t", -1, 1, "asked"))) is None
    assert noted_at(TaskState(store, Identity("d", "r", "t", -1, 0, "other"))) is None
    task_state.drop_intent()
    task_state.drop_intent()
    assert noted_at(task_state) is None and not store
    nothing = TaskState(None, identity)
    nothing.record_intent(1)
    nothing.drop_intent()
    assert noted_at(nothing) is None
