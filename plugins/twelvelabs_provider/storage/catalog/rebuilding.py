"""Rebuild of the catalog from the manifests, after results were moved, deleted or published by an older release."""

from __future__ import annotations

import logging
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from twelvelabs_provider.storage.catalog.entry import CatalogEntry
from twelvelabs_provider.storage.catalog.folder import OutputFolder
from twelvelabs_provider.storage.encoding import json_text

log = logging.getLogger(__name__)


def from_manifests(folder: OutputFolder) -> Iterator[CatalogEntry]:
    """Yield an entry for each manifest, in the order of the keys; they are sorted on the worker's disk."""
    with tempfile.TemporaryDirectory(prefix="twelvelabs-catalog-") as place:
        database = sqlite3.connect(Path(place) / "entries.sqlite", isolation_level=None)
        try:
            database.execute("PRAGMA synchronous = OFF")
            database.execute("CREATE TABLE entries (key TEXT PRIMARY KEY, entry BLOB) WITHOUT ROWID")
            database.execute("BEGIN")
            rows = ((entry.key, json_text(entry.as_row())) for entry in _found(folder))
            database.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?)", rows)
            database.execute("COMMIT")
            for (text,) in database.execute("SELECT entry FROM entries ORDER BY key"):
                yield CatalogEntry.from_json(text)
        finally:
            database.close()


def _found(folder: OutputFolder) -> Iterator[CatalogEntry]:
    for name, content in folder.contents(folder.manifests()):
        if content is None:
            continue
        try:
            yield CatalogEntry.of_manifest(name, folder.uri, content)
        except ValueError as error:
            log.warning("Skipped a manifest: %s", error)
