"""Plan of batches: which items belong to which batch, and which batches are still to be sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self


class BatchState(StrEnum):
    """State of a batch."""

    PLANNED = "planned"
    SENDING = "sending"
    """Its request was sent, or the response was lost: search the batch before a retry."""
    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True)
class PlannedBatch:
    """Consecutive items of one batch.

    :param first: number of the first item, counted from 0 over all items.
    :param at: byte offset of the first item in the file of items; None if unknown.
    :param batch_id: the id, once known.
    """

    first: int
    count: int
    at: int | None = None
    batch_id: str | None = None
    state: BatchState = BatchState.PLANNED

    def as_json(self) -> list[Any]:
        """Return plain JSON; a list, because a record may contain many batches."""
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
    """All batches, in the order of their items."""

    batches: tuple[PlannedBatch, ...]

    @property
    def items(self) -> int:
        """The number of items."""
        return sum(batch.count for batch in self.batches)

    @property
    def batch_ids(self) -> tuple[str, ...]:
        """The known batch ids, in the order of their items."""
        return tuple(batch.batch_id for batch in self.batches if batch.batch_id)

    def of(self, *states: BatchState) -> tuple[PlannedBatch, ...]:
        """Return the batches in some states."""
        return tuple(batch for batch in self.batches if batch.state in states)

    def next(self) -> PlannedBatch | None:
        """Return the first batch to send."""
        return next(iter(self.of(BatchState.PLANNED)), None)

    def changed(self, batch: PlannedBatch) -> BatchPlan:
        """Return the plan with a changed batch, identified by its first item."""
        return BatchPlan(tuple(batch if old.first == batch.first else old for old in self.batches))

    def halved(self, first: int, at: int | None) -> BatchPlan:
        """Return the plan with a batch split in two, both to be sent.

        :param first: number of the batch's first item.
        :param at: byte offset of the second half in the file of items.
        """
        batch = next(old for old in self.batches if old.first == first)
        return self._cut(batch, batch.count // 2, at)

    def found(self, first: int, count: int, batch_id: str) -> BatchPlan:
        """Return the plan with a batch that exists on the service; it may contain fewer items than planned.

        :param first: number of the batch's first item.
        :param count: the number of its items.
        """
        batch = next((old for old in self.batches if old.first <= first < old.first + old.count), None)
        if batch is None or batch.batch_id:
            return self
        plan = self
        if batch.first < first:
            plan = plan._cut(batch, first - batch.first, None)
            batch = next(old for old in plan.batches if old.first == first)
        if count < batch.count:
            plan = plan._cut(batch, count, None)
        return plan.changed(replace(batch, count=count, batch_id=batch_id, state=BatchState.ACTIVE))

    def as_json(self) -> list[list[Any]]:
        """Return plain JSON."""
        return [batch.as_json() for batch in self.batches]

    @classmethod
    def from_json(cls, value: Iterable[Sequence[Any]]) -> BatchPlan:
        """Read what :meth:`as_json` wrote.

        :raises ValueError: if it is something else.
        """
        try:
            return cls(tuple(PlannedBatch.from_json(entry) for entry in value))
        except (TypeError, ValueError) as error:
            raise ValueError(f"not a plan of batches: {error!r}") from error

    def _cut(self, batch: PlannedBatch, keep: int, at: int | None) -> BatchPlan:
        planned = replace(batch, batch_id=None, state=BatchState.PLANNED)
        parts = (replace(planned, count=keep), PlannedBatch(batch.first + keep, batch.count - keep, at))
        flat: list[PlannedBatch] = []
        for old in self.batches:
            flat += parts if old.first == batch.first else (old,)
        return BatchPlan(tuple(flat))


@dataclass(frozen=True)
class ItemLength:
    """Length of an item.

    :param at: its byte offset in the file of items.
    :param seconds: seconds of video; 0 if unknown.
    """

    at: int | None
    seconds: float


def cut_into_batches(items: Iterable[ItemLength], most_items: int, most_seconds: float) -> Iterator[PlannedBatch]:
    """Split items into batches, in their order; an item above the limit gets a batch of its own.

    :param most_items: items of one batch.
    :param most_seconds: seconds of video of one batch.
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
    """The ``custom_id`` of the items of one task instance, by which a lost batch is found.

    :param task: the same for all attempts of the task instance.
    """

    task: str

    _LENGTH = 64

    def write(self, batch: PlannedBatch, number: int, custom_id: str | None) -> str:
        """Return the id of an item: 64 characters at most, the caller's own id last."""
        text = f"{self.task}-{batch.first}-{number}"
        return f"{text}-{custom_id}"[: self._LENGTH] if custom_id else text

    def read(self, custom_id: str | None) -> tuple[int, int] | None:
        """Return the number of the batch's first item and that of the item; None for another task's id."""
        parts = (custom_id or "").split("-", 3)
        if len(parts) < 3 or parts[0] != self.task or not (parts[1].isdigit() and parts[2].isdigit()):
            return None
        return int(parts[1]), int(parts[2])


def plan_in(memo: Mapping[str, Any]) -> BatchPlan:
    """Return the plan in a memo.

    :raises ValueError: there is none.
    """
    return BatchPlan.from_json(memo.get("plan") or ())
