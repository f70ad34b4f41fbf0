"""`dag.test()`, which `airflow dags test` runs, with a connection that is stored in Airflow's database."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dags.conftest import load_dag
from tests.unit.job_server import Job, JobServer
from tests.unit.scripted_server import KEY, Request
from twelvelabs_provider.jobs.job import JobKind
from twelvelabs_provider.triggers import shared_poll

DAG = """
from airflow.sdk import DAG
from twelvelabs_provider.sensors.asset import TwelveLabsAssetSensor

with DAG("database_connection"):
    TwelveLabsAssetSensor(
        task_id="wait", asset_id="a1", twelvelabs_conn_id="stored", deferrable=True, poke_interval=0.2, timeout=600
    )
"""


@pytest.fixture
def jobs(airflow_database: None) -> Iterator[JobServer]:
    """A server behind a connection of the database."""
    from airflow.models import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with JobServer() as server:
        extra = json.dumps({"max_attempts": 1})
        with create_session() as session:
            session.add(
                Connection(conn_id="stored", conn_type="twelvelabs", host=server.origin, password=KEY, extra=extra)
            )
        yield server
        with create_session() as session:
            session.delete(session.scalars(select(Connection).where(Connection.conn_id == "stored")).one())


def test_deferred_wait_uses_a_connection_of_the_database(
    jobs: JobServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path))
    monkeypatch.setattr(shared_poll, "EARLIEST_EVENT", 0.0)
    job = Job("a1", time.time() - 3600)
    jobs.add(JobKind.ASSET, job)

    def ready_at_the_third_poll(_: Request) -> None:
        """The worker polls once; the triggerer finds the job running, then ready."""
        job.status = "ready" if len(jobs.requests) >= 3 else "processing"

    jobs.always = ready_at_the_third_poll
    file = tmp_path / "database_connection.py"
    file.write_text(DAG)
    assert str(load_dag("database_connection", file).test().state) == "success"
    assert len(jobs.requests) > 3
