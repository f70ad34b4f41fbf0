"""Runs of an operator in this process, with every deferral and reschedule, as Airflow runs it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from twelvelabs_provider.version_compat import TaskDeferred

try:
    from airflow.sdk.exceptions import AirflowRescheduleException
except ImportError:  # Airflow 3.1
    from airflow.exceptions import AirflowRescheduleException


def run_to_end(operator: Any, context: dict[str, Any]) -> tuple[Any, int]:
    """Execute an operator to its end; return its result and the number of deferrals."""
    step, deferrals = operator.execute, 0
    arguments: dict[str, Any] = {}
    while True:
        try:
            return step(context, **arguments), deferrals
        except AirflowRescheduleException as later:
            time.sleep(max(0.0, (later.reschedule_date - datetime.now(UTC)).total_seconds()))
        except TaskDeferred as deferred:
            deferrals += 1
            event = asyncio.run(anext(deferred.trigger.run()))
            step, arguments = getattr(operator, deferred.method_name), {"event": event.payload}
