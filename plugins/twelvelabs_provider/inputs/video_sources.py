"""Arguments of operators for many videos: the videos, the concurrency, and the allowed failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from heapq import nsmallest
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import entries_of, number_of, whole_number_of
from twelvelabs_provider.storage.discovery.listing import list_files
from twelvelabs_provider.storage.discovery.search_roots import search_root
from twelvelabs_provider.storage.locations import Location
from twelvelabs_provider.storage.video_list import LIST_SUFFIXES, ListedVideo, read_video_list

MOST_VIDEOS = 5_000
"""Maximum number of videos of one task."""

MOST_CONCURRENT = 100
_HOW = (
    "give the URI of a .jsonl file with one video a line, a URI or a pattern (s3://bucket/day/*.mp4), or a list of"
    " URIs, patterns, files or rows {uri, subtitle}"
)


def videos_of(value: Any) -> list[ListedVideo]:
    """Return the videos of an argument, in the order given.

    :param value: one of, or a list (or its JSON text) of: the URI of a ``.jsonl`` file of rows, a video's URI, path or
        URL, a pattern with ``*``, a row. An empty argument has no videos.
    :raises TwelveLabsInputError: it is none of these, a file cannot be read, or there are over :data:`MOST_VIDEOS`.
    """
    found: list[ListedVideo] = []
    for number, entry in enumerate(entries_of("videos", value, _HOW)):
        for video in _videos_in(entry, number):
            found.append(video)
            if len(found) > MOST_VIDEOS:
                raise TwelveLabsInputError(
                    f"videos has more than {MOST_VIDEOS:,} entries: index them in several tasks, for example with"
                    " .partial(...).expand(videos=[...])"
                )
    return found


def concurrency_of(value: Any) -> int:
    """Return how many videos are indexed at once.

    :raises TwelveLabsInputError: it is not a whole number from 1 to 100.
    """
    return whole_number_of("max_concurrent", value, most=MOST_CONCURRENT)


def allowed_failures(value: Any, videos: int) -> int | None:
    """Return how many videos may fail; None for any number.

    :param value: a number, a share such as ``5%``, or None.
    :raises TwelveLabsInputError: it is none of these.
    """
    text = "" if value is None else str(value).strip()
    if text in ("", "None"):
        return None
    share = text.endswith("%")
    number = number_of("max_failed", text.removesuffix("%"))
    if number < 0 or (share and number > 100) or (not share and number != int(number)):
        raise TwelveLabsInputError(f"max_failed={value!r} must be a whole number, a share such as '5%', or None")
    return int(videos * number / 100) if share else int(number)


def _videos_in(entry: Any, number: int) -> Iterator[ListedVideo]:
    if not isinstance(entry, str):
        yield ListedVideo.from_row(entry, f"videos[{number}]")
    elif not entry.strip():
        raise TwelveLabsInputError(f"videos[{number}]={entry!r} is empty: {_HOW}")
    else:
        for uri in _matches(entry.strip()):
            if uri.lower().endswith(LIST_SUFFIXES) and not Location.parse(uri).is_url:
                yield from read_video_list(uri)
            else:
                yield ListedVideo(uri)


def _matches(uri: str) -> Iterator[str]:
    """Yield the files that match a pattern, by name; a location without a pattern as it is."""
    if Location.parse(uri).is_url or "*" not in uri:
        yield uri
        return
    root = search_root(uri)
    found = (entry.uri.removeprefix("file://") for path, entry in list_files(root, Counter()) if root.matches(path))
    # A listing is unordered and may be huge; more than the maximum is refused anyway.
    yield from nsmallest(MOST_VIDEOS + 1, found)
