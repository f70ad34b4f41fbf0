"""Writing of catalog entries, and the list of what a task published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from twelvelabs_provider.storage.catalog.entry import CatalogEntry
from twelvelabs_provider.storage.encoding import json_text
from twelvelabs_provider.storage.manifest import FileRecord
from twelvelabs_provider.storage.stores import Store, write_whole

_heard: ContextVar[list[Publication] | None] = ContextVar("twelvelabs_publications", default=None)


@dataclass(frozen=True)
class Publication:
    """A result that the task published.

    :param output: address of the output, without credentials.
    :param entry: its catalog entry.
    :param files: its data files.
    :param columns: names and types of the columns, if it has rows.
    """

    output: str
    entry: CatalogEntry
    files: Sequence[FileRecord]
    columns: Sequence[Mapping[str, Any]] = ()


def listen() -> list[Publication]:
    """Return a list that receives all results that this context publishes from now on."""
    heard: list[Publication] = []
    _heard.set(heard)
    return heard


def enter(
    store: Store, result: str, manifest: bytes, files: Sequence[FileRecord], columns: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Write the entry of a result, after its manifest.

    The entry is written after the manifest, so it never names a missing result. If the task dies in between, its retry
    publishes again with an entry. A rebuild makes the catalog from the manifests.

    :param result: path of the manifest below the output.
    :param manifest: its content.
    """
    entry = CatalogEntry.of_manifest(result, store.uri, manifest)
    write_whole(store, entry.name, [json_text(entry.as_row()), b"\n"])
    heard = _heard.get()
    if heard is not None:
        heard.append(Publication(store.uri(""), entry, files, columns))
