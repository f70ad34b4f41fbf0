"""The server process: its port, its data folder, and its end by a signal."""

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
from twelvelabs_local.locks import FileLock
from twelvelabs_local.settings import DataFolder, Settings

GRACE_SECONDS = 5


def serve(settings: Settings) -> None:
    """Answer calls until a signal ends it.

    :param settings: the command line.
    """
    # a signal that comes before or after the server's own handling ends the process in the same clean way
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    listener = _listen(settings.host, settings.port)
    _take_folder(settings.data)
    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        access_log=False,
        lifespan="on",
        # the same loop everywhere, whatever else is installed
        loop="asyncio",
        timeout_graceful_shutdown=GRACE_SECONDS,
        # longer than a client's pause between two polls
        timeout_keep_alive=75,
    )
    _Server(config).run(sockets=[listener])


def _leave(_: int, __: FrameType | None) -> None:
    sys.exit(0)


def _listen(host: str, port: int) -> socket.socket:
    """Bind the port, so that a busy one is known before anything else is touched."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # bind alone does not notice a listener that allows reuse
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise UnusableError(f"port {port} of {host} cannot be used: {error.strerror}; choose another --port") from error
    return listener


def _take_folder(folder: DataFolder) -> None:
    """Prepare the data folder for this process alone."""
    try:
        folder.prepare()
    except OSError as error:
        raise UnusableError(f"the data folder {folder.root} cannot be used: {error.strerror}") from error
    lock = FileLock(folder.server_lock)
    if not lock.try_acquire():
        raise UnusableError(f"the data folder {folder.root} is used by another engine; end it or choose another --data")
    # what a killed engine was still receiving is of no use
    shutil.rmtree(folder.incoming)
    folder.incoming.mkdir()
    # the form parser spools uploads to the temporary folder, which is often too small for videos
    tempfile.tempdir = str(folder.incoming)


class _Server(uvicorn.Server):
    """A server that says when it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the ready line."""
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            print(f"twelvelabs-local ready: http://{shown}:{port}", flush=True)
