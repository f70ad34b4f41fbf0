"""Configuration of the demo's processes."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from demo.services import Services
from demo.site import (
    Site,
    airflow_password,
    connection,
    engine_key,
    environment,
    leads_to_an_engine,
    passwords_file,
    with_connection,
)
from demo.stack import engine_service
from tests.ports import free_port

ROOT = Path(__file__).parents[3]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, airflow_port=8081, engine_port=8766)


def test_connection_of_the_environment_points_to_the_engine(site: Site) -> None:
    fields = json.loads(with_connection({}, site)["AIRFLOW_CONN_TWELVELABS_DEFAULT"])
    assert (fields["conn_type"], fields["host"]) == ("twelvelabs", "http://127.0.0.1:8766")
    assert fields["password"] == engine_key(site)


def test_key_is_generated_once_and_readable_by_its_owner_only(site: Site, tmp_path: Path) -> None:
    key = engine_key(site)
    assert len(key) >= 32
    assert engine_key(site) == key
    assert stat.S_IMODE((site.state / "engine.key").stat().st_mode) == 0o600
    assert engine_key(Site(tmp_path / "other", 1, 2)) != key


def test_password_is_generated_once_and_readable_by_its_owner_only(site: Site) -> None:
    password = airflow_password(site)
    assert len(password) >= 16
    assert airflow_password(site) == password
    assert stat.S_IMODE(passwords_file(site).stat().st_mode) == 0o600
    variables = environment(site)
    assert variables["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"] == str(passwords_file(site))
    assert password not in str(variables)


def test_connection_tests_are_opt_in(site: Site) -> None:
    assert environment(site)["AIRFLOW__CORE__TEST_CONNECTION"] == "Disabled"
    assert environment(replace(site, test_connection=True))["AIRFLOW__CORE__TEST_CONNECTION"] == "Enabled"


def test_airflow_settings_of_the_user_are_removed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_edited_connection_is_not_overwritten(site: Site) -> None:
    ours = connection(site)
    assert leads_to_an_engine(ours)
    assert not leads_to_an_engine(ours | {"host": "https://api.twelvelabs.io"})
    assert not leads_to_an_engine({**ours, "host": None})
    assert not leads_to_an_engine({**ours, "description": None})


def test_key_that_looks_like_an_option_is_accepted(site: Site) -> None:
    """One random key in 64 begins with a dash."""
    key = "-K3y-that-begins-with-a-dash-and-goes-on"
    site.state.mkdir(parents=True)
    (site.state / "engine.key").write_text(key, encoding="ascii")
    service = engine_service(Site(site.checkout, 8081, engine_port=free_port()), environment(Site(ROOT, 1, 2)))
    assert key not in " ".join(service.command), "a list of processes shows command lines"
    with Services() as services:
        services.start(service)
        services.wait_until(lambda: "ready:" in service.log.read_text(), service.name, 60)
        address = service.log.read_text().split("ready: ")[1].strip()
        answers = [requests.get(f"{address}/v1.3/indexes", headers={"x-api-key": sent}) for sent in (key, "other")]
    assert [answer.status_code for answer in answers] == [200, 401]
