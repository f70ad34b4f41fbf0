"""Local folders that take the place of a cloud account or bucket. Their files can be imported."""

from __future__ import annotations

import hashlib
import mimetypes
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from twelvelabs_local.errors import MediaError
from twelvelabs_local.video_limits import GIBIBYTE, MEBIBYTE

LIMITS: Mapping[str, tuple[str, int]] = {
    "video": ("video_filesize_too_large", 10 * GIBIBYTE),
    "audio": ("audio_filesize_too_large", 4 * GIBIBYTE),
    "image": ("media_filesize_too_large", 32 * MEBIBYTE),
}
"""Error code and maximum bytes per kind of file."""


@dataclass(frozen=True)
class ConnectedFolder:
    """A connected folder.

    :param root: the resolved path.
    """

    root: Path

    @property
    def account(self) -> str:
        """The account id. It is the same for the same folder."""
        return "folder-" + hashlib.sha256(str(self.root).encode()).hexdigest()[:16]

    @property
    def bucket(self) -> str:
        """The bucket name in URIs like ``s3://bucket/key``."""
        return self.root.name

    def names(self) -> list[str]:
        """Return the ids of the media files: their paths below the root."""
        files = (path for path in sorted(self.root.rglob("*")) if path.is_file())
        # a symbolic link may lead out of the folder
        found = (path.relative_to(self.root).as_posix() for path in files if path.resolve().is_relative_to(self.root))
        return [name for name in found if _kind(name) in ("video", "audio")]

    def find(self, source_id: str) -> Path:
        """Return the path of a file to import.

        :param source_id: the path below the root.
        :raises MediaError: when the file cannot be imported.
        """
        try:
            path = (self.root / source_id).resolve()
            inside = path.is_relative_to(self.root)
            exists = inside and path.is_file()
        except (OSError, ValueError) as error:
            raise _unavailable(source_id) from error
        if not inside:
            raise MediaError("source_not_authorized", f"The file {source_id!r} is outside of the connected folder.")
        if not exists:
            raise _unavailable(source_id)
        if not os.access(path, os.R_OK):
            raise MediaError("source_not_authorized", f"The file {source_id!r} cannot be read: permission denied.")
        _check(source_id, path.stat().st_size)
        return path


def size_limit(name: str) -> int:
    """Return the maximum bytes of a file with this name."""
    return LIMITS[_kind(name)][1]


def _check(name: str, size: int) -> None:
    if _kind(name) not in LIMITS:
        raise MediaError("unsupported_media_type", f"The file {name!r} is neither video nor audio nor image.")
    code, limit = LIMITS[_kind(name)]
    if size > limit:
        raise MediaError(code, f"The file {name!r} has {size} bytes; the limit is {limit}.")


def _kind(name: str) -> str:
    return (mimetypes.guess_type(name)[0] or "").split("/")[0]


def _unavailable(source_id: str) -> MediaError:
    return MediaError("source_unavailable", f"There is no file {source_id!r} in the connected folder.")
