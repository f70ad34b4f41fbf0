"""Reading of the catalog during writes and compactions: snapshots and entries, merged by key."""

from __future__ import annotations

import heapq
import logging
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from twelvelabs_provider.api.redaction import clean_text
from twelvelabs_provider.exceptions import TwelveLabsOutputError
from twelvelabs_provider.storage.catalog.entry import ENTRIES, SNAPSHOTS, CatalogEntry, EntryName
from twelvelabs_provider.storage.catalog.folder import OutputFolder

log = logging.getLogger(__name__)

_SHARD = re.compile(r"[0-9a-f]{2}")
_SNAPSHOT = ".jsonl"
MOST_ATTEMPTS = 20
LONGEST_ROW = 16 * 1024**2

by_key = attrgetter("key")


class CatalogChangedError(Exception):
    """A compaction replaced the files during a read."""


def read_catalog(output: str) -> Iterator[CatalogEntry]:
    """Yield all published results below an output, each in its latest version.

    Memory holds the entries of a 256th of what was published since the last compaction, and one row of each snapshot.
    A result that is published while this runs may be missing; none that was there before is.

    :param output: local path or object storage URI, as given to the operators.
    :raises TwelveLabsInputError: the output is empty, a URL, or has a scheme without a filesystem.
    :raises TwelveLabsOutputError: the store does not answer; a retry may help.
    """
    folder, after, attempts = OutputFolder(output), "", 0
    while True:
        try:
            for entry in merged(folder, snapshots_in(folder), after):
                yield entry
                after, attempts = entry.key, 0
            return
        except CatalogChangedError as error:
            attempts += 1
            if attempts >= MOST_ATTEMPTS:
                raise TwelveLabsOutputError(
                    f"Cannot read the catalog below {folder.uri(ENTRIES)!r}: {error}, {attempts} times in a row. Is a"
                    " compaction started over and over?"
                ) from error


def merged(folder: OutputFolder, snapshots: Sequence[str], after: str = "") -> Iterator[CatalogEntry]:
    """Yield the latest entry of each result, in the order of the keys.

    :param snapshots: the current snapshots, from :func:`snapshots_in`.
    :param after: only keys after this one.
    :raises CatalogChangedError: the snapshots have changed.
    """
    streams = [_rows(folder, name, after) for name in snapshots]
    streams.append(_entries(folder, snapshots, after))
    for _, same in groupby(heapq.merge(*streams, key=by_key), key=by_key):
        yield max(same, key=attrgetter("age"))


def snapshots_in(folder: OutputFolder) -> Sequence[str]:
    """Return the names of the snapshots; several after parallel compactions."""
    return [name for name in folder.names(SNAPSHOTS) if name.endswith(_SNAPSHOT) and not name.startswith(".")]


def shards_in(folder: OutputFolder) -> Sequence[str]:
    """Return the folders with entries."""
    return [name for name in folder.names(ENTRIES) if _SHARD.fullmatch(name)]


def names_in(folder: OutputFolder, shard: str) -> Sequence[EntryName]:
    """Return the names of the entries in a folder, in the order of their keys."""
    return [name for name in map(EntryName.read, folder.names(f"{ENTRIES}/{shard}")) if name]


def entries_in(folder: OutputFolder, names: Sequence[EntryName]) -> Iterator[CatalogEntry]:
    """Yield the entries of these names that still exist, in order."""
    known = {name.path: name for name in names}
    for path, content in folder.contents(known):
        if content is None:
            continue
        name = known[path]
        entry = _entry(content, folder.uri(path))
        if entry and (entry.key, entry.age) != (name.key, name.age):
            log.warning("Skipped %s: it contains the entry of another result", folder.uri(path))
        elif entry:
            yield entry


def snapshot_rows(folder: OutputFolder, name: str) -> Iterator[CatalogEntry]:
    """Yield the rows of a snapshot, in the order of their keys.

    :raises FileNotFoundError: it is missing.
    """
    rest = b""
    for block in folder.blocks(f"{SNAPSHOTS}/{name}"):
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > LONGEST_ROW:
            raise TwelveLabsOutputError(f"The snapshot {folder.uri(name)!r} of the catalog has a row without an end.")
        yield from filter(None, (_entry(line, folder.uri(name)) for line in lines))


def _entry(content: bytes, where: str) -> CatalogEntry | None:
    """Parse an entry; log and return None if it is invalid."""
    try:
        return CatalogEntry.from_json(content)
    except ValueError as error:
        log.warning("Skipped an invalid entry of %s: %s", where, clean_text(error))
        return None


def _rows(folder: OutputFolder, name: str, after: str) -> Iterator[CatalogEntry]:
    try:
        yield from (entry for entry in snapshot_rows(folder, name) if entry.key > after)
    except FileNotFoundError as error:
        raise CatalogChangedError(f"{error} was replaced") from error


def _entries(folder: OutputFolder, snapshots: Sequence[str], after: str) -> Iterator[CatalogEntry]:
    """Yield the entries, one folder at a time.

    An entry is removed only when a snapshot holds it. So what was not found, after the snapshots were listed, is lost
    to this reader only if there is a snapshot by now that was not there then.
    """
    shards = shards_in(folder)
    _must_be_the_same(folder, snapshots)
    for shard in shards:
        if shard < after[:2]:
            continue
        names = [name for name in names_in(folder, shard) if name.key > after]
        entries = list(entries_in(folder, names))
        _must_be_the_same(folder, snapshots)
        yield from entries


def _must_be_the_same(folder: OutputFolder, snapshots: Sequence[str]) -> None:
    if snapshots_in(folder) != snapshots:
        raise CatalogChangedError("it was compacted meanwhile")
