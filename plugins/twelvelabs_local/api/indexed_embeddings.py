"""The embeddings in the body of an indexed video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from anyio import to_thread

from twelvelabs_local.api.call import Call
from twelvelabs_local.api.embeddings import READING
from twelvelabs_local.api.embeddings_v1 import segments_of
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
"""The option that the index must have for an embedding."""


async def embedding_of(
    call: Call, index: Index, video: Video, wanted: Sequence[str], *, embed: bool
) -> Mapping[str, Any]:
    """Return the ``embedding`` field of a video's body, or nothing where the query does not ask for it.

    :param wanted: the options that the query names (v1.3).
    :param embed: whether the query requests all that the index has (v1.2).
    :raises ServiceError: when the index has no such embeddings, or the video is not ready.
    """
    if call.dialect.legacy:
        options = [option for option, needed in NEEDED.items() if embed and has_option(index, needed)]
    else:
        options = [_checked(index, Option(name)) for name in wanted]
    if not options:
        return {}
    if video.status != "ready":
        raise ServiceError(400, "video_not_ready", f"The video {video.id} is {video.status}; wait until it is ready.")
    rows = await to_thread.run_sync(partial(_computed, call, video, options), limiter=READING)
    segments = segments_of(rows, [], "asset")
    return {"embedding": {"model_name": MODEL_NAME, "video_embedding": {"segments": segments}}}


def _checked(index: Index, option: Option) -> Option:
    if not has_option(index, NEEDED[option]):
        raise invalid("embedding_option", f"The index was created without the option {NEEDED[option]!r}.")
    return option


def _computed(call: Call, video: Video, chosen: list[Option]) -> list[Mapping[str, Any]]:
    """Return the embeddings. The first time may take long."""
    asset = call.db.find(Asset, id=video.asset_id)
    found = asset.probe if asset else None
    assert asset is not None and found is not None and asset.sha256 is not None
    folder, options = call.engine.settings.data, EmbeddingOptions(tuple(chosen), whole=False)
    content = MediaFile(content_path(folder, asset.sha256), asset.sha256, found.duration)
    said = saved_segments(call.db, video.id, "transcription")
    try:
        return embeddings(options, read_input(content, options, folder.cache, lambda _: None, said))
    except MediaError as error:
        raise error.as_service_error() from error
