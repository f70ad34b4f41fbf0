"""DAGs whose tasks a user ends while they wait, on the worker or deferred."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator

SINGLE = ("failed", "succeeded", "cleared", "kept")
MAPPED = ("failed", "succeeded", "cleared", "untouched")
USUAL: dict[str, Any] = {
    "asset_id": "{{ dag_run.conf['asset'] }}",
    "output_path": "{{ dag_run.conf['output'] }}",
    "prompt": "What is it about?",
    "poll_interval": 1,
    "retries": 1,
    "retry_delay": timedelta(seconds=1),
}


def ask(name: str, prefix: str, deferrable: bool, **options: Any) -> None:
    """One question whose analysis bears the task's name."""
    custom_id = f"{prefix}-{name}"
    TwelveLabsAnalyzeVideoOperator(
        task_id=name, custom_id=custom_id, output_name=custom_id, deferrable=deferrable, **USUAL, **options
    )


def ask_all(task_id: str, names: tuple[str, ...], prefix: str, deferrable: bool) -> None:
    """Questions of one mapped task."""
    custom_ids = [f"{prefix}-{task_id}-{name}" for name in names]
    TwelveLabsAnalyzeVideoOperator.partial(task_id=task_id, deferrable=deferrable, **USUAL).expand_kwargs(
        [{"custom_id": custom_id, "output_name": custom_id} for custom_id in custom_ids]
    )


for where in ("deferred", "running"):
    with DAG(f"given_up_while_{where}", schedule=None):
        for name in SINGLE:
            ask(name, where, where == "deferred", **({"cancel_on_kill": False} if name == "kept" else {}))
        ask_all("mapped", MAPPED, where, where == "deferred")

with DAG("out_of_time", schedule=None, dagrun_timeout=timedelta(hours=1)):
    for where in ("deferred", "running"):
        ask(where, "late", where == "deferred")
        ask_all(f"mapped_{where}", ("0", "1"), "late", where == "deferred")
