"""Jobs and trigger events as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from twelvelabs_provider.exceptions import TwelveLabsEventError, TwelveLabsRefusedError, TwelveLabsUnreachableError
from twelvelabs_provider.jobs.job import JobKind, JobRef, PendingJob
from twelvelabs_provider.jobs.trigger_event import EventReason, JobEvent

JOB = JobRef(JobKind.INDEXED_ASSET, "v1", "i1")
PENDING = PendingJob(JOB, 1000.5, 1010.25, 5000.0, {"source": "s3://b/a.mp4", "duration": 30.5, "nested": {"a": [1]}})


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


@pytest.mark.parametrize("kind", list(JobKind))
@pytest.mark.parametrize("index_id", [None, "i1"])
def test_a_pending_job_survives_json(kind: JobKind, index_id: str | None) -> None:
    pending = PendingJob(JobRef(kind, "x", index_id), 1.0, 2.0, 3.0, {"a": None})
    assert PendingJob.from_json(through_json(pending.as_json())) == pending
    assert PendingJob.from_json(through_json(PENDING.as_json())) == PENDING


def test_the_text_of_a_job_shows_no_signature() -> None:
    assert str(JobRef(JobKind.ASSET, "0123456789abcdef01234567")) == "asset 0123456789abcdef01234567"
    assert "5ecre7" not in str(JobRef(JobKind.ASSET, "https://bucket/a.mp4?X-Amz-Signature=5ecre7"))


def test_fields_of_a_newer_release_are_ignored() -> None:
    value = {**PENDING.as_json(), "tomorrow": 1}
    value["job"] = {**value["job"], "tomorrow": 1}
    assert PendingJob.from_json(value) == PENDING


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in PENDING.as_json().items() if key != name}


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        [],
        "x",
        5,
        without("job"),
        without("begun_at"),
        without("started_at"),
        without("deadline"),
        {**PENDING.as_json(), "job": None},
        {**PENDING.as_json(), "job": "v1"},
        {**PENDING.as_json(), "job": {"kind": "indexed_asset"}},
        {**PENDING.as_json(), "job": {"kind": "embedding", "id": "x"}},
        {**PENDING.as_json(), "deadline": "tomorrow"},
        {**PENDING.as_json(), "deadline": None},
        {**PENDING.as_json(), "memo": "x"},
        {**PENDING.as_json(), "memo": 5},
    ],
)
def test_invalid_records_and_events_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        PendingJob.from_json(value)
    with pytest.raises(TwelveLabsEventError, match="Unknown trigger event"):
        JobEvent.from_payload({"reason": "ended", "pending": value})


def test_the_next_job_keeps_the_deadline() -> None:
    following = PENDING.followed_by(JobRef(JobKind.ANALYSIS_TASK, "a1"), 2000.0, asset_id="c", source="other")
    assert (following.begun_at, following.started_at, following.deadline) == (1000.5, 2000.0, 5000.0)
    assert following.memo == {**PENDING.memo, "asset_id": "c", "source": "other"}
    assert PENDING.memo["source"] == "s3://b/a.mp4"


@pytest.mark.parametrize("reason", list(EventReason))
def test_an_event_survives_json(reason: EventReason) -> None:
    wake = JobEvent(reason, PENDING, "why")
    assert JobEvent.from_payload(through_json(wake.as_payload())) == wake


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"status": "success"},
        {"reason": "ended"},
        {"reason": "bored", "pending": PENDING.as_json()},
        {"pending": PENDING.as_json()},
        {"reason": "unreachable", "message": "not a pending job"},
        "success",
        ["ended"],
        5,
    ],
)
def test_an_unknown_event_is_refused(payload: Any) -> None:
    with pytest.raises(TwelveLabsEventError, match="the remote job continues"):
        JobEvent.from_payload(payload)


def test_an_event_raises_for_its_reason() -> None:
    JobEvent(EventReason.ENDED, PENDING).raise_for_reason()
    JobEvent(EventReason.DEADLINE, PENDING).raise_for_reason()
    with pytest.raises(TwelveLabsRefusedError, match=r"^no such video$"):
        JobEvent(EventReason.REFUSED, PENDING, "no such video").raise_for_reason()
    with pytest.raises(TwelveLabsUnreachableError, match=r"Cannot poll indexed asset v1: reset.*retry polls it"):
        JobEvent(EventReason.UNREACHABLE, PENDING, "reset").raise_for_reason()
