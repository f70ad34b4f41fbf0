"""PostgreSQL server in its own folder, from the packages of this machine."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.services import Service, Services
from tests.ports import free_port

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
    place = [f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "timezone=UTC"]
    command = [str(program("postgres")), "-D", str(data), *[part for one in (*place, *unsafe) for part in ("-c", one)]]
    services.start(Service("postgresql", as_user(command, user), environment_in(folder), log))
    ready = [str(program("pg_isready")), "-h", "127.0.0.1", "-p", str(port), "-q"]
    services.wait_until(
        lambda: subprocess.run(ready, check=False, cwd=folder).returncode == 0, "postgresql", START_SECONDS
    )
    _run(["createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "airflow", "airflow"], user)
    return Database(port)


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


def environment_in(folder: Path) -> Mapping[str, str]:
    """Return the environment of a server whose home is a folder."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
