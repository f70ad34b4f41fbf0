"""Job kinds: requests, statuses and cancellation."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from twelvelabs_provider.api import jobs
from twelvelabs_provider.api.call import ensure_supported
from twelvelabs_provider.api.errors import TwelveLabsPermanentError, TwelveLabsUnsupportedError
from twelvelabs_provider.api.generations import V1_2, V1_3
from twelvelabs_provider.api.jobs import phase_of
from twelvelabs_provider.api.version import ApiVersion
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, Phase
from twelvelabs_provider.jobs.kinds import KINDS, cancellation, read_state

TASK = JobRef(JobKind.INDEXING_TASK, "t1")
ASSET = JobRef(JobKind.ASSET, "c1")
INDEXED = JobRef(JobKind.INDEXED_ASSET, "v1", "i1")
ANALYSIS = JobRef(JobKind.ANALYSIS_TASK, "a1")


def test_every_kind_can_be_read() -> None:
    assert set(KINDS) == set(JobKind)


@pytest.mark.parametrize(
    ("statuses", "phase"),
    [
        (["uploading", "validating", "pending", "queued", "indexing", "processing", "Indexing"], Phase.RUNNING),
        (["ready", "READY"], Phase.READY),
        (["failed"], Phase.FAILED),
        (["canceled"], Phase.CANCELED),
    ],
)
def test_the_phase_of_a_status(statuses: list[str], phase: Phase, caplog: pytest.LogCaptureFixture) -> None:
    assert {phase_of(status) for status in statuses} == {phase}
    assert caplog.records == []


@pytest.mark.parametrize("status", ["", "transmogrifying"])
def test_an_unknown_status_counts_as_running_and_is_logged_once(status: str, caplog: pytest.LogCaptureFixture) -> None:
    jobs._unknown.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert {phase_of(status) for _ in range(3)} == {Phase.RUNNING}
    assert [record.getMessage().count(repr(status)) for record in caplog.records] == [1], (
        "logged once, not at every poll"
    )


@pytest.mark.parametrize(
    ("job", "path", "answer", "state"),
    [
        (
            TASK,
            "/tasks/t1",
            {
                "_id": "t1",
                "index_id": "i1",
                "video_id": "v1",
                "status": "ready",
                "system_metadata": {"duration": 30.5},
            },
            JobState(Phase.READY, "ready", None, "v1", 30.5, "i1"),
        ),
        (
            TASK,
            "/tasks/t1",
            {"_id": "t1", "status": "failed", "error_reason": "video_file_broken"},
            JobState(Phase.FAILED, "failed", "video_file_broken"),
        ),
        (
            ASSET,
            "/assets/c1",
            {"_id": "c1", "status": "processing"},
            JobState(Phase.RUNNING, "processing"),
        ),
        (
            ASSET,
            "/assets/c1",
            {"_id": "c1", "status": "ready", "duration": 30.5},
            JobState(Phase.READY, "ready", duration=30.5),
        ),
        (
            INDEXED,
            "/indexes/i1/indexed-assets/v1",
            {"_id": "v1", "status": "indexing", "system_metadata": {"duration": 30.5}},
            JobState(Phase.RUNNING, "indexing", None, "v1", 30.5),
        ),
        (
            ANALYSIS,
            "/analyze/tasks/a1",
            {"task_id": "a1", "status": "canceled", "error": {"code": "user_canceled", "message": "stopped"}},
            JobState(Phase.CANCELED, "canceled", "user_canceled: stopped"),
        ),
    ],
)
def test_the_state_of_a_job(job: JobRef, path: str, answer: dict[str, Any], state: JobState) -> None:
    call = read_state(V1_3, job)
    assert call.path == path
    assert call.repeatable
    assert call.parse(answer) == state


def test_an_indexed_asset_without_its_index_cannot_be_read() -> None:
    with pytest.raises(TwelveLabsPermanentError):
        read_state(V1_3, JobRef(JobKind.INDEXED_ASSET, "v1"))


def test_only_analyses_can_be_cancelled() -> None:
    stop = cancellation(V1_3, ANALYSIS)
    assert stop is not None
    assert stop.name == "POST /analyze/tasks/a1/cancel"
    assert [cancellation(V1_3, job) for job in (TASK, ASSET, INDEXED)] == [None, None, None]


def test_a_generation_that_lacks_a_kind_says_so() -> None:
    assert read_state(V1_2, TASK).path == "/tasks/t1"
    for job in (ASSET, INDEXED, ANALYSIS):
        with pytest.raises(TwelveLabsUnsupportedError):
            ensure_supported(read_state(V1_2, job), ApiVersion.V1_2)
