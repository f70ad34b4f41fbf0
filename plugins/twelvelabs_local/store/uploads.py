"""Files that come in parts: sessions, their parts, and the links that were used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twelvelabs_local.identity import later, new_id, now
from twelvelabs_local.store.assets import NewAsset, asset_failed, create_asset
from twelvelabs_local.store.database import Database, Page, Paging
from twelvelabs_local.store.jobs import JobKind, enqueue
from twelvelabs_local.store.records import Upload, UploadChunk

LIFE = 24 * 3600
"""Seconds after which a session cannot be gone on with."""

ACTIVE, COMPLETED, EXPIRED = "active", "completed", "expired"
CHUNK_PENDING, CHUNK_COMPLETED, CHUNK_FAILED = "pending", "completed", "failed"


@dataclass(frozen=True)
class Reported:
    """What a caller says of a part.

    :param number: which part, counted from 1.
    :param etag: what its upload was answered with.
    :param size: bytes.
    """

    number: int
    etag: str
    size: int


def create_upload(db: Database, new: NewAsset, total_size: int, chunk_size: int) -> Upload:
    """Begin a session and reserve its asset.

    :param new: the asset without content.
    :param total_size: bytes of the file.
    :param chunk_size: bytes of every part but the last.
    """
    with db.transaction():
        asset = create_asset(db, new)
        moment = now()
        values = {
            "id": new_id(),
            "asset_id": asset.id,
            "status": ACTIVE,
            "total_size": total_size,
            "chunk_size": chunk_size,
            "total_chunks": -(-total_size // chunk_size),
            "created_at": moment,
            "updated_at": moment,
            "expires_at": later(moment, LIFE),
        }
        db.insert("uploads", values)
        upload = find_upload(db, str(values["id"]))
    assert upload is not None
    return upload


def find_upload(db: Database, upload_id: str) -> Upload | None:
    """Return a session, or None."""
    row = db.first("SELECT * FROM uploads WHERE id = ?", upload_id)
    return Upload.of(row) if row else None


def upload_of_asset(db: Database, asset_id: str) -> Upload | None:
    """Return the session that brought an asset, or None."""
    row = db.first("SELECT * FROM uploads WHERE asset_id = ?", asset_id)
    return Upload.of(row) if row else None


def expire_uploads(db: Database) -> list[str]:
    """End the sessions whose time has passed, with their assets; return their ids."""
    rows = db.all("SELECT id, asset_id FROM uploads WHERE status = ? AND expires_at < ?", ACTIVE, now())
    for row in rows:
        with db.transaction():
            db.update("uploads", row["id"], {"status": EXPIRED, "updated_at": now()})
            asset_failed(db, row["asset_id"], "upload_expired", "The upload was not completed within 24 hours.")
    return [row["id"] for row in rows]


def use_once(db: Database, upload_id: str, nonce: str) -> bool:
    """Note that a link is used; return whether it had not been before."""
    return db.run("INSERT OR IGNORE INTO used_links (nonce, upload_id) VALUES (?, ?)", nonce, upload_id) == 1


def find_chunk(db: Database, upload_id: str, number: int) -> UploadChunk | None:
    """Return a part that has arrived, or None."""
    row = db.first("SELECT * FROM upload_chunks WHERE upload_id = ? AND number = ?", upload_id, number)
    return UploadChunk.of(row) if row else None


def chunk_arrived(db: Database, upload_id: str, number: int, size: int, etag: str) -> None:
    """Note a part that has arrived; the same content once more changes nothing."""
    with db.transaction():
        before = find_chunk(db, upload_id, number)
        if before is None or before.status != CHUNK_COMPLETED or before.etag != etag:
            _save(db, upload_id, number, CHUNK_PENDING, size=size, etag=etag)


def report_chunk(db: Database, upload: Upload, told: Reported) -> bool:
    """Take a caller's word for a part, if it is what has arrived; return whether it was news.

    A part that never came, or came otherwise, becomes ``failed`` with the reason.
    """
    chunk = find_chunk(db, upload.id, told.number)
    if chunk and chunk.status == CHUNK_COMPLETED and chunk.etag == told.etag:
        return False
    wrong = _wrong(upload, chunk, told)
    size, etag = (chunk.size, chunk.etag) if chunk else (0, None)
    status = CHUNK_FAILED if wrong else CHUNK_COMPLETED
    _save(db, upload.id, told.number, status, size=size, etag=etag, error=wrong)
    return not wrong


def _wrong(upload: Upload, chunk: UploadChunk | None, told: Reported) -> str | None:
    if chunk is None:
        return "It was never uploaded."
    if chunk.etag != told.etag:
        return "The proof is not the ETag of what was uploaded."
    expected = upload.size_of(told.number)
    if chunk.size != expected or told.size != expected:
        return f"It has {chunk.size} bytes and was reported with {told.size}; it must have {expected}."
    return None


def _save(
    db: Database, upload_id: str, number: int, status: str, *, size: int, etag: str | None, error: str | None = None
) -> None:
    moment = now()
    uploaded_at = moment if status == CHUNK_COMPLETED else None
    columns = "upload_id, number, status, size, etag, error, uploaded_at, updated_at"
    values = (upload_id, number, status, size, etag, error, uploaded_at, moment)
    with db.transaction():
        db.run(f"INSERT OR REPLACE INTO upload_chunks ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *values)
        db.update("uploads", upload_id, {"updated_at": moment})


@dataclass(frozen=True)
class Progress:
    """How far a session is.

    :param completed: parts that arrived and were reported.
    :param failed: parts that have to be sent again.
    :param size: bytes of the completed parts.
    """

    completed: int
    failed: int
    size: int


def progress_of(db: Database, upload: Upload) -> Progress:
    """Return how far a session is."""
    counts = {CHUNK_COMPLETED: (0, 0), CHUNK_FAILED: (0, 0)}
    sql = "SELECT status, count(*) AS n, sum(size) AS size FROM upload_chunks WHERE upload_id = ? GROUP BY status"
    for row in db.all(sql, upload.id):
        counts[row["status"]] = (row["n"], row["size"])
    return Progress(counts[CHUNK_COMPLETED][0], counts[CHUNK_FAILED][0], counts[CHUNK_COMPLETED][1])


def complete_upload(db: Database, upload: Upload) -> None:
    """End a session all of whose parts are there; its asset is prepared from now on."""
    with db.transaction():
        db.update("uploads", upload.id, {"status": COMPLETED, "updated_at": now()})
        enqueue(db, JobKind.PREPARE_ASSET, upload.asset_id)


def chunks_page(db: Database, upload: Upload, paging: Paging) -> tuple[Page, Sequence[UploadChunk]]:
    """Return one page of the parts that have arrived, in their order."""
    total = db.first("SELECT count(*) AS n FROM upload_chunks WHERE upload_id = ?", upload.id)
    rows = db.all(
        "SELECT * FROM upload_chunks WHERE upload_id = ? ORDER BY number LIMIT ? OFFSET ?",
        upload.id,
        paging.limit,
        (paging.page - 1) * paging.limit,
    )
    return Page(rows, total["n"] if total else 0, paging), [UploadChunk.of(row) for row in rows]
