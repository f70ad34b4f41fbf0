"""A stretch of an object in storage as a stream: fetched in ranges, nothing before it and nothing behind it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

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
        try:
            return self._read_range(start, end)
        except OSError:
            raise
        except Exception as error:
            # Stores have errors of their own; whoever reads a stream expects its kind.
            raise OSError(f"{type(error).__name__} while bytes {start:,} to {end:,} were read") from error
