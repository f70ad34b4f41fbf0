"""Assets of v1.3: uploaded files that can be indexed, analyzed and embedded many times."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from twelvelabs_provider.api.call import (
    Call,
    FilePart,
    FormBody,
    Method,
    RateCategory,
    change,
    delete,
    get,
    nothing,
    only_current,
    path_of,
    wire_text,
)
from twelvelabs_provider.api.limits import UploadLimits
from twelvelabs_provider.api.models import Asset, AssetTranscription, Json, Page
from twelvelabs_provider.api.resources import Paging, page_of

UPLOADS = UploadLimits(
    max_direct=200 * 1000**2, max_url=4 * 1024**3, max_multipart=10 * 1024**3, max_image=32 * 1024**2
)
_BY_LINK = "the store signs a link, and the service fetches the file by it"
_INSTEAD = "create_task() uploads and indexes a video in one request"


class UploadMethod(StrEnum):
    """How a file is uploaded."""

    DIRECT = "direct"
    URL = "url"
    MULTIPART = "multipart"


class AssetType(StrEnum):
    """Media types of an asset."""

    VIDEO = "video"
    AUDIO = "audio"
    IMAGE = "image"


@dataclass(frozen=True)
class AssetOptions:
    """Options of an upload.

    :param user_metadata: plain values (or lists of texts) by name.
    :param enable_hls: create an HLS stream.
    :param enable_thumbnail: create a thumbnail.
    """

    filename: str | None = None
    user_metadata: Mapping[str, Any] | None = None
    enable_hls: bool = False
    enable_thumbnail: bool = False


@dataclass(frozen=True)
class UploadChoice:
    """The chosen upload method.

    :param why: the reason, for the log.
    :param otherwise: fallback if the service cannot fetch the URL; None for no fallback.
    """

    method: UploadMethod
    why: str
    otherwise: UploadMethod | None = None

    def as_memo(self) -> dict[str, str | None]:
        """Return the choice as plain JSON."""
        return {"method": self.method.value, "otherwise": self.otherwise.value if self.otherwise else None}


def choose_method(size: int | None, wanted: UploadMethod | None = None, signable: bool = False) -> UploadChoice:
    """Return the upload method: by URL, by a signed URL, or by the size of the file.

    :param size: bytes of a file; None for a URL that the service fetches.
    :param wanted: of the user; None chooses by the file.
    :param signable: the store of the file can sign a URL.
    :raises ValueError: the method cannot work. Protects a long upload that the service would refuse.
    """
    if size is None:
        if wanted not in (None, UploadMethod.URL):
            raise ValueError(f"method={wanted.value!r} reads a file, and an http(s) URL is fetched by the service")
        return UploadChoice(UploadMethod.URL, f"the service fetches the address, up to {UPLOADS.max_url:,} bytes")
    if wanted is UploadMethod.URL:
        _ensure_link(size, signable)
        return UploadChoice(wanted, f"asked for: {_BY_LINK}")
    if wanted is UploadMethod.DIRECT and size > UPLOADS.max_direct:
        raise ValueError(f"method='direct' takes at most {UPLOADS.max_direct:,} bytes, not {size:,}: use 'multipart'")
    if size > UPLOADS.max_multipart:
        raise ValueError(f"it has {size:,} bytes; the service takes at most {UPLOADS.max_multipart:,} by any route")
    if wanted is not None:
        return UploadChoice(wanted, "asked for")
    uploaded = _by_size(size)
    if signable and size <= UPLOADS.max_url:
        return UploadChoice(UploadMethod.URL, _BY_LINK, otherwise=uploaded.method)
    return uploaded


def _by_size(size: int) -> UploadChoice:
    if size <= UPLOADS.max_direct:
        return UploadChoice(UploadMethod.DIRECT, f"{size:,} bytes fit into one request")
    return UploadChoice(
        UploadMethod.MULTIPART, f"{size:,} bytes are more than the {UPLOADS.max_direct:,} of one request"
    )


def _ensure_link(size: int, signable: bool) -> None:
    if not signable:
        raise ValueError(
            "method='url' needs an http(s) URL that the service can fetch, or a store that signs links; "
            "give 'direct' or 'multipart'"
        )
    if size > UPLOADS.max_url:
        raise ValueError(f"method='url' takes at most {UPLOADS.max_url:,} bytes, not {size:,}: use 'multipart'")


def create_asset(
    media: FilePart | str,
    *,
    filename: str | None = None,
    user_metadata: Mapping[str, Any] | None = None,
    enable_hls: bool = False,
    enable_thumbnail: bool = False,
) -> Call[Asset]:
    """Return the call that uploads a file or has the service fetch a URL.

    :param enable_hls: create an HLS stream.
    :param enable_thumbnail: create a thumbnail.
    """
    source: tuple[tuple[str, str | FilePart], ...]
    source = (("method", "url"), ("url", media)) if isinstance(media, str) else (("method", "direct"), ("file", media))
    texts = {
        "filename": filename or (media.filename if isinstance(media, FilePart) else None),
        # The defaults differ between releases of the service, so both are always sent.
        "enable_hls": wire_text(enable_hls),
        "enable_thumbnail": wire_text(enable_thumbnail),
        "user_metadata": json.dumps(dict(user_metadata)) if user_metadata else None,
    }
    parts = tuple((name, value) for name, value in texts.items() if value is not None)
    form = FormBody((*parts, *source))
    return only_current(Call(Method.POST, "/assets", Asset.read, body=form, category=RateCategory.UPLOAD), _INSTEAD)


def read_asset(asset_id: str) -> Call[Asset]:
    """Return the call that reads an asset."""
    return only_current(get(path_of("assets", asset_id), Asset.read), "read_video() reads an indexed video")


def delete_asset(asset_id: str, *, force: bool = False) -> Call[None]:
    """Return the call that deletes an asset; ``force`` removes it from the indexes that refer to it as well."""
    call = delete(path_of("assets", asset_id), {"force": True if force else None})
    return only_current(call, "delete_video() removes an indexed video")


def asset_transcription(asset_id: str, *, include: Sequence[str] = ("utterances",)) -> Call[AssetTranscription]:
    """Return the call for the transcript of an asset.

    :param include: any of ``words``, ``sentences`` and ``utterances``.
    """
    query = {"include": list(include)}
    call = get(path_of("assets", asset_id, "transcription"), AssetTranscription.read, query)
    return only_current(call, "transcription() reads the transcript of an indexed video")


def list_assets(
    *,
    asset_ids: Sequence[str] = (),
    asset_types: Sequence[str] = (),
    filename: str | None = None,
    paging: Paging | None = None,
) -> Call[Page[Asset]]:
    """Return the call for one page of the account's assets, newest first.

    :param asset_ids: only these.
    :param asset_types: any of ``video``, ``audio``, ``image``.
    :param filename: part of the file's name, in any case.
    """
    query = {
        **(paging or Paging()).place(),
        "asset_ids": list(asset_ids),
        "asset_types": list(asset_types),
        "filename": filename,
    }
    return only_current(page_of("/assets", Asset, query), "list_videos() lists what is indexed")


def update_asset_metadata(asset_id: str, user_metadata: Json) -> Call[None]:
    """Return the call that merges user metadata into an asset's; None deletes a key."""
    return _metadata(Method.PATCH, asset_id, user_metadata)


def replace_asset_metadata(asset_id: str, user_metadata: Json) -> Call[None]:
    """Return the call that replaces all user metadata of an asset."""
    return _metadata(Method.PUT, asset_id, user_metadata)


def delete_asset_metadata(asset_id: str) -> Call[None]:
    """Return the call that clears the user metadata of an asset."""
    return only_current(delete(path_of("assets", asset_id, "user-metadata")), _INSTEAD)


def _metadata(method: Method, asset_id: str, user_metadata: Json) -> Call[None]:
    body = {"user_metadata": dict(user_metadata)}
    return only_current(change(method, path_of("assets", asset_id, "user-metadata"), nothing, body), _INSTEAD)
