"""Compaction of the catalog: many small entries become one snapshot."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsOutputError
from twelvelabs_provider.storage.catalog.entry import (
    CATALOG_ROWS,
    SNAPSHOTS,
    CatalogEntry,
    EntryName,
    moment_of,
    stamp_of,
)
from twelvelabs_provider.storage.catalog.folder import OutputFolder
from twelvelabs_provider.storage.catalog.reading import (
    MOST_ATTEMPTS,
    CatalogChangedError,
    entries_in,
    merged,
    names_in,
    shards_in,
    snapshot_rows,
    snapshots_in,
)
from twelvelabs_provider.storage.catalog.rebuilding import from_manifests
from twelvelabs_provider.storage.encoding import Block, Encoder, JsonLines
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.parquet import ParquetRows
from twelvelabs_provider.storage.rows import columns_of
from twelvelabs_provider.storage.stores import PendingFile

JSONL = Format.JSONL
COMPACTED = (JSONL, Format.PARQUET)
"""Formats of a snapshot. The jsonl file is the snapshot; the Parquet file is a copy for table readers."""

_TOGETHER = 1000
_ABANDONED = timedelta(days=1)


@dataclass(frozen=True)
class Compaction:
    """Result of a compaction.

    :param results: rows of the snapshot.
    :param files: format to address of the snapshot.
    :param entries: number of entries that it replaced.
    :param snapshots: number of older snapshots that it replaced.
    """

    results: int
    files: dict[str, str]
    entries: int
    snapshots: int

    def as_xcom(self) -> dict[str, Any]:
        """Return a small, plain mapping for an XCom."""
        return asdict(self)


def compact_catalog(output: str, formats: Sequence[Format] = (Format.JSONL,), *, rebuild: bool = False) -> Compaction:
    """Write one snapshot of the whole catalog, then remove the entries and snapshots that it replaces.

    Writers, readers and other compactions may run at the same time. A killed compaction leaves everything readable, and
    the next one continues.

    :param output: local path or object storage URI.
    :param formats: ``jsonl``, which is always written, and ``parquet`` for a copy of it.
    :param rebuild: make the snapshot from the existing manifests instead: deleted results disappear, and those
        that never were in the catalog come.
    :raises TwelveLabsOutputError: the store does not answer, or other compactions replaced what was being read again
        and again; a retry may help.
    """
    folder = OutputFolder(output)
    for _ in range(MOST_ATTEMPTS):
        replaced = snapshots_in(folder)
        try:
            snapshot = _write(folder, from_manifests(folder) if rebuild else merged(folder, replaced), formats)
        except CatalogChangedError:
            continue
        entries = folder.remove(name.path for name in _obsolete(folder, snapshot, rebuild))
        _remove_snapshots(folder, replaced)
        return Compaction(snapshot.rows, snapshot.files, entries, len(replaced))
    raise TwelveLabsOutputError(
        f"Cannot compact the catalog below {folder.uri(SNAPSHOTS)!r}: other compactions replaced what was being read,"
        f" {MOST_ATTEMPTS} times in a row. One at a time is enough (max_active_runs=1); a retry may help."
    )


@dataclass(frozen=True)
class _Snapshot:
    name: str
    rows: int
    files: dict[str, str]


def _write(folder: OutputFolder, rows: Iterator[CatalogEntry], formats: Sequence[Format]) -> _Snapshot:
    """Write a snapshot under a new name. Its jsonl file comes last and makes it visible."""
    stem = f"{stamp_of(datetime.now(UTC))}-{secrets.token_hex(4)}"
    place = f"{SNAPSHOTS}/{stem}"
    names = {format: f"{place}.{format}" for format in reversed(COMPACTED) if format in {*formats, JSONL}}
    shape, files = partial(columns_of, CATALOG_ROWS), list[tuple[Encoder[Any], PendingFile]]()
    try:
        for format, name in names.items():
            encoder = JsonLines(shape) if format is JSONL else ParquetRows(CATALOG_ROWS, shape)
            with folder.working(name):
                files.append((encoder, folder.store.create(name)))
        count = _fill(folder, place, files, rows)
        for _, pending in files:
            with folder.working(place):
                pending.commit()
    except BaseException:
        for _, pending in files:
            pending.discard()
        raise
    return _Snapshot(f"{stem}.{JSONL}", count, {str(format): folder.uri(name) for format, name in names.items()})


def _fill(
    folder: OutputFolder, place: str, files: Sequence[tuple[Encoder[Any], PendingFile]], rows: Iterator[CatalogEntry]
) -> int:
    def write(pieces: Sequence[bytes]) -> None:
        with folder.working(place):
            for (_, pending), piece in zip(files, pieces, strict=True):
                pending.write(piece)

    count = 0
    write([encoder.header() for encoder, _ in files])
    while some := [entry.as_row() for entry in islice(rows, _TOGETHER)]:
        block, count = Block(some), count + len(some)
        write([encoder.block(block) for encoder, _ in files])
    write([encoder.footer() for encoder, _ in files])
    return count


def _obsolete(folder: OutputFolder, snapshot: _Snapshot, rebuild: bool) -> Iterator[EntryName]:
    """Yield the entries that a snapshot replaces, as its file says; both are in the order of their keys."""
    rows = _standing_rows(folder, snapshot)
    row = next(rows, None)
    for shard in shards_in(folder):
        newer = []
        for name in names_in(folder, shard):
            while row and row.key < name.key:
                row = next(rows, None)
            if row and row.key == name.key and name.age <= row.age:
                yield name
            else:
                newer.append(name)
        if rebuild:
            yield from _outlived(folder, newer)


def _outlived(folder: OutputFolder, names: Sequence[EntryName]) -> Iterator[EntryName]:
    """Yield the entries whose manifest is missing or has changed."""
    for entry in entries_in(folder, names):
        ((_, manifest),) = folder.contents([entry.result])
        if manifest is None or hashlib.sha256(manifest).hexdigest() != entry.manifest_sha256:
            yield EntryName(entry.key, entry.age)


def _standing_rows(folder: OutputFolder, snapshot: _Snapshot) -> Iterator[CatalogEntry]:
    """Yield the rows of a snapshot until another compaction replaces it, which removes the shared entries itself."""
    with contextlib.suppress(FileNotFoundError):
        yield from snapshot_rows(folder, snapshot.name)


def _remove_snapshots(folder: OutputFolder, replaced: Sequence[str]) -> None:
    """Remove snapshots, and old files of killed compactions."""
    stems = [name.removesuffix(f".{JSONL}") for name in replaced]
    names = [f"{stem}.{format}" for format in COMPACTED for stem in stems]
    folder.remove(f"{SNAPSHOTS}/{name}" for name in (*names, *_abandoned(folder)))


def _abandoned(folder: OutputFolder) -> Iterator[str]:
    """Return files of unfinished snapshots; recent ones may belong to a running compaction."""
    names = folder.names(SNAPSHOTS)
    for name in names:
        stem = name.removeprefix(".").partition(".")[0]
        if f"{stem}.{JSONL}" not in names and _is_old(stem):
            yield name


def _is_old(stem: str) -> bool:
    try:
        return moment_of(stem.partition("-")[0]) < datetime.now(UTC) - _ABANDONED
    except ValueError:
        return False
