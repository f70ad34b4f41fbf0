"""Many items cut into batches: which items went into which batch, and which are still to be sent; no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self


class BatchState(StrEnum):
    """Where a portion stands."""

    PLANNED = "planned"
    SENDING = "sending"
    """A request is out, or its answer was lost: look for its batch before it is sent again."""
    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True)
class PlannedBatch:
    """Neighbouring items that go into one batch.

    :param first: number of the first item, counted from 0 over all items.
    :param at: where the first item begins in the file of items (bytes); None where that is not known.
    :param batch_id: once it is known.
    """

    first: int
    count: int
    at: int | None = None
    batch_id: str | None = None
    state: BatchState = BatchState.PLANNED

    def as_json(self) -> list[Any]:
        """Return plain JSON, short: there may be many of them in one record."""
        return [self.first, self.count, self.at, self.batch_id, self.state.value]

    @classmethod
    def from_json(cls, value: Sequence[Any]) -> Self:
        """Read what :meth:`as_json` wrote.

        :raises ValueError: if it is something else.
        """
        first, count, at, batch_id, state = value
        return cls(int(first), int(count), at, batch_id, BatchState(state))


@dataclass(frozen=True)
class BatchPlan:
    """All portions, in the order of their items."""

    portions: tuple[PlannedBatch, ...]

    @property
    def items(self) -> int:
        """How many items there are."""
        return sum(portion.count for portion in self.portions)

    @property
    def batch_ids(self) -> tuple[str, ...]:
        """The batches that are known, in the order of their items."""
        return tuple(portion.batch_id for portion in self.portions if portion.batch_id)

    def of(self, *states: BatchState) -> tuple[PlannedBatch, ...]:
        """Return the portions in these states."""
        return tuple(portion for portion in self.portions if portion.state in states)

    def next(self) -> PlannedBatch | None:
        """Return the first portion that is to be sent."""
        return next(iter(self.of(BatchState.PLANNED)), None)

    def changed(self, portion: PlannedBatch) -> BatchPlan:
        """Return the plan with a portion in a new state; its items tell which."""
        return BatchPlan(tuple(portion if old.first == portion.first else old for old in self.portions))

    def halved(self, first: int, at: int | None) -> BatchPlan:
        """Return the plan with a portion cut into two, both to be sent.

        :param first: number of the portion's first item.
        :param at: where the second half begins in the file of items.
        """
        portion = next(old for old in self.portions if old.first == first)
        return self._cut(portion, portion.count // 2, at)

    def found(self, first: int, count: int, batch_id: str) -> BatchPlan:
        """Return the plan with a batch that was found on the service; it may hold fewer items than was planned.

        :param first: number of the batch's first item.
        :param count: how many items it has.
        """
        portion = next((old for old in self.portions if old.first <= first < old.first + old.count), None)
        if portion is None or portion.batch_id:
            return self
        plan = self
        if portion.first < first:
            plan = plan._cut(portion, first - portion.first, None)
            portion = next(old for old in plan.portions if old.first == first)
        if count < portion.count:
            plan = plan._cut(portion, count, None)
        return plan.changed(replace(portion, count=count, batch_id=batch_id, state=BatchState.ACTIVE))

    def as_json(self) -> list[list[Any]]:
        """Return plain JSON."""
        return [portion.as_json() for portion in self.portions]

    @classmethod
    def from_json(cls, value: Iterable[Sequence[Any]]) -> BatchPlan:
        """Read what :meth:`as_json` wrote.

        :raises ValueError: if it is something else.
        """
        try:
            return cls(tuple(PlannedBatch.from_json(entry) for entry in value))
        except (TypeError, ValueError) as error:
            raise ValueError(f"not a plan of batches: {error!r}") from error

    def _cut(self, portion: PlannedBatch, keep: int, at: int | None) -> BatchPlan:
        planned = replace(portion, batch_id=None, state=BatchState.PLANNED)
        parts = (replace(planned, count=keep), PlannedBatch(portion.first + keep, portion.count - keep, at))
        flat: list[PlannedBatch] = []
        for old in self.portions:
            flat += parts if old.first == portion.first else (old,)
        return BatchPlan(tuple(flat))


@dataclass(frozen=True)
class ItemLength:
    """An item on its way into a portion.

    :param at: where it begins in the file of items.
    :param seconds: of video; 0 where that is not known.
    """

    at: int | None
    seconds: float


def cut_into_batches(items: Iterable[ItemLength], most_items: int, most_seconds: float) -> Iterator[PlannedBatch]:
    """Cut items into portions, in their order; an item that is too long by itself is a portion of its own.

    :param most_items: items of one portion.
    :param most_seconds: seconds of video of one portion.
    """
    first, count, seconds = 0, 0, 0.0
    begin: int | None = None
    for item in items:
        if count and (count == most_items or seconds + item.seconds > most_seconds):
            yield PlannedBatch(first, count, begin)
            first, count, seconds = first + count, 0, 0.0
        if not count:
            begin = item.at
        count, seconds = count + 1, seconds + item.seconds
    if count:
        yield PlannedBatch(first, count, begin)


@dataclass(frozen=True)
class ItemIds:
    """What the items of one task instance carry as ``custom_id``, so that their batch is found again.

    :param task: the same for all tries of the task instance.
    """

    task: str

    _LENGTH = 64

    def write(self, portion: PlannedBatch, number: int, custom_id: str | None) -> str:
        """Return the id of an item on the service: 64 characters at most, the caller's own words last."""
        text = f"{self.task}-{portion.first}-{number}"
        return f"{text}-{custom_id}"[: self._LENGTH] if custom_id else text

    def read(self, custom_id: str | None) -> tuple[int, int] | None:
        """Return the first item's number of the portion, and the item's; None for an id that is not ours."""
        parts = (custom_id or "").split("-", 3)
        if len(parts) < 3 or parts[0] != self.task or not (parts[1].isdigit() and parts[2].isdigit()):
            return None
        return int(parts[1]), int(parts[2])


def plan_in(memo: Mapping[str, Any]) -> BatchPlan:
    """Return the plan of a memo.

    :raises ValueError: if there is none.
    """
    return BatchPlan.from_json(memo.get("plan") or ())
