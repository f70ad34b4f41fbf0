"""Rows on the worker's own disk, compressed, and more of them brought into order than memory would hold."""

from __future__ import annotations

import heapq
import marshal
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol, TypeVar

Row = list[Any]


class Keyed(Protocol):
    """What has a place in an order."""

    @property
    def key(self) -> tuple[str, str]:
        """What it is sorted by."""


L = TypeVar("L", bound=Keyed)
R = TypeVar("R", bound=Keyed)

RUN_ROWS = 20_000
"""Rows that are sorted in memory at once: some 15 MB."""

_BLOCK_ROWS = 200
_LENGTH_BYTES = 4


class Spool:
    """Rows in a file without a name, which is gone with the process; written once, then read as often as one likes."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._file = tempfile.TemporaryFile(prefix="twelvelabs-")  # noqa: SIM115 - it lives as long as the spool
        self.count = 0
        source = iter(rows)
        while block := list(islice(source, _BLOCK_ROWS)):
            # Nobody else reads this file, and JSON takes four times as long.
            data = zlib.compress(marshal.dumps(block), 1)
            self._file.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
            self.count += len(block)

    def __iter__(self) -> Iterator[Row]:
        self._file.seek(0)
        while length := self._file.read(_LENGTH_BYTES):
            yield from marshal.loads(zlib.decompress(self._file.read(int.from_bytes(length, "big"))))


def in_order(rows: Iterable[Row], run_rows: int = RUN_ROWS) -> Iterator[Row]:
    """The rows sorted; nothing is taken before the first is asked for, and all before it is given.

    :param rows: of texts and numbers that can be compared from the left, and differ before they cannot.
    :param run_rows: so many are held in memory; of more, sorted runs go to disk and are merged.
    """
    source = iter(rows)
    runs: list[Iterable[Row]] = []
    while run := sorted(islice(source, run_rows), key=_place):
        last = len(run) < run_rows
        # A single run needs no disk.
        runs.append(run if last else Spool(run))
        if last:
            break
    yield from heapq.merge(*runs, key=_place)


def _place(row: Row) -> tuple[str, int, str]:
    return row[0], row[1], row[2]


def aligned(left: Iterable[L], right: Iterable[R]) -> Iterator[tuple[L | None, R | None]]:
    """Two sorted streams side by side: what one of them lacks is None there."""
    ones, others = iter(left), iter(right)
    one, other = next(ones, None), next(others, None)
    while one is not None and other is not None:
        first, second = one.key, other.key
        yield (one if first <= second else None), (other if second <= first else None)
        if first <= second:
            one = next(ones, None)
        if second <= first:
            other = next(others, None)
    yield from ((rest, None) for rest in _from(one, ones))
    yield from ((None, rest) for rest in _from(other, others))


def _from(first: L | None, others: Iterator[L]) -> Iterator[L]:
    if first is not None:
        yield first
        yield from others
