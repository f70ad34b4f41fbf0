"""Files with the text of failed or unusable responses, beside the result."""

from __future__ import annotations

from collections.abc import Iterable

from twelvelabs_provider.storage.encoding import utf8
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.stores import open_store, write_whole

PARTIAL = "partial.txt"
"""Suffix for the received part of an interrupted response."""
RAW = "raw.txt"
"""Suffix for a complete response that is unusable."""


def keep_aside(output: str, path: ResultPath, suffix: str, text: str) -> str:
    """Write a text beside the result, without a manifest; return its address.

    :param output: local path or object storage URI.
    :param path: path of the result below it.
    :param suffix: :data:`PARTIAL` or :data:`RAW`.
    """
    store = open_store(output)
    name = path.data(suffix)
    write_whole(store, name, [utf8(text)])
    return store.uri(name)


def forget_aside(output: str, path: ResultPath, suffixes: Iterable[str] = (PARTIAL, RAW)) -> None:
    """Remove the texts of earlier attempts, after the result is published."""
    store = open_store(output)
    for suffix in suffixes:
        store.remove(path.data(suffix))
