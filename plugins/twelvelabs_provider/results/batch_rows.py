"""Rows with the results of batch items."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.analysis.batch_models import BatchItemResult, ItemStatus
from twelvelabs_provider.api.analysis.batches import batch_results
from twelvelabs_provider.api.analysis.structured_answers import read_structured
from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsError, TwelveLabsPermanentError
from twelvelabs_provider.inputs.batch_items import GivenItem, GivenItems
from twelvelabs_provider.jobs.batch_plan import BatchPlan, ItemIds, PlannedBatch

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)

Row = Mapping[str, Any]
MISSING = "missing"
"""Status of an item that is missing in the service's results."""
_READINGS = 3


@dataclass
class BatchRows:
    """The rows of all items, one batch in memory at a time.

    :param mark: custom ids of the items on the service.
    :param counts: statuses of the rows so far.
    :param structured: every item is asked for JSON, not only those that say so themselves.
    :param tokens: ``input_tokens`` and ``output_tokens`` of these rows, together.
    """

    hook: TwelveLabsHook
    items: GivenItems
    plan: BatchPlan
    mark: ItemIds
    counts: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    structured: bool = False

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows."""
        for portion in self.plan.batches:
            for row in self._of(portion):
                self.counts[row["status"]] += 1
                self.tokens.update({name: row.get(name) or 0 for name in ("input_tokens", "output_tokens")})
                yield row

    def _of(self, portion: PlannedBatch) -> Iterator[Row]:
        waiting = {given.number: given for given in self.items.read(portion)}
        for number, result in self._results(portion, waiting.__contains__):
            yield self._row(waiting.pop(number), portion, result)
        for given in waiting.values():
            yield self._row(given, portion, None)

    def _row(self, given: GivenItem, portion: PlannedBatch, result: BatchItemResult | None) -> Row:
        row = _row(given, portion, result)
        if row.get("data") is None or not (self.structured or given.item.options.response_format):
            return row
        try:
            return {**row, "data": read_structured(row["data"]).text}
        except TwelveLabsAnswerError as error:
            log.warning("%s: %s", given, error)
            return row

    def _results(self, portion: PlannedBatch, wanted: Callable[[int], bool]) -> Iterator[tuple[int, BatchItemResult]]:
        """Yield the results of our items, each once; an interrupted response is read again."""
        for reading in range(1, _READINGS + 1):
            try:
                with closing(results_of(self.hook, portion.batch_id or "")) as results:
                    for result in results:
                        known = self.mark.read(result.custom_id)
                        if known and wanted(known[1]):
                            yield known[1], result
                return
            except TwelveLabsPermanentError:
                raise
            except TwelveLabsError as error:
                if reading == _READINGS:
                    raise
                log.warning("Results of batch %s were interrupted, reading them again: %s", portion.batch_id, error)


def results_of(hook: TwelveLabsHook, batch_id: str) -> Generator[BatchItemResult, None, None]:
    """Return the results of a batch as they arrive; closing the generator ends the connection.

    :raises TwelveLabsError: as :meth:`TwelveLabsHook.stream`.
    """
    yield from hook.stream(batch_results(batch_id))


def _row(given: GivenItem, portion: PlannedBatch, result: BatchItemResult | None) -> Row:
    row: dict[str, Any] = {
        "item": given.number,
        "custom_id": given.item.custom_id,
        "asset_id": given.item.asset_id,
        "batch_id": portion.batch_id,
    }
    if result is None:
        return {**row, "status": MISSING, "error_message": "the service's results do not contain this item"}
    usage = result.usage
    return {
        **row,
        "status": result.status,
        "data": result.data,
        "finish_reason": result.finish_reason,
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "error_code": result.error_code,
        "error_message": result.error_message,
        "task_id": result.task_id,
    }


def unsuccessful(counts: Mapping[str, int]) -> int:
    """Return how many items have no result."""
    return sum(number for status, number in counts.items() if status != ItemStatus.READY)
