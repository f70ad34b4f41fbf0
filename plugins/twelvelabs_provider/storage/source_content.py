"""Content of local files and stored objects: checks, streams, fingerprints, presigned URLs."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast
from urllib.parse import unquote

from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsSourceChangedError
from twelvelabs_provider.hooks.local_sources import must_be_allowed
from twelvelabs_provider.hooks.object_streams import BLOCK_SIZE, RangeStream, StoreStream
from twelvelabs_provider.storage.filesystems import filesystem_of
from twelvelabs_provider.storage.locations import Location, redact_url
from twelvelabs_provider.storage.store_errors import is_denied, is_for_good, is_missing

_CHECKSUMS = ("md5Hash", "ETag", "etag", "e_tag", "content_md5", "md5", "crc32c", "checksum")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "timeModified", "created")


class Content(Protocol):
    """Bytes of a file or object. Streams fail if the bytes are no longer those of the fingerprint."""

    @property
    def can_sign(self) -> bool:
        """Whether :meth:`sign` returns a URL."""

    def open(self) -> BinaryIO:
        """Return a new stream from the beginning."""

    def open_range(self, start: int, size: int) -> BinaryIO:
        """Return a new stream of a byte range."""

    def current_fingerprint(self) -> str:
        """Return the fingerprint that the file or object has now."""

    def sign(self, seconds: int) -> str:
        """Return a presigned URL that is valid for some seconds."""


@dataclass(frozen=True)
class LocalFile:
    """A file of the machine that runs the task."""

    path: Path
    uri: str
    size: int
    fingerprint: str
    can_sign = False

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.name

    def open(self) -> BinaryIO:
        """Return a new stream from the beginning."""
        stream = self.path.open("rb")
        if _file_fingerprint(os.fstat(stream.fileno())) != self.fingerprint:
            stream.close()
            raise source_changed(self.uri)
        return stream

    def open_range(self, start: int, size: int) -> BinaryIO:
        """Return a new stream that starts at an offset."""
        stream = self.open()
        stream.seek(start)
        return stream

    def current_fingerprint(self) -> str:
        """Return the fingerprint that the file has now."""
        return _file_fingerprint(self.path.stat())

    def sign(self, seconds: int) -> str:
        """Raise: no URL leads to a local file."""
        raise NotImplementedError


@dataclass(frozen=True)
class StoredObject:
    """An object behind an fsspec filesystem."""

    filesystem: Any
    path: str
    uri: str
    size: int
    fingerprint: str
    what: str

    @property
    def name(self) -> str:
        """Last part of the object's key."""
        return self.path.rstrip("/").rpartition("/")[2]

    @property
    def can_sign(self) -> bool:
        """Whether the filesystem implements presigned URLs."""
        from fsspec import AbstractFileSystem

        return getattr(type(self.filesystem), "sign", AbstractFileSystem.sign) is not AbstractFileSystem.sign

    def open(self) -> BinaryIO:
        """Return a new stream from the beginning."""
        try:
            handle = self.filesystem.open(self.path, "rb", block_size=BLOCK_SIZE)
            details = getattr(handle, "details", None)
            if isinstance(details, Mapping) and fingerprint_of(details) != self.fingerprint:
                handle.close()
                raise source_changed(self.uri)
            return cast("BinaryIO", StoreStream(handle))
        except TwelveLabsSourceChangedError:
            raise
        except Exception as error:
            # The object may have vanished since the check.
            if refusal := _refusal(error, self.uri, self.what):
                raise refusal from error
            raise

    def open_range(self, start: int, size: int) -> BinaryIO:
        """Return a new stream of a byte range; nothing else is fetched."""
        return cast("BinaryIO", RangeStream(self._read_range, start, size, BLOCK_SIZE))

    def current_fingerprint(self) -> str:
        """Return the fingerprint that the object has now."""
        # fsspec's cache may be older than the store.
        self.filesystem.invalidate_cache(self.path)
        return fingerprint_of(self.filesystem.info(self.path))

    def sign(self, seconds: int) -> str:
        """Return a presigned URL."""
        return str(self.filesystem.sign(self.path, expiration=seconds))

    def _read_range(self, start: int, end: int) -> bytes:
        return bytes(self.filesystem.cat_file(self.path, start=start, end=end))


