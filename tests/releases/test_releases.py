"""Airflow releases with the packages of their own release month, as most installations have them."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine_process import Engine, running_engine

ROOT = Path(__file__).parents[2]
UV = ROOT / ".venv-lock" / "bin" / "uv"
RELEASES = {"3.1.0": "2025-10-05", "3.1.8": "2026-03-31", "3.2.2": "2026-06-15", "3.3.0": "2026-07-20"}
"""Airflow releases, each with a day soon after it."""
LONGEST = 600

pytestmark = pytest.mark.skipif(not UV.exists(), reason="needs uv, which `make` installs")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running_engine(tmp_path_factory.mktemp("engine")) as running:
        yield running


def requirements() -> list[str]:
    """Return what the package requires, without its extras."""
    declared = configparser.ConfigParser()
    declared.read(ROOT / "setup.cfg")
    lines = declared["options"]["install_requires"].splitlines()
    return [line for line in lines if line.strip() and not line.startswith(("#", "apache-airflow>="))]


def environment_of(version: str, folder: Path) -> Path:
    """Install a release as on its day, with the provider's lowest declared versions, and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=LONGEST)
    options = ["--exclude-newer", RELEASES[version], *requirements()]
    airflow = [f"apache-airflow=={version}", f"apache-airflow-core=={version}"]
    command = [sys.executable, ROOT / "requirements" / "install.py", folder, "--uv", UV, "--", *options, *airflow]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
    assert done.returncode == 0, done.stderr
    return folder / "bin" / "python"


def run(python: Path, home: Path, *arguments: object, **variables: str) -> str:
    """Run a program in an Airflow home of its own and return what it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "PYTHONPATH": str(ROOT / "plugins"),
    }
    command = [str(argument) for argument in (python, *arguments)]
    done = subprocess.run(command, env={**kept, **settings, **variables}, cwd=home, capture_output=True, text=True,
                          timeout=LONGEST)  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return done.stdout


@pytest.mark.parametrize("version", RELEASES)
def test_every_module_imports_and_a_dag_runs(tmp_path: Path, engine: Engine, version: str) -> None:
    python = environment_of(version, tmp_path / "venv")
    home = tmp_path / "home"
    (home / "dags").mkdir(parents=True)
    (home / "dags" / "video_understanding.py").write_bytes((ROOT / "dags" / "video_understanding.py").read_bytes())
    run(python, home, "-m", "airflow", "db", "migrate")
    connection = {"conn_type": "twelvelabs", "password": engine.api_key, "host": engine.base_url}
    params: dict[str, Any] = {
        "sources": [str(ROOT / "tests" / "data" / "sample.mp4")],
        "output_path": str(tmp_path / "results"),
    }
    arguments = (home / "dags" / "video_understanding.py", "video_understanding", json.dumps(params))
    variables = {"AIRFLOW_CONN_TWELVELABS_DEFAULT": json.dumps(connection)}
    printed = run(python, home, ROOT / "tests" / "releases" / "run_dag.py", *arguments, **variables)
    told = json.loads(printed.splitlines()[-1])
    assert told["state"] == "success" and told["modules"] > 200
    assert list((tmp_path / "results").rglob("transcription.manifest.json"))
