"""A result that is published already: whether it answers a question, whether it is whole, and its rows."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from twelvelabs_provider.api.decoding import decoded_json
from twelvelabs_provider.storage.catalog.writing import enter
from twelvelabs_provider.storage.layout import Place
from twelvelabs_provider.storage.manifest import SCHEMA_VERSION, FileRecord, Provenance, Published
from twelvelabs_provider.storage.rows import REST, ColumnType
from twelvelabs_provider.storage.store_errors import writing
from twelvelabs_provider.storage.stores import Store, open_store

Row = dict[str, Any]
ROW_FORMATS = ("jsonl", "json", "parquet")
"""Formats that hold whole rows, in the order in which they are read."""
_BLOCK = 2**20


@dataclass(frozen=True)
class SavedResult:
    """A manifest, and the files that it names.

    :param name: path of the manifest below the output.
    :param content: the manifest as it was read.
    :param document: the manifest.
    """

    store: Store = field(repr=False)
    place: Place
    name: str
    content: bytes = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)

    @property
    def question(self) -> str | None:
        """Digest of the question that it answers; None for a result without."""
        return self.document.get("question")

    @property
    def request(self) -> str | None:
        """Digest of the task instance that asked."""
        return self.document.get("request")

    @property
    def result(self) -> Row:
        """What the task returned besides the files."""
        return dict(self.document.get("result") or {})

    @property
    def uri(self) -> str:
        """Address of the manifest."""
        return self.store.uri(self.name)

    @cached_property
    def files(self) -> Mapping[str, FileRecord]:
        """The data files by format."""
        return {file["format"]: FileRecord(**file) for file in self.document["files"]}

    @cached_property
    def whole(self) -> frozenset[str]:
        """Formats whose file is there, with the bytes that were published."""
        return frozenset(format for format, file in self.files.items() if self._is_whole(file))

    def has(self, formats: Iterable[str]) -> bool:
        """Tell whether these formats are there, and every file that the manifest names is whole."""
        return len(self.whole) == len(self.files) and self.whole.issuperset(map(str, formats))

    def announce(self, formats: Iterable[str]) -> Published:
        """Report the result as published, in these formats, to the catalog and to whoever listens."""
        with writing(self.uri):
            enter(self.store, self.name, self.content, list(self.files.values()), self.document.get("columns") or ())
        files = [self.files[str(format)] for format in formats]
        return Published(
            manifest_uri=self.uri,
            files={file.format: self.store.uri(self._path(file)) for file in files},
            rows=int(self.document["rows"]),
            bytes=sum(file.bytes for file in files),
        )

    def read(self, format: str) -> bytes | None:
        """Return a file; None if there is none that is whole."""
        if format not in self.whole:
            return None
        stream = self.store.open(self._path(self.files[format]))
        if stream is None:
            return None
        with closing(stream):
            return stream.read()

    def rows(self) -> list[Row] | None:
        """Return the rows from whichever file holds them; None if there is none."""
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

    def facts(self, provenance: Provenance) -> RepeatedFacts:
        """Return the facts of the same result, published once more by another task instance."""
        return RepeatedFacts(provenance, self.document)

    def _path(self, file: FileRecord) -> str:
        return f"{self.place.folder}/{file.name}"

    def _is_whole(self, file: FileRecord) -> bool:
        stream = self.store.open(self._path(file))
        if stream is None:
            return False
        digest, size = hashlib.sha256(), 0
        with closing(stream):
            while block := stream.read(_BLOCK):
                digest.update(block)
                size += len(block)
        return (size, digest.hexdigest()) == (file.bytes, file.sha256)


_OWN = frozenset(
    {"schema_version", "kind", "schema", "columns", "rows", "bytes", "files", "provenance", "provider", "published_at"}
)
"""The manifest's entries that every publication makes anew."""


@dataclass(frozen=True)
class RepeatedFacts:
    """The facts of a result that is published once more, in other formats."""

    provenance: Provenance
    document: Mapping[str, Any] = field(repr=False)

    def described(self) -> Mapping[str, Any]:
        """Return the entries that the manifest has."""
        return {name: value for name, value in self.document.items() if name not in _OWN}


def find_saved(output: str, place: Place) -> SavedResult | None:
    """Return the result at a place; None where there is none, or none that this release can read.

    :param output: local path or object storage URI.
    :raises TwelveLabsOutputError: the store does not answer; a retry may help.
    """
    store, name = open_store(output), f"{place.folder}/{place.manifest_name}"
    with writing(store.uri(name)):
        stream = store.open(name)
        if stream is None:
            return None
        with closing(stream):
            content = stream.read()
    try:
        document = decoded_json(content)
        saved = SavedResult(store, place, name, content, document)
        readable = document["schema_version"] == SCHEMA_VERSION and bool(saved.files)
    except (KeyError, TypeError, ValueError):
        return None
    return saved if readable else None


def _json_lines(content: bytes, _: Any) -> list[Row]:
    return [json.loads(line) for line in content.splitlines() if line.strip()]


def _json_array(content: bytes, _: Any) -> list[Row]:
    rows = json.loads(content)
    if not isinstance(rows, list):
        raise ValueError("it holds a document, not rows")
    return rows


def _parquet(content: bytes, document: Mapping[str, Any]) -> list[Row]:
    from pyarrow import parquet

    texts = {column["name"] for column in document["columns"] if column["type"] == ColumnType.JSON}
    return list(_decoded(parquet.read_table(io.BytesIO(content)).to_pylist(), texts))


def _decoded(rows: Iterable[Row], texts: set[str]) -> Iterator[Row]:
    for row in rows:
        rest = json.loads(row.pop(REST, None) or "{}")
        yield {**{name: json.loads(value) if name in texts and value else value for name, value in row.items()}, **rest}


_READERS = {"jsonl": _json_lines, "json": _json_array, "parquet": _parquet}
