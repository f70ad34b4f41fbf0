"""Embeddings of a video that is indexed, as its own calls give them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from anyio import to_thread

from twelvelabs_local.api.call import Call
from twelvelabs_local.api.embedding_request import OPTIONS
from twelvelabs_local.api.embeddings import WATCHING
from twelvelabs_local.api.embeddings_v1 import segments_of
from twelvelabs_local.api.lists import flag
from twelvelabs_local.engine.embedding import EmbeddingOptions, Option, embeddings
from twelvelabs_local.engine.embedding_input import read_input
from twelvelabs_local.engine.features import MODEL_NAME
from twelvelabs_local.engine.text_extraction import MediaFile
from twelvelabs_local.errors import MediaError, ServiceError, invalid
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.indexes import Index, has_option
from twelvelabs_local.store.media_files import content_path
from twelvelabs_local.store.videos import Video
from twelvelabs_local.store.videos import segments_of as saved_segments

NEEDED = {Option.VISUAL: "visual", Option.AUDIO: "audio", Option.TRANSCRIPTION: "audio"}
"""The option of the index without which there is no such embedding."""


async def embedding_of(call: Call, index: Index, video: Video) -> Mapping[str, Any]:
    """Return the ``embedding`` field of a video's body as the query asks for it; empty where it does not.

    :param call: the request.
    :param index: the index of the video.
    :param video: the video.
    :raises ServiceError: when the index has no such embeddings, or the video is not ready.
    """
    options = _options(call, index)
    if not options:
        return {}
    if video.status != "ready":
        raise ServiceError(400, "video_not_ready", f"The video {video.id} is {video.status}; wait until it is ready.")
    rows = await to_thread.run_sync(partial(_described, call, video, options), limiter=WATCHING)
    segments = segments_of(rows, [], "asset")
    return {"embedding": {"model_name": MODEL_NAME, "video_embedding": {"segments": segments}}}


def _options(call: Call, index: Index) -> list[Option]:
    """Return which embeddings are asked for: by name, or (v1.2) all that the index has."""
    query = call.request.query_params
    if call.dialect.legacy:
        wanted = flag(query, "embed")
        return [option for option, needed in NEEDED.items() if wanted and has_option(index, needed)]
    options: list[Option] = []
    for name in query.getlist("embedding_option"):
        if name not in OPTIONS["video"]:
            raise invalid("embedding_option", f"It is {name!r}; it must be one of {', '.join(OPTIONS['video'])}.")
        option = Option(name)
        if not has_option(index, NEEDED[option]):
            raise invalid("embedding_option", f"The index was created without the option {NEEDED[option]!r}.")
        options.append(option)
    return options


def _described(call: Call, video: Video, options: list[Option]) -> list[Mapping[str, Any]]:
    """Return the embeddings; it may take its time the first time."""
    asset = call.db.find(Asset, id=video.asset_id)
    found = asset.probe if asset else None
    assert asset is not None and found is not None and asset.sha256 is not None
    folder, ask = call.engine.settings.data, EmbeddingOptions(tuple(options), whole=False)
    content = MediaFile(content_path(folder, asset.sha256), asset.sha256, found.duration)
    said = saved_segments(call.db, video.id, "transcription")
    try:
        return embeddings(ask, read_input(content, ask, folder.cache, lambda _: None, said))
    except MediaError as error:
        raise error.refused() from error
