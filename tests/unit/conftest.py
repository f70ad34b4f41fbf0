"""Fixtures of the unit tests: a scripted server behind the connection, and Airflow's masker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.unit.scripted_server import ScriptedServer, connection_text, forget_proxies

if TYPE_CHECKING:
    from airflow.sdk._shared.secrets_masker import SecretsMasker


@pytest.fixture
def masker() -> Iterator[SecretsMasker]:
    """Airflow's masker of secrets, without any secret yet."""
    from airflow.sdk._shared.secrets_masker import _secrets_masker

    made: SecretsMasker = _secrets_masker()
    made.reset_masker()
    yield made
    made.reset_masker()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """One attempt per look, so that a failed look costs no pause of the hook's own."""
    forget_proxies(monkeypatch)
    with ScriptedServer() as scripted:
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(scripted.origin, max_attempts=1))
        yield scripted
