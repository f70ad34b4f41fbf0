"""A scripted server behind the connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.scripted_server import ScriptedServer, connection_text, forget_proxies


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """One attempt per look, so that a failed look costs no pause of the hook's own."""
    forget_proxies(monkeypatch)
    with ScriptedServer() as scripted:
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(scripted.origin, max_attempts=1))
        yield scripted
