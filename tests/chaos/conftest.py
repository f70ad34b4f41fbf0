"""Fixtures of the chaos tests: one Airflow with an engine, and faults of the engine."""

from __future__ import annotations

import faulthandler
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

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
def new_video(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Make a video that is new to the engine: reading it takes a while, so that there is something to wait for."""
    from tests.engine.videos import padded_copy

    folder = tmp_path_factory.mktemp("new")
    return lambda: padded_copy(clip, folder / f"{uuid4().hex}.mp4")


@pytest.fixture
def faults(engine: Engine) -> Iterator[Callable[..., Any]]:
    """Put rules in force on the session's engine, and take them away after the test."""
    admin = Admin(Api(engine), "faults")
    yield lambda *rules: admin.set({"rules": list(rules)})
    assert admin.send("DELETE").status_code == 204
