"""A DAG whose tasks die once each, at an exact step, and are retried by Airflow."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG
from kill_points import Death, arm
from steps import ANALYSES, INDEXINGS, LEGACY, STEPS, SYNCHRONOUS, Step

from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.video import TwelveLabsIndexVideoOperator

SEGMENTS = {
    "type": "segment_definitions",
    "segment_definitions": [
        {
            "id": "screen",
            "description": "readable text on screen",
            "fields": [{"name": "text", "type": "string", "description": "the text"}],
        }
    ],
}
OUTPUT = "{{ dag_run.conf['output'] }}/{{ task.task_id }}"


def of(what: str) -> str:
    """Return the template of what the run's conf has for a task."""
    return "{{ dag_run.conf['" + what + "'][task.task_id] }}"


def index(step: Step, conn_id: str) -> None:
    """Index a video of its own into an index of its own."""
    TwelveLabsIndexVideoOperator(
        task_id=step.task_id,
        twelvelabs_conn_id=conn_id,
        source=of("videos"),
        index_id=of("indexes"),
        deferrable=True,
        poll_interval=1,
    )


with DAG("killed", schedule=None, default_args={"retries": 2, "retry_delay": timedelta(seconds=1)}):
    for step in STEPS:
        arm(step.task_id, Death(step.point, step.path, step.whole))
    for step in ANALYSES:
        TwelveLabsAnalyzeVideoOperator(
            task_id=step.task_id,
            asset_id=of("assets"),
            analysis_mode="time_based_metadata",
            response_format=SEGMENTS,
            output_path=OUTPUT,
            deferrable=True,
            poll_interval=1,
        )
    for step in INDEXINGS:
        index(step, "twelvelabs_default")
    index(LEGACY, "legacy")
    TwelveLabsAnalyzeVideoOperator(
        task_id=SYNCHRONOUS.task_id,
        asset_id=of("assets"),
        prompt="What is it about?",
        mode="sync",
        output_path=OUTPUT,
    )
