"""Where the engine keeps things, and what it was told on its command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT_API_KEY = "tlk_local"
"""The key that an engine started without ``--api-key`` asks for: documented, but never no key at all."""

DEFAULT_PORT = 8765

DEFAULT_CHUNK_BYTES = 5 * 1024 * 1024
"""What stores in the cloud take as the smallest part of a file."""


@dataclass(frozen=True)
class DataFolder:
    """The folder that holds everything an engine knows.

    :param root: the folder given as ``--data``.
    """

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "engine.sqlite3"

    @property
    def media(self) -> Path:
        """Uploaded and fetched files, named by the SHA-256 of their content."""
        return self.root / "media"

    @property
    def incoming(self) -> Path:
        """Files that are still arriving; emptied at each start."""
        return self.root / "incoming"

    @property
    def cache(self) -> Path:
        """What was read and heard in a content, kept for the next time the same content comes."""
        return self.root / "cache"

    @property
    def uploads(self) -> Path:
        """Parts of files that have not come whole yet: a folder per upload."""
        return self.root / "uploads"

    @property
    def renditions(self) -> Path:
        """Streams and pictures made of assets: a folder per asset."""
        return self.root / "renditions"

    @property
    def server_lock(self) -> Path:
        """Held by the one server of this folder."""
        return self.root / "server.lock"

    @property
    def worker_lock(self) -> Path:
        """Held by the one worker of this folder."""
        return self.root / "worker.lock"

    def prepare(self) -> None:
        """Create the folders that are missing."""
        for folder in (self.root, self.media, self.incoming, self.cache, self.uploads, self.renditions):
            folder.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True)
class Settings:
    """What the command line said.

    :param host: address to listen on.
    :param port: port to listen on; 0 picks a free one.
    :param data: the data folder.
    :param api_key: the key that every call must carry.
    :param chunk_bytes: size of the parts of a file that comes in parts.
    :param folders: connected at the start: what a data connector would connect to elsewhere.
    """

    host: str
    port: int
    data: DataFolder
    api_key: str
    chunk_bytes: int = DEFAULT_CHUNK_BYTES
    folders: tuple[Path, ...] = ()
