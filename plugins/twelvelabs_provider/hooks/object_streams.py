"""Binary streams of stored objects and byte ranges; every store error becomes an ``OSError``."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

BLOCK_SIZE = 8 * 2**20
"""Bytes of one request to object storage: small enough to read a header, large enough to stream."""

ReadRange = Callable[[int, int], bytes]


class RangeStream(io.RawIOBase):
    """Stream of a byte range, fetched in pieces, one in memory.

    :param read_range: returns the bytes from one offset up to (not including) another.
    :param start: offset of the first byte.
    :param size: bytes.
    :param piece: bytes fetched at once.
    """

    def __init__(self, read_range: ReadRange, start: int, size: int, piece: int) -> None:
        self._read_range = read_range
        self._next, self._end, self._piece = start, start + size, piece
        self._held = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the held piece; fetch the next piece if none is held."""
        if not self._held and self._next < self._end:
            until = min(self._next + self._piece, self._end)
            self._held = memoryview(self._fetched(self._next, until))
            # An object that became shorter ends here.
            self._next = until if self._held else self._end
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count

    def _fetched(self, start: int, end: int) -> bytes:
        with _as_os_errors(f"bytes {start:,} to {end:,} were read"):
            return self._read_range(start, end)


class StoreStream(io.RawIOBase):
    """Seekable stream of an object.

    :param handle: an fsspec file; closed with the stream.
    """

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return whether the file is seekable."""
        return self._handle.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Seek; return the new position."""
        return self._handle.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer up to the end of the object."""
        with _as_os_errors("it was read"):
            data = self._handle.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the fsspec file."""
        if not self.closed:
            self._handle.close()
        super().close()


@contextmanager
def _as_os_errors(what: str) -> Iterator[None]:
    """Turn every error of a store into an ``OSError``, which readers of streams expect."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__} while {what}") from error
