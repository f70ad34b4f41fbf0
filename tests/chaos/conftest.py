"""Services that misbehave and processes that die; what is promised has to hold all the same."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import account, connect
from tests.engine.client import Api
from tests.engine.test_faults import Admin

if TYPE_CHECKING:
    from tests.chaos.stack import Stack
    from tests.engine_process import Engine

__all__ = ["account", "connect"]

FOLDER = Path(__file__).parent
SERVICES = pytest.StashKey[ExitStack]()
OLDEST = (3, 3)
"""Airflow that remembers a task's job from try to try."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let a whole Airflow on a busy machine take longer than a test that hangs may: all its waits have limits."""
    if "stack" in getattr(item, "fixturenames", ()):
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the Airflow with the last test of this folder: an idle one would slow down what its process runs next."""
    if nextitem is None or FOLDER not in nextitem.path.parents:
        item.config.stash.setdefault(SERVICES, ExitStack()).close()


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One Airflow for all tests of this folder."""
    found = version("apache-airflow-core")
    if tuple(map(int, found.split(".")[:2])) < OLDEST:
        pytest.skip(f"NOT PROVEN HERE: Airflow {found} has no task state store; worker deaths are tested on 3.3 and up")
    from demo.services import Services
    from tests.chaos.stack import Stack

    with request.config.stash.setdefault(SERVICES, ExitStack()) as ended:
        private = ended.enter_context(TemporaryDirectory(prefix="twelvelabs-postgresql-"))
        services = ended.enter_context(Services())
        yield Stack.start(tmp_path_factory.mktemp("chaos") / "site", Path(private), services)


@pytest.fixture(scope="session")
def unseen(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Make a video that no engine has seen: reading it takes a while, so that there is something to wait for."""
    folder = tmp_path_factory.mktemp("unseen")

    def make() -> Path:
        tail = os.urandom(64)
        path = folder / f"{tail[:8].hex()}.mp4"
        path.write_bytes(clip.read_bytes() + (len(tail) + 8).to_bytes(4, "big") + b"free" + tail)
        return path

    return make


@pytest.fixture
def faults(engine: Engine) -> Iterator[Callable[..., Any]]:
    """Put rules in force on the session's engine, and take them away after the test."""
    admin = Admin(Api(engine), "faults")
    yield lambda *rules: admin.set({"rules": list(rules)})
    assert admin.send("DELETE").status_code == 204
