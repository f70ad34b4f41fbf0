"""Objects in storage as streams, whole or a stretch, whose failures are those of streams, whatever the store's are."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

ReadRange = Callable[[int, int], bytes]


class RangeStream(io.RawIOBase):
    """Reads a stretch of an object in pieces, of which it keeps one.

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
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as what is held reaches, having fetched the next piece if nothing is."""
        if not self._held and self._next < self._end:
            until = min(self._next + self._piece, self._end)
            self._held = memoryview(self._fetched(self._next, until))
            # An object that became shorter ends here: asking once more for nothing would not bring it back.
            self._next = until if self._held else self._end
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count

    def _fetched(self, start: int, end: int) -> bytes:
        with _failing_as_streams_do(f"bytes {start:,} to {end:,} were read"):
            return self._read_range(start, end)


class StoreStream(io.RawIOBase):
    """Reads an object from its beginning, or from anywhere.

    :param handle: an fsspec file; closed with the stream.
    """

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say whether one can go elsewhere in it."""
        return self._handle.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere; return the new place."""
        return self._handle.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the object reaches."""
        with _failing_as_streams_do("it was read"):
            data = self._handle.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file behind it."""
        if not self.closed:
            self._handle.close()
        super().close()


@contextmanager
def _failing_as_streams_do(what: str) -> Iterator[None]:
    """Stores have errors of their own; whoever reads a stream expects its kind."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__} while {what}") from error
