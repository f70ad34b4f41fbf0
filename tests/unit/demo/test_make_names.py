"""`make demo` with file names that a shell or make would change."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHOW = """#!/bin/sh
printf '%s\\n' "$DEMO_VIDEO" "$DEMO_TRANSCRIPT" "$DEMO_OUTPUT" "$*"
"""


FROM_MAKE = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "AIRFLOW_PORT", "ENGINE_PORT"}


@pytest.mark.parametrize(
    "name",
    [
        "plain.mp4",
        "with blanks  two.mp4",
        "cost $5 $HOME $(HOME) $$.mp4",
        'it\'s "quoted".mp4',
        "`touch x` $(shell touch x).mp4",
        "take #1; rm -rf y & z | w > v.mp4",
        "-dash.mp4",
        "--video.mp4",
        "back\\slash%20,=:*?[a].mp4",
        "Übung \u65e5\u672c.mp4",
    ],
)
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_file_names_with_special_characters_reach_the_demo(tmp_path: Path, name: str) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(SHOW)
    python.chmod(0o755)
    command = [
        "make",
        "--assume-old=.venv/.done",
        "demo",
        f"VIDEO={name}",
        f"TRANSCRIPT={name}.srt",
        f"OUTPUT=out {name}",
    ]
    # As a person types it: `make test` hands its own flags and variables to every make that it starts.
    environment = {name: value for name, value in os.environ.items() if name not in FROM_MAKE}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [name, f"{name}.srt", f"out {name}", "-m demo run"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".venv", "Makefile"]
