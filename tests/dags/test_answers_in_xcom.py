"""Responses of a hook pass between tasks with Airflow's default settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Library
from tests.dags.conftest import Connect, load_dag

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("airflow_database")]

DAG = """
import json, os
from airflow.sdk import dag, task

@dag(schedule=None)
def answers():
    @task
    def ask():
        from twelvelabs_provider.api.models import Index
        from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

        hook, index_id = TwelveLabsHook(), os.environ["INDEX_ID"]
        videos = list(hook.items(lambda paging: hook.api.list_videos(index_id, paging=paging)))
        return {"index": hook.execute(hook.api.read_index(index_id)), "videos": videos}

    @task
    def read(given):
        index, [video] = given["index"], given["videos"]
        found = [index.id, index.models[0].name, index.name, video.id, video.created_at.year]
        with open(os.environ["FOUND"], "w") as file:
            json.dump(found, file)

    read(ask())

answers()
"""


def test_response_of_a_hook_passes_through_xcom(
    connect: Connect, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path))
    monkeypatch.setenv("INDEX_ID", library.index_id)
    monkeypatch.setenv("FOUND", str(tmp_path / "found"))
    file = tmp_path / "answers.py"
    file.write_text(DAG)
    assert str(load_dag("answers", file).test().state) == "success"
    index_id, model, name, video_id, year = json.loads((tmp_path / "found").read_text())
    assert (index_id, model, name, video_id) == (library.index_id, "marengo3.0", "library", library.video_id)
    assert year > 2000
