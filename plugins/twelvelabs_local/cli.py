"""The command line ``twelvelabs-local``."""

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

    :param arguments: the arguments of the program; by default those of the process.
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
    command = commands.add_parser("serve", help="serve the TwelveLabs API on this machine")
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=_port, default=DEFAULT_PORT, help="0 picks a free port (default: %(default)s)")
    command.add_argument(
        "--data", type=Path, default=Path("~/.local/share/twelvelabs-local"), help="data folder (default: %(default)s)"
    )
    command.add_argument(
        "--connect",
        type=_folder,
        action="append",
        metavar="FOLDER",
        help="connect a folder for imports, in place of a data connector's account; may be repeated"
        f" (default: ${FOLDERS_VARIABLE}, separated by {os.pathsep!r})",
    )
    command.add_argument(
        "--api-key",
        type=_key,
        default=os.environ.get(API_KEY_VARIABLE),
        help=f"the key of requests (default: ${API_KEY_VARIABLE}, which process lists do not show, or"
        f" {DEFAULT_API_KEY}; required for addresses other than loopback)",
    )
    command.add_argument(
        "--chunk-bytes",
        type=_size,
        default=os.environ.get(CHUNK_BYTES_VARIABLE, str(DEFAULT_CHUNK_BYTES)),
        help=f"size of the parts of a multipart upload (default: ${CHUNK_BYTES_VARIABLE}, or {DEFAULT_CHUNK_BYTES})",
    )
    return parser


def _size(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size: give a whole number of bytes above 0")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")
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
        raise argparse.ArgumentTypeError("the key is empty: requests without a key would be accepted")
    return text


def _default_key(host: str) -> str:
    """Return the documented default key, which is allowed on a loopback address only."""
    if host not in LOOPBACK:
        raise UnusableError(f"{host} is not a loopback address, so the default key is not secure; give an --api-key")
    return DEFAULT_API_KEY
