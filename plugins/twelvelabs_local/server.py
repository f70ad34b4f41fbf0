"""The server process."""

from __future__ import annotations

import shutil
import signal
import socket
import sys
import tempfile
from types import FrameType

import uvicorn

from twelvelabs_local.app import create_app
from twelvelabs_local.errors import UnusableError
from twelvelabs_local.file_lock import FileLock
from twelvelabs_local.settings import DataFolder, Settings

SHUTDOWN_TIMEOUT = 5


def serve(settings: Settings) -> None:
    """Serve requests until a signal ends the process.

    :param settings: the command line.
    """
    # uvicorn handles signals only while it runs
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)
    listener = _listen(settings.host, settings.port)
    _lock_folder(settings.data)
    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        access_log=False,
        lifespan="on",
        # the same event loop even if uvloop is installed
        loop="asyncio",
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT,
        # longer than the poll interval of clients
        timeout_keep_alive=75,
    )
    _Server(config).run(sockets=[listener])


def _exit(_: int, __: FrameType | None) -> None:
    sys.exit(0)


def _listen(host: str, port: int) -> socket.socket:
    """Bind the port. This comes first, so that a busy port leaves the data folder untouched."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # bind alone does not detect a listener that allows reuse
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise UnusableError(f"port {port} of {host} cannot be used: {error.strerror}; choose another --port") from error
    return listener


def _lock_folder(folder: DataFolder) -> None:
    """Create the data folder, lock it for this process, and delete old temporary files."""
    try:
        folder.prepare()
    except OSError as error:
        raise UnusableError(f"the data folder {folder.root} cannot be used: {error.strerror}") from error
    lock = FileLock(folder.server_lock)
    if not lock.try_acquire():
        raise UnusableError(f"the data folder {folder.root} is used by another engine; end it or choose another --data")
    # a killed engine leaves incomplete uploads
    shutil.rmtree(folder.incoming)
    folder.incoming.mkdir()
    # the form parser writes uploads to the temporary folder, and /tmp is often too small for videos
    tempfile.tempdir = str(folder.incoming)


class _Server(uvicorn.Server):
    """A server that prints a ready line."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the ready line."""
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            print(f"twelvelabs-local ready: http://{shown}:{port}", flush=True)
