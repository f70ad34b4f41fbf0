"""CPU time that imports add to a DAG file: the operators of this provider beside other providers.

Airflow imports a DAG file again and again, and every process that runs a task imports it once more. This benchmark
starts fresh Python processes and prints the CPU seconds that each import adds over ``airflow.sdk``.
"""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[1]
DAG = ROOT / "dags" / "video_understanding.py"
OTHERS = {
    "apache-airflow-providers-http": "from airflow.providers.http.operators.http import HttpOperator",
    "apache-airflow-providers-dbt-cloud": (
        "from airflow.providers.dbt.cloud.operators.dbt import DbtCloudRunJobOperator"
    ),
    "apache-airflow-providers-openai": "from airflow.providers.openai.operators.openai import OpenAIEmbeddingOperator",
    "twelvelabs": "from twelvelabs import TwelveLabs",
}
OURS = "airflow-provider-twelvelabs"


def imports_of(file: Path) -> tuple[str, str]:
    """Return the import statements of a DAG file: those of Airflow, and those of this provider."""
    statements = [one for one in ast.parse(file.read_text()).body if isinstance(one, ast.ImportFrom)]
    texts = {one.module or "": ast.unparse(one) for one in statements}
    airflow = [text for module, text in texts.items() if module.startswith("airflow")]
    provider = [text for module, text in texts.items() if module.startswith("twelvelabs_provider")]
    return "\n".join(airflow), "\n".join(provider)


def cpu_seconds(base: str, code: str) -> float:
    """Return the CPU seconds that some code takes in a fresh Python process, after what every DAG file imports."""
    timed = f"import time\n{base}\nbegun = time.process_time()\n{code}\nprint(time.process_time() - begun)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    done = subprocess.run([sys.executable, "-c", timed], env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def installed(distribution: str) -> str | None:
    """Return the version of an installed distribution."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def main() -> None:
    """Print what each import adds; the processes of all imports take turns, and the fastest of each counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="processes for each import (default: 5)")
    rounds = parser.parse_args().rounds

    base, ours = imports_of(DAG)
    # A DAG file with any operator loads Airflow's base class.
    base += "\nfrom airflow.sdk import BaseOperator"
    measured = {f"{OURS} (operators of {DAG.name})": ours}
    for distribution, statement in OTHERS.items():
        if found := installed(distribution):
            measured[f"{distribution} {found}"] = statement
        else:
            print(f"SKIPPED: {distribution} is not installed. Install it beside this provider to compare.")

    fastest = dict.fromkeys(measured, float("inf"))
    for _ in range(rounds):
        for name, code in measured.items():
            fastest[name] = min(fastest[name], cpu_seconds(base, code))

    print(f"CPU seconds over airflow.sdk (fastest of {rounds}):")
    for name, seconds in fastest.items():
        print(f"  {name}: {seconds:.3f}")


if __name__ == "__main__":
    main()
