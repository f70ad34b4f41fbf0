"""The vendor's own client, pointed at the embedded engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

twelvelabs = pytest.importorskip("twelvelabs", reason="the vendor's client is not installed: pip install twelvelabs")

if TYPE_CHECKING:
    from twelvelabs import TwelveLabs

    from tests.engine_process import Engine


@pytest.fixture(scope="session")
def client(engine: Engine) -> TwelveLabs:
    """The client with the engine's key; it follows its own rules of retrying and parsing."""
    client: TwelveLabs = twelvelabs.TwelveLabs(api_key=engine.api_key, base_url=f"{engine.base_url}/v1.3", timeout=60)
    return client
