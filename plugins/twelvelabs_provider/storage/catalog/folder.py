"""Listing, reading and removing files of an output, in every store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsOutputError
from twelvelabs_provider.storage.catalog.entry import CATALOG, MANIFEST_SUFFIX
from twelvelabs_provider.storage.filesystems import filesystem_of
from twelvelabs_provider.storage.locations import Location
from twelvelabs_provider.storage.store_errors import is_missing
from twelvelabs_provider.storage.stores import open_store

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 16
"""Small objects that are read or removed in parallel: each costs one round trip."""
_TOGETHER = 512
_BLOCK = 2**20


class OutputFolder:
    """The files of an output. Names are relative to it, with ``/`` between components.

    :param output: local path or object storage URI.
    :raises TwelveLabsInputError: it is empty, a URL, or has a scheme without a filesystem.
    """

    def __init__(self, output: str) -> None:
        self.store = open_store(output)
        location = Location.parse(output)
        if location.is_local:
            from airflow.sdk import ObjectStoragePath

            self._filesystem: Any = ObjectStoragePath("file:///").fs
            root = str(location.local_path)
        else:
            self._filesystem, root = filesystem_of(location, "output path")
            _forget_listings(self._filesystem)
        self._root = root.rstrip("/")

    def uri(self, name: str) -> str:
        """Return the address of a file, without connection id or credential."""
        return self.store.uri(name)

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; empty if there is no folder."""
        path = f"{self._root}/{folder}".rstrip("/")
        with self.working(folder):
            try:
                found = self._filesystem.ls(path, detail=False)
            except (FileNotFoundError, NotADirectoryError):
                return []
        # Some stores list the marker object of the folder.
        others = (one.rstrip("/") for one in found if one.strip("/") != path.strip("/"))
        return sorted({one.rpartition("/")[2] for one in others})

    def manifests(self) -> Iterator[str]:
        """Yield the paths of all manifests; each top-level folder is listed with one call."""
        for top in self.names(""):
            if top == CATALOG or top.startswith("."):
                continue
            with self.working(top):
                found = self._filesystem.find(f"{self._root}/{top}", detail=False)
            start = len(f"{self._root}/")
            names = (path[start:] for path in found)
            yield from (name for name in names if name.endswith(MANIFEST_SUFFIX) and "/." not in name)

    def contents(self, names: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yield the content of small files in order, read in parallel; None for a missing file."""
        return _several(self._content, names)

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yield a file of any size in blocks.

        :raises FileNotFoundError: it is missing.
        """
        with self.working(name, missing=True):
            stream = self._filesystem.open(f"{self._root}/{name}", "rb", block_size=_BLOCK)
        with stream:
            while True:
                with self.working(name, missing=True):
                    block = stream.read(_BLOCK)
                if not block:
                    return
                yield block

    def remove(self, names: Iterable[str]) -> int:
        """Remove files in parallel; return how many existed."""
        return sum(removed for _, removed in _several(self._remove, names))

    def _content(self, name: str) -> bytes | None:
        with self.working(name):
            try:
                return bytes(self._filesystem.cat_file(f"{self._root}/{name}"))
            except Exception as error:
                if is_missing(error):
                    return None
                raise

    def _remove(self, name: str) -> bool:
        with self.working(name):
            try:
                self._filesystem.rm_file(f"{self._root}/{name}")
            except Exception as error:
                if is_missing(error):
                    return False
                raise
        return True

    @contextmanager
    def working(self, name: str, *, missing: bool = False) -> Iterator[None]:
        """Turn every error of a store (each client has its own) into one kind of error.

        :param missing: raise FileNotFoundError for a missing file.
        """
        try:
            yield
        except (TwelveLabsInputError, TwelveLabsOutputError):
            raise
        except Exception as error:
            if missing and is_missing(error):
                raise FileNotFoundError(self.uri(name)) from error
            raise TwelveLabsOutputError(
                f"Cannot work on {self.uri(name)!r}: {type(error).__name__}: {error}. See that the connection's account"
                " may list, read and remove there; a retry may help."
            ) from error


def _forget_listings(filesystem: Any) -> None:
    """Turn off the listing cache of a filesystem.

    s3fs and others cache listings, and then report a file that another process or thread wrote since as missing, even
    when the file itself is requested.
    """
    listings: Any = getattr(filesystem, "dircache", None)
    if hasattr(listings, "use_listings_cache"):
        listings.use_listings_cache = False
        listings.clear()


def _several(work: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
    """Yield the result for each item, computed in parallel, in order."""
    remaining = iter(items)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="catalog") as pool:
        while some := _some(remaining):
            yield from zip(some, pool.map(work, some), strict=True)


def _some(items: Iterator[T]) -> Sequence[T]:
    return list(islice(items, _TOGETHER))
