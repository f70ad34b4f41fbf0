"""Groups of processes that start and stop together."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

LOG_TAIL_LINES = 15
# Airflow's scheduler and triggerer take ten seconds to end although they are idle; by then nothing is left to lose.
TERMINATION_SECONDS = 4.0


@dataclass(frozen=True)
class Service:
    """One process: its name, its command, and the file that its output goes to."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path


class ServiceError(Exception):
    """A process ended, or did not become ready; the message names its log and quotes the end of it."""


@dataclass
class Services:
    """The processes started so far. As a context manager it ends all of them on the way out.

    :param note: called with the process ids by name when they change, so that they survive if this process is killed
    """

    note: Callable[[Mapping[str, int]], None] = lambda pids: None
    running: dict[str, tuple[Service, subprocess.Popen[bytes]]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End every process."""
        if self.running:
            self.stop()

    def start(self, service: Service) -> None:
        """Start a process in a session of its own, so that Ctrl-C reaches this runner alone."""
        service.log.parent.mkdir(parents=True, exist_ok=True)
        with service.log.open("wb") as log:
            process = subprocess.Popen(
                list(service.command),
                env=dict(service.environment),
                # `python -m` puts the current folder on sys.path; that of the logs has nothing to import.
                cwd=service.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running[service.name] = (service, process)
        self.note(self.pids())

    def check(self) -> None:
        """Raise if one of the processes has ended.

        :raises ServiceError: naming the first that has
        """
        for service, process in self.running.values():
            status = process.poll()
            if status is not None:
                raise ServiceError(f"{service.name} ended with exit status {status}.\n{log_tail(service.log)}")

    def finish(self, name: str) -> None:
        """Wait for a process that ends on its own.

        :raises ServiceError: if it fails
        """
        service, process = self.running[name]
        status = process.wait()
        del self.running[name]
        if status:
            raise ServiceError(f"{name} failed with exit status {status}.\n{log_tail(service.log)}")

    def wait_until(self, ready: Callable[[], bool], name: str, timeout: float, interval: float = 0.3) -> None:
        """Ask again and again until the service answers.

        :param ready: asks it
        :param name: the service that is waited for, whose log is quoted if it never becomes ready
        :param timeout: seconds
        :param interval: seconds between two questions
        :raises ServiceError: if it takes longer, or if any process ends meanwhile
        """
        deadline = time.monotonic() + timeout
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                log = self.running[name][0].log
                raise ServiceError(f"{name} was not ready after {timeout:.0f} s.\n{log_tail(log)}")
            time.sleep(interval)

    def stop(self) -> None:
        """End every process and all that they started."""
        stop_processes(self.pids().values())
        for _, process in self.running.values():
            process.wait()
        self.running.clear()
        self.note({})

    def pids(self) -> dict[str, int]:
        """Return the process ids by name."""
        return {name: process.pid for name, (_, process) in self.running.items()}

    def let_go(self) -> None:
        """Leave the processes running when this one ends; their record stays."""
        self.running.clear()


def stop_processes(pids: Iterable[int]) -> None:
    """End processes and their descendants: terminate them first, then kill them.

    Airflow's supervisors put their children into separate process groups, so the tree is listed instead of signalling a
    group. It is listed before any process ends, because orphans cannot be found from their parent.

    :param pids: the processes at the top of each tree; ended processes are skipped
    """
    tops = list(existing(pids))
    family = tops + [child for top in tops for child in descendants(top)]
    for process in tops:
        signal_quietly(process.terminate)
    _, left = psutil.wait_procs(tops, timeout=TERMINATION_SECONDS)
    family += [child for process in left for child in descendants(process)]
    for process in family:
        signal_quietly(process.kill)
    psutil.wait_procs(family, timeout=TERMINATION_SECONDS)


def existing(pids: Iterable[int]) -> Iterable[psutil.Process]:
    """Yield the processes among these that are still there."""
    for pid in pids:
        try:
            yield psutil.Process(pid)
        except psutil.NoSuchProcess:
            continue


def descendants(process: psutil.Process) -> list[psutil.Process]:
    """Return all that a process has started, at any depth."""
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def signal_quietly(send: Callable[[], None]) -> None:
    """Send a signal to a process that may have ended a moment ago."""
    try:
        send()
    except psutil.NoSuchProcess:
        return


def log_tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """Return the last lines of a log and where it lies."""
    text = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return "\n".join([f"The end of {log}:", *(f"  {line}" for line in text[-lines:])])
