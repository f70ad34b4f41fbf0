"""Plugin in Airflow's plugin manager: loaded once, from a checkout or an installed package."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from tests.unit.airflow.fresh import NOT_INSTALLED, PLUGINS, imitate_installation, run_fresh

# Airflow 3.3 keeps plugins and errors behind a function, 3.1 in variables.
LOAD = """
import json, sys
from airflow import plugins_manager
plugins_manager.ensure_plugins_loaded()
if hasattr(plugins_manager, "_get_plugins"):
    plugins, errors = plugins_manager._get_plugins()
else:
    plugins, errors = plugins_manager.plugins, plugins_manager.import_errors
files = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
print(json.dumps({
    "plugins": [[plugin.name, [link.name for link in plugin.operator_extra_links]] for plugin in plugins],
    "errors": {str(name): str(error) for name, error in errors.items()},
    "files": {name: file for name, file in files.items() if file},
}))
"""
REGISTERED = ["twelvelabs", ["TwelveLabs playground"]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    return made


def misnamed(files: dict[str, str], plugins: Path) -> dict[str, str]:
    """Return the modules that come from the plugins folder under another name than their own."""
    wrong = {}
    for name, text in files.items():
        file = Path(text)
        if file.is_relative_to(plugins):
            own = ".".join(file.relative_to(plugins).with_suffix("").parts).removesuffix(".__init__")
            if name != own:
                wrong[name] = text
    return wrong


def test_plugins_folder_of_the_checkout(home: Path) -> None:
    """The loader executes each file that ``.airflowignore`` does not name, under its bare name: also a ``types.py``."""
    shutil.copytree(PLUGINS, home / "plugins", ignore=shutil.ignore_patterns("*.egg-info"))
    (home / "plugins" / "twelvelabs_provider" / "types.py").write_text("raise RuntimeError('executed')\n")
    loaded = run_fresh(NOT_INSTALLED + LOAD, home)
    assert loaded["errors"] == {}
    assert loaded["plugins"].count(REGISTERED) == 1
    assert misnamed(loaded["files"], home / "plugins") == {}
    assert Path(loaded["files"]["types"]).parent == Path(loaded["files"]["ast"]).parent


@pytest.mark.parametrize("lost", ["plugins/.airflowignore", "plugins/**/.airflowignore"])
def test_plugins_folder_without_airflowignore(home: Path, lost: str) -> None:
    """The loader then executes each file of the packages under its bare name, also ``__main__.py``."""
    shutil.copytree(PLUGINS, home / "plugins", ignore=shutil.ignore_patterns("*.egg-info"))
    for ignore in home.glob(lost):
        ignore.unlink()
    loaded = run_fresh(NOT_INSTALLED + LOAD, home)
    assert loaded["errors"] == {}
    assert loaded["plugins"].count(REGISTERED) == 1
    taken = set(misnamed(loaded["files"], home / "plugins")) - {"__init__", "__main__"}
    assert bool(taken) == ("**" in lost), "the packages have an .airflowignore of their own"
    assert taken & (sys.stdlib_module_names | set(packages_distributions())) == set()


@pytest.mark.parametrize("dropped_in", [True, False], ids=["and dropped in", "alone"])
def test_installed_package_registers_its_plugin_once(home: Path, dropped_in: bool) -> None:
    site = imitate_installation(home / "site")
    if dropped_in:
        (home / "plugins").symlink_to(PLUGINS)
    loaded: dict[str, Any] = run_fresh(NOT_INSTALLED + LOAD, home, PLUGINS, site)
    assert loaded["errors"] == {}
    assert loaded["plugins"].count(REGISTERED) == 1
    assert [name for name, _ in loaded["plugins"]].count("twelvelabs") == 1
