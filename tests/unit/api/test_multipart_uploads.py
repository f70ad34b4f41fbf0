"""Calls and models of multipart uploads, and missing parts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.test_calls import asked
from twelvelabs_provider.api.assets import AssetOptions, AssetType
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.multipart_plan import Chunk, missing_chunks, run_from
from twelvelabs_provider.api.multipart_uploads import (
    SentChunk,
    create_upload,
    list_incomplete_uploads,
    presign_chunks,
    read_upload,
    report_chunks,
)
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.api.version import ApiVersion

SESSION = {
    "upload_id": "d01",
    "asset_id": "c03",
    "chunk_size": 5242880,
    "total_chunks": 20,
    "expires_at": "2026-06-02T10:00:00Z",
    "upload_urls": [
        {"chunk_index": 1, "url": "https://s.example/part?sig=SIGNATURE", "expires_at": "2026-06-01T11:00:00Z"}
    ],
    "upload_headers": {"Content-Type": "application/octet-stream"},
    "tomorrow": 1,
}


@pytest.mark.parametrize(
    ("call", "name", "query", "body"),
    [
        (
            create_upload(AssetType.VIDEO, 7, AssetOptions("a.mp4", {"dag": "x"}, enable_thumbnail=True)),
            "POST /assets/multipart-uploads",
            {},
            {
                "filename": "a.mp4",
                "type": "video",
                "total_size": 7,
                "enable_hls": False,
                "enable_thumbnail": True,
                "user_metadata": {"dag": "x"},
            },
        ),
        (list_incomplete_uploads(), "GET /assets/multipart-uploads", {"page": "1", "page_limit": "50"}, None),
        (
            read_upload("d01", Paging(2, 10)),
            "GET /assets/multipart-uploads/d01",
            {"page": "2", "page_limit": "10"},
            None,
        ),
        (
            report_chunks("d01", [SentChunk(1, "abc", 5)]),
            "POST /assets/multipart-uploads/d01",
            {},
            {"completed_chunks": [{"chunk_index": 1, "proof": "abc", "proof_type": "etag", "chunk_size": 5}]},
        ),
        (
            presign_chunks("d01", 26, 25),
            "POST /assets/multipart-uploads/d01/presigned-urls",
            {},
            {"start": 26, "count": 25},
        ),
    ],
)
def test_requests(call: Call[Any], name: str, query: dict[str, Any], body: Any) -> None:
    assert asked(call) == (name, query, body)
    assert call.repeatable, "none of them is billed, and a second one does no harm"
    assert call.only == (ApiVersion.V1_3,) and "create_task()" in call.instead


def test_session_is_parsed_and_its_repr_hides_urls() -> None:
    session = create_upload(AssetType.VIDEO, 7, AssetOptions("a.mp4")).parse(SESSION)
    assert (session.id, session.asset_id, session.chunk_size, session.total_chunks) == ("d01", "c03", 5242880, 20)
    assert str(session.expires_at) == "2026-06-02 10:00:00+00:00"
    assert session.urls[0].url == "https://s.example/part?sig=SIGNATURE"
    assert dict(session.headers) == {"Content-Type": "application/octet-stream"}
    assert "SIGNATURE" not in repr(session) + repr(session.urls)


@pytest.mark.parametrize(
    ("missing", "field"),
    [
        ("upload_id", "id"),
        ("asset_id", "asset_id"),
        ("chunk_size", "chunk_size"),
        ("total_chunks", "total_chunks"),
    ],
)
def test_session_without_required_fields_is_refused(missing: str, field: str) -> None:
    answer = {name: value for name, value in SESSION.items() if name != missing}
    with pytest.raises(TwelveLabsAnswerError, match=rf"no UploadSession\.{field}") as caught:
        create_upload(AssetType.VIDEO, 7, AssetOptions("a.mp4")).parse(answer)
    assert "SIGNATURE" not in str(caught.value)


def test_session_status_is_parsed() -> None:
    answer = {
        "upload_id": "d01",
        "status": "active",
        "uploaded_chunks": [
            {"index": 1, "status": "completed", "uploaded_at": "2026-06-01T10:00:00Z"},
            {"index": 2, "status": "failed", "error": "checksum"},
        ],
        "chunks_completed": 1,
        "chunks_failed": 1,
        "chunks_pending": 18,
        "page_info": {"limit_per_page": 10, "page": 1, "total_page": 2, "total_results": 12},
        "total_size": 104857600,
        "uploaded_size": 5242880,
    }
    state = read_upload("d01").parse(answer)
    assert (state.status, state.completed, state.failed, state.pending) == ("active", 1, 1, 18)
    assert [(chunk.index, chunk.status, chunk.error) for chunk in state.chunks.items] == [
        (1, "completed", None),
        (2, "failed", "checksum"),
    ]
    assert (state.chunks.total_pages, state.total_size, state.uploaded_size) == (2, 104857600, 5242880)


def test_report_response_is_parsed() -> None:
    half = {"asset_id": "c03", "processed_chunks": 10, "duplicate_chunks": 2, "total_completed": 12}
    read = report_chunks("d01", []).parse
    assert (read(half).complete, read(half).duplicates, read(half).total_completed) == (False, 2, 12)
    assert read({**half, "url": "https://s.example/c03"}).complete


@pytest.mark.parametrize(
    ("size", "completed", "chunks"),
    [
        (10, (), [Chunk(1, 0, 4), Chunk(2, 4, 4), Chunk(3, 8, 2)]),
        (8, (), [Chunk(1, 0, 4), Chunk(2, 4, 4)]),
        (3, (), [Chunk(1, 0, 3)]),
        (10, (1, 3), [Chunk(2, 4, 4)]),
        (10, (1, 2, 3), []),
        (10, (2, 99), [Chunk(1, 0, 4), Chunk(3, 8, 2)]),
    ],
)
def test_missing_parts(size: int, completed: tuple[int, ...], chunks: list[Chunk]) -> None:
    assert list(missing_chunks(size, 4, completed)) == chunks


@pytest.mark.parametrize(
    ("wanted", "most", "length"), [((), 50, 1), ((5, 6, 8), 50, 3), ((5, 6, 7), 2, 2), ((9,), 50, 1)]
)
def test_consecutive_parts_end_at_a_gap(wanted: tuple[int, ...], most: int, length: int) -> None:
    assert run_from(4, wanted, most) == length
