"""Outcome of the files of imports and transfers, and the wait for them."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest

from twelvelabs_provider.api.connections import Import, read_import
from twelvelabs_provider.api.generations import V1_2, V1_3
from twelvelabs_provider.api.legacy.transfers import TransferStatus, read_transfer_logs, read_transfer_status
from twelvelabs_provider.jobs.job import JobKind, JobRef, Phase
from twelvelabs_provider.jobs.kinds import cancellation, read_state
from twelvelabs_provider.results.import_rows import ImportedFile, counts, failures, files_of_imports, files_of_transfer

BEFORE, AFTER = "2024-06-01T10:00:00Z", "2024-06-02T10:00:00Z"
SEEN = pendulum.datetime(2024, 6, 1, 12)


def item(source_id: str, **fields: Any) -> dict[str, Any]:
    return {"source_id": source_id, **fields}


def test_each_file_of_imports_has_a_row_in_the_order_asked() -> None:
    first = Import.read(
        {
            "_id": "i1",
            "items": [
                item("b", action="created", asset_id="x", status="ready"),
                item("a", action="rejected", error={"code": "source_unavailable", "message": "gone"}),
            ],
        }
    )
    second = Import.read({"_id": "i2", "items": [item("c", action="retried", asset_id="y", status="failed")]})
    files = files_of_imports(["a", "b", "c", "d"], [first, second])
    assert [(file.source_id, file.action, file.status) for file in files] == [
        ("a", "rejected", None),
        ("b", "created", "ready"),
        ("c", "retried", "failed"),
        ("d", None, "missing"),
    ]
    assert counts(files) == {"rejected": 1, "created": 1, "ready": 1, "retried": 1, "failed": 1, "missing": 1}
    assert [file.source_id for file in failures(files)] == ["a", "c", "d"]
    assert str(files[0]) == "a (source_unavailable: gone)" and str(files[2]) == "c (failed)"
    assert files[1].row() == {
        "source_id": "b",
        "action": "created",
        "status": "ready",
        "asset_id": "x",
        "video_id": None,
        "error_code": None,
        "error_message": None,
    }


def status_of(**lists: Any) -> TransferStatus:
    return read_transfer_status("g", "i").parse(lists)


def test_files_of_a_transfer_are_selected_by_their_time() -> None:
    status = status_of(
        not_imported=["new.mp4", "bad.mov"],
        ready=[
            {"video_id": "v1", "filename": "old.mp4", "created_at": BEFORE},
            {"video_id": "v2", "filename": "fresh.mp4", "created_at": AFTER},
            {"video_id": "v3", "filename": "timeless.mp4"},
        ],
        failed=[
            {"filename": "long broken.mp4", "created_at": BEFORE, "error_message": "x"},
            {"video_id": "v5", "filename": "now broken.mp4", "created_at": AFTER, "error_message": "y"},
        ],
    )
    bad = [{"filename": "bad.mov", "error_message": "no video"}]
    logs = read_transfer_logs("g").parse(
        {
            "data": [
                {
                    "index_id": "i",
                    "created_at": BEFORE,
                    "failed_files": [{"filename": "old.mov", "error_message": "z"}],
                },
                {"index_id": "i", "created_at": AFTER, "failed_files": bad},
                {"index_id": "other", "created_at": "2030-01-01T00:00:00Z", "failed_files": [{"filename": "q"}]},
            ]
        }
    )
    files = files_of_transfer(status, logs, "i", SEEN)
    assert [(file.source_id, file.action, file.status) for file in files] == [
        ("bad.mov", "rejected", None),
        ("fresh.mp4", "created", "ready"),
        ("long broken.mp4", "skipped", "failed"),
        ("new.mp4", None, "not_imported"),
        ("now broken.mp4", "created", "failed"),
        ("old.mp4", "skipped", "ready"),
        ("timeless.mp4", None, "ready"),
    ]
    assert [file.source_id for file in failures(files)] == ["bad.mov", "now broken.mp4"], "older failures are known"


def test_without_earlier_imports_all_files_are_new() -> None:
    status = status_of(ready=[{"video_id": "v1", "filename": "a.mp4", "created_at": BEFORE}])
    assert [file.action for file in files_of_transfer(status, (), "i", None)] == ["created"]
    assert files_of_transfer(status_of(), (), "i", None) == [] == failures([ImportedFile("a", "skipped", "ready")])


@pytest.mark.parametrize(
    ("statuses", "phase"),
    [
        (["ready", "processing"], Phase.RUNNING),
        (["ready", "failed", None], Phase.READY),
        ([None], Phase.READY),
        ([], Phase.READY),
    ],
)
def test_import_is_waited_for_until_no_asset_is_processing(statuses: list[str | None], phase: Phase) -> None:
    job = JobRef(JobKind.IMPORT, "i1", "c1")
    call = read_state(V1_3, job)
    assert call.name == read_import("c1", "i1").name and cancellation(V1_3, job) is None
    items = [item(str(number), status=status) for number, status in enumerate(statuses)]
    assert call.parse({"_id": "i1", "items": items}).phase is phase


@pytest.mark.parametrize(("running", "phase"), [("queued", Phase.RUNNING), ("ready", Phase.READY)])
def test_transfer_is_waited_for_until_its_lists_are_empty(running: str, phase: Phase) -> None:
    job = JobRef(JobKind.TRANSFER, "g1", "x1")
    call = read_state(V1_2, job)
    assert dict(call.query) == {"index_id": "x1"} and cancellation(V1_2, job) is None
    assert call.parse({running: [{"filename": "a.mp4"}], "failed": [], "indexing": []}).phase is phase
