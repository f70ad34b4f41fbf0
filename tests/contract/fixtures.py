"""What the tests that go through a validating proxy share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.contract.proxy import Recorder, proxy

if TYPE_CHECKING:
    from tests.engine_process import Engine


@pytest.fixture(scope="session")
def provider_address(engine: Engine, recorder: Recorder) -> Iterator[str]:
    """Where the provider finds the engine: its requests are judged, and the engine's answers."""
    with proxy(engine.base_url, recorder, request_too=True) as address:
        yield address


@pytest.fixture(scope="session")
def vendor_address(engine: Engine, recorder: Recorder) -> Iterator[str]:
    """Where the vendor's client finds the engine: the engine's answers are judged."""
    with proxy(engine.base_url, recorder, request_too=False) as address:
        yield address


@pytest.fixture(autouse=True)
def no_violations(recorder: Recorder) -> Iterator[None]:
    """End a test in failure when something in it was not as the service describes it."""
    before = len(recorder.violations)
    yield
    found = recorder.violations[before:]
    assert not found, "against the service's description:\n" + "\n".join(dict.fromkeys(found))
