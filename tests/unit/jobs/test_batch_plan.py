"""Splitting of items into batches, and the plan as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from twelvelabs_provider.jobs.batch_plan import (
    BatchPlan,
    BatchState,
    ItemIds,
    ItemLength,
    PlannedBatch,
    cut_into_batches,
    plan_in,
)


def cut(*seconds: float, items: int = 3, most: float = 10.0) -> list[tuple[int, int, int | None]]:
    measured = [ItemLength(number * 100, length) for number, length in enumerate(seconds)]
    return [(portion.first, portion.count, portion.at) for portion in cut_into_batches(measured, items, most)]


def test_items_are_cut_by_number_and_by_length() -> None:
    assert cut() == []
    assert cut(1) == [(0, 1, 0)]
    assert cut(1, 1, 1, 1) == [(0, 3, 0), (3, 1, 300)]
    assert cut(5, 5, 1) == [(0, 2, 0), (2, 1, 200)]
    assert cut(0, 99, 0) == [(0, 1, 0), (1, 1, 100), (2, 1, 200)]


def test_a_batch_has_at_most_a_thousand_items() -> None:
    portions = list(cut_into_batches((ItemLength(None, 1.0) for _ in range(2001)), 1000, 1e9))
    assert [(portion.first, portion.count) for portion in portions] == [(0, 1000), (1000, 1000), (2000, 1)]


@pytest.fixture
def plan() -> BatchPlan:
    return BatchPlan((PlannedBatch(0, 4, 0), PlannedBatch(4, 3, 400), PlannedBatch(7, 1, 700)))


def test_a_plan_survives_as_json(plan: BatchPlan) -> None:
    plan = plan.changed(replace(plan.batches[1], state=BatchState.ACTIVE, batch_id="b1"))
    memo = json.loads(json.dumps({"plan": plan.as_json()}))
    assert plan_in(memo) == plan
    assert (plan.items, plan.batch_ids) == (8, ("b1",))
    assert plan_in({}) == BatchPlan(())
    for wrong in (5, [5], [[1, 2, 3, 4, "lost"]], [[1]]):
        with pytest.raises(ValueError, match="not a plan"):
            plan_in({"plan": wrong})


def test_the_next_batch_is_the_first_planned_one(plan: BatchPlan) -> None:
    assert plan.next() == plan.batches[0]
    for portion in plan.batches:
        plan = plan.changed(replace(portion, state=BatchState.SENDING))
    assert plan.next() is None and len(plan.of(BatchState.SENDING)) == 3


def test_a_batch_that_is_too_large_is_split_in_two(plan: BatchPlan) -> None:
    sending = plan.changed(replace(plan.batches[1], state=BatchState.SENDING))
    halves = sending.halved(4, 500).batches
    assert halves == (plan.batches[0], PlannedBatch(4, 1, 400), PlannedBatch(5, 2, 500), plan.batches[2])


def test_a_found_batch_replaces_the_planned_one(plan: BatchPlan) -> None:
    whole = plan.found(4, 3, "b1")
    assert whole.batches[1] == PlannedBatch(4, 3, 400, "b1", BatchState.ACTIVE)
    # an earlier try had halved the portion
    half = plan.found(4, 1, "b1")
    assert half.batches[1:3] == (PlannedBatch(4, 1, 400, "b1", BatchState.ACTIVE), PlannedBatch(5, 2, None))
    other = plan.found(5, 2, "b1")
    assert other.batches[1:3] == (PlannedBatch(4, 1, 400), PlannedBatch(5, 2, None, "b1", BatchState.ACTIVE))
    assert half.found(5, 2, "b2").batch_ids == ("b1", "b2")
    assert whole.found(4, 3, "b9") == whole and plan.found(99, 1, "b9") == plan


def test_an_item_id_is_written_and_read() -> None:
    mark, portion = ItemIds("0123456789abcdef"), PlannedBatch(1000, 1000)
    assert mark.write(portion, 1234, None) == "0123456789abcdef-1000-1234"
    long = mark.write(portion, 1234, "x" * 64)
    assert len(long) == 64 and mark.read(long) == (1000, 1234)
    assert mark.read(mark.write(portion, 1000, "a-b-c")) == (1000, 1000)
    for foreign in (None, "", "row-1", "fedcba9876543210-1000-1234", "0123456789abcdef-x-1", "0123456789abcdef-1"):
        assert mark.read(foreign) is None
