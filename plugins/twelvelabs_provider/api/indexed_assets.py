"""Indexed assets: the videos of an index, as v1.3 names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twelvelabs_provider.api.call import (
    Call,
    JsonBody,
    Method,
    RateCategory,
    change,
    delete,
    get,
    nothing,
    only_current,
    path_of,
)
from twelvelabs_provider.api.filters import VideoFilter
from twelvelabs_provider.api.models import Page, Video
from twelvelabs_provider.api.paging import page_from
from twelvelabs_provider.api.resources import LARGEST_PAGE, Paging, id_from, page_of


def create_indexed_asset(index_id: str, asset_id: str, *, user_metadata: Mapping[str, Any] | None = None) -> Call[str]:
    """Return the call that indexes an asset and returns the id of the indexed asset, which is the id of the video."""
    body: dict[str, Any] = {"asset_id": asset_id, "enable_video_stream": False}
    if user_metadata:
        body["user_metadata"] = dict(user_metadata)
    call = Call(
        Method.POST,
        path_of("indexes", index_id, "indexed-assets"),
        id_from,
        body=JsonBody(body),
        category=RateCategory.INDEX,
    )
    return only_current(call, "create_task() uploads and indexes a video in one request")


def find_indexed_asset(index_id: str, asset_id: str) -> Call[str | None]:
    """Return the call that finds the video of an asset in an index; None if there is none."""

    def in_index(answer: Any) -> str | None:
        videos = page_from(answer, Video.read, "the indexed assets of an asset").items
        return next((video.id for video in videos if id_from(video.raw.get("index")) == index_id), None)

    call = get(path_of("assets", asset_id, "indexed-assets"), in_index, {"page_limit": LARGEST_PAGE})
    return only_current(call, "list_videos() lists the indexed videos")


def read_indexed_asset(
    index_id: str, video_id: str, *, transcription: bool = False, embedding_option: Sequence[str] = ()
) -> Call[Video]:
    """Return the call that reads an indexed asset: a video with its status.

    :param transcription: include the transcript.
    :param embedding_option: include these embeddings (``visual``, ``audio``, ``transcription``), in ``raw``.
    """
    query = {"transcription": True if transcription else None, "embedding_option": list(embedding_option)}
    call = get(path_of("indexes", index_id, "indexed-assets", video_id), Video.read, query)
    return only_current(call, "read_video() reads an indexed video, read_task() its status")


def list_indexed_assets(
    index_id: str, *, status: Sequence[str] = (), where: VideoFilter | None = None, paging: Paging | None = None
) -> Call[Page[Video]]:
    """Return the call for one page of the indexed assets in an index.

    :param status: any of these statuses; empty for all.
    """
    query = {**(paging or Paging()).query(), "status": list(status), **(where.query() if where else {})}
    call = page_of(path_of("indexes", index_id, "indexed-assets"), Video, query)
    return only_current(call, "list_videos() lists the indexed videos, list_tasks() those in progress")


def update_indexed_asset(index_id: str, video_id: str, user_metadata: Mapping[str, Any]) -> Call[None]:
    """Return the call that merges user metadata into an indexed asset's; None deletes a key."""
    path = path_of("indexes", index_id, "indexed-assets", video_id)
    call = change(Method.PATCH, path, nothing, {"user_metadata": dict(user_metadata)})
    return only_current(call, "update_video() changes the metadata of an indexed video")


def delete_indexed_asset(index_id: str, video_id: str) -> Call[None]:
    """Return the call that removes an indexed asset from its index and keeps the asset."""
    call = delete(path_of("indexes", index_id, "indexed-assets", video_id))
    return only_current(call, "delete_video() removes an indexed video")
