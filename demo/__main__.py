"""Command line of the demo: ``python -m demo run | up | down``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from demo.airflow_api import AirflowApi, AirflowApiError
from demo.background import BusyError, alone, end, recall, remember
from demo.failure import TaskLogs
from demo.inputs import InputError, run_params
from demo.ports import PortError, check_ports
from demo.progress import follow
from demo.services import ServiceError, Services
from demo.site import (
    AIRFLOW_USER,
    CONNECTION_ID,
    DAG_ID,
    Site,
    airflow_password,
    connection,
    leads_to_an_engine,
    passwords_file,
)
from demo.stack import DagError, start_stack, wait_for_dag
from demo.summary import results_of_run, summary_lines

CHECKOUT = Path(__file__).resolve().parent.parent
SAMPLE = CHECKOUT / "tests" / "data" / "sample.mp4"
EXPECTED = (InputError, PortError, BusyError, ServiceError, DagError, AirflowApiError)
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """The user or the system ends this command."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = parser().parse_args(arguments)
    # Shown as it happens, in a pipe or a CI log too.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    for number in ENDING_SIGNALS:
        # A command started with nohup continues when its terminal closes.
        if not (number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN):
            signal.signal(number, interrupt)
    site = Site(CHECKOUT, options.airflow_port, options.engine_port, test_connection=options.test_connection)
    command: Callable[[Site, argparse.Namespace], int] = options.command
    try:
        with alone(site.state):
            return command(site, options)
    except EXPECTED as error:
        print(error, file=sys.stderr)
        return 1
    except Interrupted:
        print("Interrupted; everything that was started has been ended.", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="The pipeline on this machine.")
    parser.set_defaults(airflow_port=8080, engine_port=8765, test_connection=False)
    commands = parser.add_subparsers(required=True)

    ports = argparse.ArgumentParser(add_help=False)
    ports.add_argument("--airflow-port", type=port_number, default=8080, help="port of Airflow (8080)")
    ports.add_argument("--engine-port", type=port_number, default=8765, help="port of the engine (8765)")

    run = commands.add_parser("run", parents=[ports], help="start everything, run the DAG, end everything")
    # `make demo` passes names through the environment, which no shell reads.
    video, transcript, output = (named(name) for name in ("DEMO_VIDEO", "DEMO_TRANSCRIPT", "DEMO_OUTPUT"))
    run.add_argument("--video", type=Path, default=video or SAMPLE, help="the video (the sample)")
    run.add_argument("--transcript", type=Path, default=transcript, help="its subtitles, SRT or VTT")
    run.add_argument("--output", type=Path, default=output or CHECKOUT / "demo-output", help="folder of the results")
    run.set_defaults(command=run_demo)

    up = commands.add_parser("up", parents=[ports], help="start everything and leave it running")
    up.add_argument("--test-connection", action="store_true", help="let Airflow test connections")
    up.set_defaults(command=bring_up)

    down = commands.add_parser("down", help="end what up started")
    down.set_defaults(command=bring_down)
    return parser


def named(variable: str) -> Path | None:
    """Return the path in a variable of the environment; None where it is unset or empty."""
    text = os.environ.get(variable, "")
    return Path(text) if text else None


def port_number(text: str) -> int:
    """Return a port from its text."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to 65535")
    return int(text)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Leave by way of an exception, and let no second signal disturb the clearing up."""
    for other in ENDING_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise Interrupted


def run_demo(site: Site, options: argparse.Namespace) -> int:
    """Run the DAG on one video in an Airflow of its own, and tell what came out."""
    params = run_params(options.video, options.transcript, options.output)
    refuse_if_up(site)
    check_ports(site.ports, "make demo")
    with Services(noted(site)) as services:
        api = started(site, services, connection_in_environment=True)
        status = run_dag(site, services, api, params)
    return status


def started(site: Site, services: Services, connection_in_environment: bool) -> AirflowApi:
    """Start everything, say so, and return once the DAG is known."""
    print(f"Starting the embedded engine and Airflow (their logs: {site.logs})")
    clock, since = time.monotonic(), datetime.now(UTC)
    api = start_stack(site, services, connection_in_environment)
    wait_for_dag(api, services, since)
    print(f"Airflow is ready at {site.airflow_url} after {time.monotonic() - clock:.0f} s")
    return api


def run_dag(site: Site, services: Services, api: AirflowApi, params: dict[str, Any]) -> int:
    """Run the DAG to its end and print the summary, or what went wrong."""
    api.unpause(DAG_ID)
    run_id = api.trigger(DAG_ID, params)
    print(f"Running the DAG {DAG_ID} on {params['sources'][0]}")
    logs = TaskLogs(site.airflow_home / "logs", DAG_ID, run_id)
    state, tasks = follow(api, DAG_ID, run_id, services.check, logs.reason)
    results = results_of_run(Path(params["output_path"]), run_id)
    print("\n".join(["", *summary_lines(results)]) if results else "")
    if state == "success" and results:
        return 0
    problems = list(logs.failures(tasks))
    print("\n".join(problems or [f"The run {run_id} ended as {state} and left no results."]), file=sys.stderr)
    return 1


def bring_up(site: Site, options: argparse.Namespace) -> int:
    """Start everything and leave it running, with the connection in the database, where the UI shows it."""
    refuse_if_up(site)
    check_ports(site.ports, "make up")
    with Services(noted(site)) as services:
        api = started(site, services, connection_in_environment=False)
        print(place_connection(site, api))
        api.unpause(DAG_ID)
        services.let_go()
    print(f"Airflow's UI: {site.airflow_url}; the embedded engine: {site.engine_url}")
    print(f"Log in as {AIRFLOW_USER} with the password {airflow_password(site)} (kept in {passwords_file(site)}).")
    print("make down ends both.")
    return 0


def place_connection(site: Site, api: AirflowApi) -> str:
    """Make the connection lead to the engine, unless the user has made it their own; say which."""
    known = api.connection(CONNECTION_ID)
    if known is not None and not leads_to_an_engine(known):
        return f"The connection {CONNECTION_ID} is left as it is: it leads to {known['host'] or 'the service'}."
    api.set_connection(CONNECTION_ID, connection(site))
    return f"The connection {CONNECTION_ID} leads to the embedded engine."


def bring_down(site: Site, options: argparse.Namespace) -> int:
    """End what `up` left running, or what a `run` that was killed left behind."""
    print("Ended Airflow and the engine." if end(running_file(site)) else "Nothing was running.")
    return 0


def refuse_if_up(site: Site) -> None:
    """Refuse to start while an earlier Airflow is running: both would use one database."""
    running = recall(running_file(site))
    if running:
        raise BusyError(f"Airflow is running already: {running.airflow_url}. End it first: make down")


def noted(site: Site) -> Callable[[Mapping[str, int]], None]:
    """Return what writes down the processes of this site."""
    return partial(remember, running_file(site), site.airflow_url, site.engine_url)


def running_file(site: Site) -> Path:
    """Return the file that records the running processes."""
    return site.state / "running.json"


if __name__ == "__main__":
    sys.exit(main())
