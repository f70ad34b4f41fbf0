"""Process killed during a request: readers see the old result, none, or the new one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from tests.servers.gateway import PATIENCE_SECONDS, Break
from tests.servers.readers import Read, Versions, watching
from tests.servers.remote import Remote
from tests.servers.results import piece_of
from tests.servers.test_atomic import Publish, publish, read, requests_of, versions

__all__ = ["publish", "read", "versions"]

ROOT = Path(__file__).parents[2]


@dataclass
class Publisher:
    """Processes that publish; see ``killed.py``."""

    process: subprocess.Popen[str]
    answers: IO[str]

    def begin(self, output: str, word: str, piece: int) -> int:
        """Begin to publish; return the id of the process."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"output": output, "word": word, "piece": piece}) + "\n")
        self.process.stdin.flush()
        return int(self.answers.readline())

    def end(self) -> int:
        """Wait for it to end; return its exit code."""
        return int(self.answers.readline())


@pytest.fixture
def publisher(remote: Remote) -> Iterator[Publisher]:
    """A publisher that knows the store's connection."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.servers.killed", remote.scheme, str(writing)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        pass_fds=[writing],
    )
    os.close(writing)
    with open(reading) as answers:
        try:
            yield Publisher(process, answers)
        finally:
            with contextlib.suppress(OSError):
                process.communicate(timeout=10)
            process.kill()
            process.wait()


def test_killed_process_leaves_complete_results(
    remote: Remote, publish: Publish, publisher: Publisher, versions: Versions, read: Read
) -> None:
    requests = requests_of(remote, publish)
    assert publish("old") is None
    with watching(versions, read):
        for number, request in enumerate(requests, start=1):
            if "_catalog" in request or (request.startswith("DELETE") and "manifest" not in request):
                continue  # the index, and what formats of former runs left: they change nothing for a reader
            if versions.look(read) != "old":
                assert publish("old") is None, "the retry"
                assert versions.look(read) == "old"
            with remote.gateway.breaking(number, Break.HELD):
                process = publisher.begin(remote.uri("out"), "new", piece_of(remote.scheme))
                assert remote.gateway.held.wait(PATIENCE_SECONDS), request
                os.kill(process, signal.SIGKILL)
                assert publisher.end() == -signal.SIGKILL
            assert versions.look(read) in ("old", None), request
    assert publish("new") is None
    assert versions.look(read) == "new"
    visible = set(remote.contents())
    assert not [name for name in visible if name.endswith(".tmp")]
    # Unfinished uploads stay invisible until the store or a rule of the bucket removes them.
    assert all(name in visible or "_catalog" in name for name in remote.leftovers())
