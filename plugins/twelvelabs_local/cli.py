"""``twelvelabs-local``: the command line."""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from types import FrameType

import uvicorn

from twelvelabs_local.app import create_app
from twelvelabs_local.locks import FileLock
from twelvelabs_local.settings import DEFAULT_API_KEY, DEFAULT_CHUNK_BYTES, DEFAULT_PORT, DataFolder, Settings

USAGE_ERROR = 2
API_KEY_VARIABLE = "TWELVELABS_LOCAL_API_KEY"
FOLDERS_VARIABLE = "TWELVELABS_LOCAL_FOLDERS"
CHUNK_BYTES_VARIABLE = "TWELVELABS_LOCAL_CHUNK_BYTES"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
GRACE_SECONDS = 5


class _Unusable(Exception):
    """What was asked for on the command line cannot be had."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    :param arguments: what stands after the name of the program; by default what the process was started with.
    """
    options = _parser().parse_args(arguments)
    folder = DataFolder(options.data.expanduser().resolve())
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        key = options.api_key or _default_key(options.host)
        folders = tuple(options.connect or _folders_of_environment())
        settings = Settings(options.host, options.port, folder, key, folders=folders, chunk_bytes=options.chunk_bytes)
        serve(settings)
    except _Unusable as error:
        print(f"twelvelabs-local: {error}", file=sys.stderr)
        return USAGE_ERROR
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="twelvelabs-local", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="serve")
    command = commands.add_parser("serve", help="answer the TwelveLabs API on this machine")
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=_port, default=DEFAULT_PORT, help="0 picks a free one (default: %(default)s)")
    command.add_argument(
        "--data", type=Path, default=Path("~/.local/share/twelvelabs-local"), help="data folder (default: %(default)s)"
    )
    command.add_argument(
        "--connect",
        type=_folder,
        action="append",
        metavar="FOLDER",
        help="connect a folder whose files can be imported, as a data connector connects an account; may be repeated"
        f" (default: ${FOLDERS_VARIABLE}, separated by {os.pathsep!r})",
    )
    command.add_argument(
        "--api-key",
        type=_key,
        default=os.environ.get(API_KEY_VARIABLE),
        help=f"the key that calls must carry (default: ${API_KEY_VARIABLE}, which no list of processes shows, or"
        f" {DEFAULT_API_KEY}; needed off loopback)",
    )
    command.add_argument(
        "--chunk-bytes",
        type=_size,
        default=os.environ.get(CHUNK_BYTES_VARIABLE, str(DEFAULT_CHUNK_BYTES)),
        help=f"size of the parts of a file that comes in parts (default: ${CHUNK_BYTES_VARIABLE}, or"
        f" {DEFAULT_CHUNK_BYTES})",
    )
    return parser


def _size(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size: it must be a whole number of bytes above 0")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: it must be from 0 to 65535")
    return int(text)


def _folder(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder")
    return path.resolve()


def _folders_of_environment() -> list[Path]:
    try:
        return [_folder(text) for text in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if text]
    except argparse.ArgumentTypeError as error:
        raise _Unusable(f"${FOLDERS_VARIABLE}: {error}") from error


def _key(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty key would leave the door open")
    return text


def _default_key(host: str) -> str:
    """Return the key that everybody knows, where only this machine can use it."""
    if host not in LOOPBACK:
        raise _Unusable(f"{host} can be reached by others, who know the default key; give an --api-key")
    return DEFAULT_API_KEY


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
        raise _Unusable(f"port {port} of {host} cannot be used: {error.strerror}; choose another --port") from error
    return listener


def _take_folder(folder: DataFolder) -> None:
    """Prepare the data folder for this process alone."""
    try:
        folder.prepare()
    except OSError as error:
        raise _Unusable(f"the data folder {folder.root} cannot be used: {error.strerror}") from error
    lock = FileLock(folder.server_lock)
    if not lock.try_acquire():
        raise _Unusable(f"the data folder {folder.root} is used by another engine; end it or choose another --data")
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
