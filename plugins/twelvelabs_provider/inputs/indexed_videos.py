"""Indexed videos given to an operator for many videos: outcomes of indexing, files of rows, rows, or ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import entries_of
from twelvelabs_provider.inputs.video_sources import MOST_VIDEOS
from twelvelabs_provider.storage.locations import redact_url
from twelvelabs_provider.storage.video_list import LIST_SUFFIXES, json_lines

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FAILED = "failed"
_HOW = (
    "give what TwelveLabsIndexVideosOperator or TwelveLabsIndexVideoOperator returned, the URI of an outcome file"
    " (.jsonl), ids of videos, rows with a video_id, or a list of these"
)


@dataclass(frozen=True)
class IndexedVideo:
    """A video in an index, or a row about one that was not indexed.

    :param index_id: None where neither the row nor the operator names an index.
    :param video_id: None for a video that was not indexed.
    :param asset_id: None if unknown.
    :param duration: seconds; None if unknown.
    :param uri: where the video came from, without credentials; None if unknown.
    :param reason: why it was not indexed.
    """

    index_id: str | None
    video_id: str | None
    asset_id: str | None = None
    duration: float | None = None
    uri: str | None = None
    reason: str | None = None

    @property
    def name(self) -> str:
        """Its file name, or its id."""
        return (self.uri or "").rstrip("/").rpartition("/")[2] or self.video_id or "a video"


def indexed_videos_of(value: Any) -> list[IndexedVideo]:
    """Return the videos of an argument in the order given, each once. An empty argument has no videos.

    :param value: one of, or a list (or its JSON text) of: the result of an indexing task, the URI of an outcome file, a
        row with ``video_id``, an id of a video.
    :raises TwelveLabsInputError: it is none of these, a file cannot be read, or there are over :data:`MOST_VIDEOS`.
    """
    found: dict[tuple[str | None, str], IndexedVideo] = {}
    for number, entry in enumerate(entries_of("videos", value, _HOW)):
        if entry is None:
            # A failed mapped task that returned nothing leaves an empty place in the list.
            continue
        for video in _videos_in(entry, f"videos[{number}]"):
            key = (video.index_id, video.video_id or f"not indexed: {len(found)}")
            found.setdefault(key, video)
            if len(found) > MOST_VIDEOS:
                raise TwelveLabsInputError(
                    f"videos has more than {MOST_VIDEOS:,} entries: extract them in several tasks, for example with"
                    " .partial(...).expand(videos=...)"
                )
    return list(found.values())


def _videos_in(entry: Any, where: str) -> Iterator[IndexedVideo]:
    if isinstance(entry, Mapping):
        outcome = entry.get("outcome")
        # The result of an indexing task names its file; a row of that file has an outcome, too.
        if isinstance(outcome, str) and outcome.lower().endswith(LIST_SUFFIXES):
            yield from _rows_of(outcome, entry.get("index_id"))
        else:
            yield _video_of(entry, where, None)
    elif isinstance(entry, str) and entry.strip().lower().endswith(LIST_SUFFIXES):
        yield from _rows_of(entry.strip(), None)
    elif isinstance(entry, str) and _ID.fullmatch(entry.strip()):
        yield IndexedVideo(None, entry.strip())
    else:
        raise TwelveLabsInputError(f"{where}={str(entry)[:200]!r} names no indexed video: {_HOW}")


def _rows_of(uri: str, index_id: Any) -> Iterator[IndexedVideo]:
    for number, row in enumerate(json_lines(uri, "outcome of indexing"), start=1):
        where = f"Line {number} of the outcome of indexing {redact_url(uri)!r}"
        if not isinstance(row, Mapping):
            raise TwelveLabsInputError(f"{where} is {type(row).__name__}, not a JSON object with a video_id")
        yield _video_of(row, where, index_id)


def _video_of(row: Mapping[str, Any], where: str, index_id: Any) -> IndexedVideo:
    uri = row.get("uri") or row.get("source_uri")
    shown = redact_url(str(uri)) if uri else None
    index, video_id = _id(row, "index_id", where) or index_id, _id(row, "video_id", where)
    if row.get("outcome") == _FAILED or (not video_id and "outcome" in row):
        return IndexedVideo(index, None, uri=shown, reason=str(row.get("reason") or "not indexed"))
    if not video_id:
        raise TwelveLabsInputError(
            f"{where} has no video_id; its fields are {sorted(map(str, row))}. Index the videos first, and {_HOW}"
        )
    return IndexedVideo(index, video_id, _id(row, "asset_id", where), _seconds(row), shown)


def _id(row: Mapping[str, Any], name: str, where: str) -> str | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TwelveLabsInputError(f"{where}: {name}={value!r} must be a text")
    return str(value)


def _seconds(row: Mapping[str, Any]) -> float | None:
    value = row.get("duration_seconds", row.get("duration"))
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
    return float(value) if known and value is not None else None
