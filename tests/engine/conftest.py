"""Fixtures of the engine tests: API clients of each generation."""

from __future__ import annotations

import pytest

from tests.engine.client import Api
from tests.engine_process import Engine


@pytest.fixture(scope="session")
def api(engine: Engine) -> Api:
    """The current generation."""
    return Api(engine)


@pytest.fixture(scope="session", params=["v1.1", "v1.2"])
def legacy(engine: Engine, request: pytest.FixtureRequest) -> Api:
    """Each of the older generations."""
    return Api(engine, request.param)


@pytest.fixture(scope="session", params=["v1.1", "v1.2", "v1.3"])
def every(engine: Engine, request: pytest.FixtureRequest) -> Api:
    """Each generation."""
    return Api(engine, request.param)


@pytest.fixture
def index_name(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses."""
    return str(request.node.nodeid)
