"""Folders and configuration of the demo's Airflow and engine."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.ports import LOOPBACK, Port

CONNECTION_ID = "twelvelabs_default"
CONNECTION_DESCRIPTION = "The embedded engine of make up"
DAG_ID = "video_understanding"
AIRFLOW_USER = "admin"
# The provider itself is installed: its plugin comes by its entry point.
DEMO_PLUGINS = Path(__file__).resolve().parent / "plugins"


@dataclass(frozen=True)
class Site:
    """One checkout with its state folder and its two ports."""

    checkout: Path
    airflow_port: int
    engine_port: int
    test_connection: bool = field(default=False, kw_only=True)
    """Whether Airflow tests connections. A test sends the key of a connection to whatever host it names."""

    @property
    def state(self) -> Path:
        """The folder of everything that a run leaves behind, except its results."""
        return self.checkout / ".demo"

    @property
    def logs(self) -> Path:
        """The folder of the processes' own logs."""
        return self.state / "logs"

    @property
    def airflow_home(self) -> Path:
        """Airflow's folder: its configuration, database and task logs."""
        return self.state / "airflow"

    @property
    def airflow_url(self) -> str:
        """The address of Airflow's API server and UI."""
        return f"http://{LOOPBACK}:{self.airflow_port}"

    @property
    def engine_url(self) -> str:
        """The address of the embedded engine."""
        return f"http://{LOOPBACK}:{self.engine_port}"

    @property
    def ports(self) -> list[Port]:
        """Every port that the processes of this site listen on."""
        return [
            Port(self.airflow_port, "Airflow's API server and UI", "AIRFLOW_PORT"),
            Port(self.engine_port, "the embedded engine", "ENGINE_PORT"),
        ]


def engine_key(site: Site) -> str:
    """Return the key of this checkout's engine; it is drawn once and kept where only its owner can read it."""
    path = site.state / "engine.key"
    if not path.exists():
        _write_for_the_owner(path, secrets.token_urlsafe(24))
    return path.read_text(encoding="ascii").strip()


def airflow_password(site: Site) -> str:
    """Return the password of the user ``admin``; drawn once and kept in a file that only its owner can read.

    The file is the one that Airflow's simple auth manager reads.
    """
    path = passwords_file(site)
    if not path.exists():
        _write_for_the_owner(path, json.dumps({AIRFLOW_USER: secrets.token_urlsafe(12)}) + "\n")
    return str(json.loads(path.read_text(encoding="utf-8"))[AIRFLOW_USER])


def passwords_file(site: Site) -> Path:
    """Return the file of Airflow's passwords."""
    return site.state / "airflow-passwords.json"


def _write_for_the_owner(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def connection(site: Site) -> dict[str, str]:
    """Return the fields of the Airflow connection that leads to the engine."""
    return {
        "conn_type": "twelvelabs",
        "host": site.engine_url,
        "password": engine_key(site),
        "description": CONNECTION_DESCRIPTION,
    }


def leads_to_an_engine(known: Mapping[str, Any]) -> bool:
    """Say whether a connection is one that was made here and is unchanged in where it leads.

    One that the user has edited may hold the key of an account, which is not to be overwritten.

    :param known: its fields
    """
    return known["description"] == CONNECTION_DESCRIPTION and str(known["host"]).startswith(f"http://{LOOPBACK}:")


def environment(site: Site) -> dict[str, str]:
    """Return the environment of every process: the user's, without the Airflow settings that may be in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "_AIRFLOW_"))}
    return kept | {
        "PYTHONPATH": str(site.checkout / "plugins"),
        # Requests to this machine must not use the user's proxy.
        "NO_PROXY": f"{LOOPBACK},localhost",
        "no_proxy": f"{LOOPBACK},localhost",
        "PYTHONUNBUFFERED": "1",
        "AIRFLOW_HOME": str(site.airflow_home),
        **{f"AIRFLOW__{name.upper()}": value for name, value in airflow_settings(site).items()},
    }


def with_connection(variables: dict[str, str], site: Site) -> dict[str, str]:
    """Add the connection to the engine to a process's environment."""
    return variables | {f"AIRFLOW_CONN_{CONNECTION_ID.upper()}": json.dumps(connection(site))}


def airflow_settings(site: Site) -> dict[str, str]:
    """Return Airflow's settings as ``section__option``: one machine, one user, and little waiting between steps."""
    return {
        "core__executor": "LocalExecutor",
        "core__parallelism": "4",
        "core__dags_folder": str(site.checkout / "dags"),
        "core__plugins_folder": str(DEMO_PLUGINS),
        "core__load_examples": "False",
        # In seconds. The default of five minutes is right for a service far away.
        "core__default_task_retry_delay": "10",
        "core__test_connection": "Enabled" if site.test_connection else "Disabled",
        "core__auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "core__simple_auth_manager_users": f"{AIRFLOW_USER}:admin",
        "core__simple_auth_manager_passwords_file": str(passwords_file(site)),
        "core__execution_api_server_url": f"{site.airflow_url}/execution/",
        "database__sql_alchemy_conn": f"sqlite:///{site.airflow_home / 'airflow.db'}",
        "api__host": LOOPBACK,
        "api__port": str(site.airflow_port),
        "api__base_url": site.airflow_url,
        "api__workers": "1",
        "logging__base_log_folder": str(site.airflow_home / "logs"),
        "logging__dag_processor_child_process_log_directory": str(site.airflow_home / "logs" / "dag_processor"),
        "logging__colored_console_log": "False",
        "scheduler__scheduler_idle_sleep_time": "0.5",
        "scheduler__scheduler_heartbeat_sec": "2",
        "triggerer__job_heartbeat_sec": "2",
        "dag_processor__parsing_processes": "1",
        # Nothing of the demo needs a network.
        "usage_data_collection__enabled": "False",
    }
