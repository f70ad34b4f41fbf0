"""Effects of Airflow's own parameters on one operator or sensor of each base class."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import SAMPLE, Account, Connect, load_dag
from tests.engine.client import Api
from tests.unit.scripted_server import Hang, ScriptedServer, connection_text

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("airflow_database")]

DAG = """
import os
from datetime import timedelta
from airflow.sdk import Asset, AssetAlias, dag
from twelvelabs_provider.operators.assets import TwelveLabsCreateAssetOperator as CreateAsset
from twelvelabs_provider.operators.indexes import TwelveLabsCreateIndexOperator as CreateIndex
from twelvelabs_provider.operators.list_videos import TwelveLabsListVideosOperator as ListVideos
from twelvelabs_provider.sensors.asset import TwelveLabsAssetSensor as AssetSensor

INDEX_ID, ASSET_ID, SAMPLE, OUTPUT = (os.environ[name] for name in ("INDEX_ID", "ASSET_ID", "SAMPLE", "OUTPUT"))

@dag(schedule=None)
def parameters():
    late = CreateIndex(
        task_id="late", index_name="late", twelvelabs_conn_id="hanging", execution_timeout=timedelta(seconds=1)
    )
    CreateIndex(task_id="after", index_name="after", trigger_rule="all_failed", outlets=[Asset("after")]) << late
    CreateIndex(task_id="never", index_name="never") << late
    for flag in (True, False):
        ListVideos(task_id=f"list_{flag}", index_id=INDEX_ID, multiple_outputs=flag)
        AssetSensor(task_id=f"sensor_{flag}", asset_id=ASSET_ID, multiple_outputs=flag)
        CreateAsset(task_id=f"job_{flag}", source=SAMPLE, multiple_outputs=flag)
        CreateIndex(task_id=f"text_{flag}", index_name="text", multiple_outputs=flag)
    for name, make in {
        "list": lambda **how: ListVideos(index_id=INDEX_ID, **how),
        "sensor": lambda **how: AssetSensor(asset_id=ASSET_ID, **how),
        "job": lambda **how: CreateAsset(source=SAMPLE, **how),
    }.items():
        make(task_id=f"{name}_silent", do_xcom_push=False)
    ListVideos(
        task_id="published", index_id=INDEX_ID, output_path=OUTPUT,
        outlets=[Asset("videos", extra={"owner": "data"}), AssetAlias("all")],
    )

parameters()
"""


def rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return what Airflow's database holds."""
    with sqlite3.connect(Path(os.environ["AIRFLOW_HOME"]) / "airflow.db") as database:
        return database.execute(query, values).fetchall()


def test_airflow_parameters_take_effect_on_every_kind_of_operator(
    connect: Connect, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = Api(account.engine).upload(SAMPLE)
    file = tmp_path / "dags" / "parameters.py"
    file.parent.mkdir()
    file.write_text(DAG)
    index_id = account.create_index("parameters")
    settings = {"INDEX_ID": index_id, "ASSET_ID": asset["_id"], "SAMPLE": SAMPLE, "OUTPUT": tmp_path / "out"}
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(file.parent))
    with ScriptedServer(Hang()) as server:
        monkeypatch.setenv("AIRFLOW_CONN_HANGING", connection_text(server.origin))
        run = load_dag("parameters", file).test()
        assert len(server.requests) <= 1, "a task whose time is up sends nothing more"
    states = {one.task_id: str(one.state) for one in run.get_task_instances()}
    assert states.pop("late") == "failed"
    assert states.pop("never") == "upstream_failed"
    assert set(states.values()) == {"success"}, states
    keys: dict[str, set[str]] = {}
    for task_id, key in rows("SELECT task_id, key FROM xcom WHERE run_id = ? AND dag_id = 'parameters'", run.run_id):
        if not key.startswith("_link"):
            keys.setdefault(task_id, set()).add(key)
    chained: dict[str, set[str]] = {"list": set(), "sensor": {"asset_id"}, "job": {"asset_id", "source_uri"}}
    for name, field in (("list", "video_ids"), ("sensor", "status"), ("job", "status")):
        assert keys[f"{name}_True"] > {"return_value", field}
        assert keys[f"{name}_False"] == {"return_value", *chained[name]}
        assert f"{name}_silent" not in keys
    assert keys["text_True"] == keys["text_False"] == {"return_value"}
    events = dict(rows("SELECT source_task_id || ' ' || name, asset_event.extra FROM asset_event JOIN asset"
                       " ON asset.id = asset_id WHERE source_run_id = ?", run.run_id))  # fmt: skip
    assert "after after" in events
    assert '"rows": 0' in events["published videos"]
    assert len([name for name in events if name.startswith("published ")]) == 2, events
