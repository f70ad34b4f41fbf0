"""Entries of the catalog: a short form of each manifest, and their file names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from twelvelabs_provider.api.decoding import decoded_json
from twelvelabs_provider.storage.layout import RESERVED
from twelvelabs_provider.storage.rows import Column, ColumnType, RowSchema

CATALOG = RESERVED
ENTRIES = f"{CATALOG}/entries"
SNAPSHOTS = f"{CATALOG}/snapshots"
MANIFEST_SUFFIX = ".manifest.json"

Content = bytes
_STAMP = "%Y%m%dT%H%M%S%fZ"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIRST_YEAR = 1970
_ENTRY = re.compile(r"(?P<key>[0-9a-f]{32})\.(?P<age>\d{8}T\d{12}Z-[0-9a-f]{12})\.json")

CATALOG_ROWS = RowSchema(
    (
        Column("result", meaning="path of the manifest below the output; no two results share it", always=True),
        Column("kind", meaning="what the result holds", always=True),
        Column("index_id", meaning="index, where there is one"),
        Column("video_id", meaning="video (or asset), where the result is about one"),
        Column("asset_id", meaning="asset of the video, where known"),
        Column("source", meaning="where the video came from, without credentials"),
        Column("origin", meaning="who made the words"),
        Column("uri", meaning="folder of the result", always=True),
        Column("manifest", meaning="address of the manifest", always=True),
        Column("manifest_sha256", meaning="SHA-256 of the manifest", always=True),
        Column("files", ColumnType.JSON, "format to file name"),
        Column("schema", meaning="schema of the rows, where it is a documented one"),
        Column("rows", ColumnType.WHOLE, "rows in each file", always=True),
        Column("bytes", ColumnType.WHOLE, "size of the data files together", always=True),
        Column("published_at", meaning="ISO time, UTC", always=True),
        Column("dag_id", meaning="the task instance that published"),
        Column("run_id", meaning="the task instance that published"),
        Column("task_id", meaning="the task instance that published"),
        Column("map_index", ColumnType.WHOLE, "the task instance that published; -1 if it is not mapped"),
    ),
    "catalog",
)


@dataclass(frozen=True)
class CatalogEntry:
    """Catalog entry of a published result; the fields are the columns of :data:`CATALOG_ROWS`."""

    result: str
    kind: str
    uri: str
    manifest: str
    manifest_sha256: str
    published_at: str
    rows: int = 0
    bytes: int = 0
    files: Mapping[str, str] = field(default_factory=dict)
    schema: str | None = None
    index_id: str | None = None
    video_id: str | None = None
    asset_id: str | None = None
    source: str | None = None
    origin: str | None = None
    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int | None = None

    def __post_init__(self) -> None:
        """Check the fields that file names contain.

        :raises ValueError: a field is invalid.
        """
        texts = (self.result, self.kind, self.uri, self.manifest, self.manifest_sha256, self.published_at)
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("a field of the entry is no text")
        if not _is_below(self.result) or not self.result.endswith(MANIFEST_SUFFIX):
            raise ValueError("its result is not the path of a manifest below the output")
        if not _SHA256.fullmatch(self.manifest_sha256):
            raise ValueError("its manifest_sha256 is not a SHA-256")
        _stamp(self.published_at)

    @property
    def key(self) -> str:
        """The key that all entries of one result share; the sort key of a snapshot."""
        return key_of(self.result)

    @property
    def age(self) -> str:
        """The sort key by publication time; the manifest's digest separates equal times."""
        return f"{_stamp(self.published_at)}-{self.manifest_sha256[:12]}"

    @property
    def name(self) -> str:
        """The path below the output: in one of 256 folders, with a unique name."""
        return f"{ENTRIES}/{self.key[:2]}/{self.key}.{self.age}.json"

    def as_row(self) -> dict[str, Any]:
        """Return the columns of :data:`CATALOG_ROWS`."""
        return {name: getattr(self, name) for name in CATALOG_ROWS.names}

    @classmethod
    def from_json(cls, text: Content) -> CatalogEntry:
        """Parse an entry; fields of later releases are ignored.

        :raises ValueError: it is not an entry.
        """
        row = decoded_json(text)
        try:
            return cls(**{name: value for name, value in row.items() if name in _FIELDS})
        except (AttributeError, TypeError) as error:
            raise ValueError(f"not an entry of a catalog: {error}") from error

    @classmethod
    def of_manifest(cls, result: str, uri: Callable[[str], str], manifest: Content) -> CatalogEntry:
        """Return the entry of a result.

        :param result: path of the manifest below the output.
        :param uri: returns the address of a path below the output.
        :raises ValueError: it is not a manifest.
        """
        document = decoded_json(manifest)
        try:
            return cls._of_document(result, uri, document, hashlib.sha256(manifest).hexdigest())
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"{uri(result)!r} is not a manifest: {error!r}") from error

    @classmethod
    def _of_document(
        cls, result: str, uri: Callable[[str], str], document: Mapping[str, Any], digest: str
    ) -> CatalogEntry:
        source, schema, provenance = (document.get(name) or {} for name in ("source", "schema", "provenance"))
        return cls(
            result=result,
            kind=document["kind"],
            uri=uri(result.rpartition("/")[0]),
            manifest=uri(result),
            manifest_sha256=digest,
            published_at=document["published_at"],
            rows=document["rows"],
            bytes=document["bytes"],
            files={file["format"]: file["name"] for file in document["files"]},
            schema=f"{schema['name']}.v{schema['version']}" if schema else None,
            index_id=document.get("index_id"),
            video_id=document.get("video_id"),
            asset_id=document.get("asset_id"),
            source=source.get("uri"),
            origin=document.get("origin"),
            **{name: provenance.get(name) for name in ("dag_id", "run_id", "task_id", "map_index")},
        )


_FIELDS = frozenset(one.name for one in fields(CatalogEntry))


@dataclass(frozen=True, order=True)
class EntryName:
    """Parsed file name of an entry."""

    key: str
    age: str

    @classmethod
    def read(cls, name: str) -> EntryName | None:
        """Parse a file name; return None for a file that is no entry."""
        match = _ENTRY.fullmatch(name)
        return cls(match["key"], match["age"]) if match else None

    @property
    def path(self) -> str:
        """The path of the entry below the output."""
        return f"{ENTRIES}/{self.key[:2]}/{self.key}.{self.age}.json"


def key_of(result: str) -> str:
    """Return the key of a result from the path of its manifest below the output."""
    return hashlib.sha256(result.encode("utf-8", errors="surrogatepass")).hexdigest()[:32]


def stamp_of(moment: datetime) -> str:
    """Return a time as file names contain it; the text order is the time order."""
    return moment.astimezone(UTC).strftime(_STAMP)


def moment_of(stamp: str) -> datetime:
    """Return the time of a stamp.

    :raises ValueError: it is none.
    """
    return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)


def _stamp(published_at: str) -> str:
    """Return the stamp of an ISO time.

    :raises ValueError: it is none.
    """
    try:
        moment = datetime.fromisoformat(published_at)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("its published_at is out of range") from None
    if moment.year < _FIRST_YEAR:
        raise ValueError("its published_at is out of range")
    return stamp_of(moment)


def _is_below(path: str) -> bool:
    """Return whether a path is below the output and outside the catalog."""
    parts = path.split("/")
    plain = all(part not in ("", ".", "..") and "\\" not in part and part.isprintable() for part in parts)
    return plain and parts[0].lower() != CATALOG
