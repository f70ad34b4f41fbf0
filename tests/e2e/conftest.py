"""One whole Airflow, with an engine, for the tests of this folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.services import Services
from demo.site import AIRFLOW_USER, airflow_password, environment
from demo.stack import AIRFLOW_COMMANDS, engine_is_ready, engine_service, prepare_database
from tests.chaos.stack import ChaosSite, Stack
from tests.chaos.task_api import TaskApi
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
DAGS = (
    "dags/compliance_review.py",
    "dags/on_new_video.py",
    "dags/provide_transcription.py",
    "dags/video_understanding.py",
    "tests/e2e/dags/published.py",
)
WATCHED_INDEX = "watched"
LONGEST = 600.0
SETTINGS = {
    "triggerer__job_heartbeat_sec": "1",
    # Seconds after which the triggers of a dead triggerer move to another.
    "triggerer__triggerer_health_check_threshold": "8",
    "core__dags_are_paused_at_creation": "False",
    # The DAG files do not change: reading them again would take most of a core.
    "dag_processor__min_file_process_interval": "3600",
}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An Airflow with the demo's settings, a short poll interval, and an engine that has no videos yet."""
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "dags").mkdir()
    for file in DAGS:
        shutil.copy(ROOT / file, folder / "dags")
    site = ChaosSite(ROOT, free_port(), free_port(), folder)
    settings = {**SETTINGS, "core__dags_folder": str(folder / "dags")}
    variables = environment(site) | {
        **{f"AIRFLOW__{name.upper()}": value for name, value in settings.items()},
        "AIRFLOW_VAR_TWELVELABS_OUTPUT_PATH": str(folder / "out"),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": str(folder / "lineage.jsonl"), "append": True}
        ),
        "TWELVELABS_INDEX_NAME": WATCHED_INDEX,
        "TWELVELABS_POLL_SECONDS": "5",
        "TWELVELABS_VIDEOS_PER_RUN": "2",
        "TWELVELABS_REVIEW_HOURS": "0.001",
    }
    with Services() as services:
        services.start(engine_service(site, variables))
        prepare_database(site, services, variables)
        api = TaskApi(site.airflow_url, AIRFLOW_USER, airflow_password(site))
        running = Stack(site, services, api, variables, folder)
        for name in AIRFLOW_COMMANDS:
            running.start_component(name)
        services.wait_until(lambda: engine_is_ready(site), "engine", LONGEST)
        services.wait_until(api.is_up, "api-server", LONGEST)
        yield running
