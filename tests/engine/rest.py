"""An engine whose worker rests, so that what waits stays as it is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psutil

from tests.engine_process import Engine


@contextlib.contextmanager
def at_rest(engine: Engine) -> Iterator[psutil.Process]:
    """Let the worker do nothing until the end, or until it is told to ``resume``."""
    (worker,) = psutil.Process(engine.process.pid).children()
    worker.suspend()
    try:
        yield worker
    finally:
        worker.resume()
