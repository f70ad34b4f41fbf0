"""Videos of the previous run that no task has indexed, or whose results no task has extracted, since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsRecordError
from twelvelabs_provider.storage.catalog.entry import CatalogEntry
from twelvelabs_provider.storage.catalog.folder import OutputFolder
from twelvelabs_provider.storage.catalog.reading import read_catalog
from twelvelabs_provider.storage.locations import Location

DONE: Mapping[str, frozenset[str]] = {
    "indexing_outcome": frozenset({"indexed", "reused"}),
    "extraction_outcome": frozenset({"published", "reused"}),
}
"""Kinds of outcomes, and what a row of each says of a video that is done."""
_CLOCKS = timedelta(minutes=10)
"""Difference between the clocks of two workers, at most."""


def not_done(handed_out: Iterable[str], outcomes: str, since: str) -> frozenset[str]:
    """Return the videos that no outcome reports as done.

    Memory holds 16 bytes for each video that was done since, and the address of each that was not.

    :param handed_out: addresses of videos.
    :param outcomes: output path of the outcomes of the tasks that index or extract them.
    :param since: ISO time at which the videos were handed out; outcomes from before are about earlier versions.
    :raises TwelveLabsRecordError: an outcome cannot be read.
    :raises TwelveLabsOutputError: the store does not answer; a retry may help.
    """
    earliest = datetime.fromisoformat(since) - _CLOCKS
    done = set(_done(outcomes, earliest))
    return frozenset(name for name in handed_out if _digest(name) not in done)


def _done(outcomes: str, earliest: datetime) -> Iterator[bytes]:
    folder = OutputFolder(outcomes)
    for entry in read_catalog(outcomes):
        if entry.kind in DONE and datetime.fromisoformat(entry.published_at) >= earliest:
            rows = (row for row in _rows(folder, entry) if row["outcome"] in DONE[entry.kind])
            yield from (_digest(row["uri"]) for row in rows if row["uri"])


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
