"""Fixtures of the SDK tests: the vendor's client against the engine, through a validating proxy."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.contract.fixtures import no_violations, searchable_store, vendor_address

if find_spec("twelvelabs") is None:
    warnings.warn("tests/sdk is left out: the vendor's client is not installed (pip install twelvelabs)", stacklevel=1)
    collect_ignore_glob = ["test_*.py"]

if TYPE_CHECKING:
    from twelvelabs import TwelveLabs

    from tests.engine_process import Engine

__all__ = ["no_violations", "searchable_store", "vendor_address"]


@pytest.fixture(scope="session")
def client(engine: Engine, vendor_address: str) -> TwelveLabs:
    """The client with the engine's key; it follows its own rules of retrying and parsing."""
    from twelvelabs import TwelveLabs

    return TwelveLabs(api_key=engine.api_key, base_url=f"{vendor_address}/v1.3", timeout=60)
