"""Input files: a URL that the service fetches, a local file, or an object in storage."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import SplitResult, unquote, urlsplit

from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import TwelveLabsTransientError
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.locations import Location
from twelvelabs_provider.storage.source_content import Content, local_file, source_changed, stored_object
from twelvelabs_provider.storage.store_errors import is_missing

__all__ = ["Source", "resolve_source", "source_changed"]

_UNSAFE_IN_URL = re.compile(r"[\s\x00-\x1f\x7f<>\"\\^`{|}]")


@dataclass(frozen=True)
class Source:
    """An input that exists and can be read, or a URL that the service fetches.

    :param uri: address to show and store: no user info, no query string, no connection id.
    :param filename: last part of the path.
    :param size: bytes; None for URLs only.
    :param fingerprint: changes when the content changes: the store's checksum, else ``size-mtime``; for a URL the
        address, with a digest of the query parameters that are not a signature (``watch?v=a`` is not ``watch?v=b``).
    :param url: the full URL of an http(s) source; it may be signed, so it is not part of the ``repr``.
    :param content: reads the file or object; None for URLs.
    """

    uri: str
    filename: str
    size: int | None
    fingerprint: str
    url: str | None = field(default=None, repr=False)
    content: Content | None = field(default=None, repr=False, compare=False)

    @property
    def is_url(self) -> bool:
        """Whether the service fetches this itself."""
        return self.url is not None

    @property
    def can_sign(self) -> bool:
        """Whether the store of the object can presign URLs."""
        return self.content is not None and self.content.can_sign

    def open(self) -> BinaryIO:
        """Return a new binary stream from the beginning; seekable where the store is.

        :raises TwelveLabsInputError: the source is a URL.
        :raises TwelveLabsSourceChangedError: the content changed.
        """
        return self._readable().open()

    def open_range(self, start: int, size: int) -> BinaryIO:
        """Return a new binary stream of a byte range; nothing else is fetched from a store.

        :param start: offset of the first byte.
        :param size: bytes of the range, for a store; a local file can be read beyond.
        :raises TwelveLabsInputError: the source is a URL.
        """
        return self._readable().open_range(start, size)

    def must_be_unchanged(self) -> None:
        """Check that the content still has the fingerprint; URLs are not checked.

        :raises TwelveLabsSourceChangedError: it was replaced or removed.
        :raises TwelveLabsTransientError: the store cannot be asked now.
        """
        if self.content is None:
            return
        try:
            current = self.content.current_fingerprint()
        except Exception as error:
            if is_missing(error):
                raise source_changed(self.uri) from None
            raise TwelveLabsTransientError(
                f"{self.uri!r} cannot be compared with what was sent ({type(error).__name__}); a retry checks again"
            ) from error
        if current != self.fingerprint:
            raise source_changed(self.uri)

    def file_part(self) -> FilePart:
        """Return the file as a form part; its upload fails if the content changes meanwhile.

        :raises TwelveLabsInputError: the source is a URL.
        """
        return FilePart(self.filename, self.open, self.size or 0, verify=self.must_be_unchanged)

    def _readable(self) -> Content:
        if self.content is None:
            raise TwelveLabsInputError(f"{self.uri!r} is a URL: it is fetched by the service and not read here.")
        return self.content


def resolve_source(value: str | os.PathLike[str], *, what: str = "video", is_sent: bool = True) -> Source:
    """Return the source behind a value, checked to be readable.

    :param value: http(s) URL, ``file://`` URI, local path, any object storage URI that Airflow knows, a ``Path`` or an
        ``ObjectStoragePath``.
    :param what: the word for it in errors ("video", "transcription").
    :param is_sent: the file is sent to the service, so ``[twelvelabs] local_sources`` applies; False for a list.
    :raises TwelveLabsInputError: it is empty, malformed, missing, a directory, unreadable, or has an unknown scheme.
    """
    location = Location.parse(value)
    if not location.value.strip():
        raise TwelveLabsInputError(f"The {what} is empty: give a URL, a path, or an object storage URI.")
    if location.is_url:
        return _url_source(location, what)
    content = local_file(location, what, is_sent=is_sent) if location.is_local else stored_object(location, what)
    return Source(content.uri, _printable(content.name), content.size, content.fingerprint, content=content)


def _url_source(location: Location, what: str) -> Source:
    parts = _split(location, what)
    name = unquote(parts.path).rstrip("/").rpartition("/")[2] or str(parts.hostname)
    return Source(location.uri, _printable(name), None, location.unsigned, url=location.value)


def _split(location: Location, what: str) -> SplitResult:
    shown = location.shown
    try:
        parts = urlsplit(location.value)
        port, host = parts.port, parts.hostname
    except ValueError:
        # The message of urlsplit may quote the user info, and so does its traceback.
        raise TwelveLabsInputError(f"The {what} URL {shown!r} is malformed: its host or port cannot be read.") from None
    if not location.scheme or not host or port == 0:
        raise TwelveLabsInputError(f"The {what} URL {shown!r} is malformed: write https://host/path.")
    if _UNSAFE_IN_URL.search(location.value):
        raise TwelveLabsInputError(
            f"The {what} URL {shown!r} is malformed: percent-encode spaces and special characters."
        )
    return parts


def _printable(name: str) -> str:
    return "".join(character if character.isprintable() else "_" for character in name)
