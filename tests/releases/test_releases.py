"""Airflow releases as most installations have them: with the provider packages of their own release month.

Two of the environments hold the lowest versions that ``setup.cfg`` declares, as far as their Airflow allows them. A
minimum that is wrong shows here too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engine_process import Engine, running_engine
from tests.unit.airflow.fresh import ROOT, declared_metadata

UV = ROOT / ".venv-lock" / "bin" / "uv"
LONGEST = 600
EXTRAS = ("probe", "parquet")


@dataclass(frozen=True)
class Release:
    """A release of Airflow.

    :param day: a day soon after the release; no newer package is installed.
    :param resolution: uv's choice among the versions that are allowed.
    """

    airflow: str
    day: str
    resolution: str


RELEASES = (
    Release("3.1.0", "2025-10-05", "lowest-direct"),
    Release("3.1.8", "2026-03-31", "highest"),
    Release("3.2.2", "2026-06-15", "highest"),
    Release("3.3.0", "2026-07-20", "lowest-direct"),
)

pytestmark = pytest.mark.skipif(not UV.exists(), reason="needs uv, which `make` installs")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running_engine(tmp_path_factory.mktemp("engine")) as running:
        yield running


def requirements() -> list[str]:
    """Return what the package and some of its extras require, without Airflow itself."""
    declared = declared_metadata()
    texts = [declared["options"]["install_requires"], *(declared["options.extras_require"][name] for name in EXTRAS)]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    return [line for line in lines if not line.startswith(("#", "apache-airflow>="))]


def environment_of(release: Release, folder: Path) -> Path:
    """Install a release as on its day and return the environment's Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=LONGEST)
    choice = ["--exclude-newer", release.day, "--resolution", release.resolution]
    airflow = [f"apache-airflow=={release.airflow}", f"apache-airflow-core=={release.airflow}"]
    install = [sys.executable, str(ROOT / "requirements" / "install.py"), str(folder), "--uv", str(UV), "--"]
    done = subprocess.run(
        [*install, *choice, *airflow, *requirements()], capture_output=True, text=True, timeout=LONGEST
    )
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
    done = subprocess.run(
        [str(argument) for argument in (python, *arguments)],
        env={**kept, **settings, **variables},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return done.stdout


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.airflow)
def test_every_module_imports_and_a_dag_runs(tmp_path: Path, engine: Engine, release: Release) -> None:
    python = environment_of(release, tmp_path / "venv")
    home = tmp_path / "home"
    file = home / "dags" / "video_understanding.py"
    file.parent.mkdir(parents=True)
    file.write_bytes((ROOT / "dags" / file.name).read_bytes())
    run(python, home, "-m", "airflow", "db", "migrate")
    run(python, home, "-m", "airflow", "dags", "reserialize")
    connection = {"conn_type": "twelvelabs", "password": engine.api_key, "host": engine.base_url}
    params: dict[str, Any] = {
        "sources": [str(ROOT / "tests" / "data" / "sample.mp4")],
        "output_path": str(tmp_path / "results"),
    }
    script = ROOT / "tests" / "releases" / "run_dag.py"
    variables = {"AIRFLOW_CONN_TWELVELABS_DEFAULT": json.dumps(connection)}
    printed = run(python, home, script, file, "video_understanding", json.dumps(params), **variables)
    outcome = json.loads(printed.splitlines()[-1])
    assert outcome["state"] == "success" and outcome["modules"] > 200
    assert list((tmp_path / "results").rglob("transcription.manifest.json"))
