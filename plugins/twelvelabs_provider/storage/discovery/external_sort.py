"""External sort: compressed rows in temporary files, sorted in bounded memory."""

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
    """A value with a sort key."""

    @property
    def key(self) -> tuple[str, str]:
        """The sort key."""


L = TypeVar("L", bound=Keyed)
R = TypeVar("R", bound=Keyed)

RUN_ROWS = 20_000
"""Rows that are sorted in memory at once: about 15 MB."""

_BLOCK_ROWS = 200
_LENGTH_BYTES = 4


class Spool:
    """Rows in an unnamed temporary file: written once, read any number of times."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._file = tempfile.TemporaryFile(prefix="twelvelabs-")  # noqa: SIM115 - it lives as long as the spool
        self.count = 0
        source = iter(rows)
        while block := list(islice(source, _BLOCK_ROWS)):
            # Only this process reads the file, and JSON takes four times as long.
            data = zlib.compress(marshal.dumps(block), 1)
            self._file.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
            self.count += len(block)

    def __iter__(self) -> Iterator[Row]:
        self._file.seek(0)
        while length := self._file.read(_LENGTH_BYTES):
            yield from marshal.loads(zlib.decompress(self._file.read(int.from_bytes(length, "big"))))


def sorted_rows(rows: Iterable[Row], run_rows: int = RUN_ROWS) -> Iterator[Row]:
    """Yield the rows sorted. Nothing is read before the first ``next``, everything before the first row.

    :param rows: rows whose first three values are comparable.
    :param run_rows: rows in memory; with more rows, sorted runs go to disk and are merged.
    """
    source = iter(rows)
    runs: list[Iterable[Row]] = []
    while run := sorted(islice(source, run_rows), key=_sort_key):
        last = len(run) < run_rows
        # A single run needs no disk.
        runs.append(run if last else Spool(run))
        if last:
            break
    yield from heapq.merge(*runs, key=_sort_key)


def _sort_key(row: Row) -> tuple[str, int, str]:
    return row[0], row[1], row[2]


def merge_join(left: Iterable[L], right: Iterable[R]) -> Iterator[tuple[L | None, R | None]]:
    """Yield pairs of two sorted streams with equal keys; the missing side is None."""
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
