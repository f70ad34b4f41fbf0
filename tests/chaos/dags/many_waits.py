"""A DAG of many waits at once."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator

with DAG("many_waits", schedule=None, default_args={"retries": 2, "retry_delay": timedelta(seconds=1)}) as dag:

    @dag.task
    def numbers(dag_run=None) -> list[str]:  # noqa: ANN001
        """Return a name for each wait."""
        return [f"wait-{number}" for number in range(dag_run.conf["waits"])]

    TwelveLabsAnalyzeVideoOperator.partial(
        task_id="wait",
        twelvelabs_conn_id="impatient",
        asset_id="{{ dag_run.conf['asset'] }}",
        prompt="What is it about?",
        output_path="{{ dag_run.conf['output'] }}",
        deferrable=True,
        poll_interval=1,
    ).expand(result_name=numbers())
