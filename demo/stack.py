"""Processes of the demo: the embedded engine and Airflow's four services, with their readiness checks."""

from __future__ import annotations

import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from demo.airflow_api import AirflowApi
from demo.services import Service, Services
from demo.site import AIRFLOW_USER, DAG_ID, Site, airflow_password, engine_key, environment, with_connection

ENGINE = "engine"
API_SERVER = "api-server"
# The log servers are for Airflows that are spread over machines; here every component reads the same files.
AIRFLOW_COMMANDS = {
    API_SERVER: (API_SERVER,),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
READY_SECONDS = 180.0


class DagError(Exception):
    """The DAG cannot be read from its file; the message says why."""


def start_stack(site: Site, services: Services, connection_in_environment: bool) -> AirflowApi:
    """Start everything, and return once the engine and the API server answer.

    :param site: the checkout and its ports
    :param services: takes the processes
    :param connection_in_environment: give Airflow the connection to the engine through its environment, where it goes
        before one of the same name in the database
    :return: the client of the API server
    """
    variables = environment(site)
    password = airflow_password(site)
    services.start(engine_service(site, variables))
    if connection_in_environment:
        variables = with_connection(variables, site)
    prepare_database(site, services, variables)
    for name, arguments in AIRFLOW_COMMANDS.items():
        command = [sys.executable, "-m", "airflow", *arguments]
        services.start(Service(name, command, variables, site.logs / f"{name}.log"))
    services.wait_until(lambda: engine_is_ready(site), ENGINE, READY_SECONDS)
    api = AirflowApi(site.airflow_url, AIRFLOW_USER, password)
    services.wait_until(api.is_up, API_SERVER, READY_SECONDS)
    return api


def engine_service(site: Site, variables: dict[str, str]) -> Service:
    """Return the embedded engine as a service."""
    place = ["--host", "127.0.0.1", "--port", str(site.engine_port), "--data", str(site.state / "engine")]
    command = [sys.executable, "-m", "twelvelabs_local", "serve", *place]
    # In the environment: a key that begins with a dash would be taken for an option, and any key shows in a list of
    # processes.
    keyed = variables | {"TWELVELABS_LOCAL_API_KEY": engine_key(site)}
    return Service(ENGINE, command, keyed, site.logs / f"{ENGINE}.log")


def engine_is_ready(site: Site) -> bool:
    """Say whether the engine has printed its ready line."""
    return "twelvelabs-local ready:" in (site.logs / f"{ENGINE}.log").read_text(encoding="utf-8", errors="replace")


def prepare_database(site: Site, services: Services, variables: dict[str, str]) -> None:
    """Make Airflow's database, or bring it up to date; skipped when this Airflow has done it before."""
    done = site.airflow_home / f"migrated-{version('apache-airflow-core')}"
    needed = (done, site.airflow_home / "airflow.db", site.airflow_home / "airflow.cfg")
    if all(map(Path.exists, needed)):
        return
    site.airflow_home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    services.start(Service("db migrate", command, variables, site.logs / "db-migrate.log"))
    services.finish("db migrate")
    done.touch()


def wait_for_dag(api: AirflowApi, services: Services, since: datetime) -> None:
    """Wait until the DAG has been read from its file by the processor that was just started.

    :param since: when that was; what the database holds from earlier starts does not count
    :raises DagError: if it cannot be read
    """

    def is_read() -> bool:
        if any(parsed_at >= since for parsed_at in api.dag_parsed_at(DAG_ID)):
            return True
        errors = [error for error in api.import_errors() if error.at >= since and DAG_ID in error.filename]
        if errors:
            raise DagError(errors[-1].stack_trace)
        return False

    services.wait_until(is_read, "dag-processor", READY_SECONDS, interval=0.5)
