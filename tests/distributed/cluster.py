"""An Airflow whose processes share only a database, a broker and the output path."""

from __future__ import annotations

import base64
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from demo.services import Service, Services, descendants, existing, signal_quietly
from demo.site import AIRFLOW_USER, CONNECTION_ID, airflow_password, environment
from demo.stack import engine_is_ready, engine_service, prepare_database
from tests.chaos.stack import ROOT, ChaosSite, Stack
from tests.chaos.task_api import TaskApi
from tests.distributed.servers import start_redis
from tests.ports import free_port
from tests.postgresql import start_postgresql

READY_SECONDS = 300.0
"""Seven processes start at once."""
WORKERS = ("worker-1", "worker-2")
TRIGGERERS = ("triggerer-1", "triggerer-2")
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    **{name: ("celery", "worker", "--skip-serve-logs", "--celery-hostname", f"{name}@%h") for name in WORKERS},
    **dict.fromkeys(TRIGGERERS, ("triggerer", "--skip-serve-logs")),
}
# Seconds, mostly. A death shall be noticed within the time of a test.
SETTINGS = {
    "core__executor": "CeleryExecutor",
    "core__dags_folder": str(Path(__file__).parent / "dags"),
    "core__parallelism": "16",
    "core__max_active_tasks_per_dag": "64",
    # The DAG files do not change: reading them again would take most of a core.
    "dag_processor__min_file_process_interval": "3600",
    "celery__worker_concurrency": "2",
    # Redis gives a message to another worker when the first has not confirmed its end for so long: what a dead worker
    # had fetched and not begun would otherwise lie there for a day.
    "celery_broker_transport_options__visibility_timeout": "45",
    "scheduler__task_instance_heartbeat_timeout": "30",
    "scheduler__task_instance_heartbeat_timeout_detection_interval": "2",
    # Two machines: one is not to take all triggers before the other looks.
    "triggerer__capacity": "100",
    "triggerer__job_heartbeat_sec": "1",
    # A triggerer is silent for long when it first looks for a connection on a busy machine.
    "triggerer__triggerer_health_check_threshold": "30",
}


class Cluster(Stack):
    """A running Airflow of several machines, with its engine."""

    @classmethod
    def start(cls, folder: Path, private: Path, services: Services) -> Cluster:
        """Start everything and wait until it answers.

        :param private: for the database, whose server is another user and cannot get to a test's folders.
        """
        site = ChaosSite(ROOT, free_port(), free_port(), folder)
        database = start_postgresql(private, services, site.logs / "postgresql.log")
        broker = start_redis(folder / "redis", services, site.logs / "redis.log")
        shared = SETTINGS | _secrets()
        shared |= {"database__sql_alchemy_conn": database.url, "celery__broker_url": broker}
        variables = environment(site) | {f"AIRFLOW__{name.upper()}": value for name, value in shared.items()}
        services.start(engine_service(site, variables))
        prepare_database(site, services, variables)
        api = TaskApi(site.airflow_url, AIRFLOW_USER, airflow_password(site))
        cluster = cls(site, services, api, variables, folder)
        for name in COMMANDS:
            cluster.start_component(name)
        services.wait_until(lambda: engine_is_ready(site), "engine", READY_SECONDS)
        services.wait_until(cluster.api.is_up, "api-server", READY_SECONDS)
        cluster.connect(CONNECTION_ID)
        return cluster

    def start_component(self, name: str, *more: str, kind: str | None = None) -> None:
        """Start one of Airflow's processes, in a home of its own as if on a machine of its own."""
        home = self.site.state / "machines" / name
        home.mkdir(parents=True, exist_ok=True)
        paths = os.pathsep.join([self.environment["PYTHONPATH"], str(Path(__file__).parent / "machine")])
        variables = self.environment | {
            "PYTHONPATH": paths,
            "THIS_MACHINE": name,
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "this_machine.name",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        }
        command = [sys.executable, "-m", "airflow", *COMMANDS[kind or name], *more]
        self.services.start(Service(name, command, variables, self.site.logs / f"{name}.log"))

    def lose_worker(self, name: str) -> list[str]:
        """Kill a worker with all that it started, if it is in the midst of a task.

        :param name: the worker; it is frozen for the time of looking, so that a task cannot end meanwhile.
        :return: the labels of the tasks that it was running; if there are none, it continues.
        """
        family = self._frozen(name)
        running = self._settled(name)
        interrupted = [running[one.pid] for one in family if one.pid in running]
        if interrupted:
            self._kill(name, family)
        else:
            for one in reversed(family):
                signal_quietly(one.resume)
        return interrupted

    def _settled(self, machine: str) -> dict[int, str]:
        """Return what runs on a frozen machine when requests that it had sent before, such as a deferral, are done."""
        running = self.running(machine)
        while True:
            time.sleep(1)
            before, running = running, self.running(machine)
            if before == running:
                return running

    def lose(self, name: str) -> None:
        """Kill a component with all that it started."""
        self._kill(name, self._frozen(name))

    def _frozen(self, name: str) -> list[psutil.Process]:
        """Stop a component; the top first: it could otherwise see its children end, and report it."""
        _, process = self.services.running[name]
        (top,) = existing([process.pid])
        top.suspend()
        family = [top, *descendants(top)]
        for one in family:
            signal_quietly(one.suspend)
        return family

    def _kill(self, name: str, family: list[psutil.Process]) -> None:
        _, process = self.services.running.pop(name)
        for one in family:
            signal_quietly(one.kill)
        process.wait()
        psutil.wait_procs(family, timeout=10)

    @contextmanager
    def engine_asleep(self) -> Iterator[None]:
        """Keep the engine from working; it answers, and takes orders."""
        _, process = self.services.running["engine"]
        (top,) = existing([process.pid])
        working = descendants(top)
        for one in working:
            one.suspend()
        try:
            yield
        finally:
            for one in working:
                one.resume()

    def running(self, machine: str) -> dict[int, str]:
        """Return the labels of the tasks that Airflow believes to be running on a machine, by their process ids."""
        rows = self.query(
            "SELECT pid, task_id, map_index FROM task_instance WHERE state = 'running' AND hostname = :machine",
            machine=machine,
        )
        return {pid: f"{task_id}[{index}]" for pid, task_id, index in rows if pid}

    def waiting(self) -> dict[str, list[str]]:
        """Return the labels of the tasks that each triggerer waits for."""
        rows = self.query(
            "SELECT job.hostname, task_id, map_index FROM task_instance"
            " JOIN trigger ON trigger.id = task_instance.trigger_id JOIN job ON job.id = trigger.triggerer_id"
            " WHERE task_instance.state = 'deferred'"
        )
        held: dict[str, list[str]] = {name: [] for name in TRIGGERERS}
        for machine, task_id, index in rows:
            held[machine].append(f"{task_id}[{index}]")
        return held


def _secrets() -> dict[str, str]:
    """Return what all machines of an Airflow have to know alike."""
    return {
        "core__fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "api__secret_key": secrets.token_hex(16),
        "api_auth__jwt_secret": secrets.token_hex(32),
    }
