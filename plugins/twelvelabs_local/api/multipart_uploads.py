"""Multipart uploads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import ValidationInfo, field_validator
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.lists import PageQuery, listing
from twelvelabs_local.api.parameters import Required, UserMetadata, sized
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.errors import ServiceError, invalid
from twelvelabs_local.ids import new_id
from twelvelabs_local.signed_urls import HOUR, SIGNED
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.renditions import HLS, THUMBNAIL, request_renditions
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
from twelvelabs_local.times import add_seconds, now
from twelvelabs_local.video_limits import IMAGE_BYTES, MULTIPART_BYTES

COLLECTION = "multipart uploads"
MOST_AT_ONCE = 50
FIRST_LINKS = 20
"""Links in the response to a new upload; the client requests the others."""

PART_HEADERS: Mapping[str, str] = {"Content-Type": "application/octet-stream"}


class UploadRequest(RequestModel):
    """A request for an upload in parts."""

    filename: Annotated[str, Required]
    type: Literal["video", "audio", "image"]
    total_size: int
    enable_hls: bool = False
    enable_thumbnail: bool = False
    user_metadata: UserMetadata = {}

    @field_validator("total_size")
    @classmethod
    def _check_size(cls, size: int, info: ValidationInfo) -> int:
        most = IMAGE_BYTES if info.data.get("type") == "image" else MULTIPART_BYTES
        if not 1 <= size <= most:
            raise ValueError(f"It is {size}; it must be a whole number from 1 to {most}.")
        return size


class CompletedPart(RequestModel):
    """A part that the client has uploaded."""

    proof_type: Literal["etag"]
    chunk_index: int
    proof: Annotated[str, Required]
    chunk_size: int


class CompletedParts(RequestModel):
    """A report of uploaded parts."""

    completed_chunks: Annotated[list[CompletedPart], sized(1, MOST_AT_ONCE, "parts"), Required]


class LinksRequest(RequestModel):
    """A request for the links of further parts."""

    start: int
    count: int


async def create(call: Call) -> Response:
    """POST /assets/multipart-uploads."""
    request = await call.json(UploadRequest)
    wanted = [kind for kind in (HLS, THUMBNAIL) if getattr(request, f"enable_{kind}")]
    new = Asset(
        method="multipart",
        filename=request.filename,
        size_limit=request.total_size,
        user_metadata=request.user_metadata,
    )
    _expire(call)
    with call.db.transaction():
        upload = create_upload(call.db, new, request.total_size, call.engine.settings.chunk_bytes)
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
    query = call.query(PageQuery)
    _expire(call)
    conditions = [Condition("status <> ?", [COMPLETED])]
    fields = ("status", "total_size", "chunk_size", "total_chunks", "created_at", "expires_at")

    def body(upload: Upload) -> Mapping[str, Any]:
        return {"upload_id": upload.id, **{name: getattr(upload, name) for name in fields}}

    return answer(listing(call, Upload, conditions, query, body))


async def read(call: Call) -> Response:
    """GET /assets/multipart-uploads/{upload_id}."""
    query = call.query(PageQuery)
    upload = _upload(call)
    page = chunks_page(call.db, upload, query.paging())
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
    parts = (await call.json(CompletedParts)).completed_chunks
    upload = _upload(call)
    reported = [_reported(part, upload) for part in parts]
    if upload.status not in (ACTIVE, COMPLETED):
        raise _ended(upload)
    with call.db.transaction():
        news = [report_chunk(call.db, upload, chunk) for chunk in reported] if upload.status == ACTIVE else []
        progress = progress_of(call.db, upload)
        complete = progress.completed == upload.total_chunks
        if complete and upload.status == ACTIVE:
            complete_upload(call.db, upload)
    result: dict[str, Any] = {
        "asset_id": upload.asset_id,
        "processed_chunks": sum(news),
        "duplicate_chunks": _duplicates(call, upload, reported, news),
        "total_completed": progress.completed,
    }
    if complete:
        call.work_to_do()
        result["url"] = f"{call.request.base_url}{call.dialect.version}/assets/{upload.asset_id}"
    return answer(result)


def _duplicates(call: Call, upload: Upload, reported: Sequence[ReportedChunk], news: Sequence[bool]) -> int:
    if not news:
        return len(reported)
    old = [chunk for chunk, new in zip(reported, news, strict=True) if not new]
    rows = call.db.rows("SELECT number FROM upload_chunks WHERE upload_id = ? AND status = 'completed'", upload.id)
    there = {row["number"] for row in rows}
    return sum(chunk.number in there for chunk in old)


async def presign(call: Call) -> Response:
    """POST /assets/multipart-uploads/{upload_id}/presigned-urls."""
    request = await call.json(LinksRequest)
    upload = _upload(call)
    start = _within("start", request.start, upload.total_chunks)
    count = _within("count", request.count, min(MOST_AT_ONCE, upload.total_chunks - start + 1))
    if upload.status != ACTIVE:
        raise _ended(upload)
    moment = now()
    made = {
        "upload_id": upload.id,
        "start_index": start,
        "count": count,
        "upload_urls": _links(call, upload, range(start, start + count)),
        "generated_at": moment,
        "expires_at": add_seconds(moment, HOUR),
    }
    return answer(made)


async def put_part(call: Call) -> Response:
    """PUT of a part to its signed link, which can be used once."""
    upload = call.db.find(Upload, id=call.path_id("upload_id", COLLECTION))
    number = int(call.request.path_params["number"])
    if upload is None or upload.status != ACTIVE:
        raise ServiceError(404, "no_such_upload", "The upload does not exist, or has ended.")
    if not use_link(call.db, upload.id, call.request.query_params["nonce"]):
        raise ServiceError(403, "access_denied", "The link was used already. Request a new one.")
    try:
        size, etag = await save_part(call.engine.settings.data, upload, number, call.request.stream())
    except PartTooLarge as error:
        raise ServiceError(400, "entity_too_large", f"Part {number} has {upload.size_of(number)} bytes.") from error
    save_chunk(call.db, upload.id, number, size, etag)
    return Response(status_code=200, headers={"ETag": f'"{etag}"'})


def _links(call: Call, upload: Upload, numbers: Sequence[int]) -> list[Mapping[str, Any]]:
    expires = add_seconds(now(), HOUR)
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


def _reported(part: CompletedPart, upload: Upload) -> ReportedChunk:
    number = _within("completed_chunks.chunk_index", part.chunk_index, upload.total_chunks)
    return ReportedChunk(number, part.proof, _within("completed_chunks.chunk_size", part.chunk_size, upload.chunk_size))


def _within(name: str, value: int, most: int) -> int:
    if not 1 <= value <= most:
        raise invalid(name, f"It is {value!r}; it must be a whole number from 1 to {most}.")
    return value


ROUTES: Sequence[Endpoint] = (
    ("POST", "/assets/multipart-uploads", create),
    ("GET", "/assets/multipart-uploads", list_incomplete),
    ("GET", "/assets/multipart-uploads/{upload_id}", read),
    ("POST", "/assets/multipart-uploads/{upload_id}", report),
    ("POST", "/assets/multipart-uploads/{upload_id}/presigned-urls", presign),
)
LOCAL: Sequence[Endpoint] = (("PUT", SIGNED + "parts/{upload_id}/{number:int}", put_part),)
