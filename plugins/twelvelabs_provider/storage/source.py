"""Where an input comes from: a URL that the service fetches, a local file, or an object in storage."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import SplitResult, unquote, urlsplit

from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import TwelveLabsTransientError
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsSourceChangedError
from twelvelabs_provider.storage.local_sources import must_be_allowed
from twelvelabs_provider.storage.locations import (
    display_uri,
    filesystem_of,
    is_local,
    is_url,
    local_path,
    place_text,
    redact_url,
    scheme_of,
    unsigned_query,
)
from twelvelabs_provider.storage.ranges import RangeStream, ReadRange, StoreStream
from twelvelabs_provider.storage.store_errors import is_denied, is_for_good, is_missing

__all__ = ["Source", "fingerprint_of", "meaning_of", "redact_url", "resolve_source"]

BLOCK_SIZE = 8 * 2**20
"""Bytes fetched at once from object storage: small enough to look into a header, large enough to stream."""

_UNSAFE_IN_URL = re.compile(r"[\s\x00-\x1f\x7f<>\"\\^`{|}]")
_CHECKSUMS = ("md5Hash", "ETag", "etag", "e_tag", "content_md5", "md5", "crc32c", "checksum")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "timeModified", "created")


@dataclass(frozen=True)
class Source:
    """An input that exists and can be read, or a URL that is left to the service.

    :param uri: address that may be shown and stored: no user info, no query string, no connection id.
    :param filename: last part of the path.
    :param size: bytes; None for URLs only.
    :param fingerprint: changes when the content changes: the store's checksum, else ``size-mtime``; of a URL the
        address, with a digest of the query parameters that are not a signature (``watch?v=a`` is not ``watch?v=b``).
    :param url: the full URL of an http(s) source; it may be signed, so it is not part of the ``repr``.
    :param read_range: fetches a stretch of an object from one offset up to another; None for files and URLs.
    :param signer: has the store sign a link that is good for some seconds; None where it signs none.
    :param look: returns the fingerprint that the file or object has now; None for URLs.
    """

    uri: str
    filename: str
    size: int | None
    fingerprint: str
    url: str | None = field(default=None, repr=False)
    opener: Callable[[], BinaryIO] | None = field(default=None, repr=False, compare=False)
    read_range: ReadRange | None = field(default=None, repr=False, compare=False)
    signer: Callable[[int], str] | None = field(default=None, repr=False, compare=False)
    look: Callable[[], str] | None = field(default=None, repr=False, compare=False)

    @property
    def is_url(self) -> bool:
        """Whether the service is to fetch this itself."""
        return self.url is not None

    def open(self) -> BinaryIO:
        """A fresh binary stream from the beginning; seekable where the store can.

        :raises TwelveLabsInputError: the source is a URL.
        """
        if self.opener is None:
            raise TwelveLabsInputError(f"{self.uri!r} is a URL: it is fetched by the service and not read here.")
        return self.opener()

    def open_range(self, start: int, size: int) -> BinaryIO:
        """A fresh binary stream of a stretch; what lies before and behind it is not fetched from a store.

        :param start: bytes before the stretch.
        :param size: bytes of the stretch, for a store; a local file can be read beyond.
        :raises TwelveLabsInputError: the source is a URL.
        """
        if self.read_range is not None:
            return cast("BinaryIO", RangeStream(self.read_range, start, size, BLOCK_SIZE))
        stream = self.open()
        stream.seek(start)
        return stream

    def must_be_unchanged(self) -> None:
        """Make sure that the content is still the one of the fingerprint; nothing is known of a URL.

        :raises TwelveLabsSourceChangedError: it was replaced or removed.
        :raises TwelveLabsTransientError: it cannot be looked at now.
        """
        if self.look is None:
            return
        try:
            now = self.look()
        except Exception as error:
            if is_missing(error):
                raise source_changed(self.uri) from None
            raise TwelveLabsTransientError(
                f"{self.uri!r} cannot be compared with what was sent ({type(error).__name__}); a retry looks again"
            ) from error
        if now != self.fingerprint:
            raise source_changed(self.uri)

    def file_part(self) -> FilePart:
        """The file as a part of a form; a content that changes meanwhile is not sent to its end.

        :raises TwelveLabsInputError: the source is a URL.
        """
        return FilePart(self.filename, self.open, self.size or 0, verify=self.must_be_unchanged)


def source_changed(uri: str) -> TwelveLabsSourceChangedError:
    """Return the error for a file or object that is not the one that was looked at.

    :param uri: as it may be shown.
    """
    return TwelveLabsSourceChangedError(
        f"{uri!r} changed while it was sent; nothing was indexed or billed. A retry sends its new content: wait until"
        " nothing writes to it any more"
    )


def resolve_source(value: str | os.PathLike[str], *, what: str = "video", is_sent: bool = True) -> Source:
    """Find out what an input is and that it can be read, before anything is sent.

    :param value: http(s) URL, ``file://`` URI, local path, any object storage URI that Airflow knows, a ``Path`` or an
        ``ObjectStoragePath``.
    :param what: the word for it in errors ("video", "transcription").
    :param is_sent: the file itself goes to the service, so ``[twelvelabs] local_sources`` applies; False for a list.
    :raises TwelveLabsInputError: it is empty, malformed, missing, a directory, unreadable, or of an unknown scheme.
    """
    value = place_text(value)
    if not value.strip():
        raise TwelveLabsInputError(f"The {what} is empty: give a URL, a path, or an object storage URI.")
    if is_url(value):
        return _from_url(value, what)
    if is_local(value):
        return _from_file(value, what, is_sent=is_sent)
    return _from_store(value, what)


def meaning_of(value: str) -> str:
    """Return what a path, URI or URL means, whoever's signature opens it: the same for a URL that was signed anew."""
    if not is_url(value):
        return value
    query = unsigned_query(value)
    digest = "#" + hashlib.sha256(repr(query).encode()).hexdigest()[:16] if query else ""
    return redact_url(value) + digest


