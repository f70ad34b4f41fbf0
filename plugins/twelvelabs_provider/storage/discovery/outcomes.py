"""Videos of the previous run that no task has indexed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsRecordError
from twelvelabs_provider.storage.catalog.entry import CatalogEntry
from twelvelabs_provider.storage.catalog.folder import OutputFolder
from twelvelabs_provider.storage.catalog.reading import read_catalog
from twelvelabs_provider.storage.locations import Location

KIND = "indexing_outcome"
_DONE = frozenset({"indexed", "reused"})
_CLOCKS = timedelta(minutes=10)
"""Difference between the clocks of two workers, at most."""


def not_indexed(handed_out: Iterable[str], outcomes: str, since: str) -> frozenset[str]:
    """Return the videos that no outcome reports as indexed.

    Memory holds 16 bytes for each video that was indexed since, and the address of each that was not.

    :param handed_out: addresses of videos.
    :param outcomes: output path of the tasks that index them.
    :param since: ISO time at which the videos were handed out; outcomes from before are about earlier versions.
    :raises TwelveLabsRecordError: an outcome cannot be read.
    :raises TwelveLabsOutputError: the store does not answer; a retry may help.
    """
    earliest = datetime.fromisoformat(since) - _CLOCKS
    indexed = set(_indexed(outcomes, earliest))
    return frozenset(name for name in handed_out if _digest(name) not in indexed)


def _indexed(outcomes: str, earliest: datetime) -> Iterator[bytes]:
    folder = OutputFolder(outcomes)
    for entry in read_catalog(outcomes):
        if entry.kind == KIND and datetime.fromisoformat(entry.published_at) >= earliest:
            yield from (_digest(row["uri"]) for row in _rows(folder, entry) if row["outcome"] in _DONE)


def _rows(folder: OutputFolder, entry: CatalogEntry) -> Iterator[dict[str, Any]]:
    """Return the rows of an outcome; a retry that is replacing it publishes it again, so a missing file has none."""
    name = f"{entry.result.rpartition('/')[0]}/{entry.files['jsonl']}"
    rest = b""
    try:
        for block in folder.blocks(name):
            *lines, rest = (rest + block).split(b"\n")
            yield from map(json.loads, lines)
    except FileNotFoundError:
        return
    except ValueError as error:
        raise TwelveLabsRecordError(f"{folder.uri(name)!r} is not a file of JSON lines: {error}.") from error


def _digest(uri: str) -> bytes:
    return hashlib.blake2b(Location.parse(uri).uri.encode("utf-8", "surrogatepass"), digest_size=16).digest()
