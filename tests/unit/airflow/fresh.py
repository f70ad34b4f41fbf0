"""Fresh Python processes with their own Airflow home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PLUGINS = ROOT / "plugins"
DISTRIBUTION = "airflow-provider-twelvelabs"
_LONGEST_RUN = 500

_IMITATED = "9.9.9"

# Makes the metadata of a real installation disappear, where the tests run in an environment that has one.
NOT_INSTALLED = f"""
import importlib.metadata, sys
try:
    import importlib_metadata
except ImportError:
    pass
for finder in sys.meta_path:
    if hasattr(finder, "find_distributions"):
        def others(*args, real=finder.find_distributions, **kwargs):
            ours = lambda found: found.metadata["name"] == {DISTRIBUTION!r} and found.version != {_IMITATED!r}
            return (found for found in real(*args, **kwargs) if not ours(found))
        finder.find_distributions = others
"""


def run_fresh(code: str, home: Path, *path: Path) -> Any:
    """Run a program in a fresh process and return the JSON that it prints last.

    :param home: Airflow's home folder.
    :param path: where packages come from besides the environment.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": os.pathsep.join(map(str, path)),
    }
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=home, capture_output=True, text=True, timeout=_LONGEST_RUN
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def declared_metadata() -> ConfigParser:
    """Return what the package says of itself."""
    declared = ConfigParser()
    declared.read(ROOT / "setup.cfg")
    return declared


def imitate_installation(site: Path) -> Path:
    """Write the metadata that an installation leaves behind into a folder, and return the folder."""
    declared = declared_metadata()
    info = site / f"airflow_provider_twelvelabs-{_IMITATED}.dist-info"
    info.mkdir(parents=True)
    name = declared["metadata"]["name"]
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {_IMITATED}\n")
    groups = declared["options.entry_points"].items()
    (info / "entry_points.txt").write_text("".join(f"[{group}]{points}\n" for group, points in groups))
    return site
