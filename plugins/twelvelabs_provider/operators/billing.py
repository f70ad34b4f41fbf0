"""Cost of billed work: the estimate before the submission, and the metric after it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from twelvelabs_provider.inputs.cost_limit import limit_from
from twelvelabs_provider.jobs.cost import Bill, must_be_allowed, sentence
from twelvelabs_provider.version_compat import Stats

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

log = logging.getLogger(__name__)

MINUTES = "twelvelabs.billed_minutes"
INPUT_TOKENS = "twelvelabs.input_tokens"
OUTPUT_TOKENS = "twelvelabs.output_tokens"


def guard_cost(
    what: str, bill: Bill, max_billable_minutes: float | str | None, *, length_follows: bool = False
) -> None:
    """Log the estimated cost of work before its submission.

    :param what: names the work: ``indexing a.mp4``.
    :param max_billable_minutes: the operator's parameter; None sets no limit.
    :param length_follows: the length will be known, and guarded again, before anything is billed.
    :raises TwelveLabsInputError: the cost is above the limit, or unknown where there is a limit.
    """
    limit = limit_from(max_billable_minutes)
    if length_follows and bill.unknown:
        return
    must_be_allowed(bill, limit, what)
    log.info("%s: %s", sentence(what), bill.rounded)


def count_bill(task: BaseOperator, bill: Bill) -> None:
    """Add what a task had billed to Airflow's metrics; a failure to do so does not fail the task."""
    counts = {MINUTES: bill.minutes, INPUT_TOKENS: bill.input_tokens, OUTPUT_TOKENS: bill.output_tokens}
    tags = {"kind": bill.kind.value, "dag_id": task.dag_id, "task_id": task.task_id}
    try:
        for name, number in counts.items():
            if number:
                # Airflow declares int; every backend adds fractions, and short videos would vanish without them.
                Stats.incr(name, count=number, tags=tags)  # type: ignore[arg-type, unused-ignore]
    except Exception as error:
        task.log.warning("Cannot count the billed minutes in Airflow's metrics: %s", error)
