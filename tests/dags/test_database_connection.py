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

DAG = """
from airflow.sdk import DAG
from twelvelabs_provider.sensors.asset import TwelveLabsAssetSensor
from twelvelabs_provider.sensors.entity import TwelveLabsEntitySensor

with DAG("database_connection"):
    wait = {"twelvelabs_conn_id": "stored", "deferrable": True, "poke_interval": 0.2, "timeout": 60}
    TwelveLabsAssetSensor(task_id="listed", asset_id="a1", **wait)
    TwelveLabsEntitySensor(task_id="alone", entity_collection_id="c1", entity_id="e1", **wait)
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


def test_a_deferred_wait_finds_a_connection_of_the_database(jobs: JobServer, tmp_path: Path) -> None:
    for kind, job_id in ((JobKind.ASSET, "a1"), (JobKind.ENTITY, "e1")):
        jobs.add(kind, Job(job_id, time.time() - 3600))
    polled: list[str] = []

    def ready_at_the_third_poll(request: Request) -> None:
        """One by the worker, and one in the triggerer that finds it running."""
        polled.append(request.path.rpartition("/")[2])
        for job in (*jobs.jobs[JobKind.ASSET].values(), *jobs.jobs[JobKind.ENTITY].values()):
            job.status = "ready" if polled.count(job.id) >= 3 else "processing"

    jobs.always = ready_at_the_third_poll
    file = tmp_path / "database_connection.py"
    file.write_text(DAG)
    run = load_dag("database_connection", file).test()
    assert {ti.task_id: str(ti.state) for ti in run.task_instances} == {"listed": "success", "alone": "success"}
