"""Media that a verb of the hook sends: a URL, an asset, or a file with random access."""

from __future__ import annotations

import mimetypes
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

from twelvelabs_provider.api.assets import AssetType
from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.embedding.source import MediaSource
from twelvelabs_provider.api.models import Asset
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsSourceChangedError
from twelvelabs_provider.hooks.local_sources import must_be_allowed
from twelvelabs_provider.hooks.object_streams import BLOCK_SIZE, RangeStream

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath

Media: TypeAlias = "str | os.PathLike[str] | ObjectStoragePath | Asset"
"""An http(s) URL, the path or object storage URI of a file, an ``ObjectStoragePath``, an asset, or the id of one."""

_URL = re.compile(r"https?://", re.IGNORECASE)
_ID = re.compile(r"[A-Za-z0-9_-]+")
_LOCAL = ("file://", "local://")


@dataclass(frozen=True)
class MediaFile:
    """A file to send.

    :param path: a ``Path`` or an ``ObjectStoragePath``.
    :param size: bytes.
    :param version: size and time of the last change.
    """

    path: Any = field(repr=False)
    size: int
    version: tuple[int, float]

    @classmethod
    def of(cls, given: str | os.PathLike[str] | ObjectStoragePath) -> MediaFile:
        """Return the file of a path or URI.

        :raises TwelveLabsInputError: it is missing, empty, or no file, or ``[twelvelabs] local_sources`` forbids it.
        """
        path = _path_of(given)
        try:
            found = path.stat()
            is_file = path.is_file()
        except FileNotFoundError:
            raise TwelveLabsInputError(f"There is no file {path.name!r}: check the path.") from None
        if not is_file or not found.st_size:
            raise TwelveLabsInputError(f"{path.name!r} is {'an empty file' if is_file else 'a folder, not a file'}.")
        return cls(path, int(found.st_size), _version(found))

    @property
    def name(self) -> str:
        """The name of the file."""
        return str(self.path.name)

    @property
    def asset_type(self) -> AssetType:
        """Type of its asset, by the suffix; a video where the suffix says nothing."""
        kind = (self._content_type or "video/").partition("/")[0]
        return AssetType(kind) if kind in set(AssetType) else AssetType.VIDEO

    def part(self) -> FilePart:
        """Return the file for a form; it is opened when it is sent."""
        content_type = self._content_type or "application/octet-stream"
        return FilePart(self.name, self._open, self.size, content_type, self.must_be_unchanged)

    def open_range(self, offset: int, size: int) -> BinaryIO:
        """Return a new stream that begins at an offset."""
        if isinstance(self.path, Path) and not hasattr(self.path, "fs"):
            stream = self._open()
            stream.seek(offset)
            return stream
        # Only the range is fetched: a filesystem of object storage reads far ahead.
        return cast("BinaryIO", RangeStream(self._read_range, offset, size, BLOCK_SIZE))

    def must_be_unchanged(self) -> None:
        """Compare the file with what it was.

        :raises TwelveLabsSourceChangedError: its size or its time differs.
        """
        if hasattr(self.path, "fs"):
            # fsspec's cache may be older than the store.
            self.path.fs.invalidate_cache()
        if _version(self.path.stat()) != self.version:
            raise TwelveLabsSourceChangedError(f"{self.name} changed during the upload; a retry sends it again")

    def _open(self) -> BinaryIO:
        stream: BinaryIO = self.path.open("rb")
        return stream

    def _read_range(self, start: int, end: int) -> bytes:
        return bytes(self.path.fs.cat_file(self.path.path, start, end))

    @property
    def _content_type(self) -> str | None:
        return mimetypes.guess_type(self.path.name)[0]


def url_in(media: Media) -> str | None:
    """Return the http(s) URL that a medium is; None for others."""
    return media if isinstance(media, str) and _URL.match(media) else None


def asset_id_in(media: Media) -> str | None:
    """Return the id of the asset that a medium is; None for others.

    A text of letters, digits, ``-`` and ``_`` is an id. A file of such a name is given as ``Path`` or ``./name``.
    """
    if isinstance(media, Asset):
        return media.id
    return media if isinstance(media, str) and _ID.fullmatch(media) else None


def file_in(media: Media) -> MediaFile:
    """Return the file of a medium that is neither a URL nor an asset; see :meth:`MediaFile.of`."""
    if isinstance(media, Asset):
        raise TwelveLabsInputError(f"asset {media.id} is not a file: give a path or a URL.")
    return MediaFile.of(media)


def source_of(media: Media) -> MediaSource:
    """Return a medium for a request that holds it: a URL, an asset, or a file inside the request."""
    if url := url_in(media):
        return MediaSource(url=url)
    if asset_id := asset_id_in(media):
        return MediaSource(asset_id=asset_id)
    return MediaSource(file=file_in(media).part())


def _path_of(given: str | os.PathLike[str] | ObjectStoragePath) -> Any:
    if isinstance(given, str) and "://" in given and not given.startswith(_LOCAL):
        from airflow.sdk import ObjectStoragePath

        return ObjectStoragePath(given)
    if hasattr(given, "fs"):
        # An ObjectStoragePath, which is a Path in some versions and no os.PathLike in others.
        return given
    text = os.fspath(given)
    for scheme in _LOCAL:
        text = text.removeprefix(scheme)
    path = Path(text).expanduser()
    must_be_allowed(path, path.name, "file")
    return path


def _version(found: Any) -> tuple[int, float]:
    return int(found.st_size), float(getattr(found, "st_mtime", 0.0) or 0.0)
