"""Transfers and other calls of v1.1 and v1.2, and the errors of v1.3."""

from __future__ import annotations

import json
from typing import Any

import pendulum
import pytest

from twelvelabs_provider.api.call import Call, FilePart, FormBody, JsonBody, ensure_supported
from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsUnsupportedError
from twelvelabs_provider.api.generations import V1_2, V1_3
from twelvelabs_provider.api.legacy import extras, transfers
from twelvelabs_provider.api.legacy.extras import TaskCounts
from twelvelabs_provider.api.legacy.transfers import Transfer, TransferredFile
from twelvelabs_provider.api.version import ApiVersion

IMPORT = "/tasks/transfers/import/g1"
CALLS: list[tuple[Call[Any], str, dict[str, str], Any]] = [
    (
        transfers.start_transfer_import("g1", "i1"),
        f"POST {IMPORT}",
        {},
        {"index_id": "i1", "incremental_import": True, "retry_failed": False},
    ),
    (
        transfers.start_transfer_import("g1", "i1", incremental=False, retry_failed=True, user_metadata={"a": 1}),
        f"POST {IMPORT}",
        {},
        {"index_id": "i1", "incremental_import": False, "retry_failed": True, "user_metadata": {"a": 1}},
    ),
    (transfers.read_transfer_status("g1", "i1"), f"GET {IMPORT}/status", {"index_id": "i1"}, None),
    (transfers.read_transfer_logs("g1"), f"GET {IMPORT}/logs", {}, None),
    (
        extras.create_external_task("i1", "https://video.example/1"),
        "POST /tasks/external-provider",
        {},
        {"index_id": "i1", "url": "https://video.example/1"},
    ),
    (V1_2.logo("i1", "v1", start=1, end=2.5), "GET /indexes/i1/videos/v1/logo", {"start": "1", "end": "2.5"}, None),
    (V1_2.thumbnail("i1", "v1"), "GET /indexes/i1/videos/v1/thumbnail", {}, None),
    (V1_2.thumbnail("i1", "v1", time=3), "GET /indexes/i1/videos/v1/thumbnail", {"time": "3"}, None),
    (V1_2.list_engines(), "GET /engines", {}, None),
    (V1_2.read_engine("marengo2.6"), "GET /engines/marengo2.6", {}, None),
    (V1_2.count_tasks("i1")[0], "GET /tasks/status", {"index_id": "i1"}, None),
]


@pytest.mark.parametrize(("call", "name", "query", "body"), CALLS, ids=[case[1] for case in CALLS])
def test_requests(call: Call[Any], name: str, query: dict[str, str], body: Any) -> None:
    sent = dict(call.body.content) if isinstance(call.body, JsonBody) else None
    assert (call.name, dict(call.query), sent) == (name, query, body)


def test_list_of_objects_is_sent_as_a_json_file() -> None:
    call = V1_2.create_transfers([Transfer("i1", "s3://bucket/a.mp4", "s3://bucket/a.srt"), Transfer("i1", "s3://b/c")])
    assert isinstance(call.body, FormBody) and call.name == "POST /tasks/transfers"
    ((name, part),) = call.body.parts
    assert name == "file" and isinstance(part, FilePart)
    content = part.open().read()
    assert len(content) == part.size
    assert json.loads(content) == [
        {
            "index_id": "i1",
            "language": "en",
            "object": "s3://bucket/a.mp4",
            "transcription": "s3://bucket/a.srt",
        },
        {"index_id": "i1", "language": "en", "object": "s3://b/c"},
    ]


def test_billed_calls_are_repeatable_only_with_deduplication() -> None:
    assert transfers.start_transfer_import("g1", "i1").repeatable
    assert not V1_2.create_transfers([]).repeatable
    assert not extras.create_external_task("i1", "https://video.example/1").repeatable


@pytest.mark.parametrize(
    "call",
    [
        transfers.start_transfer_import("g1", "i1"),
        transfers.read_transfer_status("g1", "i1"),
        transfers.read_transfer_logs("g1"),
        extras.create_external_task("i1", "u"),
    ],
)
def test_calls_of_v1_2_only_name_the_alternative(call: Call[Any]) -> None:
    assert call.only == (ApiVersion.V1_2,) and "()" in call.instead


@pytest.mark.parametrize(
    ("call", "nearest_way"),
    [
        (V1_3.logo("i", "v"), "search for the logo"),
        (V1_3.thumbnail("i", "v"), "enable_thumbnail"),
        (V1_3.list_engines(), "documentation"),
        (V1_3.read_engine("e"), "documentation"),
        (V1_3.create_transfers([]), "presigned URL"),
    ],
)
def test_calls_that_v1_3_lacks_name_the_alternative(call: Call[Any], nearest_way: str) -> None:
    with pytest.raises(TwelveLabsUnsupportedError, match=nearest_way):
        ensure_supported(call, ApiVersion.V1_3)
    for version in (ApiVersion.V1_1, ApiVersion.V1_2):
        ensure_supported(call, version)


