"""Atomic publishing to a folder: after a kill at any step or a full disk, readers see complete results only."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers.readers import Read, Versions, watching
from tests.servers.results import FOLDER, put_in_pieces
from twelvelabs_provider.exceptions import TwelveLabsOutputError

PIECE = 40_000


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Where results go."""
    return tmp_path / "out"


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    """What whole files are."""
    return Versions.published(tmp_path / "versions", PIECE)


@pytest.fixture
def read(output: Path) -> Read:
    """Look into the folder."""

    def content(name: str) -> bytes | None:
        path = output / name
        return path.read_bytes() if path.exists() else None

    return lambda name: _quietly(content, name)


def _quietly(content: Read, name: str) -> bytes | None:
    try:
        return content(name)
    except FileNotFoundError:  # gone in between
        return None


def in_a_process(prepare: Callable[[], object], output: Path) -> int:
    """Publish the new version elsewhere; return the exit code: 0 if it went well, 3 for a failure in words."""
    if (child := os.fork()) == 0:
        code = 1
        try:
            prepare()
            put_in_pieces(str(output), "new", PIECE)
            code = 0
        except TwelveLabsOutputError as error:
            code = 3 if "File too large" in str(error) else 4
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(number: int, folder: Path) -> Callable[[], None]:
    """Let the process be killed when it is about to do so many things with the files of a folder."""
    seen = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal seen
        if args and str(args[0]).startswith(str(folder)):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    return lambda: sys.addaudithook(hook)


def test_process_killed_at_any_step_leaves_complete_results(output: Path, versions: Versions, read: Read) -> None:
    codes, number, seen = set[int](), 0, set[str | None]()
    with watching(versions, read):
        while 0 not in codes:
            number += 1
            put_in_pieces(str(output), "old", PIECE)
            assert versions.look(read) == "old"
            codes.add(in_a_process(killed_at(number, output), output))
            seen.add(versions.look(read))
    assert number > 10
    assert codes == {-signal.SIGKILL, 0}
    assert seen == {"old", None, "new"}


@pytest.mark.parametrize("room", [0, 1, PIECE // 2, PIECE])
def test_full_disk_keeps_the_old_version(output: Path, versions: Versions, read: Read, room: int) -> None:
    put_in_pieces(str(output), "old", PIECE)
    before = sorted((output / FOLDER).iterdir())
    with watching(versions, read) as watch:
        code = in_a_process(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)), output)
    assert code == 3
    assert set(watch.words) <= {"old"}
    assert versions.look(read) == "old"
    assert sorted((output / FOLDER).iterdir()) == before
    put_in_pieces(str(output), "new", PIECE)
    assert versions.look(read) == "new"