def meanings(value: Any) -> Any:
    """Return what an argument means: every address in it without its signature."""
    if isinstance(value, str):
        return meaning_of(value)
    if isinstance(value, Mapping):
        return {name: meanings(inner) for name, inner in value.items()}
    return [meanings(inner) for inner in value] if isinstance(value, list | tuple) else value


def _from_url(url: str, what: str) -> Source:
    parts = _split(url, what)
    uri = redact_url(url)
    name = unquote(parts.path).rstrip("/").rpartition("/")[2] or str(parts.hostname)
    return Source(uri=uri, filename=_printable(name), size=None, fingerprint=meaning_of(url), url=url)


def _split(url: str, what: str) -> SplitResult:
    shown = redact_url(url)
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        # The message of urlsplit may quote the user info, and so does its traceback.
        raise TwelveLabsInputError(f"The {what} URL {shown!r} is malformed: its host or port cannot be read.") from None
    if not scheme_of(url) or not host or port == 0:
        raise TwelveLabsInputError(f"The {what} URL {shown!r} is malformed: write https://host/path.")
    if _UNSAFE_IN_URL.search(url):
        raise TwelveLabsInputError(
            f"The {what} URL {shown!r} is malformed: percent-encode spaces and special characters."
        )
    return parts


def _from_file(value: str, what: str, *, is_sent: bool) -> Source:
    path = _existing(local_path(value), decode=scheme_of(value) != "")
    shown = display_uri(str(path))
    if is_sent:
        must_be_allowed(path, redact_url(shown), what)
    try:
        facts = path.stat()
        _refuse_unless_file(facts.st_mode, shown, what)
        _refuse_empty(facts.st_size, shown, what)
        with path.open("rb"):
            pass
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(redact_url(shown), what) from None
    except OSError as error:
        if not is_for_good(error):
            raise
        raise TwelveLabsInputError(
            f"The {what} {redact_url(shown)!r} cannot be read: {error.strerror}. "
            "Let the user that runs Airflow's tasks read it."
        ) from error
    fingerprint = _file_fingerprint(facts)

    def opener() -> BinaryIO:
        stream = path.open("rb")
        if _file_fingerprint(os.fstat(stream.fileno())) != fingerprint:
            stream.close()
            raise source_changed(shown)
        return stream

    return Source(
        uri=shown,
        filename=_printable(path.name),
        size=facts.st_size,
        fingerprint=fingerprint,
        opener=opener,
        look=lambda: _file_fingerprint(path.stat()),
    )


def _file_fingerprint(facts: os.stat_result) -> str:
    return f"{facts.st_size}-{facts.st_mtime_ns}"


def _existing(path: Path, *, decode: bool) -> Path:
    """``path``, or what it means when a ``file://`` URI came percent-encoded (``Path.as_uri`` does that)."""
    if decode and not os.path.lexists(path) and os.path.lexists(decoded := unquote(str(path))):
        return Path(decoded)
    return path


