"""Fixtures of several folders: an engine, test videos, and an indexed video."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine_process import running_engine

if TYPE_CHECKING:
    from tests.contract.proxy import Recorder
    from tests.engine_process import Engine

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A real embedded engine for the whole session; the extraction of a video is cached across its tests."""
    with running_engine(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture(autouse=True)
def no_pace_of_another_test() -> None:
    """Reset the pacing that a rate limit in another test left in this process."""
    if pacing := sys.modules.get("twelvelabs_provider.hooks.pacing"):
        pacing.forget_paces()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A silent video of six seconds that shows WINTER, then SUMMER 2031."""
    from tests.engine.videos import make_video

    return make_video(tmp_path_factory.mktemp("clip") / "clip.mp4", ("WINTER", "SUMMER 2031"), seconds=6)


@pytest.fixture(scope="session")
def sample() -> Path:
    """The sample video of the repository: slides and speech."""
    return DATA / "sample.mp4"


@pytest.fixture(scope="session")
def recorder() -> Recorder:
    """Exchanges that the validating proxies recorded in this session; see ``tests/contract``."""
    from tests.contract.proxy import Recorder

    return Recorder()


@dataclass(frozen=True)
class Library:
    """The sample (slides that speak), indexed: an asset, the video made of it, and the index that holds it."""

    index_id: str
    asset_id: str
    video_id: str


@pytest.fixture(scope="session")
def library(engine: Engine, sample: Path) -> Library:
    """An indexed video to read, search and analyse; tests do not change it."""
    from tests.engine.client import Api

    api = Api(engine)
    index_id, asset_id = api.create_index("library"), api.asset(sample)
    video = api.expect(202, "POST", f"/indexes/{index_id}/indexed-assets", json={"asset_id": asset_id})
    api.finished(f"/indexes/{index_id}/indexed-assets/{video['_id']}")
    return Library(index_id, asset_id, video["_id"])


@pytest.fixture(scope="session")
def red_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A red square."""
    import cv2
    import numpy as np

    path = tmp_path_factory.mktemp("image") / "red square.png"
    cv2.imwrite(str(path), np.full((200, 200, 3), (0, 0, 255), np.uint8))
    return path


@pytest.fixture(scope="session")
def portraits(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The ids of two image assets that are ready."""
    from tests.engine.client import Api
    from tests.engine.images import make_image

    folder, api = tmp_path_factory.mktemp("portraits"), Api(engine)
    return [api.asset(make_image(folder / name, name)) for name in ("ann.png", "bob.jpg")]


@pytest.fixture
def connection_id(engine: Engine, tmp_path: Path, clip: Path) -> str:
    """A connected folder with one video."""
    from tests.connected import connect_folder

    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    return connect_folder(engine, tmp_path, custom_id="lab")


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
        """Log nothing."""
