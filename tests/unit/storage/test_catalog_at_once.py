"""Concurrent writers, compactions and a reader of one catalog."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.storage.published import put, results_of
from twelvelabs_provider.storage.catalog import compact_catalog, read_catalog

ROOT = Path(__file__).parents[3]
WRITERS, RESULTS, COMPACTORS = 3, 15, 2
SECONDS = 240
WRITER = """
import sys
from tests.unit.storage.published import put
output, name = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
for number in range({results}):
    put(output, f"{{name}} vidéo {{number}}", words=["a"])
    put(output, "everybody's", words=[name])
    put(output, f"{{name}} vidéo {{number}}", words=["a", "b"])
"""
COMPACTOR = """
import sys
from pathlib import Path
from twelvelabs_provider.storage.catalog import compact_catalog
output, name = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
while not Path(output, "done").exists():
    try:
        compact_catalog(output, rebuild=name == "1")
    except Exception as error:
        if "One at a time" not in str(error):
            raise
"""


@contextmanager
def running(script: str, count: int, output: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Start processes that begin when all are ready, and end those that are left."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "plugins")))}
    command = [sys.executable, "-c", script, str(output)]
    started = [
        subprocess.Popen(
            [*command, str(number)], env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )
        for number in range(count)
    ]
    try:
        for process in started:
            assert process.stdout and process.stdout.readline() == "ready\n"
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def begin(processes: list[subprocess.Popen[str]]) -> None:
    """Let processes go on."""
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()


@pytest.mark.large
@pytest.mark.parametrize("dying", [False, True], ids=["all live", "compactions are killed"])
def test_concurrent_writers_compactions_and_a_reader(tmp_path: Path, dying: bool) -> None:
    """Whatever was seen once is seen from then on, at least as new, and in the end everything is there."""
    output = str(tmp_path)
    for number in range(20):
        put(output, f"before {number}")
    with (
        running(WRITER.format(results=RESULTS), WRITERS, tmp_path) as writers,
        running(COMPACTOR, COMPACTORS, tmp_path) as compactors,
    ):
        begin([*writers, *compactors])
        seen: dict[str, str] = {}
        while any(writer.poll() is None for writer in writers):
            found = {entry.result: entry.age for entry in read_catalog(output)}
            assert [name for name, age in seen.items() if found.get(name, "") < age] == []
            seen = found
            if dying and len(seen) > 20 + RESULTS:
                for compactor in compactors:
                    compactor.kill()
        assert [writer.wait(SECONDS) for writer in writers] == [0] * WRITERS
        (tmp_path / "done").touch()
        ends = {compactor.wait(SECONDS) for compactor in compactors}
        assert ends <= ({0, -9} if dying else {0})
    published = {f"{name} vidéo {number}" for name in range(WRITERS) for number in range(RESULTS)}
    expected = published | {f"before {number}" for number in range(20)} | {"everybody's"}
    assert results_of(output) == expected
    assert {entry.rows for entry in read_catalog(output) if entry.video_id in published} == {2}
    assert compact_catalog(output).results == len(expected)
    assert results_of(output) == expected
    assert not [path for path in (tmp_path / "_catalog" / "entries").rglob("*") if path.is_file()]
    assert len(list((tmp_path / "_catalog" / "snapshots").glob("2*.jsonl"))) == 1
