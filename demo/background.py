"""Record of the running processes, for `make down` after the starting command was killed."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from demo.services import stop_processes

# Two readings of one process's start may differ by the clock's resolution.
SAME_START_SECONDS = 1.0


@dataclass(frozen=True)
class Running:
    """The processes that were left running, and the addresses of Airflow and of the engine."""

    airflow_url: str
    engine_url: str
    pids: list[int]


class BusyError(Exception):
    """Another command is using this checkout's Airflow; the message says what to do."""


def remember(path: Path, airflow_url: str, engine_url: str, pids: Mapping[str, int]) -> None:
    """Write down what is running; nothing leaves no file.

    :param pids: process ids by name; each is kept with its start time, since the system gives ids out again
    """
    if not pids:
        path.unlink(missing_ok=True)
        return
    processes = [{"name": name, "pid": pid, "started": psutil.Process(pid).create_time()} for name, pid in pids.items()]
    document = {"airflow": airflow_url, "engine": engine_url, "processes": processes}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def recall(path: Path) -> Running | None:
    """Return what is still running of what was written down, or nothing."""
    if not path.exists():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    pids = [process["pid"] for process in document["processes"] if is_same(process["pid"], process["started"])]
    return Running(document["airflow"], document["engine"], pids) if pids else None


def is_same(pid: int, started: float) -> bool:
    """Say whether the process with this id is the one that was started then."""
    try:
        process = psutil.Process(pid)
        return process.is_running() and abs(process.create_time() - started) < SAME_START_SECONDS
    except psutil.NoSuchProcess:
        return False


def end(path: Path) -> bool:
    """End what was left running and forget it; say whether there was anything."""
    running = recall(path)
    if running:
        stop_processes(running.pids)
    path.unlink(missing_ok=True)
    return running is not None


@contextmanager
def alone(state: Path) -> Iterator[None]:
    """Hold the checkout's lock, so that two commands never start two Airflows on one database.

    :param state: the folder of the lock
    :raises BusyError: if another command holds it
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                "Another make demo, make up or make down is at work in this checkout. Wait for it or interrupt it."
            ) from None
        yield
