"""Multipart uploads: sessions, their chunks, and the used presigned URLs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from twelvelabs_local.store.assets import Asset, asset_failed, create_asset
from twelvelabs_local.store.database import Condition, Database, Page, Paging
from twelvelabs_local.store.job_queue import JobKind, enqueue
from twelvelabs_local.store.record import Record, Resource
from twelvelabs_local.times import add_seconds, now

LIFETIME_SECONDS = 24 * 3600

ACTIVE, COMPLETED, EXPIRED = "active", "completed", "expired"
CHUNK_PENDING, CHUNK_COMPLETED, CHUNK_FAILED = "pending", "completed", "failed"


@dataclass(frozen=True, kw_only=True)
class Upload(Resource, table="uploads", indexes=("asset_id",)):
    """The session of a multipart upload."""

    asset_id: Annotated[str, "REFERENCES assets (id) ON DELETE CASCADE"]
    status: str = ACTIVE
    total_size: int
    chunk_size: int
    total_chunks: int
    expires_at: str

    def size_of(self, number: int) -> int:
        """Return the bytes of a chunk. The last chunk may be smaller."""
        return min(self.chunk_size, self.total_size - (number - 1) * self.chunk_size)


@dataclass(frozen=True, kw_only=True)
class UploadChunk(Record, table="upload_chunks", constraints=("PRIMARY KEY (upload_id, number)",)):
    """An uploaded chunk. It is pending until the client reports it."""

    upload_id: Annotated[str, "REFERENCES uploads (id) ON DELETE CASCADE"]
    number: int
    status: str
    size: int
    etag: str | None
    error: str | None = None
    uploaded_at: str | None
    updated_at: str


@dataclass(frozen=True, kw_only=True)
class UsedLink(Record, table="used_links"):
    """A used presigned URL of a chunk. Each URL works once."""

    nonce: Annotated[str, "PRIMARY KEY"]
    upload_id: Annotated[str, "REFERENCES uploads (id) ON DELETE CASCADE"]


@dataclass(frozen=True)
class ReportedChunk:
    """A client's report of an uploaded chunk.

    :param number: which chunk, counted from 1.
    :param etag: the ETag that the upload returned.
    :param size: bytes.
    """

    number: int
    etag: str
    size: int


def create_upload(db: Database, asset: Asset, total_size: int, chunk_size: int) -> Upload:
    """Create a session and its asset.

    :param asset: a new asset without content.
    :param total_size: bytes of the file.
    :param chunk_size: bytes of each chunk except the last.
    """
    upload = Upload(
        asset_id=asset.id,
        total_size=total_size,
        chunk_size=chunk_size,
        total_chunks=-(-total_size // chunk_size),
        expires_at=add_seconds(now(), LIFETIME_SECONDS),
    )
    with db.transaction():
        create_asset(db, asset)
        return db.insert(upload)


def expire_uploads(db: Database) -> list[str]:
    """Expire the sessions that are too old, and fail their assets; return their ids."""
    expired = db.select(Upload, "WHERE status = ? AND expires_at < ?", ACTIVE, now())
    for upload in expired:
        with db.transaction():
            db.update(Upload, upload.id, status=EXPIRED, updated_at=now())
            asset_failed(db, upload.asset_id, "upload_expired", "The upload was not completed within 24 hours.")
    return [upload.id for upload in expired]


def use_link(db: Database, upload_id: str, nonce: str) -> bool:
    """Mark a presigned URL as used; return whether it was unused."""
    return db.insert_new(UsedLink(nonce=nonce, upload_id=upload_id))


def save_chunk(db: Database, upload_id: str, number: int, size: int, etag: str) -> None:
    """Save an uploaded chunk. A repeated upload of the same content changes nothing."""
    with db.transaction():
        before = db.find(UploadChunk, upload_id=upload_id, number=number)
        if before is None or before.status != CHUNK_COMPLETED or before.etag != etag:
            _save(db, upload_id, number, CHUNK_PENDING, size=size, etag=etag)


def report_chunk(db: Database, upload: Upload, reported: ReportedChunk) -> bool:
    """Complete a chunk if the report matches the upload; return whether it was not completed before.

    A chunk that is missing or differs becomes ``failed`` with the reason.
    """
    chunk = db.find(UploadChunk, upload_id=upload.id, number=reported.number)
    if chunk and chunk.status == CHUNK_COMPLETED and chunk.etag == reported.etag:
        return False
    error = _mismatch(upload, chunk, reported)
    size, etag = (chunk.size, chunk.etag) if chunk else (0, None)
    status = CHUNK_FAILED if error else CHUNK_COMPLETED
    _save(db, upload.id, reported.number, status, size=size, etag=etag, error=error)
    return not error


def _mismatch(upload: Upload, chunk: UploadChunk | None, reported: ReportedChunk) -> str | None:
    if chunk is None:
        return "It was never uploaded."
    if chunk.etag != reported.etag:
        return "The proof is not the ETag of what was uploaded."
    expected = upload.size_of(reported.number)
    if chunk.size != expected or reported.size != expected:
        return f"It has {chunk.size} bytes and was reported with {reported.size}; it must have {expected}."
    return None


def _save(
    db: Database, upload_id: str, number: int, status: str, *, size: int, etag: str | None, error: str | None = None
) -> None:
    moment = now()
    chunk = UploadChunk(
        upload_id=upload_id,
        number=number,
        status=status,
        size=size,
        etag=etag,
        error=error,
        uploaded_at=moment if status == CHUNK_COMPLETED else None,
        updated_at=moment,
    )
    with db.transaction():
        db.replace(chunk)
        db.update(Upload, upload_id, updated_at=moment)


@dataclass(frozen=True)
class UploadProgress:
    """Progress of a session.

    :param completed: number of completed chunks.
    :param failed: number of chunks to send again.
    :param size: bytes of the completed chunks.
    """

    completed: int
    failed: int
    size: int


def progress_of(db: Database, upload: Upload) -> UploadProgress:
    """Return the progress of a session."""
    counts = {CHUNK_COMPLETED: (0, 0), CHUNK_FAILED: (0, 0)}
    sql = "SELECT status, count(*) AS n, sum(size) AS size FROM upload_chunks WHERE upload_id = ? GROUP BY status"
    for row in db.rows(sql, upload.id):
        counts[row["status"]] = (row["n"], row["size"])
    return UploadProgress(counts[CHUNK_COMPLETED][0], counts[CHUNK_FAILED][0], counts[CHUNK_COMPLETED][1])


def complete_upload(db: Database, upload: Upload) -> None:
    """Complete a session with all chunks and queue the preparation of its asset."""
    with db.transaction():
        db.update(Upload, upload.id, status=COMPLETED, updated_at=now())
        enqueue(db, JobKind.PREPARE_ASSET, upload.asset_id)


def chunks_page(db: Database, upload: Upload, paging: Paging) -> Page[UploadChunk]:
    """Return one page of the uploaded chunks in their order."""
    in_order = replace(paging, sort_by="number", descending=False)
    return db.page(UploadChunk, [Condition("upload_id = ?", [upload.id])], in_order)
