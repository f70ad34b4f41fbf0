"""What the tests of the engine share: callers, and videos that are made once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.engine.client import Api
from tests.engine.videos import make_video
from tests.engine_process import Engine

DATA = Path(__file__).parents[1] / "data"


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


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A silent video of six seconds that shows WINTER, then SUMMER 2031."""
    return make_video(tmp_path_factory.mktemp("clip") / "clip.mp4", ("WINTER", "SUMMER 2031"), seconds=6)


@pytest.fixture(scope="session")
def sample() -> Path:
    """The sample of the repository: slides and a voice."""
    return DATA / "sample.mp4"


@pytest.fixture
def index_name(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses."""
    return str(request.node.nodeid)


@pytest.fixture(scope="session")
def site() -> Iterator[Callable[[Path], str]]:
    """A web server for local files: it returns the link of a path."""
    handler = partial(_Quiet, directory="/")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield lambda path: f"http://127.0.0.1:{server.server_port}{path}"
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""
