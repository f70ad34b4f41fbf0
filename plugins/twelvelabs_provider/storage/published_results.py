"""Published results, read back: their identity, their integrity, their rows."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from twelvelabs_provider.api.decoding import decoded_json
from twelvelabs_provider.storage.catalog.writing import enter
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.manifest import SCHEMA_VERSION, FileRecord, Provenance, Published, ResultFacts
from twelvelabs_provider.storage.rows import REST, ColumnType
from twelvelabs_provider.storage.store_errors import writing
from twelvelabs_provider.storage.stores import Store, open_store, read_whole

Row = dict[str, Any]
ROW_FORMATS = ("jsonl", "json", "parquet")
"""Formats with complete rows, in reading order."""
_BLOCK = 2**20


@dataclass(frozen=True)
class SavedResult:
    """A published result, read from its manifest.

    :param content: the manifest as bytes.
    :param document: the manifest as a mapping.
    """

    store: Store = field(repr=False)
    path: ResultPath
    content: bytes = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)

    @property
    def question(self) -> str | None:
        """Digest of the question; None for a result that is not billed."""
        return self.document.get("question")

    @property
    def request(self) -> str | None:
        """Digest of the task instance that published first."""
        return self.document.get("request")

    @property
    def result(self) -> Row:
        """Return value of the task, without the files."""
        return dict(self.document.get("result") or {})

    @property
    def uri(self) -> str:
        """Address of the manifest."""
        return self.store.uri(self.path.manifest)

    @cached_property
    def files(self) -> Mapping[str, FileRecord]:
        """The data files by format."""
        return {file["format"]: FileRecord(**file) for file in self.document["files"]}

    @cached_property
    def whole(self) -> frozenset[str]:
        """Formats whose file exists with the published size and SHA-256."""
        return frozenset(format for format, file in self.files.items() if self._is_whole(file))

    def has(self, formats: Iterable[str]) -> bool:
        """Return whether these formats exist, and all files of the manifest are whole."""
        return len(self.whole) == len(self.files) and self.whole.issuperset(map(str, formats))

    def announce(self, formats: Iterable[str]) -> Published:
        """Enter the result into the catalog and register it for asset events, in these formats."""
        with writing(self.uri):
            enter(
                self.store,
                self.path.manifest,
                self.content,
                list(self.files.values()),
                self.document.get("columns") or (),
            )
        files = [self.files[str(format)] for format in formats]
        return Published(
            manifest_uri=self.uri,
            files={file.format: self.store.uri(self._data(file)) for file in files},
            rows=int(self.document["rows"]),
            bytes=sum(file.bytes for file in files),
            conn_id=self.store.conn_id,
        )

    def read(self, format: str) -> bytes | None:
        """Return the content of a whole file; None if it is missing or damaged."""
        if format not in self.whole:
            return None
        return read_whole(self.store, self._data(self.files[format]))

    def rows(self) -> list[Row] | None:
        """Return the rows from the first format that can be read; None if there is none."""
        for format in ROW_FORMATS:
            content = self.read(format)
            if content is None:
                continue
            try:
                rows = _READERS[format](content, self.document)
            except (ImportError, ValueError):
                continue
            if len(rows) == self.document["rows"]:
                return rows
        return None

    def facts(self, provenance: Provenance) -> ResultFacts:
        """Return the facts for publishing the same result again in another task instance."""
        return ResultFacts.repeated(self.document, provenance)

    def _data(self, file: FileRecord) -> str:
        return self.path.beside(file.name)

    def _is_whole(self, file: FileRecord) -> bool:
        stream = self.store.open(self._data(file))
        if stream is None:
            return False
        digest, size = hashlib.sha256(), 0
        with closing(stream):
            while block := stream.read(_BLOCK):
                digest.update(block)
                size += len(block)
        return (size, digest.hexdigest()) == (file.bytes, file.sha256)


def find_saved(output: str, path: ResultPath) -> SavedResult | None:
    """Return the result at a path; None if there is none, or none that this release can read.

    :param output: local path or object storage URI.
    :raises TwelveLabsOutputError: the store does not answer; a retry may help.
    """
    store = open_store(output)
    with writing(store.uri(path.manifest)):
        content = read_whole(store, path.manifest)
    if content is None:
        return None
    try:
        document = decoded_json(content)
        saved = SavedResult(store, path, content, document)
        readable = document["schema_version"] == SCHEMA_VERSION and bool(saved.files)
    except (KeyError, TypeError, ValueError):
        return None
    return saved if readable else None


def _json_lines(content: bytes, _: Any) -> list[Row]:
    return [decoded_json(line) for line in content.splitlines() if line.strip()]


def _json_array(content: bytes, _: Any) -> list[Row]:
    rows = decoded_json(content)
    if not isinstance(rows, list):
        raise ValueError("it contains a document, not rows")
    return rows


def _parquet(content: bytes, document: Mapping[str, Any]) -> list[Row]:
    from pyarrow import parquet

    rows = parquet.read_table(io.BytesIO(content)).to_pylist()
    return list(decoded_rows(rows, json_columns(document)))


def json_columns(document: Mapping[str, Any]) -> frozenset[str]:
    """Return the columns of a manifest that are JSON texts in Parquet."""
    return frozenset(column["name"] for column in document["columns"] if column["type"] == ColumnType.JSON)


def decoded_rows(rows: Iterable[Row], texts: Set[str]) -> Iterator[Row]:
    """Yield rows of a Parquet file as they were published.

    :param texts: from :func:`json_columns`.
    """
    for row in rows:
        rest = decoded_json(row.pop(REST, None) or "{}")
        yield {
            **{name: decoded_json(value) if name in texts and value else value for name, value in row.items()},
            **rest,
        }


_READERS = {"jsonl": _json_lines, "json": _json_array, "parquet": _parquet}
