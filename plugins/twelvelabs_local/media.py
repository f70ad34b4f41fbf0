"""Files on their way into the data folder, and the folder of contents."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from twelvelabs_local.errors import MediaError
from twelvelabs_local.identity import new_id
from twelvelabs_local.settings import DataFolder
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Database

PIECE = 4 * 1024 * 1024
"""Bytes read at a time: an upload of any size needs no more memory than this."""

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0


class Arrival:
    """A file that is still arriving; as a context manager it leaves nothing behind unless it was kept.

    :param folder: the data folder.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self.path = folder.incoming / new_id()
        self.sha256 = ""

    def __enter__(self) -> Arrival:
        return self

    def __exit__(self, *_: object) -> None:
        self.path.unlink(missing_ok=True)

    def receive(self, pieces: Iterator[bytes], limit: int) -> None:
        """Write a stream to disk.

        :param pieces: the content.
        :param limit: most bytes.
        :raises MediaError: ``video_filesize_too_large``.
        """
        digest, size = hashlib.sha256(), 0
        with self.path.open("wb") as file:
            for piece in pieces:
                size += len(piece)
                if size > limit:
                    raise too_large(limit)
                digest.update(piece)
                file.write(piece)
        self.sha256 = digest.hexdigest()

    def keep(self) -> str:
        """Move the file among the contents and return its SHA-256; an equal content is kept once."""
        os.replace(self.path, content_path(self._folder, self.sha256))
        return self.sha256


def content_path(folder: DataFolder, sha256: str) -> Path:
    """Return where a content lies."""
    return folder.media / sha256


def rendition_path(folder: DataFolder, asset_id: str, kind: str) -> Path:
    """Return the folder of what was made of an asset."""
    return folder.renditions / asset_id / kind


def forget_renditions(folder: DataFolder, asset_id: str) -> None:
    """Remove what was made of an asset."""
    shutil.rmtree(folder.renditions / asset_id, ignore_errors=True)


def forget_content(folder: DataFolder, db: Database, sha256: str | None) -> None:
    """Remove a content that no asset has any more."""
    if sha256 and not db.count(Asset, sha256=sha256):
        content_path(folder, sha256).unlink(missing_ok=True)


def forget_unused(folder: DataFolder, db: Database) -> None:
    """Remove contents whose assets never came to be because the engine was killed; only for a starting engine."""
    for path in folder.media.iterdir():
        forget_content(folder, db, path.name)
    for path in folder.renditions.iterdir():
        if db.find(Asset, id=path.name) is None:
            forget_renditions(folder, path.name)


def pieces_of(file: BinaryIO) -> Iterator[bytes]:
    """Read an open file piece by piece."""
    while piece := file.read(PIECE):
        yield piece


def too_large(limit: int) -> MediaError:
    """Return the refusal of a file that is larger than allowed (bytes)."""
    return MediaError("video_filesize_too_large", f"The file is larger than {limit} bytes.")


def is_link(text: str) -> bool:
    """Tell whether a text is an http or https link with a host."""
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def without_query(link: str) -> str:
    """Return a link without user, query and fragment: a signed link must not get into messages."""
    parts = urlsplit(link)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def name_in_link(link: str) -> str:
    """Return the file name of a link."""
    return Path(urlsplit(link).path).name or "video"


def fetched(link: str) -> Iterator[bytes]:
    """Fetch a link piece by piece.

    :param link: an http or https link; or a file of a connected folder, which no caller can name as a link.
    :raises MediaError: when it cannot be fetched.
    """
    if link.startswith("file:"):
        yield from _copied(link)
        return
    import httpx

    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    try:
        # httpx follows redirects to http and https only
        with httpx.stream("GET", link, timeout=timeout, follow_redirects=True) as answer:
            if answer.status_code != 200:
                raise _unfetched(link, f"it answered {answer.status_code}")
            yield from answer.iter_bytes(PIECE)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unfetched(link, type(error).__name__) from error


def _copied(link: str) -> Iterator[bytes]:
    path = Path(unquote(urlsplit(link).path))
    try:
        with path.open("rb") as file:
            yield from pieces_of(file)
    except OSError as error:
        message = f"The file {path.name!r} could not be read: {error.strerror}."
        raise MediaError("source_unavailable", message) from error


def _unfetched(link: str, why: str) -> MediaError:
    return MediaError("parameter_invalid", f"The link {without_query(link)} could not be fetched: {why}.")
