"""Roots of a video listing: a folder, a prefix, one file, or a pattern."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.hooks.local_sources import must_be_allowed
from twelvelabs_provider.storage.discovery.listed_files import stem_of
from twelvelabs_provider.storage.filesystems import filesystem_of
from twelvelabs_provider.storage.locations import ACCEPTED_LOCATIONS, Location

_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class SearchRoot:
    """One root of a listing.

    :param shown: the value for messages.
    :param uri: URI of ``folder``, with the connection as user where one is given.
    :param folder: first folder of the listing, as the filesystem spells it.
    :param prefix: common prefix of all object names, for stores without folders; as the filesystem spells it.
    :param pattern: pattern for the paths of videos below ``folder``; None for all.
    :param depth: levels below ``folder`` that are listed; None for all.
    :param filesystem: fsspec filesystem; None for local files.
    """

    shown: str
    uri: str
    folder: str
    prefix: str
    pattern: re.Pattern[str] | None = None
    depth: int | None = None
    filesystem: Any = field(default=None, repr=False, compare=False)

    def uri_of(self, path: str) -> str:
        """Return the address of a file below the folder."""
        return f"{self.uri.rstrip('/')}/{path}"

    def matches(self, path: str) -> bool:
        """Return whether a path below the folder matches."""
        return self.pattern is None or bool(self.pattern.match(path))


def search_root(value: str | os.PathLike[str], conn_id: str | None = None) -> SearchRoot:
    """Parse one root, without a request to its store.

    :param value: folder, prefix, file or pattern (``*``, ``?``, ``[abc]``, ``**`` for any folders).
    :param conn_id: connection of an object storage URI that names none.
    :raises TwelveLabsInputError: it is empty, a URL, of an unknown scheme, or a pattern that cannot be read.
    """
    location = Location.parse(value)
    if not location.value.strip():
        raise TwelveLabsInputError(f"The place to look for videos is empty: give {ACCEPTED_LOCATIONS}.")
    if location.is_url:
        raise TwelveLabsInputError(
            f"The place to look for videos {location.shown!r} is a URL, and a web server cannot be listed: give"
            f" {ACCEPTED_LOCATIONS}; pass a list of URLs directly to the operator that indexes."
        )
    return _local(location) if location.is_local else _stored(location.with_connection(conn_id))


def _local(location: Location) -> SearchRoot:
    path, shown = str(location.local_path), location.value
    if location.scheme and not os.path.lexists(path) and os.path.lexists(unquote(path)):
        path = unquote(path)
    must_be_allowed(_MAGIC.split(path, maxsplit=1)[0], shown, "place to look for videos")
    single = not os.path.isdir(path)
    if single and os.path.lexists(path):
        folder, _, name = path.rpartition("/")
        return _below(shown, "file://", folder or "/", re.escape(name), 1)
    folder, pattern, depth = _parts(path, shown)
    return _below(shown, "file://", folder, pattern, depth)


def _below(shown: str, scheme: str, folder: str, pattern: str | None, depth: int | None) -> SearchRoot:
    compiled = None if pattern is None else re.compile(pattern + r"\Z", re.DOTALL)
    return SearchRoot(shown, f"{scheme}{folder}", folder, folder, compiled, depth)


def _stored(location: Location) -> SearchRoot:
    value, shown = location.value, location.shown
    # Only the folder is parsed as a URI: a question mark in a pattern is no query.
    folder, pattern, depth = _parts(value, shown)
    filesystem, path = filesystem_of(Location.parse(folder), "place to look for videos")
    path = path.rstrip("/")
    literal = _MAGIC.split(value[len(folder) :].lstrip("/"), maxsplit=1)[0]
    prefix = f"{path}/{literal}"
    if pattern is None and not value.endswith("/") and "/" in path.lstrip("/"):
        return _file_or_folder(folder, shown, path, filesystem)
    compiled = None if pattern is None else re.compile(pattern + r"\Z", re.DOTALL)
    return SearchRoot(shown, folder.rstrip("/"), path, prefix, compiled, depth, filesystem)


def _file_or_folder(uri: str, shown: str, path: str, filesystem: Any) -> SearchRoot:
    """Return the root of a URI without a trailing slash, which may be one object with its subtitle beside it."""
    name = path.rpartition("/")[2]
    if stem_of(name) == name or not filesystem.isfile(path):
        return SearchRoot(shown, uri, path, f"{path}/", None, None, filesystem)
    pattern = re.compile(re.escape(name) + r"\Z", re.DOTALL)
    folder = path.rpartition("/")[0]
    return SearchRoot(shown, uri.rpartition("/")[0], folder, stem_of(path), pattern, 1, filesystem)


def _parts(value: str, shown: str) -> tuple[str, str | None, int | None]:
    """Return the folder before the pattern, the pattern, and its depth."""
    parts = value.rstrip("/").split("/") if value.strip("/") else [""]
    start = 3 if "://" in value else 0
    first = next((at for at in range(start, len(parts)) if _MAGIC.search(parts[at])), None)
    if first is None:
        return value.rstrip("/") or "/", None, None
    from fsspec.utils import glob_translate

    rest = parts[first:]
    try:
        pattern = str(glob_translate("/".join(rest))).removesuffix(r"\Z")
        re.compile(pattern)
    except (ValueError, re.error) as error:
        raise TwelveLabsInputError(f"The pattern {shown!r} cannot be read: {error}.") from error
    return "/".join(parts[:first]) or "/", pattern, None if "**" in rest else len(rest)
