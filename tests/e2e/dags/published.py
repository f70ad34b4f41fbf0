"""A DAG that publishes a result, and one that is scheduled on it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, task

from twelvelabs_provider.operators.extract import TwelveLabsExtractTextInVideoOperator

HOME = Path(os.environ["AIRFLOW_HOME"])
results = Asset(f"file://{HOME}/published")

with DAG("publishing", schedule=None):
    TwelveLabsExtractTextInVideoOperator(
        task_id="text",
        index_id="{{ dag_run.conf['index_id'] }}",
        video_id="{{ dag_run.conf['video_id'] }}",
        output_path=f"{HOME}/published",
        outlets=[results],
    )

with DAG("downstream", schedule=[results]):

    @task
    def read(triggering_asset_events: Any = None) -> None:
        """Write down what the events tell."""
        extras = [event.extra for event in triggering_asset_events[results]]
        (HOME / "extras.json").write_text(json.dumps(extras))

    read()
