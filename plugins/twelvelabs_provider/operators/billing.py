"""What is billed by the minute: told before it is submitted, refused where it is too much, counted when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twelvelabs_provider.inputs.limit import limit_from
from twelvelabs_provider.jobs.cost import Bill, must_be_allowed
from twelvelabs_provider.operators.job import TwelveLabsJobOperator
from twelvelabs_provider.version_compat import Stats

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

MINUTES = "twelvelabs.billed_minutes"
INPUT_TOKENS = "twelvelabs.input_tokens"
OUTPUT_TOKENS = "twelvelabs.output_tokens"


class TwelveLabsBillingOperator(TwelveLabsJobOperator):
    """Base of the operators whose work is billed by the minute.

    :param max_billable_minutes: minutes that the task may have billed; what would bill more, or nobody knows how much,
        is refused before anything that is billed is submitted. None sets no limit (templated).
    """

    def __init__(self, *, max_billable_minutes: float | str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_billable_minutes = max_billable_minutes

    def guard(self, what: str, bill: Bill, *, later: bool = False) -> None:
        """Say what work will bill, before it is submitted.

        :param what: names the work: ``indexing a.mp4``.
        :param later: the length will be known, and is guarded again, before anything is billed.
        :raises TwelveLabsInputError: if it is more than is allowed.
        """
        limit = limit_from(self.max_billable_minutes)
        if later and bill.unknown:
            return
        must_be_allowed(bill, limit, what)
        self.log.info("%s will bill %s", what, bill)

    def count(self, bill: Bill) -> None:
        """Count in Airflow's metrics what was billed."""
        count_bill(self, bill)


def count_bill(task: BaseOperator, bill: Bill) -> None:
    """Count in Airflow's metrics what a task had billed; metrics that fail are no reason for the task to fail."""
    counts = {MINUTES: bill.minutes, INPUT_TOKENS: bill.input_tokens, OUTPUT_TOKENS: bill.output_tokens}
    tags = {"kind": bill.kind.value, "dag_id": task.dag_id, "task_id": task.task_id}
    try:
        for name, number in counts.items():
            if number:
                # Airflow says int; every backend adds up fractions, and short videos would vanish without them.
                Stats.incr(name, count=number, tags=tags)  # type: ignore[arg-type, unused-ignore]
    except Exception as error:
        task.log.warning("what was billed could not be counted in Airflow's metrics: %s", error)
