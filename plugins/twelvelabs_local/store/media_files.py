"""Media files in the data folder: incoming files, contents and renditions."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from twelvelabs_local.errors import MediaError
from twelvelabs_local.ids import new_id
from twelvelabs_local.settings import DataFolder
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Database

CHUNK_BYTES = 4 * 1024 * 1024
"""Bytes read at a time, so that a large upload needs little memory."""


class IncomingFile:
    """A temporary file for an upload or a download. Leaving the context deletes the file unless it was kept.

    :param folder: the data folder.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self.path = folder.incoming / new_id()
        self.sha256 = ""

    def __enter__(self) -> IncomingFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.path.unlink(missing_ok=True)

    def write(self, chunks: Iterator[bytes], limit: int) -> None:
        """Write the content and compute its hash.

        :param chunks: the content.
        :param limit: maximum bytes.
        :raises MediaError: ``video_filesize_too_large``.
        """
        digest, size = hashlib.sha256(), 0
        with self.path.open("wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise too_large(limit)
                digest.update(chunk)
                file.write(chunk)
        self.sha256 = digest.hexdigest()

    def keep(self) -> str:
        """Move the file to the contents and return its SHA-256. Equal contents share one file."""
        os.replace(self.path, content_path(self._folder, self.sha256))
        return self.sha256


def content_path(folder: DataFolder, sha256: str) -> Path:
    """Return the path of a content."""
    return folder.media / sha256


def rendition_path(folder: DataFolder, asset_id: str, kind: str) -> Path:
    """Return the folder of a rendition."""
    return folder.renditions / asset_id / kind


def delete_renditions(folder: DataFolder, asset_id: str) -> None:
    """Delete the renditions of an asset."""
    shutil.rmtree(folder.renditions / asset_id, ignore_errors=True)


def delete_unused_content(folder: DataFolder, db: Database, sha256: str | None) -> None:
    """Delete a content unless an asset uses it."""
    if sha256 and not db.count(Asset, sha256=sha256):
        content_path(folder, sha256).unlink(missing_ok=True)


def delete_unused_files(folder: DataFolder, db: Database) -> None:
    """Delete the contents and renditions without an asset, which a killed engine leaves. Only for a starting engine."""
    for path in folder.media.iterdir():
        delete_unused_content(folder, db, path.name)
    for path in folder.renditions.iterdir():
        if db.find(Asset, id=path.name) is None:
            delete_renditions(folder, path.name)


def read_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Read an open file in chunks."""
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def too_large(limit: int) -> MediaError:
    """Return the error for a file larger than the limit in bytes."""
    return MediaError("video_filesize_too_large", f"The file is larger than {limit} bytes.")
