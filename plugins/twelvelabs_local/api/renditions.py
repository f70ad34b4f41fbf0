"""Streams and pictures of assets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import FileResponse, Response

from twelvelabs_local.api.call import Call
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.engine.renditions import PLAYLIST
from twelvelabs_local.errors import ServiceError
from twelvelabs_local.signed_urls import HOUR, SIGNED
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.media_files import rendition_path
from twelvelabs_local.store.renditions import HLS, THUMBNAIL, renditions_of

_FILES: Mapping[str, tuple[str, str]] = {
    HLS: ("manifest_url", PLAYLIST),
    THUMBNAIL: ("representative_url", "thumbnail.jpg"),
}
_NAME = re.compile(r"[\w-]+\.(m3u8|ts|jpg)")
_TYPES = {"m3u8": "application/vnd.apple.mpegurl", "ts": "video/mp2t", "jpg": "image/jpeg"}
_PLAYING = 6 * HOUR
"""Seconds for which the segments of a stream can be fetched: longer than any video."""


def shown_renditions(call: Call, asset: Asset) -> Mapping[str, Any]:
    """Return the fields of an asset about its renditions; only ready ones have a link."""
    shown: dict[str, Any] = {}
    for kind, status in renditions_of(call.db, asset.id).items():
        field, name = _FILES[kind]
        link = {field: call.signed_link("GET", _path(asset.id, kind, name))} if status == "ready" else {}
        shown[kind] = {"status": status, **link}
    return shown


async def file(call: Call) -> Response:
    """GET of a file to its signed link."""
    asset_id, kind = call.path_id("asset_id", "assets"), str(call.request.path_params["kind"])
    name = str(call.request.path_params["name"])
    found = _NAME.fullmatch(name)
    path = rendition_path(call.engine.settings.data, asset_id, kind) / name
    if found is None or kind not in _FILES or not path.is_file():
        raise ServiceError(404, "not_found", "There is no such file; the asset may have been deleted.")
    if name == PLAYLIST:
        return Response(_signed_playlist(call, asset_id, path.read_text()), media_type=_TYPES["m3u8"])
    return FileResponse(path, media_type=_TYPES[found[1]])


def _signed_playlist(call: Call, asset_id: str, playlist: str) -> str:
    """Return a playlist with a signed link for each segment."""

    def signed(line: str) -> str:
        if not line or line.startswith("#"):
            return line
        return call.signed_link("GET", _path(asset_id, HLS, line), seconds=_PLAYING)

    return "\n".join(map(signed, playlist.splitlines())) + "\n"


def _path(asset_id: str, kind: str, name: str) -> str:
    return f"{SIGNED}renditions/{asset_id}/{kind}/{name}"


LOCAL: Sequence[Endpoint] = (("GET", SIGNED + "renditions/{asset_id}/{kind}/{name}", file),)
