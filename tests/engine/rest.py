"""Engine whose worker is suspended, so that waiting jobs stay as they are."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator

import psutil

from tests.engine_process import Engine


@contextlib.contextmanager
def at_rest(engine: Engine) -> Iterator[psutil.Process]:
    """Suspend the worker until the end, or until the test calls its ``resume``."""
    (worker,) = psutil.Process(engine.process.pid).children()
    suspend(worker, engine)
    try:
        yield worker
    finally:
        worker.resume()


def suspend(worker: psutil.Process, engine: Engine) -> None:
    """Suspend the worker between two of its transactions: within one, it would keep the database locked."""
    deadline = time.monotonic() + 60
    while True:
        worker.suspend()
        if _is_unlocked(engine):
            return
        worker.resume()
        assert time.monotonic() < deadline, "the worker holds the lock of the database all the time"
        time.sleep(0.01)


def _is_unlocked(engine: Engine) -> bool:
    with contextlib.closing(sqlite3.connect(engine.data_dir / "engine.sqlite3", timeout=0.2)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        database.execute("ROLLBACK")
        return True
