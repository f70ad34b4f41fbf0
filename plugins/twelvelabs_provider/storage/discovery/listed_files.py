"""Files of a listing, with the metadata of their store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from twelvelabs_provider.storage.video_list import ListedVideo

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2v", ".ts", ".mts", ".m2ts", ".vob", ".wmv",
    ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mxf",
)  # fmt: skip
"""Suffixes that FFmpeg reads as video, which the service accepts."""

_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "timeModified", "created")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One file of a listing.

    :param uri: address to read it, with the connection as user where one is given.
    :param size: bytes; None if unknown.
    :param version: changes when the content changes.
    :param modified: seconds since 1970; None if unknown.
    """

    uri: str
    size: int | None
    version: str
    modified: float | None

    @property
    def name(self) -> str:
        """The address without connection, equal for all connections."""
        return address_of(self.uri)


@dataclass(frozen=True, slots=True)
class DiscoveredVideo:
    """A video and its subtitle.

    :param stable: both are unchanged in the second listing, if there is one.
    """

    video: ListedFile
    subtitle: ListedFile | None = None
    stable: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """The sort key of listings."""
        name = self.video.name
        return stem_of(name), name

    @property
    def mark(self) -> str:
        """Changes when the video or its subtitle changes."""
        subtitle = self.subtitle
        return f"{self.video.version}\n{subtitle.name}\n{subtitle.version}" if subtitle else self.video.version

    @property
    def modified(self) -> float | None:
        """Seconds since 1970 when the later of the two was written; None if unknown."""
        video, subtitle = self.video.modified, self.subtitle
        if subtitle is None or video is None:
            return video
        return None if subtitle.modified is None else max(video, subtitle.modified)

    def listed(self) -> ListedVideo:
        """Return the row of the list."""
        video, subtitle = self.video, self.subtitle
        written = None if video.modified is None else datetime.fromtimestamp(video.modified, UTC).isoformat()
        return ListedVideo(video.uri, video.size, video.version, written, subtitle.uri if subtitle else None)


def address_of(uri: str) -> str:
    """Return an address without its connection."""
    if "@" not in uri:
        return uri
    scheme, separator, rest = uri.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def stem_of(name: str) -> str:
    """Return an address without the suffix of its last part; a leading dot starts no suffix."""
    folder, slash, last = name.rpartition("/")
    stem, point, _ = last.rpartition(".")
    return f"{folder}{slash}{stem}" if point and stem else name


def suffix_of(name: str) -> str:
    """Return the suffix of a URI in lower case with its dot; empty if there is none."""
    return name[len(stem_of(name)) :].lower()


def time_of(info: Mapping[str, Any]) -> float | None:
    """When a store says that a file was written: seconds since 1970."""
    for value in filter(None, map(info.get, _TIMES)):
        if isinstance(value, int | float):
            return float(value)
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        except ValueError:
            continue
        # A time without a zone would be read in the worker's.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None
