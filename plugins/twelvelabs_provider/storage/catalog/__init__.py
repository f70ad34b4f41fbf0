"""Catalog of all results below one output: ``{output}/_catalog/``.

Every published result adds one small object with a unique name, which never changes. A compaction writes the entries
that it has read as one snapshot, and removes exactly these. So writers need no lock, and concurrent writers, readers
and compactions lose nothing: readers merge all snapshots and entries, and use the latest entry of each result.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twelvelabs_provider.storage.catalog.compaction import COMPACTED, Compaction, compact_catalog
    from twelvelabs_provider.storage.catalog.consumer import NewResults
    from twelvelabs_provider.storage.catalog.entry import CATALOG_ROWS, CatalogEntry
    from twelvelabs_provider.storage.catalog.reading import read_catalog

# Imported on first use: every operator that publishes imports a module of this package.
_MODULES = {
    "CATALOG_ROWS": "entry",
    "COMPACTED": "compaction",
    "CatalogEntry": "entry",
    "Compaction": "compaction",
    "NewResults": "consumer",
    "compact_catalog": "compaction",
    "read_catalog": "reading",
}

__all__ = ["CATALOG_ROWS", "COMPACTED", "CatalogEntry", "Compaction", "NewResults", "compact_catalog", "read_catalog"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
