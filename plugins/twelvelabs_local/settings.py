"""The data folder and the settings of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT_API_KEY = "tlk_local"
"""The API key of an engine that was started without ``--api-key``."""

DEFAULT_PORT = 8765

DEFAULT_CHUNK_BYTES = 5 * 1024 * 1024
"""The smallest part that object stores accept."""


@dataclass(frozen=True)
class DataFolder:
    """The folder with all data of an engine.

    :param root: the folder of ``--data``.
    """

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "engine.sqlite3"

    @property
    def media(self) -> Path:
        """Uploaded and downloaded files, named by the SHA-256 of their content."""
        return self.root / "media"

    @property
    def incoming(self) -> Path:
        """Temporary files of uploads and downloads; emptied at each start."""
        return self.root / "incoming"

    @property
    def cache(self) -> Path:
        """The text and features of each content, for the next time that the same content is used."""
        return self.root / "cache"

    @property
    def uploads(self) -> Path:
        """Parts of incomplete multipart uploads: a folder per upload."""
        return self.root / "uploads"

    @property
    def renditions(self) -> Path:
        """Streams and thumbnails of assets: a folder per asset."""
        return self.root / "renditions"

    @property
    def server_lock(self) -> Path:
        """The lock of the only server of this folder."""
        return self.root / "server.lock"

    @property
    def worker_lock(self) -> Path:
        """The lock of the only worker of this folder."""
        return self.root / "worker.lock"

    def prepare(self) -> None:
        """Create the folders that are missing."""
        for folder in (self.root, self.media, self.incoming, self.cache, self.uploads, self.renditions):
            folder.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True)
class Settings:
    """The settings of the command line.

    :param host: address to listen on.
    :param port: port to listen on; 0 picks a free one.
    :param data: the data folder.
    :param api_key: the key that every request must have.
    :param chunk_bytes: size of the parts of a multipart upload.
    :param folders: folders to connect at the start, in place of a data connector's account.
    """

    host: str
    port: int
    data: DataFolder
    api_key: str
    chunk_bytes: int = DEFAULT_CHUNK_BYTES
    folders: tuple[Path, ...] = ()