def local_file(location: Location, what: str, *, is_sent: bool) -> LocalFile:
    """Return a local file, checked to be readable.

    :param is_sent: the file is sent to the service, so ``[twelvelabs] local_sources`` applies.
    :raises TwelveLabsInputError: it is missing, empty, no regular file, unreadable, or not allowed.
    """
    path = _existing(location.local_path, decode=location.scheme != "")
    uri = f"file://{path}"
    # A signed URL without a scheme is read as a path.
    shown = redact_url(uri)
    if is_sent:
        must_be_allowed(path, shown, what)
    try:
        facts = path.stat()
        _refuse_unless_file(facts.st_mode, uri, what)
        _refuse_empty(facts.st_size, uri, what)
        with path.open("rb"):
            pass
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(shown, what) from None
    except OSError as error:
        if not is_for_good(error):
            raise
        raise TwelveLabsInputError(
            f"The {what} cannot be read ({error.strerror}): {shown!r}. Let the user that runs Airflow's tasks read it."
        ) from error
    return LocalFile(path, uri, facts.st_size, _file_fingerprint(facts))


def stored_object(location: Location, what: str) -> StoredObject:
    """Return an object in storage, checked to be readable.

    :raises TwelveLabsInputError: it is missing, empty, a directory or unreadable, or its store cannot be used.
    """
    shown = location.shown
    filesystem, path = filesystem_of(location, what)
    try:
        info = filesystem.info(path)
        _refuse_directory(info.get("type") == "directory", shown, what)
        size = info["size"] if info.get("size") is not None else _measured(filesystem, path)
        _refuse_empty(size, shown, what)
        # Metadata may be readable where the object is not (encryption key, archive tier).
        filesystem.cat_file(path, start=0, end=1)
    except TwelveLabsInputError:
        raise
    except Exception as error:
        if refusal := _refusal(error, shown, what):
            raise refusal from error
        # Other errors may pass: they go through, so that Airflow retries the task.
        error.add_note(f"while looking at the {what} {shown!r}")
        raise
    return StoredObject(filesystem, path, shown, size, fingerprint_of(info), what)


def source_changed(uri: str) -> TwelveLabsSourceChangedError:
    """Return the error for a file or object whose content changed after the check.

    :param uri: without credentials.
    """
    return TwelveLabsSourceChangedError(
        f"{uri!r} changed while it was sent; nothing was indexed or billed. A retry sends the new content: wait until"
        " no process writes to it"
    )


def fingerprint_of(info: Mapping[str, Any]) -> str:
    """Return the fingerprint of an object from its store's metadata: the checksum, else size and time."""
    for name in _CHECKSUMS:
        if checksum := info.get(name):
            return str(checksum).strip('"')
    changed = next((info[name] for name in _TIMES if info.get(name)), "")
    stamp = changed.isoformat() if isinstance(changed, datetime) else changed
    return f"{info.get('size')}-{stamp}"


def _file_fingerprint(facts: os.stat_result) -> str:
    return f"{facts.st_size}-{facts.st_mtime_ns}"


def _existing(path: Path, *, decode: bool) -> Path:
    """Return ``path``, or the decoded path if a ``file://`` URI is percent-encoded (``Path.as_uri`` does that)."""
    if decode and not os.path.lexists(path) and os.path.lexists(decoded := unquote(str(path))):
        return Path(decoded)
    return path


def _measured(filesystem: Any, path: str) -> int:
    """Return the size of a file whose store does not report it; an upload must announce it."""
    with filesystem.open(path, "rb") as stream:
        return int(stream.seek(0, os.SEEK_END))


def _refusal(error: Exception, shown: str, what: str) -> TwelveLabsInputError | None:
    if is_missing(error):
        return _missing(shown, what)
    if is_denied(error):
        return TwelveLabsInputError(
            f"The {what} cannot be read: access denied to {shown!r}. Allow the connection's account to read it."
        )
    return None


def _refuse_unless_file(mode: int, shown: str, what: str) -> None:
    _refuse_directory(stat.S_ISDIR(mode), shown, what)
    if not stat.S_ISREG(mode):
        raise TwelveLabsInputError(f"The {what} is not a regular file but a device, a pipe or a socket: {shown!r}.")


def _refuse_directory(is_directory: bool, shown: str, what: str) -> None:
    if is_directory:
        raise TwelveLabsInputError(f"The {what} is a directory: {shown!r}. Name one file in it.")


def _refuse_empty(size: int, shown: str, what: str) -> None:
    if size == 0:
        raise TwelveLabsInputError(f"The {what} is empty (0 bytes): {shown!r}. Was it still being written?")


def _missing(shown: str, what: str) -> TwelveLabsInputError:
    return TwelveLabsInputError(
        f"The {what} does not exist: {shown!r}. Give a path that the worker can see, a URL, or an object storage URI."
    )
