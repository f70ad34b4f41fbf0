"""Parts of a file that are still to be uploaded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """A stretch of a file.

    :param index: counted from 1.
    :param offset: bytes before it.
    :param size: bytes.
    """

    index: int
    offset: int
    size: int


def missing_chunks(total_size: int, chunk_size: int, completed: Collection[int] = ()) -> tuple[Chunk, ...]:
    """Return the parts of a file that are still to be sent, in order.

    :param total_size: bytes of the file.
    :param chunk_size: bytes of every part but the last.
    :param completed: parts that the service has.
    """
    there = frozenset(completed)
    starts = enumerate(range(0, total_size, chunk_size), 1)
    return tuple(
        Chunk(index, start, min(chunk_size, total_size - start)) for index, start in starts if index not in there
    )


def run_from(first: int, wanted: Collection[int], most: int) -> int:
    """Return how many parts from ``first`` on are wanted without a gap: addresses are given for a row of parts."""
    length = 1
    while length < most and first + length in wanted:
        length += 1
    return length
