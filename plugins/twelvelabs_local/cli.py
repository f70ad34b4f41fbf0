"""``twelvelabs-local``: the command line."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from twelvelabs_local.errors import UnusableError
from twelvelabs_local.extra import missing_packages
from twelvelabs_local.settings import DEFAULT_API_KEY, DEFAULT_CHUNK_BYTES, DEFAULT_PORT, DataFolder, Settings

USAGE_ERROR = 2
API_KEY_VARIABLE = "TWELVELABS_LOCAL_API_KEY"
FOLDERS_VARIABLE = "TWELVELABS_LOCAL_FOLDERS"
CHUNK_BYTES_VARIABLE = "TWELVELABS_LOCAL_CHUNK_BYTES"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    :param arguments: what stands after the name of the program; by default what the process was started with.
    """
    options = _parser().parse_args(arguments)
    folder = DataFolder(options.data.expanduser().resolve())
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        if missing := missing_packages():
            raise UnusableError(missing)
        # Imports packages of the extra.
        from twelvelabs_local.server import serve

        key = options.api_key or _default_key(options.host)
        folders = tuple(options.connect or _folders_of_environment())
        settings = Settings(options.host, options.port, folder, key, folders=folders, chunk_bytes=options.chunk_bytes)
        serve(settings)
    except UnusableError as error:
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
        raise UnusableError(f"${FOLDERS_VARIABLE}: {error}") from error


def _key(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty key would leave the door open")
    return text


def _default_key(host: str) -> str:
    """Return the key that everybody knows, where only this machine can use it."""
    if host not in LOOPBACK:
        raise UnusableError(f"{host} can be reached by others, who know the default key; give an --api-key")
    return DEFAULT_API_KEY
