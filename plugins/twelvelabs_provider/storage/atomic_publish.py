"""Atomic publishing: each file appears whole or not at all, and the manifest appears last.

No store swaps several files in one step. A replaced result loses its manifest before its first file is replaced, and
gets the new manifest after the last. A reader who compares the files' SHA-256 with the manifest therefore sees the old
result or the new one, never a mixture. If a digest differs, the manifest was replaced meanwhile: read it again.
An attempt that dies in between leaves no manifest, and its retry publishes the whole result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from twelvelabs_provider.exceptions import TwelveLabsOutputError
from twelvelabs_provider.storage.catalog.entry import CATALOG
from twelvelabs_provider.storage.catalog.writing import enter
from twelvelabs_provider.storage.encoding import Block, Encoder
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.manifest import FileRecord, Published, ResultFacts, render_manifest
from twelvelabs_provider.storage.rows import RowSchema
from twelvelabs_provider.storage.store_errors import writing
from twelvelabs_provider.storage.stores import Store, open_store, write_whole

R = TypeVar("R")
_ENCODING_ERRORS = (ValueError, TypeError, OverflowError)
_ALL_SUFFIXES = frozenset({*Format, "txt"})
FIRST_BLOCK, MOST_IN_BLOCK = 16, 1024
"""Rows that are encoded at once: first, and at most."""
BLOCK_BYTES = 2**20
"""Approximate limit of an encoded block, unless one row is larger."""


def publish(
    output: str,
    path: ResultPath,
    rows: Iterable[R],
    encoders: Mapping[str, Encoder[R]],
    facts: ResultFacts | Callable[[], ResultFacts],
    schema: RowSchema | None = None,
) -> Published:
    """Write the rows in every format, then replace the result: old manifest away, data files, new manifest.

    The rows are read in small blocks and not kept. If ``rows`` raises or a file cannot be written, the earlier result
    stays unchanged. An error of ``rows`` is raised unchanged.

    :param output: local path or object storage URI.
    :param path: path of the result below it.
    :param rows: the rows in order.
    :param encoders: format (the file's suffix) to a new encoder; at least one.
    :param facts: further entries of the manifest; a function is called after the last row.
    :param schema: the columns of the rows, for the manifest; None for a result without rows.
    :raises TwelveLabsOutputError: the result could not be written.
    """
    store = open_store(output)
    files: list[_DataFile] = []
    try:
        for format, encoder in encoders.items():
            files.append(_DataFile(store, path, format, encoder))
        count = _write_rows(rows, files)
        return _replace(store, path, files, facts() if callable(facts) else facts, schema, count)
    except BaseException:
        for file in files:
            file.pending.discard()
        raise


def _write_rows(rows: Iterable[Any], files: Sequence[_DataFile]) -> int:
    count, most = 0, FIRST_BLOCK
    for file in files:
        file.begin()
    source = iter(rows)
    while (block := Block(islice(source, most))).rows:
        largest = max([file.write_block(block, count) for file in files])
        count += len(block.rows)
        most = _next_most(len(block.rows), largest)
    for file in files:
        file.end(count)
    return count


def _next_most(rows: int, size: int) -> int:
    """Return the number of rows of the next block: fewer if rows are long, so that memory stays bounded.

    :param rows: number of rows in the last block.
    :param size: bytes of the last block.
    """
    fitting = BLOCK_BYTES * rows // size if size > 0 else MOST_IN_BLOCK
    return max(1, min(fitting, MOST_IN_BLOCK))


def _replace(
    store: Store, path: ResultPath, files: Sequence[_DataFile], facts: ResultFacts, schema: RowSchema | None, rows: int
) -> Published:
    uri = store.uri(path.manifest)
    with writing(uri):
        store.remove(path.manifest)
    for file in files:
        with writing(file.uri):
            file.pending.commit()
    _remove_stale(store, path, _ALL_SUFFIXES - {file.format for file in files})
    records = [file.record() for file in files]
    content = render_manifest(path, facts, schema, records, rows)
    with writing(uri):
        write_whole(store, path.manifest, [content])
    with writing(store.uri(CATALOG)):
        enter(store, path.manifest, content, records, schema.described() if schema else ())
    files_by_format = {str(file.format): file.uri for file in files}
    return Published(uri, files_by_format, rows, sum(record.bytes for record in records), store.conn_id)


def _remove_stale(store: Store, path: ResultPath, formats: frozenset[str]) -> None:
    """Remove files of an earlier run in formats that the new manifest does not name."""
    for format in formats:
        with writing(store.uri(path.data(format))):
            store.remove(path.data(format))


class _DataFile:
    """Data file of one format while it is written, with its size and digest."""

    def __init__(self, store: Store, path: ResultPath, format: str, encoder: Encoder[Any]) -> None:
        name = path.data(format)
        self.format = format
        self.uri = store.uri(name)
        self._name = name.rpartition("/")[2]
        self._encoder = encoder
        self._bytes = 0
        self._digest = hashlib.sha256()
        with writing(self.uri):
            self.pending = store.create(name)

    def begin(self) -> None:
        self._write(self._encoder.header())

    def write_block(self, block: Block[Any], count: int) -> int:
        """Write rows that come after ``count`` others; return their approximate size in bytes."""
        before = self._bytes + self._encoder.kept
        try:
            data = self._encoder.block(block)
        except _ENCODING_ERRORS as error:
            raise self._encoding_error(block, count, error) from error
        self._write(data)
        return self._bytes + self._encoder.kept - before

    def _encoding_error(self, block: Block[Any], count: int, error: Exception) -> TwelveLabsOutputError:
        """Return an error that names the row: the rows are encoded again, one by one, and not written."""
        for number, row in enumerate(block.rows, count + 1):
            with _encoding(f"Row {number}", self.format):
                self._encoder.row(row)
        rows = f"{count + 1} to {count + len(block.rows)}"
        return TwelveLabsOutputError(f"One of the rows {rows} cannot be written as {self.format}: {error}.")

    def end(self, count: int) -> None:
        with _encoding(f"One of the last rows up to {count}", self.format):
            data = self._encoder.footer()
        self._write(data)

    def record(self) -> FileRecord:
        return FileRecord(self.format, self._name, self._bytes, self._digest.hexdigest())

    def _write(self, data: bytes) -> None:
        self._bytes += len(data)
        self._digest.update(data)
        with writing(self.uri):
            self.pending.write(data)


@contextmanager
def _encoding(what: str, format: str) -> Iterator[None]:
    try:
        yield
    except _ENCODING_ERRORS as error:
        raise TwelveLabsOutputError(f"{what} cannot be written as {format}: {error}.") from error
