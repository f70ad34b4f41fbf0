"""Files in parts: sessions, links for parts, the parts themselves, and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, checked_metadata
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.api.lists import listing, read_paging, refuse_unknown
from twelvelabs_local.errors import ServiceError, invalid, missing, unknown
from twelvelabs_local.identity import later, new_id, now
from twelvelabs_local.requirements import IMAGE_BYTES, MULTIPART_BYTES
from twelvelabs_local.signed_urls import HOUR, SIGNED
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.renditions import request_renditions
from twelvelabs_local.store.upload_parts import PartTooLarge, delete_parts, save_part
from twelvelabs_local.store.uploads import (
    ACTIVE,
    COMPLETED,
    ReportedChunk,
    Upload,
    UploadChunk,
    chunks_page,
    complete_upload,
    create_upload,
    expire_uploads,
    progress_of,
    report_chunk,
    save_chunk,
    use_link,
)

COLLECTION = "multipart uploads"
TYPES = ("video", "audio", "image")
FIELDS = ("filename", "type", "total_size", "enable_hls", "enable_thumbnail", "user_metadata")
CHUNK_FIELDS = ("chunk_index", "proof", "proof_type", "chunk_size")
MOST_AT_ONCE = 50
FIRST_LINKS = 20
"""Links that come with a new session; the others are asked for."""

PART_HEADERS: Mapping[str, str] = {"Content-Type": "application/octet-stream"}


async def create(call: Call) -> Response:
    """POST /assets/multipart-uploads."""
    body = await call.body(FIELDS)
    name, kind = _text(body, "filename"), _text(body, "type")
    if kind not in TYPES:
        raise invalid("type", f"It is {kind!r}; it must be one of {', '.join(TYPES)}.")
    total = _whole(body, "total_size", 1, IMAGE_BYTES if kind == "image" else MULTIPART_BYTES)
    metadata = checked_metadata(body.get("user_metadata") or {})
    wanted = [name for name in ("hls", "thumbnail") if _flag(body, f"enable_{name}")]
    new = Asset(method="multipart", filename=name, size_limit=total, user_metadata=metadata)
    _expire(call)
    with call.db.transaction():
        upload = create_upload(call.db, new, total, call.engine.settings.chunk_bytes)
        request_renditions(call.db, upload.asset_id, wanted)
    first = range(1, min(FIRST_LINKS, upload.total_chunks) + 1)
    made = {
        "upload_id": upload.id,
        "asset_id": upload.asset_id,
        "chunk_size": upload.chunk_size,
        "total_chunks": upload.total_chunks,
        "expires_at": upload.expires_at,
        "upload_urls": _links(call, upload, first),
        "upload_headers": PART_HEADERS,
    }
    return answer(made, 201)


async def list_incomplete(call: Call) -> Response:
    """GET /assets/multipart-uploads."""
    query = call.request.query_params
    refuse_unknown(query, ("page", "page_limit"))
    _expire(call)
    page = call.db.page(Upload, [Condition("status <> ?", [COMPLETED])], read_paging(query, call.dialect))
    fields = ("status", "total_size", "chunk_size", "total_chunks", "created_at", "expires_at")

    def body(upload: Upload) -> Mapping[str, Any]:
        return {"upload_id": upload.id, **{name: getattr(upload, name) for name in fields}}

    return answer(listing(page, body))


async def read(call: Call) -> Response:
    """GET /assets/multipart-uploads/{upload_id}."""
    query = call.request.query_params
    refuse_unknown(query, ("page", "page_limit"))
    upload = _upload(call)
    page = chunks_page(call.db, upload, read_paging(query, call.dialect))
    progress = progress_of(call.db, upload)
    return answer(
        {
            "upload_id": upload.id,
            "status": upload.status,
            "uploaded_chunks": [_chunk_body(chunk) for chunk in page.records],
            "chunks_completed": progress.completed,
            "chunks_failed": progress.failed,
            "chunks_pending": upload.total_chunks - progress.completed - progress.failed,
            "page_info": page.info(),
            "total_size": upload.total_size,
            "uploaded_size": progress.size,
            "created_at": upload.created_at,
            "updated_at": upload.updated_at,
        }
    )


def _chunk_body(chunk: UploadChunk) -> Mapping[str, Any]:
    body: dict[str, Any] = {"index": chunk.number, "status": chunk.status, "updated_at": chunk.updated_at}
    if chunk.uploaded_at:
        body["uploaded_at"] = chunk.uploaded_at
    if chunk.error:
        body["error"] = chunk.error
    return body


async def report(call: Call) -> Response:
    """POST /assets/multipart-uploads/{upload_id}."""
    body = await call.body(("completed_chunks",))
    upload = _upload(call)
    told = _reported(body, upload)
    if upload.status not in (ACTIVE, COMPLETED):
        raise _ended(upload)
    with call.db.transaction():
        news = [report_chunk(call.db, upload, chunk) for chunk in told] if upload.status == ACTIVE else []
        progress = progress_of(call.db, upload)
        complete = progress.completed == upload.total_chunks
        if complete and upload.status == ACTIVE:
            complete_upload(call.db, upload)
    result: dict[str, Any] = {
        "asset_id": upload.asset_id,
        "processed_chunks": sum(news),
        "duplicate_chunks": _duplicates(call, upload, told, news),
        "total_completed": progress.completed,
    }
    if complete:
        call.work_to_do()
        result["url"] = f"{call.request.base_url}{call.dialect.version}/assets/{upload.asset_id}"
    return answer(result)


def _duplicates(call: Call, upload: Upload, told: Sequence[ReportedChunk], news: Sequence[bool]) -> int:
    if not news:
        return len(told)
    old = [chunk for chunk, new in zip(told, news, strict=True) if not new]
    rows = call.db.rows("SELECT number FROM upload_chunks WHERE upload_id = ? AND status = 'completed'", upload.id)
    there = {row["number"] for row in rows}
    return sum(chunk.number in there for chunk in old)


async def presign(call: Call) -> Response:
    """POST /assets/multipart-uploads/{upload_id}/presigned-urls."""
    body = await call.body(("start", "count"))
    upload = _upload(call)
    start = _whole(body, "start", 1, upload.total_chunks)
    count = _whole(body, "count", 1, min(MOST_AT_ONCE, upload.total_chunks - start + 1))
    if upload.status != ACTIVE:
        raise _ended(upload)
    moment = now()
    made = {
        "upload_id": upload.id,
        "start_index": start,
        "count": count,
        "upload_urls": _links(call, upload, range(start, start + count)),
        "generated_at": moment,
        "expires_at": later(moment, HOUR),
    }
    return answer(made)


async def put_part(call: Call) -> Response:
    """PUT of a part to its link, which the gate has found to be signed; it opens once."""
    upload = call.db.find(Upload, id=call.path_id("upload_id", COLLECTION))
    number = int(call.request.path_params["number"])
    if upload is None or upload.status != ACTIVE:
        raise ServiceError(404, "no_such_upload", "The upload does not exist, or has ended.")
    if not use_link(call.db, upload.id, call.request.query_params["nonce"]):
        raise ServiceError(403, "access_denied", "The link has been used: ask for a new one.")
    try:
        size, etag = await save_part(call.engine.settings.data, upload, number, call.request.stream())
    except PartTooLarge as error:
        raise ServiceError(400, "entity_too_large", f"Part {number} has {upload.size_of(number)} bytes.") from error
    save_chunk(call.db, upload.id, number, size, etag)
    return Response(status_code=200, headers={"ETag": f'"{etag}"'})


def _links(call: Call, upload: Upload, numbers: Sequence[int]) -> list[Mapping[str, Any]]:
    expires = later(now(), HOUR)
    return [
        {
            "chunk_index": number,
            "url": call.signed_link("PUT", f"{SIGNED}parts/{upload.id}/{number}", {"nonce": new_id()}),
            "expires_at": expires,
        }
        for number in numbers
    ]


def _upload(call: Call) -> Upload:
    _expire(call)
    return call.found("upload_id", COLLECTION, Upload)


def _expire(call: Call) -> None:
    for upload_id in expire_uploads(call.db):
        delete_parts(call.engine.settings.data, upload_id)


def _ended(upload: Upload) -> ServiceError:
    message = f"The upload {upload.id} is {upload.status}: begin a new one."
    return ServiceError(400, "upload_not_active", message)


def _reported(body: Mapping[str, Any], upload: Upload) -> list[ReportedChunk]:
    listed = body.get("completed_chunks")
    if not listed:
        raise missing("completed_chunks")
    if not isinstance(listed, list) or len(listed) > MOST_AT_ONCE:
        raise invalid("completed_chunks", f"It must be a list of 1 to {MOST_AT_ONCE} parts.")
    return [_one_reported(item, upload) for item in listed]


def _one_reported(item: Any, upload: Upload) -> ReportedChunk:
    if not isinstance(item, dict):
        raise invalid("completed_chunks", "It must be a list of objects.")
    if extra := set(item) - set(CHUNK_FIELDS):
        raise unknown([f"completed_chunks.{name}" for name in extra])
    if _text(item, "proof_type") != "etag":
        raise invalid("proof_type", "It must be etag.")
    number = _whole(item, "chunk_index", 1, upload.total_chunks)
    return ReportedChunk(number, _text(item, "proof"), _whole(item, "chunk_size", 1, upload.chunk_size))


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value in (None, ""):
        raise missing(name)
    if not isinstance(value, str):
        raise invalid(name, "It must be text.")
    return value


def _whole(body: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = body.get(name)
    if value is None:
        raise missing(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise invalid(name, f"It is {value!r}; it must be a whole number from {least} to {most}.")
    return value


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise invalid(name, f"It is {value!r}; it must be true or false.")
    return value


ROUTES: Sequence[Entry] = (
    ("POST", "/assets/multipart-uploads", create),
    ("GET", "/assets/multipart-uploads", list_incomplete),
    ("GET", "/assets/multipart-uploads/{upload_id}", read),
    ("POST", "/assets/multipart-uploads/{upload_id}", report),
    ("POST", "/assets/multipart-uploads/{upload_id}/presigned-urls", presign),
)
LOCAL: Sequence[Entry] = (("PUT", SIGNED + "parts/{upload_id}/{number:int}", put_part),)
