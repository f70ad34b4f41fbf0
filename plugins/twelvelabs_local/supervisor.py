"""Keeps one worker process alive beside the server."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

from twelvelabs_local.settings import DataFolder
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.jobs import count_crash

END_SECONDS = 5.0
RESTART_SECONDS = 0.5

log = logging.getLogger("twelvelabs_local")


class Supervisor:
    """Starts the worker, calls it, starts it again when it dies, and ends it.

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
        self._watch = asyncio.create_task(self._keep())

    def call(self) -> None:
        """Tell the worker that there is work."""
        if self._process and self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.write(b".")

    async def stop(self) -> None:
        """End the worker; it is gone afterwards."""
        if self._watch:
            self._watch.cancel()
        if self._process is None or self._process.returncode is not None:
            return
        if self._process.stdin:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), END_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _keep(self) -> None:
        while self._process:
            code = await self._process.wait()
            log.warning("the worker ended with code %s; starting another", code)
            count_crash(self._db)
            await asyncio.sleep(RESTART_SECONDS)
            self._process = await self._spawn()

    async def _spawn(self) -> asyncio.subprocess.Process:
        # the package may lie in a folder that only this process was told of
        packages = str(Path(__file__).resolve().parent.parent)
        paths = [packages, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "twelvelabs_local.worker",
            str(self._folder.root),
            stdin=asyncio.subprocess.PIPE,
            # the ready line is the only thing on the server's standard output
            stdout=asyncio.subprocess.DEVNULL,
            # Ctrl-C goes to the whole foreground group; the server alone decides when its worker ends
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
