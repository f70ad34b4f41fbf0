"""How the demo's processes are configured."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from demo.site import Site, connection, engine_key, environment, leads_to_an_engine, with_connection


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, airflow_port=8081, engine_port=8766)


def test_the_connection_of_the_environment_leads_to_the_engine(site: Site) -> None:
    fields = json.loads(with_connection({}, site)["AIRFLOW_CONN_TWELVELABS_DEFAULT"])
    assert (fields["conn_type"], fields["host"]) == ("twelvelabs", "http://127.0.0.1:8766")
    assert fields["password"] == engine_key(site)


def test_the_key_is_drawn_once_and_for_its_owner_alone(site: Site, tmp_path: Path) -> None:
    key = engine_key(site)
    assert len(key) >= 32
    assert engine_key(site) == key
    assert stat.S_IMODE((site.state / "engine.key").stat().st_mode) == 0o600
    assert engine_key(Site(tmp_path / "other", 1, 2)) != key


def test_the_users_own_airflow_settings_do_not_leak_in(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", "someone's")
    monkeypatch.setenv("AIRFLOW_HOME", "/somewhere")
    monkeypatch.setenv("LANG", "C.UTF-8")
    variables = environment(site)
    assert variables["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert variables["AIRFLOW_HOME"] == str(site.airflow_home)
    assert variables["AIRFLOW__API__PORT"] == "8081"
    assert "AIRFLOW_CONN_TWELVELABS_DEFAULT" not in variables
    assert variables["LANG"] == "C.UTF-8"


def test_a_connection_that_the_user_has_edited_is_not_taken_for_ours(site: Site) -> None:
    ours = connection(site)
    assert leads_to_an_engine(ours)
    assert not leads_to_an_engine(ours | {"host": "https://api.twelvelabs.io"})
    assert not leads_to_an_engine({**ours, "host": None})
    assert not leads_to_an_engine({**ours, "description": None})
