"""Start, supervision and end of real processes with their descendants."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from demo.background import BusyError, alone, end, recall, remember
from demo.services import Service, ServiceError, Services

SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"
# A child in a session of its own, as Airflow's supervisors have them, that also ignores being asked to end.
FAMILY = f"""
import subprocess, sys
child = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + {SLEEPER!r}
subprocess.Popen([sys.executable, "-c", child], start_new_session=True).wait()
"""


@pytest.fixture
def services() -> Iterator[Services]:
    with Services() as services:
        yield services


def service(tmp_path: Path, code: str, name: str = "thing") -> Service:
    return Service(name, [sys.executable, "-u", "-c", code], dict(os.environ), tmp_path / f"{name}.log")


def start_until_ready(services: Services, started: Service) -> psutil.Process:
    services.start(started)
    services.wait_until(lambda: "ready" in started.log.read_text(), started.name, timeout=60, interval=0.02)
    return psutil.Process(services.pids()[started.name])


def test_a_child_in_its_own_session_does_not_outlive_the_services(tmp_path: Path) -> None:
    with Services() as services:
        top = start_until_ready(services, service(tmp_path, FAMILY))
        family = [top, *top.children(recursive=True)]
        assert len(family) == 2
    assert [process for process in family if process.is_running()] == []


def test_processes_end_when_the_command_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="anything"), Services() as services:
        process = start_until_ready(services, service(tmp_path, SLEEPER))
        raise ValueError("anything")
    assert not process.is_running()


def test_ended_process_is_named_with_the_end_of_its_log(tmp_path: Path, services: Services) -> None:
    services.start(service(tmp_path, "import sys; sys.exit('no room on the disk')", "database"))
    with pytest.raises(ServiceError, match=r"(?s)database ended with exit status 1.*database\.log.*no room"):
        services.wait_until(lambda: False, "database", timeout=60, interval=0.02)


def test_a_process_that_never_becomes_ready_is_an_error(tmp_path: Path, services: Services) -> None:
    start_until_ready(services, service(tmp_path, SLEEPER))
    with pytest.raises(ServiceError, match="thing was not ready"):
        services.wait_until(lambda: False, "thing", timeout=0.05, interval=0.01)


def test_failed_step_is_an_error_and_finished_step_is_removed(tmp_path: Path, services: Services) -> None:
    services.start(service(tmp_path, "pass", "good"))
    services.finish("good")
    services.check()
    services.start(service(tmp_path, "raise SystemExit('broken')", "bad"))
    with pytest.raises(ServiceError, match=r"(?s)bad failed.*broken"):
        services.finish("bad")


def test_leftover_processes_are_found_and_ended(tmp_path: Path, services: Services) -> None:
    file = tmp_path / "up.json"
    process = start_until_ready(services, service(tmp_path, SLEEPER))
    remember(file, "http://airflow", "http://engine", services.pids())
    running = recall(file)
    assert running is not None
    assert (running.airflow_url, running.pids) == ("http://airflow", [process.pid])
    assert end(file)
    assert not process.is_running()
    assert not end(file)


def test_record_lists_the_running_processes(tmp_path: Path) -> None:
    file = tmp_path / "running.json"
    with Services(lambda pids: remember(file, "http://airflow", "http://engine", pids)) as services:
        services.start(service(tmp_path, SLEEPER, "one"))
        services.start(service(tmp_path, SLEEPER, "two"))
        running = recall(file)
        assert running is not None
        assert running.pids == list(services.pids().values())
    assert not file.exists()


def test_released_processes_keep_running_and_stay_recorded(tmp_path: Path) -> None:
    file = tmp_path / "running.json"
    with Services(lambda pids: remember(file, "http://airflow", "http://engine", pids)) as services:
        process = start_until_ready(services, service(tmp_path, SLEEPER))
        services.let_go()
    assert process.is_running()
    assert end(file)
    assert not process.is_running()


def test_reused_process_id_is_not_ended(tmp_path: Path) -> None:
    file = tmp_path / "up.json"
    started = psutil.Process().create_time()
    file.write_text(
        f'{{"airflow": "", "engine": "", "processes": [{{"pid": {os.getpid()}, "started": {started - 60}}}]}}'
    )
    assert recall(file) is None
    assert not end(file)


def test_second_command_is_refused_while_one_runs(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(BusyError), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass
