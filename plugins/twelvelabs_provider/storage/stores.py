"""What a place for results can do, whichever it is: create a file that appears whole or not at all, remove, check."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import IO, Protocol

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.local_store import LocalStore
from twelvelabs_provider.storage.locations import (
    KNOWN_PLACES,
    display_uri,
    filesystem_of,
    is_local,
    is_url,
    local_path,
    place_text,
    redact_url,
    scheme_of,
)
from twelvelabs_provider.storage.object_store import ObjectStore


class PendingFile(Protocol):
    """A file that is being written and that nobody sees under its final name until :meth:`commit`."""

    def write(self, data: bytes) -> None:
        """Add bytes at the end."""

    def commit(self) -> None:
        """Make the whole file visible under its final name, replacing what was there."""

    def discard(self) -> None:
        """Forget what was written; never raises, and does nothing after a commit."""


class Store(Protocol):
    """The folder that results go below. Names are relative to it, with ``/`` between components."""

    def create(self, name: str) -> PendingFile:
        """Begin a file."""

    def open(self, name: str) -> IO[bytes] | None:
        """Open a file to read it, as it is now; None if there is none."""

    def remove(self, name: str) -> None:
        """Remove a file; it is no error when there is none."""

    def check(self) -> None:
        """Find out that files can be created here, and leave nothing behind.

        :raises TwelveLabsInputError: another place has to be given, or permission.
        :raises TwelveLabsOutputError: a retry may help.
        """

    def uri(self, name: str) -> str:
        """Address of a file, without connection id or credential."""


def write_whole(store: Store, name: str, pieces: Iterable[bytes]) -> None:
    """Write a file that appears whole, or not at all if a piece of it cannot be had or written."""
    pending = store.create(name)
    try:
        for piece in pieces:
            pending.write(piece)
        pending.commit()
    except BaseException:
        pending.discard()
        raise


def open_store(output: str | os.PathLike[str]) -> Store:
    """The store that an output path or URI names; nothing is read or written yet.

    :raises TwelveLabsInputError: the place is empty, a URL, or of a scheme that no filesystem is there for.
    """
    output = place_text(output)
    if not output.strip():
        raise TwelveLabsInputError(f"The output path is empty: give {KNOWN_PLACES}.")
    if is_url(output):
        raise TwelveLabsInputError(f"The output path {redact_url(output)!r} is a URL: give {KNOWN_PLACES}.")
    if is_local(output):
        return LocalStore(local_path(output))
    filesystem, path = filesystem_of(output, "output path")
    return ObjectStore(filesystem, path.rstrip("/"), scheme=scheme_of(output), shown=display_uri(output).rstrip("/"))
