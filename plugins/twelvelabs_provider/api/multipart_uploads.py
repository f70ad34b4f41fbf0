"""Multipart uploads: a session, presigned URLs of parts, and reports of uploaded parts.

The URLs are signed and stay out of every ``repr``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import AliasChoices, BeforeValidator, Field

from twelvelabs_provider.api.assets import AssetOptions, AssetType
from twelvelabs_provider.api.call import Call, RateCategory, get, only_current, path_of, post
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.paging import PageInfo
from twelvelabs_provider.api.resources import Paging, page_of
from twelvelabs_provider.api.service_model import (
    NO_FIELDS,
    Count,
    Identifier,
    Moment,
    SecretModel,
    ServiceModel,
    Shown,
    Whole,
    named,
    object_or_empty,
)

MOST_AT_ONCE = 50
"""Parts in one report, URLs in one response."""

_PATH = "/assets/multipart-uploads"
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


class ChunkUrl(SecretModel):
    """Presigned URL of one part, valid for one request.

    :param index: the part, counted from 1.
    """

    index: int = named("chunk_index")
    url: str = Field(repr=False)
    expires_at: Moment = None


class ChunkUrls(SecretModel):
    """Presigned URLs of parts."""

    urls: tuple[ChunkUrl, ...] = Field(default=(), repr=False, validation_alias=AliasChoices("upload_urls", "urls"))


class UploadSession(ChunkUrls):
    """A new session.

    :param asset_id: reserved; the asset exists after the session is completed.
    :param chunk_size: bytes of every part but the last.
    :param expires_at: deadline of the session, a day after its start.
    :param urls: of the first parts, not always of all.
    :param headers: of every part.
    """

    id: Identifier = named("upload_id")
    asset_id: Identifier
    chunk_size: int
    total_chunks: int
    expires_at: Moment = None
    headers: Mapping[str, str] = Field(
        default=NO_FIELDS, repr=False, validation_alias=AliasChoices("upload_headers", "headers")
    )


class UploadedChunk(ServiceModel):
    """A part of a session.

    :param index: counted from 1.
    :param error: why it failed.
    """

    index: int
    status: str
    uploaded_at: Moment = None
    error: Shown = None


class UploadState(ServiceModel):
    """A session with one page of its parts."""

    id: Identifier = named("upload_id")
    status: str
    completed: Count = named("chunks_completed", default=0)
    failed: Count = named("chunks_failed", default=0)
    pending: Count = named("chunks_pending", default=0)
    total_size: Whole = None
    uploaded_size: Whole = None
    uploaded_chunks: tuple[UploadedChunk, ...] = ()
    page_info: Annotated[PageInfo, BeforeValidator(object_or_empty)] = Field(default_factory=PageInfo)

    @property
    def chunks(self) -> Page[UploadedChunk]:
        """The parts as one page of a list."""
        return self.page_info.page_with(self.uploaded_chunks)


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
    call = post(_PATH, UploadSession.read, body, repeatable=True, category=RateCategory.UPLOAD)
    return only_current(call, _INSTEAD)


def list_incomplete_uploads(paging: Paging | None = None) -> Call[Page[IncompleteUpload]]:
    """Return the call for one page of the incomplete sessions."""
    return only_current(page_of(_PATH, IncompleteUpload, (paging or Paging()).place()), _INSTEAD)


def read_upload(upload_id: str, paging: Paging | None = None) -> Call[UploadState]:
    """Return the call for the status of a session, with one page of its parts."""
    return only_current(get(_upload_path(upload_id), UploadState.read, (paging or Paging()).place()), _INSTEAD)


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
    call = post(path, ChunkUrls.read, {"start": start, "count": count}, repeatable=True)
    return only_current(call.then(lambda found: found.urls), _INSTEAD)


def _upload_path(upload_id: str) -> str:
    return path_of("assets", "multipart-uploads", upload_id)
