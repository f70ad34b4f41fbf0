"""Calls that only v1.1 and v1.2 have: logos, thumbnails and videos on hosting sites."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.parameters import Link, Required, Seconds
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.api.transcriptions import segments_answer
from twelvelabs_local.api.videos import ready_video
from twelvelabs_local.engine.frames import jpeg_at
from twelvelabs_local.errors import MediaError, ServiceError, invalid, not_exist
from twelvelabs_local.signed_urls import SIGNED
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.store.media_files import content_path
from twelvelabs_local.store.videos import Video


class TimeQuery(RequestModel):
    """The query of a thumbnail."""

    time: Seconds | None = None


class ExternalTaskRequest(RequestModel):
    """A request for a video on a hosting site."""

    index_id: Annotated[str, Required]
    url: Link


async def logo(call: Call) -> Response:
    """GET /indexes/{index_id}/videos/{video_id}/logo, which is always empty: the engine detects no logos."""
    return segments_answer(call, "logo", "logo")


async def thumbnail(call: Call) -> Response:
    """GET /indexes/{index_id}/videos/{video_id}/thumbnail: a link that is valid for an hour."""
    time = call.query(TimeQuery).time
    _, video = ready_video(call)
    duration = video.duration or 0.0
    if time is not None and time > duration:
        raise invalid("time", f"It is {time:g}; the video is {duration:g} seconds long.")
    shown = duration / 2 if time is None else time
    return answer({"thumbnail": call.signed_link("GET", f"{SIGNED}frames/{video.id}.jpg", {"time": f"{shown:g}"})})


async def frame(call: Call) -> Response:
    """GET /_local/signed/frames/{video_id}.jpg."""
    video = call.db.find(Video, id=str(call.request.path_params["video_id"]))
    path = _content(call, video) if video else None
    if path is None:
        raise ServiceError(404, "not_found", "The video was deleted.")
    try:
        picture = await run_in_threadpool(jpeg_at, path, float(call.request.query_params["time"]))
    except MediaError as error:
        raise error.as_service_error() from error
    return Response(picture, media_type="image/jpeg")


def _content(call: Call, video: Video) -> Path | None:
    asset = call.db.find(Asset, id=video.asset_id)
    return content_path(call.engine.settings.data, asset.sha256) if asset and asset.sha256 else None


async def external_task(call: Call) -> Response:
    """POST /tasks/external-provider (v1.2): rejected, because the engine fetches nothing from hosting sites."""
    request = await call.json(ExternalTaskRequest)
    if call.db.find(Index, id=request.index_id) is None:
        raise not_exist(request.index_id, "indexes", 400)
    message = "This engine fetches nothing from hosting sites. Give a direct link to a file as video_url: POST /tasks."
    raise ServiceError(403, "api_not_allowed", message)


ROUTES: Sequence[Endpoint] = (
    ("GET", "/indexes/{index_id}/videos/{video_id}/logo", logo),
    ("GET", "/indexes/{index_id}/videos/{video_id}/thumbnail", thumbnail),
)
SINCE_V1_2: Sequence[Endpoint] = (("POST", "/tasks/external-provider", external_task),)
LOCAL: Sequence[Endpoint] = (("GET", f"{SIGNED}frames/{{video_id}}.jpg", frame),)
