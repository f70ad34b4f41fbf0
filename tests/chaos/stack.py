"""Airflow and an engine as processes that a test can kill; Airflow detects a death within seconds."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from demo.airflow_api import FINAL_RUN_STATES, TaskState
from demo.services import Service, Services, existing, signal_quietly
from demo.site import AIRFLOW_USER, CONNECTION_ID, Site, airflow_password, connection, engine_key, environment
from demo.stack import AIRFLOW_COMMANDS, engine_is_ready, engine_service, prepare_database
from tests.chaos.task_api import TaskApi
from tests.dags.conftest import Account
from tests.engine.client import Api
from tests.engine.multipart import CHUNK
from tests.engine_process import Engine
from tests.ports import free_port
from tests.postgresql import program, start_postgresql

if TYPE_CHECKING:
    from sqlalchemy import Engine as Database

ROOT = Path(__file__).parents[2]
DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
DAGS = Path(__file__).parent / "dags"
READY_SECONDS = 180.0
TRIGGERER_CAPACITY = 27
"""Number of triggers that the first triggerer holds at most: more than one page of jobs needs two triggerers."""
UNASSIGNED = 0
"""Stands for the triggerer of a trigger that no triggerer holds."""
ORDERLY_SECONDS = 60.0
# Seconds that a process waits for the others' transactions in SQLite; less than a client waits for an answer.
LONGEST_LOCK = 25.0
# Airflow's processes import this once; the tasks, which are forks of them, have it then.
LOADED_BEFOREHAND = """
import twelvelabs_provider.operators.analyze
import twelvelabs_provider.operators.batch
import twelvelabs_provider.operators.embed
import twelvelabs_provider.operators.index_video
"""
# Seconds. Short, so that the scheduler notices a death in the time of a test; a busy machine has to keep up too, and
# no process takes a slow scheduler for a dead one.
PROMPT = {
    "scheduler__scheduler_health_check_threshold": "900",
    "scheduler__task_instance_heartbeat_timeout": "20",
    "scheduler__task_instance_heartbeat_timeout_detection_interval": "2",
    "workers__min_heartbeat_interval": "1",
    "triggerer__capacity": str(TRIGGERER_CAPACITY),
    "triggerer__job_heartbeat_sec": "1",
    "triggerer__triggerer_health_check_threshold": "8",
    "core__dags_folder": str(DAGS),
    "core__parallelism": "8",
    "core__dagbag_import_timeout": "300",
    "dag_processor__dag_file_processor_timeout": "400",
    # The DAG files do not change: reading them again would take most of a core.
    "dag_processor__min_file_process_interval": "3600",
    "core__max_active_tasks_per_dag": "64",
}


@dataclass(frozen=True)
class ChaosSite(Site):
    """A site whose state lies outside the checkout."""

    folder: Path = field(default=Path())

    @property
    def state(self) -> Path:
        """The folder of this test session."""
        return self.folder


@dataclass
class Stack:
    """A running Airflow with its engine.

    :param marks: the folder in which a process that kills itself leaves a mark.
    """

    site: ChaosSite
    services: Services
    api: TaskApi
    environment: dict[str, str]
    marks: Path

    @classmethod
    def start(cls, folder: Path, private: Path, services: Services) -> Stack:
        """Start everything and wait until it answers.

        :param private: for a database server, which is another user and cannot get to a test's folders.
        """
        site = ChaosSite(ROOT, free_port(), free_port(), folder)
        marks = folder / "marks"
        marks.mkdir(parents=True)
        local_settings = site.airflow_home / "config" / "airflow_local_settings.py"
        local_settings.parent.mkdir(parents=True)
        local_settings.write_text(LOADED_BEFOREHAND)
        settings = {f"AIRFLOW__{name.upper()}": value for name, value in PROMPT.items()}
        variables = environment(site) | settings | {"CHAOS_FOLDER": str(marks)}
        variables[DATABASE] = _database(site, private, services)
        services.start(engine_service(site, {**variables, "TWELVELABS_LOCAL_CHUNK_BYTES": str(CHUNK)}))
        prepare_database(site, services, variables)
        stack = cls(site, services, TaskApi(site.airflow_url, AIRFLOW_USER, airflow_password(site)), variables, marks)
        for name in AIRFLOW_COMMANDS:
            stack.start_component(name)
        services.wait_until(lambda: engine_is_ready(site), "engine", READY_SECONDS)
        services.wait_until(stack.api.is_up, "api-server", READY_SECONDS)
        stack.connect(CONNECTION_ID)
        stack.connect("legacy", api_version="v1.2")
        stack.connect("impatient", max_attempts=1)
        return stack

    def start_component(self, name: str, *more: str, kind: str | None = None) -> None:
        """Start one of Airflow's processes.

        :param more: arguments of its command.
        :param kind: which, where it is not what ``name`` says.
        """
        command = [sys.executable, "-m", "airflow", *AIRFLOW_COMMANDS[kind or name], *more]
        self.services.start(Service(name, command, self.environment, self.site.logs / f"{name}.log"))

    def kill_component(self, name: str) -> None:
        """``kill -9`` of a process and all that it started, as when its machine is lost."""
        family = self.family(name)
        _, process = self.services.running.pop(name)
        for one in family:
            signal_quietly(one.kill)
        process.wait()

    def end_component(self, name: str) -> None:
        """End a process as its machine does when it is shut down in order."""
        family = self.family(name)
        _, process = self.services.running.pop(name)
        signal_quietly(family[-1].terminate)
        _, left = psutil.wait_procs(family, timeout=ORDERLY_SECONDS)
        for one in left:
            signal_quietly(one.kill)
        process.wait()

    def family(self, name: str) -> list[psutil.Process]:
        """Return a process, the last one, and all that it started."""
        (top,) = existing([self.services.running[name][1].pid])
        return [*top.children(recursive=True), top]

    def is_connected_to_engine(self, name: str) -> bool:
        """Return whether a process, or one that it started, has a connection to the engine: it has sent a request."""
        sockets = (socket for process in self.family(name) for socket in process.net_connections("tcp"))
        return any(socket.raddr and socket.raddr.port == self.site.engine_port for socket in sockets)

    def connect(self, conn_id: str, **extra: Any) -> None:
        """Point a connection at the engine."""
        self.api.set_connection(conn_id, {**connection(self.site), "extra": json.dumps(extra)})

    @property
    def account(self) -> Account:
        """The engine's account."""
        _, process = self.services.running["engine"]
        return Account(Engine(self.site.engine_url, engine_key(self.site), self.site.state / "engine", process))

    @property
    def engine(self) -> Api:
        """The engine's API."""
        return Api(self.account.engine)

    def begin(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run of a DAG, once the DAG has been read, and return its id."""
        self.services.wait_until(lambda: bool(self.api.dag_parsed_at(dag_id)), "dag-processor", READY_SECONDS)
        self.api.unpause(dag_id)
        return self.api.trigger(dag_id, conf)

    def finish(self, dag_id: str, run_id: str, seconds: float) -> str:
        """Wait for the end of a run and return its state."""
        self.until(lambda: self.run_state(dag_id, run_id) in FINAL_RUN_STATES, dag_id, run_id, seconds)
        return self.run_state(dag_id, run_id)

    def until(self, done: Callable[[], bool], dag_id: str, run_id: str, seconds: float) -> None:
        """Wait until a condition holds; a timeout shows the states of the run's tasks."""
        deadline = time.monotonic() + seconds
        while not done():
            self.services.check()
            assert time.monotonic() < deadline, self.tasks(dag_id, run_id)
            time.sleep(0.5)

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        ((state,),) = self.query(
            "SELECT state FROM dag_run WHERE dag_id = :dag_id AND run_id = :run_id", dag_id=dag_id, run_id=run_id
        )
        return str(state)

    def tasks(self, dag_id: str, run_id: str) -> dict[str, TaskState]:
        """Return the task instances of a run by their labels."""
        rows = self.query(
            "SELECT task_id, map_index, state, try_number FROM task_instance"
            " WHERE dag_id = :dag_id AND run_id = :run_id",
            dag_id=dag_id,
            run_id=run_id,
        )
        states = [TaskState(task_id, map_index, state or "none", tries) for task_id, map_index, state, tries in rows]
        return {task.label: task for task in states}

    def holders(self, dag_id: str, run_id: str) -> Counter[int]:
        """Return the number of deferred tasks of a run by the job id of the triggerer that holds their triggers."""
        rows = self.query(
            "SELECT triggerer_id FROM task_instance LEFT JOIN trigger ON trigger.id = task_instance.trigger_id"
            " WHERE dag_id = :dag_id AND run_id = :run_id AND state = 'deferred'",
            dag_id=dag_id,
            run_id=run_id,
        )
        return Counter(triggerer_id or UNASSIGNED for (triggerer_id,) in rows)

    def set_start(self, dag_id: str, run_id: str, hours_ago: float) -> None:
        """Set the start of a run to an earlier time."""
        from sqlalchemy import text

        start = (datetime.now(UTC) - timedelta(hours=hours_ago)).strftime("%Y-%m-%d %H:%M:%S.%f")
        change = text("UPDATE dag_run SET start_date = :start WHERE dag_id = :dag_id AND run_id = :run_id")
        with self._database.begin() as connection:
            assert connection.execute(change, {"start": start, "dag_id": dag_id, "run_id": run_id}).rowcount == 1

    def query(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return rows of Airflow's database: polling the API server instead costs a quarter of a core.

        :param values: parameters of the statement.
        """
        from sqlalchemy import text

        with self._database.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    @cached_property
    def _database(self) -> Database:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        url = self.environment[DATABASE]
        return create_engine(
            url, poolclass=NullPool, connect_args={"timeout": LONGEST_LOCK} if url.startswith("sqlite") else {}
        )

    def log_of(self, dag_id: str, run_id: str, task_id: str) -> str:
        """Return what all tries of a task logged, on workers and in triggerers."""
        folder = self.site.airflow_home / f"logs/dag_id={dag_id}/run_id={run_id}/task_id={task_id}"
        return "\n".join(path.read_text() for path in sorted(folder.rglob("*.log*")) if path.is_file())

    def log_of_all(self, dag_id: str, run_id: str) -> str:
        """Return what all tasks of a run logged."""
        folder = self.site.airflow_home / f"logs/dag_id={dag_id}/run_id={run_id}"
        return "\n".join(path.read_text() for path in sorted(folder.rglob("*.log*")) if path.is_file())


def _database(site: ChaosSite, private: Path, services: Services) -> str:
    """Return the address of Airflow's database: a PostgreSQL where this machine has one.

    In one file of SQLite, so many processes wait for each other's transactions until some of them fail.
    """
    if program("postgres") and find_spec("psycopg2"):
        return start_postgresql(private, services, site.logs / "postgresql.log").url
    path = site.airflow_home / "airflow.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as opened:
        # Readers do not wait for writers then.
        opened.execute("PRAGMA journal_mode=WAL")
    return f"sqlite:///{path}?timeout={LONGEST_LOCK:.0f}"
