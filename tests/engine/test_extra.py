"""The engine without its extra, which refuses to start instead of failing every upload."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine_process import PLUGINS
from twelvelabs_local.extra import INSTALL, MODULES, missing_packages

BLOCKED = """
import sys
class Real:
    "A finder that does not see the blocked module."

real = list(sys.meta_path)
def found(name, path=None, target=None):
    if name.partition(".")[0] == {module!r}:
        return None
    return next((spec for spec in (finder.find_spec(name, path, target) for finder in real) if spec), None)
Real.find_spec = staticmethod(found)
sys.meta_path[:] = [Real]
import runpy
sys.argv = {arguments!r}
runpy.run_module({program!r}, run_name="__main__", alter_sys=True)
"""


def without(module: str, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program without one module."""
    code = BLOCKED.format(module=module, program=program, arguments=[program, *arguments])
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(PLUGINS)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("module", MODULES)
def test_the_server_needs_the_extra(tmp_path: Path, module: str) -> None:
    run = without(module, "twelvelabs_local", "serve", "--port", "0", "--data", str(tmp_path / "data"))
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"twelvelabs-local: not installed: {module}. Install the extra 'local': {INSTALL}\n"
    assert not (tmp_path / "data").exists()


def test_the_worker_needs_the_extra(tmp_path: Path) -> None:
    run = without("av", "twelvelabs_local.jobs.worker", str(tmp_path))
    assert run.returncode == 1
    assert INSTALL in run.stderr and "Traceback" not in run.stderr


def test_no_package_is_missing_with_the_extra() -> None:
    assert missing_packages() is None
