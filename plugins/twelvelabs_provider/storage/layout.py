"""How results are named: ``{output}/{group}/{video}/{kind}.{format}`` and ``{kind}.manifest.json``."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from twelvelabs_provider.storage.locations import display_uri

__all__ = ["Place", "ResultKind", "ResultPlace", "TablePlace", "display_uri", "safe_component"]

_UNSAFE = re.compile(r"[/\\?#%*:|\"<>]")
_MAX_BYTES = 120
RESERVED = "_catalog"
"""Folder of every output that holds the catalog; no index and no video gets it."""


class ResultKind(StrEnum):
    """What a result holds; the value is the stem of its files."""

    TRANSCRIPTION = "transcription"
    TEXT_IN_VIDEO = "text_in_video"
    LOGO = "logo"


class Place(Protocol):
    """Where one result lies below the output, whatever it holds."""

    @property
    def kind(self) -> str:
        """What the result holds, for its manifest."""

    @property
    def folder(self) -> str:
        """Folder below the output, made safe for every store."""

    @property
    def manifest_name(self) -> str:
        """File name of the manifest."""

    def data_name(self, format: str) -> str:
        """File name of the data in one format."""


@dataclass(frozen=True)
class ResultPlace:
    """Where the segments of one video lie below the output.

    :param group: id of the index, or ``assets``.
    :param video: id of the video or asset.
    :param name: stem of the files.
    :param holds: what the result holds; None for what the name says.
    """

    group: str
    video: str
    name: str
    holds: str | None = None

    @property
    def kind(self) -> str:
        """What the result holds."""
        return self.holds or self.name

    @property
    def folder(self) -> str:
        """``group/video``, made safe for every store."""
        return f"{safe_component(self.group)}/{safe_component(self.video)}"

    @property
    def manifest_name(self) -> str:
        """File name of the manifest; each kind has its own, since two tasks publish into one folder."""
        return f"{safe_component(self.name)}.manifest.json"

    def data_name(self, format: str) -> str:
        """File name of the rows in one format."""
        return f"{safe_component(self.name)}.{format}"


@dataclass(frozen=True)
class TablePlace:
    """Where a table or a document lies below the output: ``{folders}/{name}.{format}``.

    :param folders: names of the folders, from the output downwards, such as ``(index_id, "search")``.
    :param name: stem of the files.
    :param kind: what it holds (``search``, ``videos``, ...), for the manifest.
    """

    folders: tuple[str, ...]
    name: str
    kind: str

    @property
    def folder(self) -> str:
        """The folders as one path, made safe for every store."""
        return "/".join(safe_component(folder) for folder in self.folders)

    @property
    def manifest_name(self) -> str:
        """File name of the manifest."""
        return f"{safe_component(self.name)}.manifest.json"

    def data_name(self, format: str) -> str:
        """File name of the data in one format."""
        return f"{safe_component(self.name)}.{format}"


def safe_component(name: str) -> str:
    """``name`` as one path component that every store takes: no slash, no leading point, no control character.

    The name of the catalog's folder is changed too.

    A name that has to be changed gets a digest of the original, so that two names never become one.
    """
    safe = "".join(c if c.isprintable() else "_" for c in _UNSAFE.sub("_", name)).strip(" .")
    safe = safe.encode("utf-8", errors="replace")[:_MAX_BYTES].decode("utf-8", errors="ignore")
    if safe == name and safe and name.lower() != RESERVED:
        return safe
    digest = hashlib.sha256(name.encode("utf-8", errors="surrogatepass")).hexdigest()[:8]
    return f"{safe.strip(' .') or '_'}-{digest}"
