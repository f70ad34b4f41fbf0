"""Publishing a result: every file appears whole or not at all, and the manifest appears last."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsOutputError
from twelvelabs_provider.storage.encoding import Encoder
from twelvelabs_provider.storage.formats import Format, encoder_for
from twelvelabs_provider.storage.layout import Place, ResultPlace
from twelvelabs_provider.storage.manifest import Facts, FileRecord, ManifestFacts, Published, render_manifest
from twelvelabs_provider.storage.stores import PendingFile, Store, open_store

__all__ = ["check_output", "publish", "publish_files"]

R = TypeVar("R")


def check_output(output: str) -> None:
    """Find out that results can be written, before anything is paid for; leaves nothing behind.

    :param output: local path or object storage URI below which results go.
    :raises TwelveLabsInputError: the place is unknown, missing, read-only, or a file.
    :raises TwelveLabsOutputError: it cannot be written now; a retry may help.
    """
    open_store(output).check()


def publish(
    output: str, place: ResultPlace, rows: Iterable[Segment], formats: Sequence[Format], facts: ManifestFacts
) -> Published:
    """Write segments in every format; see :func:`publish_files`.

    :param output: local path or object storage URI.
    :param place: where the result lies below it.
    :param rows: the segments in order.
    :param formats: at least one; each gets a file.
    :param facts: what the manifest says besides.
    :raises TwelveLabsOutputError: the result could not be written.
    """
    return publish_files(output, place, rows, {format: encoder_for(format) for format in formats}, facts)


def publish_files(
    output: str,
    place: Place,
    rows: Iterable[R],
    encoders: Mapping[str, Encoder[R]],
    facts: Facts | Callable[[], Facts],
    stale: Iterable[str] = tuple(Format),
) -> Published:
    """Write the rows in every format, then swap them in: old manifest away, data files, new manifest.

    The rows are taken one at a time and not kept. When the rows fail, or a file cannot be written, what an earlier
    run published stays as it was. An error of ``rows`` goes through unchanged.

    :param output: local path or object storage URI.
    :param place: where the result lies below it.
    :param rows: the rows in order.
    :param encoders: format (the file's suffix) to a fresh encoder; at least one.
    :param facts: what the manifest says besides; a function is asked once the rows are through.
    :param stale: formats whose files of an earlier run are taken away.
    :raises TwelveLabsOutputError: the result could not be written.
    """
    store = open_store(output)
    files: list[_DataFile] = []
    try:
        for format, encoder in encoders.items():
            files.append(_DataFile(store, place, format, encoder))
        count = _write_rows(rows, files)
        return _swap_in(store, place, files, facts() if callable(facts) else facts, count, set(stale))
    except BaseException:
        for file in files:
            file.pending.discard()
        raise


def _write_rows(rows: Iterable[Any], files: Sequence[_DataFile]) -> int:
    count = 0
    for file in files:
        file.begin()
    for count, row in enumerate(rows, start=1):
        for file in files:
            file.write_row(row, count)
    for file in files:
        file.end(count)
    return count


def _swap_in(
    store: Store, place: Place, files: Sequence[_DataFile], facts: Facts, rows: int, stale: set[str]
) -> Published:
    manifest = f"{place.folder}/{place.manifest_name}"
    with _writing(store.uri(manifest)):
        store.remove(manifest)
    for file in files:
        with _writing(file.uri):
            file.pending.commit()
    _remove_stale(store, place, stale - {file.format for file in files})
    records = [file.record() for file in files]
    with _writing(store.uri(manifest)):
        _write_whole(store.create(manifest), render_manifest(place, facts, records, rows))
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
        with _writing(store.uri(name)):
            store.remove(name)


def _write_whole(pending: PendingFile, data: bytes) -> None:
    try:
        pending.write(data)
        pending.commit()
    except BaseException:
        pending.discard()
        raise


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
        with _writing(self.uri):
            self.pending = store.create(f"{place.folder}/{name}")

    def begin(self) -> None:
        self._write(self._encoder.header())

    def write_row(self, row: Any, number: int) -> None:
        with _encoding(f"Row {number}", self.format):
            data = self._encoder.row(row)
        self._write(data)

    def end(self, count: int) -> None:
        with _encoding(f"One of the last rows up to {count}", self.format):
            data = self._encoder.footer()
        self._write(data)

    def record(self) -> FileRecord:
        return FileRecord(self.format, self._name, self._bytes, self._digest.hexdigest())

    def _write(self, data: bytes) -> None:
        self._bytes += len(data)
        self._digest.update(data)
        with _writing(self.uri):
            self.pending.write(data)


@contextmanager
def _encoding(what: str, format: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, OverflowError) as error:
        raise TwelveLabsOutputError(f"{what} cannot be written as {format}: {error}.") from error


@contextmanager
def _writing(uri: str) -> Iterator[None]:
    """Whatever a store raises (each client has its own errors) is one thing for the task: it could not be written."""
    try:
        yield
    except (TwelveLabsInputError, TwelveLabsOutputError):
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise TwelveLabsOutputError(
            f"Cannot write {uri!r}: {reason}. See that the place exists, has room and may be written to; "
            "a retry writes the same names again."
        ) from error
