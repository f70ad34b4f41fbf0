"""Downloads from HTTP URLs and connected folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from twelvelabs_local.errors import MediaError
from twelvelabs_local.store.media_files import CHUNK_BYTES, read_chunks

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0


def is_url(text: str) -> bool:
    """Return whether a text is an http or https URL with a host."""
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def redacted_url(url: str) -> str:
    """Return a URL without user, query and fragment: a presigned URL must not appear in messages."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def filename_of(url: str) -> str:
    """Return the file name in a URL."""
    return Path(urlsplit(url).path).name or "video"


def download(url: str) -> Iterator[bytes]:
    """Download a file in chunks.

    :param url: an http or https URL, or the file URL of a file in a connected folder. Clients cannot send file URLs.
    :raises MediaError: when the download fails.
    """
    if url.startswith("file:"):
        yield from _read_file(url)
        return
    import httpx

    timeout = httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT)
    try:
        # httpx follows redirects to http and https only
        with httpx.stream("GET", url, timeout=timeout, follow_redirects=True) as response:
            if response.status_code != 200:
                raise _failed(url, f"it answered {response.status_code}")
            yield from response.iter_bytes(CHUNK_BYTES)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _failed(url, type(error).__name__) from error


def _read_file(url: str) -> Iterator[bytes]:
    path = Path(unquote(urlsplit(url).path))
    try:
        with path.open("rb") as file:
            yield from read_chunks(file)
    except OSError as error:
        message = f"The file {path.name!r} could not be read: {error.strerror}."
        raise MediaError("source_unavailable", message) from error


def _failed(url: str, why: str) -> MediaError:
    return MediaError("parameter_invalid", f"The link {redacted_url(url)} could not be fetched: {why}.")
