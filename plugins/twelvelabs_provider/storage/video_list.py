"""Lists of videos: files of JSON lines in storage, one video per line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, BinaryIO

from twelvelabs_provider.api.decoding import decoded_json
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.encoding import json_text
from twelvelabs_provider.storage.source import Source, resolve_source

__all__ = ["LIST_SUFFIXES", "LONGEST_LINE", "ListedVideo", "json_lines", "list_lines", "read_video_list"]

LIST_SUFFIXES = (".jsonl", ".ndjson")
"""Suffixes of files of JSON lines."""

LONGEST_LINE = 256 * 1024
"""Maximum bytes of one line; a file with longer lines is something else."""

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class ListedVideo:
    """One video of a list.

    :param uri: its address, with the connection as user where one is needed (``s3://conn@bucket/key``).
    :param size: bytes; None where it is not known.
    :param version: changes when the content changes (the store's checksum, else size and time); empty if not known.
    :param modified: ISO 8601 time in UTC; None if unknown.
    :param subtitle: URI of the SRT or VTT file beside it; None if there is none.
    """

    uri: str
    size: int | None = None
    version: str = ""
    modified: str | None = None
    subtitle: str | None = None

    @classmethod
    def from_row(cls, row: Any, where: str = "the video") -> ListedVideo:
        """Parse a row of a list: a mapping with at least ``uri``, or a URI alone; other fields are ignored.

        :param where: names the row in errors.
        :raises TwelveLabsInputError: a field is missing or of another type.
        """
        if isinstance(row, str):
            row = {"uri": row}
        if not isinstance(row, Mapping):
            raise TwelveLabsInputError(f"{where} is {type(row).__name__}, not a JSON object with a uri")
        uri = _text(row, "uri", where)
        if not uri:
            raise TwelveLabsInputError(f"{where} has no uri; it has {sorted(map(str, row))}")
        return cls(
            uri, _size(row, where), _text(row, "version", where) or "",
            _text(row, "modified", where), _text(row, "subtitle", where),
        )  # fmt: skip

    def as_row(self) -> dict[str, Any]:
        """Return the fields by name, as JSON values."""
        return {
            "uri": self.uri,
            "size": self.size,
            "version": self.version,
            "modified": self.modified,
            "subtitle": self.subtitle,
        }


def list_lines(videos: Iterable[ListedVideo]) -> Iterator[bytes]:
    """Yield the lines of a list, each with its line end."""
    for video in videos:
        yield json_text(video.as_row()) + b"\n"


def read_video_list(uri: str) -> Iterator[ListedVideo]:
    """Yield the videos of a list, one line in memory; blank lines are skipped.

    :param uri: path or object storage URI of a file of JSON lines.
    :raises TwelveLabsInputError: the file is missing or a URL, or a line of it is no video; names file and line.
    """
    return (ListedVideo.from_row(row, where) for where, row in _located_rows(uri, "list of videos"))


def json_lines(uri: str, what: str) -> Iterator[Any]:
    """Yield the values of a file of JSON lines, one line in memory; blank lines are skipped.

    :param what: what the file is, for errors.
    :raises TwelveLabsInputError: the file is missing or a URL, or a line of it is not JSON; names file and line.
    """
    return (row for _, row in _located_rows(uri, what))


def _located_rows(uri: str, what: str) -> Iterator[tuple[str, Any]]:
    """Return the values of a file, each with its place for errors; a file that cannot be opened is refused at once."""
    source = resolve_source(uri, what=what, is_sent=False)
    if source.is_url:
        raise TwelveLabsInputError(
            f"The {what} {source.uri!r} is a URL: give a path or an object storage URI of a file of JSON lines."
        )
    return _rows_of(source, what)


def _rows_of(source: Source, what: str) -> Iterator[tuple[str, Any]]:
    with closing(source.open()) as stream:
        for number, line in enumerate(_lines(stream), start=1):
            where = f"Line {number} of the {what} {source.uri!r}"
            if text := (line.removeprefix(_BOM) if number == 1 else line).strip():
                yield where, _decoded(text, where)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    while line := stream.readline(LONGEST_LINE + 1):
        yield line


def _decoded(line: bytes, where: str) -> Any:
    if len(line) > LONGEST_LINE:
        raise TwelveLabsInputError(f"{where} is longer than {LONGEST_LINE // 1024} KiB: that is no such file")
    try:
        return decoded_json(line)
    except ValueError as error:
        raise TwelveLabsInputError(f"{where} is not JSON in UTF-8 ({error}); write one JSON object per line") from error


def _text(row: Mapping[str, Any], name: str, where: str) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise TwelveLabsInputError(f"{where}: {name}={value!r} must be a text")
    return value


def _size(row: Mapping[str, Any], where: str) -> int | None:
    value = row.get("size")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise TwelveLabsInputError(f"{where}: size={value!r} must be a whole number of bytes")
    return value
