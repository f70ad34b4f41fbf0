"""Fixtures of the tests that go through a validating proxy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.contract.proxy import Recorder, proxy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Library
    from tests.engine.knowledge import FilledStore
    from tests.engine_process import Engine


@pytest.fixture(scope="session")
def provider_address(engine: Engine, recorder: Recorder) -> Iterator[str]:
    """Address of the engine for the provider; requests and responses are validated."""
    with proxy(engine.base_url, recorder, request_too=True) as address:
        yield address


@pytest.fixture(scope="session")
def vendor_address(engine: Engine, recorder: Recorder) -> Iterator[str]:
    """Address of the engine for the vendor's client; responses are validated."""
    with proxy(engine.base_url, recorder, request_too=False) as address:
        yield address


@pytest.fixture(autouse=True)
def no_violations(recorder: Recorder) -> Iterator[None]:
    """Fail a test with a request or response that does not match the service's description."""
    before = len(recorder.violations)
    yield
    found = recorder.violations[before:]
    assert not found, "against the service's description:\n" + "\n".join(dict.fromkeys(found))


@pytest.fixture(scope="session")
def searchable_store(
    engine: Engine, library: Library, clip: Path, tmp_path_factory: pytest.TempPathFactory
) -> FilledStore:
    """A knowledge store of the sample, which has speech, the silent clip, and an image."""
    from tests.engine.client import Api
    from tests.engine.images import make_image
    from tests.engine.knowledge import filled_store

    api = Api(engine)
    image = api.asset(make_image(tmp_path_factory.mktemp("image") / "sign.png", "SUMMER SALE"))
    return filled_store(api, "searchable", [library.asset_id, api.asset(clip), image])
