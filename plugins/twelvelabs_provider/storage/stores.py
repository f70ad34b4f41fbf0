"""Result stores: atomic creation, reading and removal of files on a local disk or in object storage."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from typing import IO, Protocol

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.filesystems import OBJECT_STORES, filesystem_of
from twelvelabs_provider.storage.local_store import LocalStore
from twelvelabs_provider.storage.locations import ACCEPTED_LOCATIONS, Location
from twelvelabs_provider.storage.object_store import ObjectStore


class PendingFile(Protocol):
    """A file in writing, invisible under its final name until :meth:`commit`."""

    def write(self, data: bytes) -> None:
        """Add bytes at the end."""

    def commit(self) -> None:
        """Make the whole file visible under its final name, replacing what was there."""

    def discard(self) -> None:
        """Discard the written bytes; never raises, and does nothing after a commit."""


class Store(Protocol):
    """The output folder of results. Names are relative to it, with ``/`` between components."""

    @property
    def conn_id(self) -> str:
        """The Airflow connection that the output path names; empty if it names none."""

    def create(self, name: str) -> PendingFile:
        """Create a file."""

    def open(self, name: str) -> IO[bytes] | None:
        """Open the current version of a file; return None if there is none."""

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""

    def check(self) -> None:
        """Check that files can be created; leaves no file.

        :raises TwelveLabsInputError: another output path or permission is needed.
        :raises TwelveLabsOutputError: a retry may help.
        """

    def uri(self, name: str) -> str:
        """Return the address of a file, without connection id or credential."""


def read_whole(store: Store, name: str) -> bytes | None:
    """Return the content of a file; None if there is none."""
    stream = store.open(name)
    if stream is None:
        return None
    with closing(stream):
        return stream.read()


def write_whole(store: Store, name: str, pieces: Iterable[bytes]) -> None:
    """Write a file that appears whole, or not at all if ``pieces`` or the store raises."""
    pending = store.create(name)
    try:
        for piece in pieces:
            pending.write(piece)
        pending.commit()
    except BaseException:
        pending.discard()
        raise


def open_store(output: str | os.PathLike[str]) -> Store:
    """Return the store of an output path or URI, without a request to it.

    :raises TwelveLabsInputError: it is empty, a URL, or has a scheme without a filesystem.
    """
    location = Location.parse(output)
    if not location.value.strip():
        raise TwelveLabsInputError(f"The output path is empty: give {ACCEPTED_LOCATIONS}.")
    if location.is_url:
        raise TwelveLabsInputError(f"The output path {location.shown!r} is a URL: give {ACCEPTED_LOCATIONS}.")
    if location.is_local:
        return LocalStore(location.local_path)
    filesystem, path = filesystem_of(location, "output path")
    return ObjectStore(
        filesystem,
        path.rstrip("/"),
        whole_objects=location.scheme in OBJECT_STORES,
        shown=location.shown.rstrip("/"),
        conn_id=location.user,
    )
