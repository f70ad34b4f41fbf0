"""PostgreSQL and Redis of this machine's packages, each with a folder and a port of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path

from demo.services import Service, Services
from tests.chaos.stack import free_port

NEEDED = {"postgresql": "initdb", "redis-server": "redis-server"}
"""Packages of Debian and Ubuntu, and the program of each that is looked for."""
PROVIDERS = ("apache-airflow-providers-celery", "apache-airflow-providers-postgres", "redis", "psycopg2-binary")
PLACES = Path("/usr/lib/postgresql")
START_SECONDS = 60.0
UNPRIVILEGED = ("postgres", "nobody")
"""PostgreSQL refuses to run as root; what it runs as instead."""


@dataclass(frozen=True)
class Database:
    """A running PostgreSQL with one empty database.

    :param port: on loopback.
    """

    port: int

    @property
    def url(self) -> str:
        """The address for SQLAlchemy."""
        return f"postgresql+psycopg2://airflow@127.0.0.1:{self.port}/airflow"


def program(name: str) -> Path | None:
    """Return a program of a server; Debian keeps those of PostgreSQL in a folder for each release."""
    releases = {int(path.parts[-3]): path for path in PLACES.glob(f"[0-9]*/bin/{name}") if path.parts[-3].isdigit()}
    if releases:
        return releases[max(releases)]
    found = shutil.which(name)
    return Path(found) if found else None


def missing_packages() -> list[str]:
    """Return the packages that are not installed."""
    return [package for package, name in NEEDED.items() if program(name) is None]


def missing_providers() -> list[str]:
    """Return the Python distributions that are not installed, or do not go together: those of ``test-servers``."""
    missing = [name for name in PROVIDERS if not any(distributions(name=name))]
    if not missing:
        try:
            import_module("airflow.providers.celery.executors.celery_executor")
        except ImportError as error:
            # The Celery provider names no upper bound, and Celery 5.7 lacks what the provider 3.26 takes from it.
            return [f"a Celery that its Airflow provider goes with ({error}): celery<5.7"]
    return missing


def start_postgresql(folder: Path, services: Services, log: Path) -> Database:
    """Make a cluster in a folder, start it, and make a database in it.

    :param folder: an empty one that others can get to: the server may run as another user.
    """
    data, port, user = folder / "data", free_port(), _database_user()
    if user:
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
    _run(["initdb", "--pgdata", str(data), "--username", "airflow", "--auth", "trust", "--encoding", "UTF8"], user)
    # A database that is thrown away needs no protection against a power cut.
    unsafe = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200"]
    settings = [f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", *unsafe]
    command = [str(program("postgres")), "-D", str(data), *[part for one in settings for part in ("-c", one)]]
    services.start(Service("postgresql", as_user(command, user), _environment(folder), log))
    ready = [str(program("pg_isready")), "-h", "127.0.0.1", "-p", str(port), "-q"]
    services.wait_until(
        lambda: subprocess.run(ready, check=False, cwd=folder).returncode == 0, "postgresql", START_SECONDS
    )
    _run(["createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "airflow", "airflow"], user)
    return Database(port)


def start_redis(folder: Path, services: Services, log: Path) -> str:
    """Start a Redis that keeps nothing, and return its address."""
    folder.mkdir(parents=True)
    port = free_port()
    where = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    command = [str(program("redis-server")), *where, "--save", "", "--appendonly", "no"]
    services.start(Service("redis", command, _environment(folder), log))

    def answers() -> bool:
        import redis

        try:
            with redis.Redis("127.0.0.1", port) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    services.wait_until(answers, "redis", START_SECONDS)
    return f"redis://127.0.0.1:{port}/0"


def as_user(command: list[str], user: str | None) -> list[str]:
    """Return a command as another user runs it."""
    if user is None:
        return command
    return ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups", "--", *command]


def _database_user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {account.pw_name for account in pwd.getpwall()}
    return next(user for user in UNPRIVILEGED if user in known)


def _run(command: list[str], user: str | None) -> None:
    name, *arguments = command
    whole = as_user([str(program(name)), *arguments], user)
    done = subprocess.run(whole, capture_output=True, text=True, timeout=120, check=False, cwd="/")
    assert done.returncode == 0, f"{name}: {done.stdout[-1000:]}{done.stderr[-1000:]}"


def _environment(folder: Path) -> Mapping[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
