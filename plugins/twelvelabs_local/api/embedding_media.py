"""The media files of requests for embeddings."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twelvelabs_local.api.call import Call
from twelvelabs_local.api.embedding_request import MediaSource
from twelvelabs_local.downloads import download
from twelvelabs_local.engine.embedding_input import check_window, read_input
from twelvelabs_local.engine.features import numbers, picture_vector, read_picture
from twelvelabs_local.engine.probe import Probe, probe
from twelvelabs_local.engine.text_extraction import MediaFile
from twelvelabs_local.errors import MediaError, ServiceError, invalid, not_exist
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.media_files import IncomingFile, content_path, read_chunks
from twelvelabs_local.video_limits import INLINE_BYTES, LINK_BYTES, MARENGO, MEBIBYTE, check_sound_or_picture

if TYPE_CHECKING:
    from twelvelabs_local.engine.embedding import EmbeddingInput, EmbeddingOptions
    from twelvelabs_local.engine.features import Vector

IMAGE_BYTES = 32 * MEBIBYTE
IMAGE_CODECS = ("png", "mjpeg")
SMALLEST_IMAGE = 128
LONGEST_SYNC = 600.0
"""Seconds of audio or video that are embedded while the caller waits."""


@contextmanager
def opened(call: Call, source: MediaSource | IncomingFile, path: str, limit: int) -> Iterator[tuple[MediaFile, Probe]]:
    """Yield the file of a source and its probe; a fetched file is deleted afterwards. This may take long.

    :param call: the request.
    :param source: the source, or a file of the request.
    :param path: the parameter that contains it, for errors.
    :param limit: the most bytes to fetch.
    :raises ServiceError: when it cannot be used.
    """
    folder = call.engine.settings.data
    try:
        if isinstance(source, IncomingFile):
            yield _probed(source)
        elif source.asset_id:
            asset = ready_asset(call, source.asset_id, path)
            found = asset.probe
            assert found is not None and asset.sha256 is not None
            yield MediaFile(content_path(folder, asset.sha256), asset.sha256, found.duration), found
        else:
            with IncomingFile(folder) as arrival:
                receive(arrival, source, path, limit)
                yield _probed(arrival)
    except MediaError as error:
        raise error.as_service_error() from error


def _probed(arrival: IncomingFile) -> tuple[MediaFile, Probe]:
    found = probe(arrival.path)
    return MediaFile(arrival.path, arrival.sha256, found.duration), found


def receive(arrival: IncomingFile, source: MediaSource, path: str, limit: int) -> None:
    """Write the file of a link or of an inline source to disk.

    :raises ServiceError: when it is not base64, or too large (413).
    :raises MediaError: when a link cannot be fetched, or its file is too large.
    """
    if source.url:
        arrival.write(download(source.url), limit)
        return
    try:
        content = base64.b64decode(source.base64_string or "", validate=True)
    except binascii.Error as error:
        raise invalid(f"{path}.base64_string", f"It is not base64: {error}.") from error
    if len(content) > min(limit, INLINE_BYTES):
        raise too_large_inline()
    arrival.write(read_chunks(io.BytesIO(content)), limit)


def too_large_inline() -> ServiceError:
    """Return the error for inline media that is too large."""
    message = f"Inline media may have {INLINE_BYTES} bytes at most, an image {IMAGE_BYTES}: send a link or an asset."
    return ServiceError(413, "payload_too_large", message)


def ready_asset(call: Call, asset_id: str, path: str) -> Asset:
    """Return an asset that is ready.

    :raises ServiceError: when it does not exist, or is not ready.
    """
    asset = call.db.find(Asset, id=asset_id)
    if asset is None:
        raise not_exist(asset_id, "assets", 400)
    if asset.status != "ready":
        raise invalid(f"{path}.asset_id", f"The asset {asset.id} is {asset.status}; wait until it is ready.")
    return asset


def source_metadata(call: Call, source: MediaSource) -> Mapping[str, Any]:
    """Return how a response names a source."""
    if source.url:
        return {"input_url": source.url}
    asset = call.db.find(Asset, id=source.asset_id) if source.asset_id else None
    return {"input_filename": asset.filename} if asset else {}


def image_of(call: Call, source: MediaSource | IncomingFile, path: str) -> Vector:
    """Return the vector of an image.

    :raises ServiceError: when it cannot be used.
    """
    with opened(call, source, path, IMAGE_BYTES) as (content, found):
        return checked_image(content.path, found)


def checked_image(file: Path, found: Probe) -> Vector:
    """Return the vector of an image file.

    :raises MediaError: when it is none, or too small.
    """
    if not found.still or found.video_codec not in IMAGE_CODECS:
        message = f"The file is neither a JPEG nor a PNG image: its type is {found.file_type}."
        raise MediaError("unsupported_file_type", message)
    if min(found.width, found.height) < SMALLEST_IMAGE:
        need = f"{SMALLEST_IMAGE}x{SMALLEST_IMAGE}"
        message = f"The image has {found.width}x{found.height} pixels; it must have {need} at least."
        raise MediaError("image_resolution_too_low", message)
    return picture_vector(read_picture(file))


def read_media(
    call: Call, source: MediaSource | IncomingFile, kind: str, options: EmbeddingOptions, path: str
) -> EmbeddingInput:
    """Read a video or a sound while the caller waits.

    :param kind: ``audio`` or ``video``.
    :raises ServiceError: when it cannot be used, or lasts too long.
    """
    with opened(call, source, path, LINK_BYTES) as (content, found):
        check_sound_or_picture(kind, found, MARENGO)
        if found.duration > LONGEST_SYNC:
            message = f"It is {found.duration:g} seconds long; create an embedding task for more than {LONGEST_SYNC:g}."
            raise invalid(path, message)
        check_window(options, found)
        return read_input(content, options, call.engine.settings.data.cache, lambda _: None)


def plain(vector: Vector) -> Mapping[str, Any]:
    """Return the entry of a response for an input without segments."""
    nothing = dict.fromkeys(("embedding_option", "embedding_scope", "start_sec", "end_sec"))
    return {"embedding": numbers(vector), **nothing}
