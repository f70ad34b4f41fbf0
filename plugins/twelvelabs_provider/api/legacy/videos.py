"""Videos and indexes as v1.1 and v1.2 read and change them, where that differs from v1.3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from twelvelabs_provider.api.call import Call, Method, change, get, nothing, path_of
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.filters import IndexFilter
from twelvelabs_provider.api.models import Index, Page, Video
from twelvelabs_provider.api.reading import video_from
from twelvelabs_provider.api.resources import Paging, indexes_page


def read_video(
    index_id: str, video_id: str, *, transcription: bool = False, embedding_option: Sequence[str] = ()
) -> Call[Video]:
    """Return the call that reads an indexed video.

    :raises TwelveLabsUnsupportedError: for its transcription, which has a call of its own, or for vectors.
    """
    if transcription:
        raise TwelveLabsUnsupportedError(
            "API v1.1/v1.2 tells what was said in a video through a call of its own: transcription()"
        )
    if embedding_option:
        raise TwelveLabsUnsupportedError(
            "API v1.1/v1.2 gives no vectors of an indexed video: use a connection with api_version v1.3"
        )
    return get(path_of("indexes", index_id, "videos", video_id), video_from)


def read_indexed_asset(
    index_id: str, video_id: str, *, transcription: bool = False, embedding_option: Sequence[str] = ()
) -> NoReturn:
    """Refuse: there are no assets in this generation."""
    raise TwelveLabsUnsupportedError(
        "API v1.1/v1.2 knows no assets: read_video() reads an indexed video, read_task() its state; or use api_version"
        " v1.3"
    )


def update_video(
    index_id: str, video_id: str, *, user_metadata: Mapping[str, Any] | None = None, title: str | None = None
) -> Call[None]:
    """Return the call that merges fields of one's own into those of a video and gives it a title.

    :param title: None leaves it as it is.
    """
    path = path_of("indexes", index_id, "videos", video_id)
    metadata = dict(user_metadata) if user_metadata else None
    return change(Method.PUT, path, nothing, {"video_title": title, "metadata": metadata})


def list_indexes(paging: Paging | None = None, *, where: IndexFilter | None = None) -> Call[Page[Index]]:
    """Return the call for one page of the account's indexes, in the words of v1.2."""
    return indexes_page(paging, where, options="engine_options", family="engine_family")


def list_indexes_of_one_engine(paging: Paging | None = None, *, where: IndexFilter | None = None) -> Call[Page[Index]]:
    """Return the call for one page of the account's indexes, in the words of v1.1.

    :raises TwelveLabsUnsupportedError: for a family of engines.
    """
    if where and where.family:
        raise TwelveLabsUnsupportedError(
            "API v1.1 cannot narrow indexes by their engine's family: read all and compare their models"
        )
    return indexes_page(paging, where, options="index_options", family="engine_family")
