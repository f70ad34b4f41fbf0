"""Folders of this machine that stand in for accounts and buckets elsewhere: their files are what can be imported."""

from __future__ import annotations

import hashlib
import mimetypes
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from twelvelabs_local.errors import MediaError
from twelvelabs_local.requirements import GIBIBYTE, MEBIBYTE

LIMITS: Mapping[str, tuple[str, int]] = {
    "video": ("video_filesize_too_large", 10 * GIBIBYTE),
    "audio": ("audio_filesize_too_large", 4 * GIBIBYTE),
    "image": ("media_filesize_too_large", 32 * MEBIBYTE),
}
"""Code and most bytes per kind of file."""


@dataclass(frozen=True)
class Folder:
    """A connected folder.

    :param root: its path, resolved.
    """

    root: Path

    @property
    def account(self) -> str:
        """What stands for the provider's id of the account: the same for the same folder."""
        return "folder-" + hashlib.sha256(str(self.root).encode()).hexdigest()[:16]

    @property
    def bucket(self) -> str:
        """The bucket that it is, in addresses like ``s3://bucket/key``."""
        return self.root.name

    def names(self) -> list[str]:
        """Return the ids of its media files: their names, with the folders below the root."""
        files = (path for path in sorted(self.root.rglob("*")) if path.is_file())
        # a link may lead out of the folder
        found = (path.relative_to(self.root).as_posix() for path in files if path.resolve().is_relative_to(self.root))
        return [name for name in found if _kind(name) in ("video", "audio")]

    def find(self, source_id: str) -> Path:
        """Return a file that can be imported.

        :param source_id: its name below the root.
        :raises MediaError: with the service's code for a file that cannot be imported.
        """
        try:
            path = (self.root / source_id).resolve()
            inside = path.is_relative_to(self.root)
            there = inside and path.is_file()
        except (OSError, ValueError) as error:
            raise _unavailable(source_id) from error
        if not inside:
            raise MediaError("source_not_authorized", f"The file {source_id!r} lies outside of the connected folder.")
        if not there:
            raise _unavailable(source_id)
        if not os.access(path, os.R_OK):
            raise MediaError("source_not_authorized", f"The file {source_id!r} may not be read.")
        _check(source_id, path.stat().st_size)
        return path


def size_limit(name: str) -> int:
    """Return the most bytes that a file of this name may have."""
    return LIMITS[_kind(name)][1]


def _check(name: str, size: int) -> None:
    if _kind(name) not in LIMITS:
        raise MediaError("unsupported_media_type", f"The file {name!r} is neither video nor audio nor image.")
    code, most = LIMITS[_kind(name)]
    if size > most:
        raise MediaError(code, f"The file {name!r} has {size} bytes; it may have {most}.")


def _kind(name: str) -> str:
    return (mimetypes.guess_type(name)[0] or "").split("/")[0]


def _unavailable(source_id: str) -> MediaError:
    return MediaError("source_unavailable", f"There is no file {source_id!r} in the connected folder.")