def test_transfer_status_is_parsed() -> None:
    ready = {"video_id": "v1", "filename": "a.mp4", "created_at": "2024-06-01T10:00:00Z"}
    failed = {"video_id": "v2", "filename": "b.mp4", "created_at": "2024-06-01T11:00:00Z", "error_message": "broken"}
    answer = {"not_imported": ["c.mp4"], "ready": [ready], "indexing": [], "failed": [failed], "validating": None}
    status = transfers.read_transfer_status("g1", "i1").parse(answer)
    assert status.files == (
        TransferredFile(filename="c.mp4", status="not_imported"),
        TransferredFile(filename="a.mp4", status="ready", video_id="v1", created_at=pendulum.datetime(2024, 6, 1, 10)),
        TransferredFile(
            filename="b.mp4",
            status="failed",
            video_id="v2",
            error="broken",
            created_at=pendulum.datetime(2024, 6, 1, 11),
        ),
    )
    assert not status.is_running and status.newest == pendulum.datetime(2024, 6, 1, 11)
    assert transfers.read_transfer_status("g1", "i1").parse({"queued": [ready]}).is_running
    assert transfers.read_transfer_status("g1", "i1").parse({}).newest is None


def test_transfer_start_and_log_are_parsed() -> None:
    failures = [{"filename": "b.mov", "error_message": "no video"}]
    begun = transfers.start_transfer_import("g1", "i1").parse(
        {"videos": [{"video_id": "v1", "filename": "a.mp4"}], "failed_files": failures}
    )
    assert [(file.filename, file.video_id, file.error) for file in begun.files] == [
        ("a.mp4", "v1", None),
        ("b.mov", None, "no video"),
    ]
    entry = {
        "index_id": "i1",
        "index_name": "demo",
        "created_at": "2024-06-01T10:00:00Z",
        "ended_at": None,
        "video_status": {"ready": 2, "failed": 1},
        "failed_files": failures,
    }
    (log,) = transfers.read_transfer_logs("g1").parse({"data": [entry]})
    assert (log.counts, log.ended_at, log.failed_files[0].error) == ({"ready": 2, "failed": 1}, None, "no video")
    assert transfers.read_transfer_logs("g1").parse({"data": None}) == ()


def test_file_without_a_name_is_an_error() -> None:
    with pytest.raises(TwelveLabsAnswerError, match=r"no TransferredFile\.filename"):
        transfers.read_transfer_status("g1", "i1").parse({"ready": [{"video_id": "v1"}]})


def test_counts_are_parsed_and_add_up() -> None:
    answer = {"index_id": "i1", "ready": 3, "validating": 0, "pending": 1, "failed": 0, "total_result": 4}
    counts = V1_2.count_tasks("i1")[0].parse(answer)
    assert (counts.counts, counts.total) == ({"ready": 3, "validating": 0, "pending": 1, "failed": 0}, 4)
    assert counts + TaskCounts(counts={"ready": 1, "queued": 2}) == TaskCounts(
        counts={**counts.counts, "ready": 4, "queued": 2}
    )


def test_counts_in_v1_3_use_one_list_per_status() -> None:
    calls = V1_3.count_tasks("i1")
    asked = [dict(call.query)["status"] for call in calls]
    assert asked == ["uploading", "validating", "pending", "queued", "indexing", "ready", "failed"]
    assert all(call.name == "GET /tasks" and dict(call.query)["page_limit"] == "1" for call in calls)
    page = {"data": [], "page_info": {"page": 1, "total_page": 1, "total_results": 12}}
    assert calls[5].parse(page) == TaskCounts(counts={"ready": 12})


def test_responses_of_classic_calls_are_parsed() -> None:
    rows = V1_2.logo("i1", "v1").parse({"_id": "v1", "data": [{"start": 1, "end": 2, "value": "ACME"}]})
    assert [(row.start, row.value) for row in rows] == [(1.0, "ACME")]
    assert V1_2.logo("i1", "v1").parse({"_id": "v1", "data": None}) == ()
    engine = V1_2.read_engine("marengo2.6").parse({"_id": "marengo2.6", "allowed_index_options": ["visual"]})
    assert (engine.id, engine.options) == ("marengo2.6", ("visual",))
    task = extras.create_external_task("i1", "u").parse({"_id": "t1"})
    assert (task.id, task.video_id) == ("t1", None)


def test_repr_of_a_thumbnail_hides_its_link() -> None:
    picture = V1_2.thumbnail("i1", "v1").parse({"thumbnail": "https://cdn.example/a.jpg?sig=SECRET"})
    assert picture.url.endswith("SECRET") and "SECRET" not in repr(picture)
    with pytest.raises(TwelveLabsAnswerError, match=r"no SignedImage\.url"):
        V1_2.thumbnail("i1", "v1").parse({})
