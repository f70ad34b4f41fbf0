"""DAG with many concurrent waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator


class AskOnlyOperator(TwelveLabsAnalyzeVideoOperator):
    """Leaves the answer where it is, so that its wait ends in the triggerer: many waits with half the processes."""

    has_nothing_to_fetch = True


USUAL = {
    "twelvelabs_conn_id": "impatient",
    "asset_id": "{{ dag_run.conf['asset'] }}",
    "prompt": "What is it about?",
    "output_path": "{{ dag_run.conf['output'] }}",
    "deferrable": True,
    "poll_interval": 1,
}

with DAG("many_waits", schedule=None, default_args={"retries": 2, "retry_delay": timedelta(seconds=1)}) as dag:

    @dag.task
    def numbers(what: str, dag_run: Any = None) -> list[str]:
        """Return a name for each wait."""
        return [f"{what}-{number}" for number in range(dag_run.conf[what])]

    TwelveLabsAnalyzeVideoOperator.partial(task_id="published", **USUAL).expand(
        output_name=numbers.override(task_id="numbers")("published")
    )
    AskOnlyOperator.partial(task_id="asked", end_in_triggerer=True, do_xcom_push=False, **USUAL).expand(
        output_name=numbers.override(task_id="more_numbers")("asked")
    )
