"""Fixtures of the contract tests: the provider against the engine, through a validating proxy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.description import MISSING
from tests.contract.fixtures import no_violations, provider_address, searchable_store
from tests.contract.proxy import Recorder

if TYPE_CHECKING:
    from tests.engine_process import Engine
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

__all__ = ["no_violations", "provider_address", "searchable_store"]

LAST = Path(__file__).parent / "test_zz_operations.py"


@pytest.fixture
def hook(engine: Engine, provider_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwelveLabsHook]:
    """A hook of v1.3 whose calls are validated against the OpenAPI description."""
    with _hook(provider_address, engine.api_key, "v1.3", monkeypatch) as hook:
        yield hook


@pytest.fixture(params=["v1.2", "v1.1"])
def legacy(engine: Engine, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwelveLabsHook]:
    """A hook of each older generation; these have no OpenAPI description."""
    with _hook(engine.base_url, engine.api_key, request.param, monkeypatch) as hook:
        yield hook


@contextmanager
def _hook(host: str, key: str, version: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwelveLabsHook]:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

    extra = {"api_version": version, "max_attempts": 2}
    connection = {"conn_type": "twelvelabs", "password": key, "host": host, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", json.dumps(connection))
    hook = TwelveLabsHook()
    yield hook
    hook.session.close()


@pytest.fixture
def described(recorder: Recorder) -> Recorder:
    """The recorder, if there is an OpenAPI description."""
    if recorder.description is None:
        pytest.skip(MISSING)
    return recorder


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the test of all operations last."""
    items.sort(key=lambda item: item.path == LAST)
