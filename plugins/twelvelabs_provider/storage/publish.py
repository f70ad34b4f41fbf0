"""Publishing a result: every file appears whole or not at all, and the manifest appears last.

No store swaps several files in one step. When a result is replaced, its old manifest goes before the first file is
replaced and the new one comes after the last: whoever finds a manifest and then compares the files' SHA-256 with it
sees the whole old result or the whole new one. Where one differs, the manifest that was read is gone by now: read it
again.
A try that dies in between leaves no manifest, and its retry makes the result whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsOutputError
from twelvelabs_provider.storage.catalog.entry import CATALOG
from twelvelabs_provider.storage.catalog.writing import enter
from twelvelabs_provider.storage.encoding import Block, Encoder
from twelvelabs_provider.storage.formats import SEGMENT_SCHEMA, Format, encoders_for
from twelvelabs_provider.storage.layout import Place
from twelvelabs_provider.storage.manifest import Facts, FileRecord, Provenance, Published, render_manifest
from twelvelabs_provider.storage.rows import RowSchema
from twelvelabs_provider.storage.store_errors import writing
from twelvelabs_provider.storage.stores import Store, open_store, write_whole

__all__ = ["check_output", "publish", "publish_files"]

R = TypeVar("R")
_MISFITS = (ValueError, TypeError, OverflowError)
FIRST_BLOCK, MOST_IN_BLOCK = 16, 1024
"""Rows that are encoded at once: first, and at most."""
BLOCK_BYTES = 2**20
"""What the rows of a block, encoded, have about at most, unless one row has more."""


def check_output(output: str) -> None:
    """Find out that results can be written, before anything is paid for; leaves nothing behind.

    :param output: local path or object storage URI below which results go.
    :raises TwelveLabsInputError: the place is unknown, missing, read-only, or a file.
    :raises TwelveLabsOutputError: it cannot be written now; a retry may help.
    """
    open_store(output).check()


def publish(
    output: str,
    place: Place,
    rows: Iterable[Segment],
    formats: Sequence[Format],
    facts: Facts,
    schema: RowSchema = SEGMENT_SCHEMA,
) -> Published:
    """Write segments in every format; see :func:`publish_files`.

    :param output: local path or object storage URI.
    :param place: where the result lies below it.
    :param rows: the segments in order.
    :param formats: at least one; each gets a file.
    :param facts: what the manifest says besides.
    :param schema: the columns of this kind of segments.
    :raises TwelveLabsOutputError: the result could not be written.
    """
    return publish_files(output, place, rows, encoders_for(formats, schema), facts, schema=schema)


def publish_files(
    output: str,
    place: Place,
    rows: Iterable[R],
    encoders: Mapping[str, Encoder[R]],
    facts: Facts | Callable[[], Facts],
    stale: Iterable[str] = (*Format, "txt"),
    schema: RowSchema | None = None,
) -> Published:
    """Write the rows in every format, then swap them in: old manifest away, data files, new manifest.

    The rows are taken in small blocks and not kept. When the rows fail, or a file cannot be written, what an earlier
    run published stays as it was. An error of ``rows`` goes through unchanged.

    :param output: local path or object storage URI.
    :param place: where the result lies below it.
    :param rows: the rows in order.
    :param encoders: format (the file's suffix) to a fresh encoder; at least one.
    :param facts: what the manifest says besides; a function is asked once the rows are through.
    :param stale: formats whose files of an earlier run are taken away.
    :param schema: what the rows are, for the manifest; None for what is no rows.
    :raises TwelveLabsOutputError: the result could not be written.
    """
    store = open_store(output)
    files: list[_DataFile] = []
    try:
        for format, encoder in encoders.items():
            files.append(_DataFile(store, place, format, encoder))
        count = _write_rows(rows, files)
        described = _WithSchema(facts() if callable(facts) else facts, schema)
        return _swap_in(store, place, files, described, count, set(stale))
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
    """How many rows the next block has, so that blocks of long rows do not take more memory than others.

    :param rows: how many the last one had.
    :param size: bytes that it took.
    """
    fitting = BLOCK_BYTES * rows // size if size > 0 else MOST_IN_BLOCK
    return max(1, min(fitting, MOST_IN_BLOCK))


def _swap_in(
    store: Store, place: Place, files: Sequence[_DataFile], facts: _WithSchema, rows: int, stale: set[str]
) -> Published:
    manifest = f"{place.folder}/{place.manifest_name}"
    with writing(store.uri(manifest)):
        store.remove(manifest)
    for file in files:
        with writing(file.uri):
            file.pending.commit()
    _remove_stale(store, place, stale - {file.format for file in files})
    records = [file.record() for file in files]
    content = render_manifest(place, facts, records, rows)
    with writing(store.uri(manifest)):
        write_whole(store, manifest, [content])
    with writing(store.uri(CATALOG)):
        enter(store, manifest, content, records, facts.schema.described() if facts.schema else ())
    return Published(
        manifest_uri=store.uri(manifest),
        files={str(file.format): file.uri for file in files},
        rows=rows,
        bytes=sum(record.bytes for record in records),
    )


def _remove_stale(store: Store, place: Place, formats: set[str]) -> None:
    """Files of formats that an earlier run was asked for would contradict the new manifest."""
    for format in formats:
        name = f"{place.folder}/{place.data_name(format)}"
        with writing(store.uri(name)):
            store.remove(name)


@dataclass(frozen=True)
class _WithSchema:
    """The facts of a result, and what its rows are."""

    facts: Facts
    schema: RowSchema | None

    @property
    def provenance(self) -> Provenance:
        return self.facts.provenance

    def described(self) -> Mapping[str, Any]:
        """The manifest's entries between its kind and its counts."""
        if self.schema is None:
            return {"schema": None, **self.facts.described()}
        entries = {"schema": self.schema.identity(), **self.facts.described()}
        return {**entries, "columns": self.schema.described()}


class _DataFile:
    """One format's file while it is written: encodes, counts, digests."""

    def __init__(self, store: Store, place: Place, format: str, encoder: Encoder[Any]) -> None:
        name = place.data_name(format)
        self.format = format
        self.uri = store.uri(f"{place.folder}/{name}")
        self._name = name
        self._encoder = encoder
        self._bytes = 0
        self._digest = hashlib.sha256()
        with writing(self.uri):
            self.pending = store.create(f"{place.folder}/{name}")

    def begin(self) -> None:
        self._write(self._encoder.header())

    def write_block(self, block: Block[Any], count: int) -> int:
        """Write rows that come after ``count`` others; return how many bytes they took, about."""
        before = self._bytes + self._encoder.kept
        try:
            data = self._encoder.block(block)
        except _MISFITS as error:
            raise self._misfit(block, count, error) from error
        self._write(data)
        return self._bytes + self._encoder.kept - before

    def _misfit(self, block: Block[Any], count: int, error: Exception) -> TwelveLabsOutputError:
        """Find the row that the error is about: the encoder takes them once more, for nothing will be written."""
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
    except _MISFITS as error:
        raise TwelveLabsOutputError(f"{what} cannot be written as {format}: {error}.") from error
