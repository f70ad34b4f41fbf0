"""Result store in object storage, through Airflow's filesystems."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Iterator
from typing import IO, Any, cast

from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsOutputError
from twelvelabs_provider.hooks.object_streams import BLOCK_SIZE
from twelvelabs_provider.storage.log_redaction import hide_upload_sessions, silence_upload_sessions
from twelvelabs_provider.storage.store_errors import is_denied, is_missing

log = logging.getLogger(__name__)


class ObjectStore:
    """A prefix in a bucket, or a folder on a server.

    :param filesystem: an fsspec filesystem.
    :param root: path within it, without a slash at the end.
    :param whole_objects: an upload becomes visible in one step, when it is completed; elsewhere a rename does it.
    :param shown: the URI without connection id.
    :param conn_id: the Airflow connection; empty for the default one.
    """

    def __init__(self, filesystem: Any, root: str, *, whole_objects: bool, shown: str, conn_id: str = "") -> None:
        self.conn_id = conn_id
        self._filesystem = filesystem
        self._root = root
        self._whole_objects = whole_objects
        self._shown = shown
        silence_upload_sessions()

    def create(self, name: str) -> StreamedUpload | RenamedUpload:
        """Start an upload."""
        path = f"{self._root}/{name}"
        if self._whole_objects:
            return StreamedUpload(self._filesystem, path)
        self._filesystem.makedirs(_parent(path), exist_ok=True)
        return RenamedUpload(self._filesystem, path)

    def open(self, name: str) -> IO[bytes] | None:
        """Open an object if it exists."""
        path = f"{self._root}/{name}"
        # fsspec's cache of the folder may be older than the store.
        self._filesystem.invalidate_cache(_parent(path))
        try:
            return cast("IO[bytes]", self._filesystem.open(path, "rb"))
        except Exception as error:
            if is_missing(error):
                return None
            raise

    def remove(self, name: str) -> None:
        """Remove an object if it exists."""
        _remove(self._filesystem, f"{self._root}/{name}")

    def uri(self, name: str) -> str:
        """Return the address without connection id."""
        return f"{self._shown}/{name}"

    def check(self) -> None:
        """Start an upload and abort it: this checks the bucket and the permission to write, and leaves no object.

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
        # fsspec keeps such files for its next transaction, which would commit this one.
        with contextlib.suppress(ValueError, AttributeError):
            self._filesystem.transaction.files.remove(handle)
        try:
            handle.write(b"\0")
            handle.flush(force=True)
        finally:
            _abandon(handle)
        # adlfs ignores autocommit: there the flush has created the object.
        _remove(self._filesystem, path)


class StreamedUpload:
    """An upload to the final name, which becomes visible when the stream is closed.

    Every close is a commit: a ``with`` block or garbage collection would publish half a file.

    The unfinished upload of a killed process is invisible, and a retry starts a new one. Google and Azure drop it after
    a week, Azure also when the next upload of the same name is completed. S3 keeps and bills it until a lifecycle rule
    of the bucket (``AbortIncompleteMultipartUpload``) removes it.
    """

    def __init__(self, filesystem: Any, path: str) -> None:
        self._handle = filesystem.open(path, "wb", block_size=BLOCK_SIZE, autocommit=True)
        self._done = False

    def write(self, data: bytes) -> None:
        """Add bytes at the end; full blocks are sent at once."""
        self._handle.write(data)

    def commit(self) -> None:
        """Complete the upload."""
        self._handle.close()
        self._done = True

    def discard(self) -> None:
        """Abort the upload, so that the store drops its parts."""
        if not self._done:
            _abandon(self._handle)


class RenamedUpload:
    """A hidden file beside the final one, renamed at the end: for stores that show incomplete files."""

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
    """Abort an fsspec upload."""
    # Marked as closed first: a close, also by garbage collection, would complete the upload.
    handle.closed = True
    with _logged("abandon the upload of", handle.path):
        handle.discard()


def _remove(filesystem: Any, path: str) -> None:
    """Remove a file without an existence check: one request instead of three in most stores."""
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
    """Log an error of the clean-up, so that it does not hide the first error."""
    try:
        yield
    except Exception as error:
        hide_upload_sessions(error)
        log.warning("Could not %s %s: %s", action, path, error)
