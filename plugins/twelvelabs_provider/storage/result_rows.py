"""Rows of one published result, streamed from its files and compared with its manifest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import IO, Any

from twelvelabs_provider.api.decoding import decoded_json
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsOutputError
from twelvelabs_provider.storage.catalog.entry import MANIFEST_SUFFIX
from twelvelabs_provider.storage.locations import Location
from twelvelabs_provider.storage.manifest import SCHEMA_VERSION, FileRecord
from twelvelabs_provider.storage.published_results import decoded_rows, json_columns
from twelvelabs_provider.storage.store_errors import reading_result
from twelvelabs_provider.storage.stores import Store, open_store, read_whole

Row = dict[str, Any]
_BLOCK = 2**20


def rows_of_result(manifest: str | os.PathLike[str], conn_id: str | None = None) -> Iterator[Row]:
    """Return the rows of a published result; the manifest is read at once, the rows on demand.

    :param manifest: address of the manifest.
    :param conn_id: Airflow connection of the store, if the address names none.
    :raises TwelveLabsInputError: the address is not that of a manifest, or the result has no rows.
    :raises TwelveLabsOutputError: there is no result, or it was replaced during the read; a retry may help.
    """
    location = Location.parse(manifest)
    if not location.is_local:
        location = location.with_connection(conn_id)
    if not location.value.endswith(MANIFEST_SUFFIX):
        raise TwelveLabsInputError(f"{location.shown!r} is not the address of a manifest (...{MANIFEST_SUFFIX}).")
    folder, _, name = location.value.rpartition("/")
    store = open_store(folder or ("/" if location.value.startswith("/") else "."))
    document = _document(store, name)
    files = {file["format"]: FileRecord(**file) for file in document["files"]}
    for format, read in _READERS.items():
        if format in files and "columns" in document:
            return read(store, files[format], document)
    raise TwelveLabsInputError(
        f"{location.shown!r} has no rows to read: its formats are {', '.join(files)}. Publish it in jsonl or parquet."
    )


def _document(store: Store, name: str) -> Mapping[str, Any]:
    uri = store.uri(name)
    with reading_result(uri):
        content = read_whole(store, name)
        if content is None:
            raise TwelveLabsOutputError(f"No result at {uri!r}: it is not published, or just being replaced.")
        document: Mapping[str, Any] = decoded_json(content)
        if document["schema_version"] != SCHEMA_VERSION:
            raise TwelveLabsInputError(f"{uri!r} has schema_version {document['schema_version']!r}, not 1.")
        return document


def _json_lines(store: Store, file: FileRecord, _: Any) -> Iterator[Row]:
    digest = hashlib.sha256()
    with reading_result(store.uri(file.name)):
        with closing(_opened(store, file)) as stream:
            for line in stream:
                digest.update(line)
                yield decoded_json(line)
        _must_be(file, digest.hexdigest(), store)


def _json_array(store: Store, file: FileRecord, document: Mapping[str, Any]) -> Iterator[Row]:
    uri = store.uri(file.name)
    with reading_result(uri):
        with closing(_opened(store, file)) as stream:
            content = stream.read()
        _must_be(file, hashlib.sha256(content).hexdigest(), store)
        rows = decoded_json(content)
        if not isinstance(rows, list) or len(rows) != document["rows"]:
            raise TwelveLabsInputError(f"{uri!r} holds a document, not rows. Publish it in jsonl or parquet too.")
        yield from rows


def _parquet(store: Store, file: FileRecord, document: Mapping[str, Any]) -> Iterator[Row]:
    from pyarrow.parquet import ParquetFile

    with reading_result(store.uri(file.name)), closing(_opened(store, file)) as stream:
        digest = hashlib.sha256()
        while block := stream.read(_BLOCK):
            digest.update(block)
        # Rows are read in groups from several places of the file, so it is checked before.
        _must_be(file, digest.hexdigest(), store)
        stream.seek(0)
        texts = json_columns(document)
        for batch in ParquetFile(stream).iter_batches():
            yield from decoded_rows(batch.to_pylist(), texts)


def _opened(store: Store, file: FileRecord) -> IO[bytes]:
    stream = store.open(file.name)
    if stream is None:
        raise _replaced(store.uri(file.name))
    return stream


def _must_be(file: FileRecord, digest: str, store: Store) -> None:
    if digest != file.sha256:
        raise _replaced(store.uri(file.name))


def _replaced(uri: str) -> TwelveLabsOutputError:
    return TwelveLabsOutputError(
        f"{uri!r} is not the file that its manifest describes: it was replaced or deleted meanwhile. Read it again."
    )


_READERS: Mapping[str, Callable[[Store, FileRecord, Mapping[str, Any]], Iterator[Row]]] = {
    "jsonl": _json_lines,
    "parquet": _parquet,
    "json": _json_array,
}
