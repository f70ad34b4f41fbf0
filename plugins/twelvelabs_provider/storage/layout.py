"""Paths of results below the output: ``{output}/{folders}/{name}.{format}`` and ``{name}.manifest.json``."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["RESERVED", "ResultKind", "ResultPath", "safe_component"]

_UNSAFE = re.compile(r"[/\\?#%*:|\"<>]")
_MAX_BYTES = 120
RESERVED = "_catalog"
"""Folder of the catalog in every output; no index and no video gets this name."""


class ResultKind(StrEnum):
    """Kinds of extracted segments; the value is the stem of the files."""

    TRANSCRIPTION = "transcription"
    TEXT_IN_VIDEO = "text_in_video"
    LOGO = "logo"


@dataclass(frozen=True)
class ResultPath:
    """Path of a result below the output.

    :param folders: names of the folders from the output downwards, such as ``(index_id, video_id)``; may be empty.
    :param name: stem of the files.
    :param kind: what the result holds, for its manifest; empty for the name.
    """

    folders: tuple[str, ...]
    name: str
    kind: str = ""

    def __post_init__(self) -> None:
        """Take the name as the kind, where no kind is given."""
        object.__setattr__(self, "kind", self.kind or self.name)

    @property
    def folder(self) -> str:
        """The folders as one path, valid in every store."""
        return "/".join(safe_component(folder) for folder in self.folders)

    @property
    def stem(self) -> str:
        """The path of the files without a suffix."""
        return self.beside(safe_component(self.name))

    @property
    def manifest(self) -> str:
        """Path of the manifest; each result has its own, since several tasks publish into one folder."""
        return f"{self.stem}.manifest.json"

    def beside(self, file_name: str) -> str:
        """Return the path of a file in the same folder."""
        return f"{self.folder}/{file_name}" if self.folders else file_name

    def data(self, format: str) -> str:
        """Return the path of the data file in one format."""
        return f"{self.stem}.{format}"


def safe_component(name: str) -> str:
    """Return ``name`` as one path component for every store: no slash, no leading dot, no control character.

    The name of the catalog's folder is changed too. A changed name gets a digest of the original, so that two names
    never become one.
    """
    safe = "".join(c if c.isprintable() else "_" for c in _UNSAFE.sub("_", name)).strip(" .")
    safe = safe.encode("utf-8", errors="replace")[:_MAX_BYTES].decode("utf-8", errors="ignore")
    if safe == name and safe and name.lower() != RESERVED:
        return safe
    digest = hashlib.sha256(name.encode("utf-8", errors="surrogatepass")).hexdigest()[:8]
    return f"{safe.strip(' .') or '_'}-{digest}"
