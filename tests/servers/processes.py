"""Server processes of the tests: on loopback, on a free port, ended with the session."""

from __future__ import annotations

import contextlib
import queue
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

START_SECONDS = 120.0
END_SECONDS = 10.0
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class ServerError(RuntimeError):
    """A server did not start; the message holds what it said."""


@contextlib.contextmanager
def running_server(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    """Start a server and end it.

    :param command: what starts it; it has to print its address.
    :param folder: its working directory.
    :param env: its whole environment.
    :return: ``http://127.0.0.1:port``.
    :raises ServerError: when it names no address in time, or ends before.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        yield _address(command, lines)
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join()
        process.stdout.close()


def _address(command: Sequence[str], lines: queue.SimpleQueue[str | None]) -> str:
    said: list[str] = []
    deadline = time.monotonic() + START_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        with contextlib.suppress(queue.Empty):
            line = lines.get(timeout=left)
            if line is None:
                raise ServerError(f"{command} ended: {''.join(said)[-2000:]}")
            if match := _ADDRESS.search(line):
                return match[0]
            said.append(line)
    raise ServerError(f"{command} named no address within {START_SECONDS:g} s: {''.join(said)[-2000:]}")


def _read(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    """Go on reading to the end, so that no pipe fills up."""
    with contextlib.suppress(ValueError):
        for line in stream:
            lines.put(line)
    lines.put(None)
