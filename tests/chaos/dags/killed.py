"""DAG whose tasks each die once, at an exact step, and are retried by Airflow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from airflow.sdk import DAG
from kill_points import Death, arm  # type: ignore[import-not-found]
from steps import (  # type: ignore[import-not-found]
    ANALYSES,
    BATCHES,
    EMBEDDINGS,
    INDEXINGS,
    LEGACY,
    LOST_EMBEDDING,
    STEPS,
    SYNCHRONOUS,
    UPLOADS,
    Step,
)

from twelvelabs_provider.api import assets
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.batch import TwelveLabsAnalyzeBatchOperator
from twelvelabs_provider.operators.embed import TwelveLabsEmbedOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator

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
# Bytes from which a file goes up in parts; what is that large takes longer than a test may.
assets.UPLOADS = replace(assets.UPLOADS, max_direct=1_000_000)
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


with DAG("killed", schedule=None, max_active_tasks=4, default_args={"retries": 2, "retry_delay": timedelta(seconds=1)}):
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
    for step in (*INDEXINGS, *UPLOADS):
        index(step, "twelvelabs_default")
    for step in BATCHES:
        TwelveLabsAnalyzeBatchOperator(
            task_id=step.task_id,
            items="{{ dag_run.conf['items'][task.task_id] | tojson }}",
            prompt="What is it about?",
            output_path=OUTPUT,
            deferrable=True,
            poll_interval=1,
        )
    for step in (*EMBEDDINGS, LOST_EMBEDDING):
        TwelveLabsEmbedOperator(
            task_id=step.task_id,
            video=of("media"),
            mode="async",
            output_path=OUTPUT,
            deferrable=True,
            poll_interval=1,
        )
    index(LEGACY, "legacy")
    TwelveLabsAnalyzeVideoOperator(
        task_id=SYNCHRONOUS.task_id,
        asset_id=of("assets"),
        prompt="What is it about?",
        mode="sync",
        output_path=OUTPUT,
    )
