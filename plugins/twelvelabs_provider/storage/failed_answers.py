"""Files beside a result that are none: what had arrived of an answer before it failed, for a person to look at."""

from __future__ import annotations

from collections.abc import Iterable

from twelvelabs_provider.storage.encoding import utf8
from twelvelabs_provider.storage.layout import Place
from twelvelabs_provider.storage.stores import open_store, write_whole

PARTIAL = "partial.txt"
"""What had arrived of an answer that broke off."""
RAW = "raw.txt"
"""An answer that came, but is not what was asked for."""


def keep_aside(output: str, place: Place, suffix: str, text: str) -> str:
    """Write a text where the result would lie, under a name of its own and without a manifest; return its address.

    :param output: local path or object storage URI.
    :param place: where the result would lie below it.
    :param suffix: :data:`PARTIAL` or :data:`RAW`.
    """
    store = open_store(output)
    name = f"{place.folder}/{place.data_name(suffix)}"
    write_whole(store, name, [utf8(text)])
    return store.uri(name)


def forget_aside(output: str, place: Place, suffixes: Iterable[str] = (PARTIAL, RAW)) -> None:
    """Remove what an earlier try kept aside: the result is there now."""
    store = open_store(output)
    for suffix in suffixes:
        store.remove(f"{place.folder}/{place.data_name(suffix)}")
