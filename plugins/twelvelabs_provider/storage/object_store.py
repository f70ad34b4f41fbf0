"""Results in object storage, through the filesystem that Airflow has for its scheme."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Iterator
from typing import IO, Any, cast

from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsOutputError
from twelvelabs_provider.storage.log_redaction import hide_upload_sessions, silence_upload_sessions
from twelvelabs_provider.storage.source import BLOCK_SIZE
from twelvelabs_provider.storage.store_errors import is_denied, is_missing

log = logging.getLogger(__name__)

_WHOLE_OBJECTS = frozenset({"s3", "s3a", "s3n", "gs", "gcs", "abfs", "abfss", "adl", "az"})
"""Schemes whose uploads become visible in one step, when they are completed; elsewhere a rename has to do it."""


class ObjectStore:
    """A prefix in a bucket, or a folder on a server.

    :param filesystem: an fsspec filesystem.
    :param root: path within it, without a slash at the end.
    :param scheme: scheme of the URI; it tells how a file becomes visible.
    :param shown: the URI without connection id.
    """

    def __init__(self, filesystem: Any, root: str, *, scheme: str, shown: str) -> None:
        self._filesystem = filesystem
        self._root = root
        self._whole_objects = scheme in _WHOLE_OBJECTS
        self._shown = shown
        silence_upload_sessions()

    def create(self, name: str) -> StreamedUpload | RenamedUpload:
        """Begin an upload."""
        path = f"{self._root}/{name}"
        if self._whole_objects:
            return StreamedUpload(self._filesystem, path)
        self._filesystem.makedirs(_parent(path), exist_ok=True)
        return RenamedUpload(self._filesystem, path)

    def open(self, name: str) -> IO[bytes] | None:
        """Open an object if it is there."""
        path = f"{self._root}/{name}"
        # What fsspec remembers of the folder may be older than the store.
        self._filesystem.invalidate_cache(_parent(path))
        try:
            return cast("IO[bytes]", self._filesystem.open(path, "rb"))
        except Exception as error:
            if is_missing(error):
                return None
            raise

    def remove(self, name: str) -> None:
        """Remove an object if it is there."""
        _remove(self._filesystem, f"{self._root}/{name}")

    def uri(self, name: str) -> str:
        """Address without connection id."""
        return f"{self._shown}/{name}"

    def check(self) -> None:
        """Begin an upload and abandon it: that asks for the bucket and for the right to write, and leaves no object.

        :raises TwelveLabsInputError: the bucket is missing, access is denied, or a file is in the way.
        :raises TwelveLabsOutputError: the store does not answer; a retry may help.
        """
        try:
            if self._filesystem.isfile(self._root):
                raise TwelveLabsInputError(f"The output path {self._shown!r} cannot be written: it is a file.")
            folder = self._root if self._whole_objects else self._nearest_folder()
            self._try_upload(f"{folder}/.twelvelabs-{secrets.token_hex(6)}.probe")
        except TwelveLabsInputError:
            raise
        except Exception as error:
            hide_upload_sessions(error)
            raise self._unwritable(error) from error

    def _unwritable(self, error: Exception) -> TwelveLabsInputError | TwelveLabsOutputError:
        failed = f"The output path {self._shown!r} cannot be written"
        if isinstance(error, FileExistsError):
            return TwelveLabsInputError(f"{failed}: a file is in the way of a folder.")
        if is_missing(error):
            return TwelveLabsInputError(f"{failed}: the bucket or container does not exist; create it first.")
        if is_denied(error):
            return TwelveLabsInputError(f"{failed}: access denied; let the connection's account write there.")
        return TwelveLabsOutputError(f"{failed} now: {type(error).__name__}: {error}. A retry may help.")

    def _nearest_folder(self) -> str:
        folder = self._root
        while folder.strip("/") and not self._filesystem.exists(folder):
            folder = _parent(folder)
        if folder.strip("/") and self._filesystem.isfile(folder):
            raise FileExistsError(folder)
        return folder.rstrip("/")

    def _try_upload(self, path: str) -> None:
        if not self._whole_objects:
            RenamedUpload(self._filesystem, path).discard()
            return
        handle = self._filesystem.open(path, "wb", autocommit=False)
        # fsspec remembers such files for its next transaction, which would commit this one.
        with contextlib.suppress(ValueError, AttributeError):
            self._filesystem.transaction.files.remove(handle)
        try:
            handle.write(b"\0")
            handle.flush(force=True)
        finally:
            _abandon(handle)
        # adlfs takes no notice of autocommit: there the flush has made the object.
        _remove(self._filesystem, path)


class StreamedUpload:
    """One upload to the final name, which the store makes visible when the stream is closed.

    Closing is the commit, on every way out: a ``with`` block or a garbage-collected handle would publish half a file.

    What a killed process had begun is seen by nobody, and a retry begins anew. Google drops it after a week; Azure does
    too, or when the next upload of the same name is completed; S3 keeps it, at the price of storage, until a lifecycle
    rule of the bucket (``AbortIncompleteMultipartUpload``) takes it away.
    """

    def __init__(self, filesystem: Any, path: str) -> None:
        self._handle = filesystem.open(path, "wb", block_size=BLOCK_SIZE, autocommit=True)
        self._done = False

    def write(self, data: bytes) -> None:
        """Add bytes at the end; full blocks go out at once."""
        self._handle.write(data)

    def commit(self) -> None:
        """Complete the upload."""
        self._handle.close()
        self._done = True

    def discard(self) -> None:
        """Abandon the upload, so that the store forgets its parts."""
        if not self._done:
            _abandon(self._handle)


class RenamedUpload:
    """A hidden file beside the final one, renamed at the end: for stores that show files while they grow."""

    def __init__(self, filesystem: Any, path: str) -> None:
        folder, _, name = path.rpartition("/")
        self._filesystem = filesystem
        self._path = path
        self._temporary = f"{folder}/.{name}.{secrets.token_hex(6)}.tmp"
        self._handle = filesystem.open(self._temporary, "wb")
        self._done = False

    def write(self, data: bytes) -> None:
        """Add bytes at the end."""
        self._handle.write(data)

    def commit(self) -> None:
        """Close the hidden file and give it its name."""
        self._handle.close()
        try:
            self._filesystem.mv(self._temporary, self._path)
        except FileExistsError:  # some servers do not rename onto a file
            self._filesystem.rm_file(self._path)
            self._filesystem.mv(self._temporary, self._path)
        self._done = True

    def discard(self) -> None:
        """Remove the hidden file."""
        if self._done:
            return
        with _logged("close", self._temporary):
            self._handle.close()
        with _logged("remove", self._temporary):
            _remove(self._filesystem, self._temporary)


def _abandon(handle: Any) -> None:
    """End an fsspec upload without completing it."""
    # Marked as closed first: closing, which garbage collection does too, would complete it.
    handle.closed = True
    with _logged("abandon the upload of", handle.path):
        handle.discard()


def _remove(filesystem: Any, path: str) -> None:
    """Remove a file without asking first whether it is there: one request instead of three in most stores."""
    try:
        filesystem.rm_file(path)
    except Exception as error:
        if not is_missing(error):
            raise
    finally:
        filesystem.invalidate_cache(_parent(path))


def _parent(path: str) -> str:
    return path.rstrip("/").rpartition("/")[0]


@contextlib.contextmanager
def _logged(action: str, path: str) -> Iterator[None]:
    """Cleaning up must not hide the error that made it necessary."""
    try:
        yield
    except Exception as error:
        hide_upload_sessions(error)
        log.warning("Could not %s %s: %s", action, path, error)
