"""Where to look for videos: a folder, a prefix, one file, or a pattern, in any storage that can be listed."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.discovery.entries import stem_of
from twelvelabs_provider.storage.local_sources import must_be_allowed
from twelvelabs_provider.storage.locations import (
    KNOWN_PLACES,
    filesystem_of,
    is_local,
    is_url,
    local_path,
    place_text,
    redact_url,
    scheme_of,
    with_connection,
)

_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Place:
    """One place to look, as it was given.

    :param shown: for messages.
    :param uri: of ``folder``, with the connection as user where one was given.
    :param folder: where a walk begins, as the filesystem spells it; hidden names are looked for below it.
    :param prefix: what every wanted name begins with, for stores that know no folders; as the filesystem spells it.
    :param pattern: what a video's path below ``folder`` has to match; None for all.
    :param depth: how many levels below ``folder`` names are wanted from; None for all.
    :param filesystem: of fsspec; None for the machine's own files.
    """

    shown: str
    uri: str
    folder: str
    prefix: str
    pattern: re.Pattern[str] | None = None
    depth: int | None = None
    filesystem: Any = field(default=None, repr=False, compare=False)

    def uri_of(self, path: str) -> str:
        """Address of a file that lies below the folder."""
        return f"{self.uri.rstrip('/')}/{path}"

    def wants(self, path: str) -> bool:
        """Whether a video below the folder is meant."""
        return self.pattern is None or bool(self.pattern.match(path))


def place_of(value: str | os.PathLike[str], conn_id: str | None = None) -> Place:
    """Read one place; the storage is not asked yet.

    :param value: folder, prefix, file or pattern (``*``, ``?``, ``[abc]``, ``**`` for any folders).
    :param conn_id: connection of an object storage URI that names none.
    :raises TwelveLabsInputError: it is empty, a URL, of an unknown scheme, or a pattern that cannot be read.
    """
    value = place_text(value)
    shown = redact_url(value) if is_url(value) else value
    if not value.strip():
        raise TwelveLabsInputError(f"The place to look for videos is empty: give {KNOWN_PLACES}.")
    if is_url(value):
        raise TwelveLabsInputError(
            f"The place to look for videos {shown!r} is a URL, and a web server cannot be listed: give {KNOWN_PLACES}; "
            "a list of URLs goes to the operator that indexes as it is."
        )
    if is_local(value):
        return _local(value, shown)
    return _stored(with_connection(value, conn_id))


def _local(value: str, shown: str) -> Place:
    path = str(local_path(value))
    if scheme_of(value) and not os.path.lexists(path) and os.path.lexists(unquote(path)):
        path = unquote(path)
    must_be_allowed(_MAGIC.split(path, maxsplit=1)[0], shown, "place to look for videos")
    single = not os.path.isdir(path)
    if single and os.path.lexists(path):
        folder, _, name = path.rpartition("/")
        return _below(shown, "file://", folder or "/", re.escape(name), 1)
    folder, pattern, depth = _parts(path, shown)
    return _below(shown, "file://", folder, pattern, depth)


def _below(shown: str, scheme: str, folder: str, pattern: str | None, depth: int | None) -> Place:
    compiled = None if pattern is None else re.compile(pattern + r"\Z", re.DOTALL)
    return Place(shown, f"{scheme}{folder}", folder, folder, compiled, depth)


def _stored(value: str) -> Place:
    shown = redact_url(value)
    # Of a pattern, only the folder is looked up: a question mark is no query there.
    folder, pattern, depth = _parts(value, shown)
    filesystem, path = filesystem_of(folder, "place to look for videos")
    path = path.rstrip("/")
    literal = _MAGIC.split(value[len(folder) :].lstrip("/"), maxsplit=1)[0]
    prefix = f"{path}/{literal}"
    if pattern is None and not value.endswith("/") and "/" in path.lstrip("/"):
        return _file_or_folder(folder, shown, path, filesystem)
    compiled = None if pattern is None else re.compile(pattern + r"\Z", re.DOTALL)
    return Place(shown, folder.rstrip("/"), path, prefix, compiled, depth, filesystem)


def _file_or_folder(uri: str, shown: str, path: str, filesystem: Any) -> Place:
    """What has no slash at its end may be one object; its subtitle lies beside it."""
    name = path.rpartition("/")[2]
    if stem_of(name) == name or not filesystem.isfile(path):
        return Place(shown, uri, path, f"{path}/", None, None, filesystem)
    pattern = re.compile(re.escape(name) + r"\Z", re.DOTALL)
    folder = path.rpartition("/")[0]
    return Place(shown, uri.rpartition("/")[0], folder, stem_of(path), pattern, 1, filesystem)


def _parts(value: str, shown: str) -> tuple[str, str | None, int | None]:
    """Folder before the first sign of a pattern, the pattern behind it, and how deep it reaches."""
    parts = value.rstrip("/").split("/") if value.strip("/") else [""]
    start = 3 if scheme_of(value) else 0
    first = next((at for at in range(start, len(parts)) if _MAGIC.search(parts[at])), None)
    if first is None:
        return value.rstrip("/") or "/", None, None
    from fsspec.utils import glob_translate  # type: ignore[import-untyped]

    rest = parts[first:]
    try:
        pattern = str(glob_translate("/".join(rest))).removesuffix(r"\Z")
        re.compile(pattern)
    except (ValueError, re.error) as error:
        raise TwelveLabsInputError(f"The pattern {shown!r} cannot be read: {error}.") from error
    return "/".join(parts[:first]) or "/", pattern, None if "**" in rest else len(rest)