def _from_store(value: str, what: str) -> Source:
    shown = redact_url(value)
    filesystem, path = filesystem_of(value, what)
    try:
        info = filesystem.info(path)
        _refuse_directory(info.get("type") == "directory", shown, what)
        size = info["size"] if info.get("size") is not None else _measured(filesystem, path)
        _refuse_empty(size, shown, what)
        # Metadata may be readable where the object is not (key of the encryption, archive tier).
        filesystem.cat_file(path, start=0, end=1)
    except TwelveLabsInputError:
        raise
    except Exception as error:
        if refusal := _refusal(error, shown, what):
            raise refusal from error
        # It may pass: left as it is, so that the task is retried.
        error.add_note(f"while looking at the {what} {shown!r}")
        raise

    fingerprint = fingerprint_of(info)

    def opener() -> BinaryIO:
        try:
            handle = filesystem.open(path, "rb", block_size=BLOCK_SIZE)
            details = getattr(handle, "details", None)
            if isinstance(details, Mapping) and fingerprint_of(details) != fingerprint:
                handle.close()
                raise source_changed(shown)
            return cast("BinaryIO", StoreStream(handle))
        except TwelveLabsSourceChangedError:
            raise
        except Exception as error:
            # It may have vanished since it was looked at.
            if refusal := _refusal(error, shown, what):
                raise refusal from error
            raise

    def look() -> str:
        # What fsspec remembers may be older than the store.
        filesystem.invalidate_cache(path)
        return fingerprint_of(filesystem.info(path))

    def read_range(start: int, end: int) -> bytes:
        return bytes(filesystem.cat_file(path, start=start, end=end))

    name = _printable(path.rstrip("/").rpartition("/")[2])
    return Source(
        uri=shown,
        filename=name,
        size=size,
        fingerprint=fingerprint,
        opener=opener,
        read_range=read_range,
        look=look,
        signer=_signer(filesystem, path),
    )


def _signer(filesystem: Any, path: str) -> Callable[[int], str] | None:
    from fsspec import AbstractFileSystem  # type: ignore[import-untyped]

    if getattr(type(filesystem), "sign", AbstractFileSystem.sign) is AbstractFileSystem.sign:
        return None
    return lambda seconds: str(filesystem.sign(path, expiration=seconds))


def _measured(filesystem: Any, path: str) -> int:
    """Size of a file in a store that does not say it; an upload has to announce it."""
    with filesystem.open(path, "rb") as stream:
        return int(stream.seek(0, os.SEEK_END))


def _refusal(error: Exception, shown: str, what: str) -> TwelveLabsInputError | None:
    if is_missing(error):
        return _missing(shown, what)
    if is_denied(error):
        return TwelveLabsInputError(
            f"The {what} {shown!r} cannot be read: access denied. Give the connection's account leave to read it."
        )
    return None


def fingerprint_of(info: Mapping[str, Any]) -> str:
    """What changes when an object does, of what a store says of it: its checksum, else size and time."""
    for name in _CHECKSUMS:
        if checksum := info.get(name):
            return str(checksum).strip('"')
    changed = next((info[name] for name in _TIMES if info.get(name)), "")
    stamp = changed.isoformat() if isinstance(changed, datetime) else changed
    return f"{info.get('size')}-{stamp}"


def _refuse_unless_file(mode: int, shown: str, what: str) -> None:
    _refuse_directory(stat.S_ISDIR(mode), shown, what)
    if not stat.S_ISREG(mode):
        raise TwelveLabsInputError(f"The {what} {shown!r} is not a regular file (a device, a pipe or a socket).")


def _refuse_directory(is_directory: bool, shown: str, what: str) -> None:
    if is_directory:
        raise TwelveLabsInputError(f"The {what} {shown!r} is a directory: name one file in it.")


def _refuse_empty(size: int, shown: str, what: str) -> None:
    if size == 0:
        raise TwelveLabsInputError(f"The {what} {shown!r} is empty (0 bytes): was it still being written?")


def _missing(shown: str, what: str) -> TwelveLabsInputError:
    return TwelveLabsInputError(
        f"The {what} {shown!r} does not exist. Give a path that the worker can see, a URL, or an object storage URI."
    )


def _printable(name: str) -> str:
    return "".join(character if character.isprintable() else "_" for character in name)
