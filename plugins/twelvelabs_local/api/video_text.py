"""The text of an indexed video, for the calls that generate text about it."""

from __future__ import annotations

from twelvelabs_local.api.call import Call
from twelvelabs_local.engine.topics import VideoText
from twelvelabs_local.errors import ServiceError, not_exist
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.store.videos import Video, segments_of

PEGASUS = "pegasus"


def video_text(call: Call, video_id: str) -> VideoText:
    """Return the text that indexing found in a video.

    :param video_id: an id of the right form.
    :raises ServiceError: when the video does not exist, is not ready, or has no model that generates text.
    """
    video = call.db.find(Video, id=video_id)
    index = call.db.find(Index, id=video.index_id) if video else None
    if video is None or index is None:
        raise not_exist(video_id, "videos")
    if not any(model.name.startswith(PEGASUS) for model in index.named_models()):
        message = f"The index {index.id} has no model of the {PEGASUS} family; create one with it and index again."
        raise ServiceError(400, "index_not_supported_for_generate", message)
    if video.status != "ready":
        raise ServiceError(400, "video_not_ready", f"The video {video.id} is {video.status}; wait until it is ready.")
    return VideoText(
        video.duration or 0.0,
        segments_of(call.db, video.id, "text_in_video"),
        segments_of(call.db, video.id, "transcription"),
    )
