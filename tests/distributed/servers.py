"""Requirements of a distributed Airflow besides its database: packages and Redis."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path

from demo.services import Service, Services
from tests.ports import free_port
from tests.postgresql import START_SECONDS, environment_in, program

NEEDED = {"postgresql": "initdb", "redis-server": "redis-server"}
"""Packages of Debian and Ubuntu, and the program of each that is looked for."""
PROVIDERS = ("apache-airflow-providers-celery", "apache-airflow-providers-postgres", "redis", "psycopg2-binary")


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


def start_redis(folder: Path, services: Services, log: Path) -> str:
    """Start a Redis that keeps nothing, and return its address."""
    folder.mkdir(parents=True)
    port = free_port()
    where = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    command = [str(program("redis-server")), *where, "--save", "", "--appendonly", "no"]
    services.start(Service("redis", command, environment_in(folder), log))

    def answers() -> bool:
        import redis

        try:
            with redis.Redis("127.0.0.1", port) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    services.wait_until(answers, "redis", START_SECONDS)
    return f"redis://127.0.0.1:{port}/0"
