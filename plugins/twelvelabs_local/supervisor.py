"""The supervisor of the worker process."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

from twelvelabs_local.settings import DataFolder
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.job_queue import count_crash

STOP_TIMEOUT = 5.0
RESTART_DELAY = 0.5

log = logging.getLogger("twelvelabs_local")


class Supervisor:
    """Starts the worker, wakes it for new jobs, restarts it after a crash, and stops it.

    :param folder: the data folder.
    :param db: the database.
    """

    def __init__(self, folder: DataFolder, db: Database) -> None:
        self._folder = folder
        self._db = db
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the worker and watch it."""
        self._process = await self._spawn()
        self._watch = asyncio.create_task(self._restart_after_crashes())

    def wake(self) -> None:
        """Wake the worker for new jobs."""
        if self._process and self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.write(b".")

    async def stop(self) -> None:
        """Stop the worker and wait for its exit."""
        if self._watch:
            self._watch.cancel()
        if self._process is None or self._process.returncode is not None:
            return
        if self._process.stdin:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _restart_after_crashes(self) -> None:
        while self._process:
            code = await self._process.wait()
            log.warning("the worker exited with code %s; restarting it", code)
            count_crash(self._db)
            await asyncio.sleep(RESTART_DELAY)
            self._process = await self._spawn()

    async def _spawn(self) -> asyncio.subprocess.Process:
        # the package's folder may be on the path of this process only
        packages = str(Path(__file__).resolve().parent.parent)
        paths = [packages, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "twelvelabs_local.jobs.worker",
            str(self._folder.root),
            stdin=asyncio.subprocess.PIPE,
            # the ready line is the only output on the server's standard output
            stdout=asyncio.subprocess.DEVNULL,
            # Ctrl-C goes to the foreground process group; the server alone decides when the worker stops
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
