"""What tests of several folders share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.engine_process import running_engine

if TYPE_CHECKING:
    from tests.engine_process import Engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A real embedded engine for the whole session; what is found in a video is remembered across its tests."""
    with running_engine(tmp_path_factory.mktemp("engine")) as running:
        yield running
