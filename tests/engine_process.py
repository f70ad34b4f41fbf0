"""Embedded engines for tests: real processes with their own data folders."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

PLUGINS = Path(__file__).parents[1] / "plugins"
READY = "twelvelabs-local ready: "
START_SECONDS = 60.0
END_SECONDS = 30.0


@dataclass(frozen=True)
class Engine:
    """A running engine.

    :param base_url: scheme, host and port, without a path.
    :param api_key: its API key.
    :param data_dir: its data folder.
    :param process: its server process.
    """

    base_url: str
    api_key: str
    data_dir: Path
    process: subprocess.Popen[Any]


class EngineError(RuntimeError):
    """An engine did not start or stop correctly; the message has its output."""


@contextlib.contextmanager
def running_engine(
    data_dir: Path, *, api_key: str = "tlk_test", port: int = 0, env: Mapping[str, str] | None = None
) -> Iterator[Engine]:
    """Start an engine and stop it cleanly.

    :param data_dir: its data folder; the same folder starts the engine with the same data.
    :param api_key: its API key.
    :param port: its port; 0 picks a free one.
    :param env: more environment variables.
    :raises EngineError: when it does not become ready or does not stop cleanly.
    """
    process = start_engine(data_dir, api_key=api_key, port=port, env=env)
    try:
        yield Engine(_ready(process), api_key, data_dir, process)
        # a test may have killed it on purpose
        if process.poll() is None:
            end_engine(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def start_engine(
    data_dir: Path,
    *,
    api_key: str = "tlk_test",
    port: int = 0,
    env: Mapping[str, str] | None = None,
    own_group: bool = False,
) -> subprocess.Popen[str]:
    """Start an engine without waiting for it; see ``running_engine`` for the other parameters.

    :param own_group: make it the leader of a process group, like a shell.
    """
    command = [sys.executable, "-m", "twelvelabs_local", "serve", "--port", str(port)]
    command += ["--data", str(data_dir), "--api-key", api_key]
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(PLUGINS), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=own_group,
    )


def end_engine(process: subprocess.Popen[str]) -> None:
    """Stop an engine with a signal.

    :param process: its server process.
    :raises EngineError: when it does not stop in time with exit code 0.
    """
    process.terminate()
    try:
        code = process.wait(END_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"The engine did not end within {END_SECONDS:g} s.") from error
    if code != 0:
        raise EngineError(f"The engine ended with code {code}: {_said(process)}")


def _ready(process: subprocess.Popen[str]) -> str:
    """Wait for the ready line and return its URL. A thread keeps reading, so that the pipe does not fill up."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    assert process.stdout and process.stderr
    threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
    try:
        line = lines.get(timeout=START_SECONDS)
    except queue.Empty:
        process.kill()
        raise EngineError(f"The engine was not ready after {START_SECONDS:g} s: {_said(process)}") from None
    if not line.startswith(READY):
        process.kill()
        raise EngineError(f"The engine did not become ready: {line!r} {_said(process)}")
    threading.Thread(target=_forward, args=(process.stderr,), daemon=True).start()
    return line.removeprefix(READY).strip()


def _read(stream: IO[str], lines: queue.SimpleQueue[str]) -> None:
    with contextlib.suppress(ValueError):
        for line in stream:
            lines.put(line)
    lines.put("")


def _forward(stream: IO[str]) -> None:
    """Print the engine's log to the test's output."""
    with contextlib.suppress(ValueError):
        for line in stream:
            print(f"engine: {line}", end="", file=sys.stderr)


def _said(process: subprocess.Popen[str]) -> str:
    with contextlib.suppress(ValueError):
        return (process.stderr.read() if process.stderr else "").strip()[-2000:]
    return ""
