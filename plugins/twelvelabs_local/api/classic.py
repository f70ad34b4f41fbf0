"""Calls that only v1.1 and v1.2 have, beside reading and counting: pictures, logos, hosting sites."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, required
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.api.lists import number, refuse_unknown
from twelvelabs_local.api.transcriptions import segments_answer
from twelvelabs_local.api.videos import ready_video
from twelvelabs_local.engine.frames import jpeg_at
from twelvelabs_local.errors import MediaError, ServiceError, invalid, not_exist
from twelvelabs_local.identity import is_id
from twelvelabs_local.signed_urls import SIGNED
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.store.media_files import content_path
from twelvelabs_local.store.videos import Video


async def logo(call: Call) -> Response:
    """GET /indexes/{index_id}/videos/{video_id}/logo: nobody looks for logos here, so none is ever found."""
    return segments_answer(call, "logo", "logo")


async def thumbnail(call: Call) -> Response:
    """GET /indexes/{index_id}/videos/{video_id}/thumbnail: a link that opens the picture for an hour."""
    query = call.request.query_params
    refuse_unknown(query, ("time",))
    _, video = ready_video(call)
    time, duration = number(query, "time"), video.duration or 0.0
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
        picture = await run_in_threadpool(jpeg_at, path, number(call.request.query_params, "time") or 0.0)
    except MediaError as error:
        raise error.refused() from error
    return Response(picture, media_type="image/jpeg")


def _content(call: Call, video: Video) -> Path | None:
    asset = call.db.find(Asset, id=video.asset_id)
    return content_path(call.engine.settings.data, asset.sha256) if asset and asset.sha256 else None


async def external_task(call: Call) -> Response:
    """POST /tasks/external-provider (v1.2): this engine visits no hosting site."""
    if call.dialect.version == "v1.1":
        raise HTTPException(404)
    body = await call.body(("index_id", "url"))
    index_id, url = required(body.get("index_id"), "index_id"), required(body.get("url"), "url")
    if not isinstance(index_id, str) or not is_id(index_id) or call.db.find(Index, id=index_id) is None:
        raise not_exist(str(index_id), "indexes", 400)
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise invalid("url", "It must be the address of a video on a hosting site.")
    message = "This engine fetches nothing from hosting sites. Give a direct link to a file as video_url: POST /tasks."
    raise ServiceError(403, "api_not_allowed", message)


ROUTES: Sequence[Entry] = (
    ("GET", "/indexes/{index_id}/videos/{video_id}/logo", logo),
    ("GET", "/indexes/{index_id}/videos/{video_id}/thumbnail", thumbnail),
    ("POST", "/tasks/external-provider", external_task),
)
LOCAL: Sequence[Entry] = (("GET", f"{SIGNED}frames/{{video_id}}.jpg", frame),)
