"""Result store in a folder of the local (or mounted) file system."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import tempfile
import time
from pathlib import Path
from typing import IO

from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsOutputError
from twelvelabs_provider.storage.store_errors import is_for_good

_ABANDONED_SECONDS = 86_400


class LocalStore:
    """Writes files beside their final names and renames them.

    fsspec's local files are not used for writing: without autocommit they are written in the system's temporary
    folder and *copied* to another device, which a reader can see half done.
    """

    conn_id = ""

    def __init__(self, root: Path) -> None:
        self._root = root

    def create(self, name: str) -> LocalPendingFile:
        """Create a file, and its folder if it is missing."""
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        return LocalPendingFile(path)

    def open(self, name: str) -> IO[bytes] | None:
        """Open a file if it exists."""
        try:
            return (self._root / name).open("rb")
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Remove a file if it exists."""
        (self._root / name).unlink(missing_ok=True)

    def uri(self, name: str) -> str:
        """Return ``file:///absolute/path``."""
        return f"file://{self._root / name}"

    def check(self) -> None:
        """Create an unnamed file in the folder, or in its nearest existing parent.

        :raises TwelveLabsInputError: a file is in the way, or permission is missing.
        :raises TwelveLabsOutputError: the disk is full or failing; a retry may help.
        """
        try:
            folder = _nearest_existing(self._root)
            if not folder.is_dir():
                raise TwelveLabsInputError(
                    f"The output path {str(self._root)!r} cannot be written: {str(folder)!r} is a file, not a folder."
                )
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            failed = f"The output path {str(self._root)!r} cannot be written: {error.strerror}."
            if not is_for_good(error):
                raise TwelveLabsOutputError(f"{failed} A retry may help.") from error
            advice = "Give a folder that the user who runs Airflow's tasks may write to."
            raise TwelveLabsInputError(f"{failed} {advice}") from error


class LocalPendingFile:
    """A hidden file beside the final one; the rename is atomic because both are on one device."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
        # Not tempfile: its files are readable by the owner only, and results follow the umask.
        self._stream = self._temporary.open("xb")

    def write(self, data: bytes) -> None:
        """Add bytes at the end."""
        self._stream.write(data)

    def commit(self) -> None:
        """Sync the bytes to the disk, then rename the file."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        os.replace(self._temporary, self._path)
        _sync_folder(self._path.parent)

    def discard(self) -> None:
        """Remove the hidden file."""
        with contextlib.suppress(OSError):
            self._stream.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)


def _nearest_existing(path: Path) -> Path:
    for candidate in (path, *path.parents):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            candidate.stat()
            return candidate
    return path


def _remove_abandoned(path: Path) -> None:
    """Remove old temporary files of killed processes; recent ones may belong to a running task."""
    oldest = time.time() - _ABANDONED_SECONDS
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with contextlib.suppress(OSError):
            if left.stat().st_mtime < oldest:
                left.unlink()


def _sync_folder(folder: Path) -> None:
    # Some file systems cannot sync a folder; the rename is still atomic there.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
