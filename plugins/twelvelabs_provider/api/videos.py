"""Videos and indexes as v1.3 reads and changes them: a video and an indexed asset are one thing under two names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twelvelabs_provider.api.call import Call, Method, change, get, nothing, only_current, path_of
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.models import Video
from twelvelabs_provider.api.reading import video_from


def read_video(
    index_id: str, video_id: str, *, transcription: bool = False, embedding_option: Sequence[str] = ()
) -> Call[Video]:
    """Return the call that reads an indexed video.

    :param transcription: with what was said in it.
    :param embedding_option: with its vectors of these kinds (``visual``, ``audio``, ``transcription``), in ``raw``.
    """
    query = {"transcription": True if transcription else None, "embedding_option": list(embedding_option)}
    return get(path_of("indexes", index_id, "videos", video_id), video_from, query)


def read_indexed_asset(
    index_id: str, video_id: str, *, transcription: bool = False, embedding_option: Sequence[str] = ()
) -> Call[Video]:
    """Return the call that reads an indexed asset: a video with its status.

    :param transcription: with what was said in it.
    :param embedding_option: with its vectors of these kinds (``visual``, ``audio``, ``transcription``), in ``raw``.
    """
    query = {"transcription": True if transcription else None, "embedding_option": list(embedding_option)}
    return get(path_of("indexes", index_id, "indexed-assets", video_id), video_from, query)


def update_video(
    index_id: str, video_id: str, *, user_metadata: Mapping[str, Any] | None = None, title: str | None = None
) -> Call[None]:
    """Return the call that merges fields of one's own into those of a video; None takes a field away.

    :raises TwelveLabsUnsupportedError: for a title.
    """
    if title is not None:
        raise TwelveLabsUnsupportedError("API v1.3 knows no title of a video: put it into user_metadata")
    path = path_of("indexes", index_id, "videos", video_id)
    return change(Method.PATCH, path, nothing, {"user_metadata": dict(user_metadata or {})})


def update_indexed_asset(index_id: str, video_id: str, user_metadata: Mapping[str, Any]) -> Call[None]:
    """Return the call that merges fields of one's own into those of an indexed asset; None takes a field away."""
    path = path_of("indexes", index_id, "indexed-assets", video_id)
    call = change(Method.PATCH, path, nothing, {"user_metadata": dict(user_metadata)})
    return only_current(call, "update_video() changes the metadata of an indexed video")
