"""Multipart uploads: a session, presigned URLs of parts, and reports of uploaded parts.

The URLs are signed and stay out of every ``repr``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import pendulum
from pydantic import BeforeValidator

from twelvelabs_provider.api.assets import AssetOptions, AssetType
from twelvelabs_provider.api.call import Call, RateCategory, get, only_current, path_of, post
from twelvelabs_provider.api.models import Json, Page
from twelvelabs_provider.api.reading import as_object, page_from, text_from
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.service_model import Count, Identifier, Moment, ServiceModel, Shown, moment_from, named

MOST_AT_ONCE = 50
"""Parts in one report, URLs in one response."""

_PATH = "/assets/multipart-uploads"
_WHAT = "a multipart upload"
_INSTEAD = "create_task() uploads a file of up to 2 GB in one request"


class UploadStatus(StrEnum):
    """Status of a session."""

    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"


class ChunkStatus(StrEnum):
    """Status of a part; ``pending`` includes parts that arrived and were not reported."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True)
class ChunkUrl:
    """Presigned URL of one part, valid for one request.

    :param index: the part, counted from 1.
    """

    index: int
    url: str = field(repr=False)
    expires_at: pendulum.DateTime | None = None


@dataclass(frozen=True)
class UploadSession:
    """A new session.

    :param asset_id: reserved; the asset exists after the session is completed.
    :param chunk_size: bytes of every part but the last.
    :param expires_at: deadline of the session, a day after its start.
    :param urls: of the first parts, not always of all.
    :param headers: of every part.
    """

    id: str
    asset_id: str
    chunk_size: int
    total_chunks: int
    expires_at: pendulum.DateTime | None
    urls: tuple[ChunkUrl, ...] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class UploadedChunk(ServiceModel):
    """A part of a session.

    :param index: counted from 1.
    :param error: why it failed.
    """

    index: int
    status: str
    uploaded_at: Moment = None
    error: Shown = None


@dataclass(frozen=True)
class UploadState(Answer):
    """A session with one page of its parts."""

    id: str
    status: str
    chunks: Page[UploadedChunk]
    completed: int
    failed: int
    pending: int
    total_size: int | None
    uploaded_size: int | None
    raw: Json = field(repr=False, default_factory=dict)


class IncompleteUpload(ServiceModel):
    """An incomplete session."""

    id: Identifier = named("upload_id", "id")
    status: str
    total_size: int
    chunk_size: int
    total_chunks: int
    created_at: Moment = None
    expires_at: Moment = None


@dataclass(frozen=True)
class SentChunk:
    """An uploaded part.

    :param proof: the ``ETag`` of the response, without quotes.
    :param size: bytes.
    """

    index: int
    proof: str
    size: int


class ChunkReport(ServiceModel):
    """The result of a report.

    :param complete: all parts have arrived.
    :param duplicates: parts that were reported before, which does no harm.
    """

    asset_id: str | None = None
    complete: Annotated[bool, BeforeValidator(bool)] = named("url", "complete", default=False)
    processed: Count = named("processed_chunks", default=0)
    duplicates: Count = named("duplicate_chunks", default=0)
    total_completed: Count = 0


def create_upload(media: AssetType, total_size: int, options: AssetOptions) -> Call[UploadSession]:
    """Return the call that begins a session; an abandoned session costs nothing and ends after a day.

    :param total_size: bytes.
    """
    body = {
        "filename": options.filename,
        "type": media.value,
        "total_size": total_size,
        "enable_hls": options.enable_hls,
        "enable_thumbnail": options.enable_thumbnail,
        "user_metadata": dict(options.user_metadata) if options.user_metadata else None,
    }
    call = post(_PATH, _session_from, body, repeatable=True, category=RateCategory.UPLOAD)
    return only_current(call, _INSTEAD)


def list_incomplete_uploads(paging: Paging | None = None) -> Call[Page[IncompleteUpload]]:
    """Return the call for one page of the incomplete sessions."""
    read = partial(page_from, item=IncompleteUpload.read, what="the list of incomplete uploads")
    return only_current(get(_PATH, read, (paging or Paging()).place()), _INSTEAD)


def read_upload(upload_id: str, paging: Paging | None = None) -> Call[UploadState]:
    """Return the call for the status of a session, with one page of its parts."""
    return only_current(get(_upload_path(upload_id), _state_from, (paging or Paging()).place()), _INSTEAD)


def report_chunks(upload_id: str, chunks: Sequence[SentChunk]) -> Call[ChunkReport]:
    """Return the call that reports uploaded parts, at most 50; it is safe to repeat."""
    reported = [
        {"chunk_index": chunk.index, "proof": chunk.proof, "proof_type": "etag", "chunk_size": chunk.size}
        for chunk in chunks
    ]
    call = post(_upload_path(upload_id), ChunkReport.read, {"completed_chunks": reported}, repeatable=True)
    return only_current(call, _INSTEAD)


def presign_chunks(upload_id: str, start: int, count: int = 1) -> Call[tuple[ChunkUrl, ...]]:
    """Return the call for new URLs of consecutive parts.

    :param start: the first part, counted from 1.
    :param count: 50 at most.
    """
    path = path_of("assets", "multipart-uploads", upload_id, "presigned-urls")
    return only_current(post(path, _urls_from, {"start": start, "count": count}, repeatable=True), _INSTEAD)


def _upload_path(upload_id: str) -> str:
    return path_of("assets", "multipart-uploads", upload_id)


def _session_from(answer: Any) -> UploadSession:
    raw = as_object(answer, "a new upload")
    return UploadSession(
        id=text_from(raw, "upload_id", _WHAT),
        asset_id=text_from(raw, "asset_id", _WHAT),
        chunk_size=int(text_from(raw, "chunk_size", _WHAT)),
        total_chunks=int(text_from(raw, "total_chunks", _WHAT)),
        expires_at=moment_from(raw.get("expires_at")),
        urls=_urls_from(raw),
        headers={str(name): str(value) for name, value in (raw.get("upload_headers") or {}).items()},
    )


def _urls_from(answer: Any) -> tuple[ChunkUrl, ...]:
    def urls() -> Iterator[ChunkUrl]:
        for entry in as_object(answer, "addresses of parts").get("upload_urls") or ():
            raw = as_object(entry, "the address of a part")
            index, url = int(text_from(raw, "chunk_index", _WHAT)), text_from(raw, "url", _WHAT)
            yield ChunkUrl(index, url, moment_from(raw.get("expires_at")))

    return tuple(urls())


def _state_from(answer: Any) -> UploadState:
    raw = as_object(answer, "an upload")
    page = {"data": raw.get("uploaded_chunks"), "page_info": raw.get("page_info")}
    return UploadState(
        id=text_from(raw, "upload_id", _WHAT),
        status=text_from(raw, "status", _WHAT),
        chunks=page_from(page, UploadedChunk.read, "the parts of an upload"),
        completed=int(raw.get("chunks_completed") or 0),
        failed=int(raw.get("chunks_failed") or 0),
        pending=int(raw.get("chunks_pending") or 0),
        total_size=raw.get("total_size"),
        uploaded_size=raw.get("uploaded_size"),
        raw=raw,
    )
