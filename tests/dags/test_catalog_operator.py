"""Catalog operator, and asset events of publishing tasks, in Airflow's task runner."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import load_dag
from tests.unit.storage.published import put, results_of
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.operators.catalog import TwelveLabsCompactCatalogOperator
from twelvelabs_provider.storage.catalog import read_catalog

pytestmark = pytest.mark.usefixtures("airflow_database")

DAG = """
from airflow.sdk import DAG, Asset, AssetAlias, task
from tests.unit.airflow.publishing import PublishOperator
from twelvelabs_provider.operators.catalog import TwelveLabsCompactCatalogOperator

OUTPUT = "FOLDER/out"
RESULTS, TRANSCRIPTS = Asset(f"file://{OUTPUT}"), AssetAlias("transcripts")

with DAG("publishes", params={"output_path": ""}):
    publish = PublishOperator.partial(
        task_id="publish", output_path=OUTPUT, outlets=[RESULTS, TRANSCRIPTS]
    ).expand(videos=[["a"], ["vidéo", "c"]])
    publish >> TwelveLabsCompactCatalogOperator(
        task_id="compact", output_path="{{ params.output_path }}", formats="jsonl", rebuild="{{ false }}"
    )

for name, schedule in (("on_results", RESULTS), ("on_transcripts", TRANSCRIPTS)):
    with DAG(name, schedule=[schedule], is_paused_upon_creation=False):

        @task
        def read(): ...

        read()
"""


def in_database(query: str) -> list[Any]:
    """Ask Airflow's database."""
    with sqlite3.connect(Path(os.environ["AIRFLOW_HOME"]) / "airflow.db") as database:
        return database.execute(query).fetchall()


def test_mapped_tasks_register_events_and_their_catalog_is_compacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path))
    output, file = tmp_path / "out", tmp_path / "publishes.py"
    file.write_text(DAG.replace("FOLDER", str(tmp_path)))
    dag_run = load_dag("publishes", file).test(run_conf={"output_path": str(output)})
    assert str(dag_run.state) == "success"
    assert results_of(str(output)) == {"a", "vidéo", "c"}
    files = [path for path in (output / "_catalog").rglob("*") if path.is_file()]
    assert [path.parent.name for path in files] == ["snapshots"]

    query = "SELECT asset.uri, asset_event.extra FROM asset_event JOIN asset ON asset.id = asset_event.asset_id"
    events = [(uri, json.loads(extra)) for uri, extra in in_database(query) if uri.startswith(f"file://{output}")]
    whole = [extra for uri, extra in events if uri == f"file://{output}"]
    single = {uri: extra for uri, extra in events if uri != f"file://{output}"}
    assert sorted(extra["results"] for extra in whole) == [1, 2], "an event for each of the mapped tasks"
    assert sorted(single) == [f"file://{output}/idx/{name}" for name in ("a", "c", "vid%C3%A9o")]
    assert {extra["video_id"]: extra["rows"] for extra in single.values()} == {"a": 2, "c": 2, "vidéo": 2}
    assert all(Path(extra["manifest"].removeprefix("file://")).exists() for extra in single.values())
    waiting = {name for (name,) in in_database("SELECT target_dag_id FROM asset_dag_run_queue")}
    assert {"on_results", "on_transcripts"} <= waiting, "what the scheduler starts next"


def compact(**fields: Any) -> dict[str, Any]:
    """Run the operator."""
    return TwelveLabsCompactCatalogOperator(task_id="t", **fields).execute({})


def test_result_of_a_compaction(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(str(tmp_path), name)
    done = compact(output_path=str(tmp_path), formats='["parquet"]', rebuild="false")
    assert (done["results"], done["entries"], done["snapshots"]) == (2, 2, 0)
    assert {uri.rpartition(".")[2] for uri in done["files"].values()} == {"jsonl", "parquet"}
    assert all(Path(uri.removeprefix("file://")).exists() for uri in done["files"].values())
    assert json.loads(json.dumps(done)) == done


def test_rebuild_of_the_catalog(tmp_path: Path) -> None:
    put(str(tmp_path), "a")
    for path in (tmp_path / "_catalog").rglob("*.json"):
        path.unlink()
    assert list(read_catalog(str(tmp_path))) == []
    assert compact(output_path=str(tmp_path), rebuild="True")["results"] == 1
    assert results_of(str(tmp_path)) == {"a"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"output_path": ""}, "output_path"),
        ({"output_path": "https://host/out"}, "is a URL"),
        ({"formats": ["srt"]}, "srt"),
        ({"formats": []}, "formats"),
        ({"rebuild": "perhaps"}, "perhaps"),
    ],
)
def test_invalid_arguments_are_refused(fields: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(TwelveLabsInputError, match=said):
        compact(**{"output_path": str(tmp_path), **fields})
    assert list(tmp_path.iterdir()) == []
