"""Operator that publishes given videos without the service, run as Airflow's task runner does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk.execution_time.context import OutletEventAccessors

from tests.task_context import TaskInstance
from tests.unit.storage.published import put
from twelvelabs_provider.operators.base import TwelveLabsOperator


class PublishOperator(TwelveLabsOperator):
    """Publishes some results."""

    def __init__(self, *, output_path: str, videos: Sequence[str] = ("v",), waits: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_path = output_path
        self.videos = videos
        self.waits = waits

    def run_operator(self, context: Any) -> Any:
        """Publish, or say that it waits."""
        return None if self.waits else self.woken(context)

    def woken(self, context: Any, event: Any = None) -> dict[str, Any]:
        """Publish."""
        for video in self.videos:
            put(self.output_path, video, words=["a", "b"])
        return {"published": len(self.videos)}


def run(operator: Any) -> OutletEventAccessors:
    """Run a task to its end; a task that waits is resumed by another process. Return what it registers."""
    ti = TaskInstance(dag_id="d", run_id="r", task_id="t", map_index=-1, max_tries=0)
    events = OutletEventAccessors()
    context: Any = {"ti": ti, "outlet_events": events}
    operator.pre_execute(context)
    operator.execute(context)
    if getattr(operator, "waits", False):
        context["outlet_events"] = events = OutletEventAccessors()
        operator.pre_execute(context)
        operator.resume_execution("woken", {"event": {}}, context)
    operator.post_execute(context)
    return events
