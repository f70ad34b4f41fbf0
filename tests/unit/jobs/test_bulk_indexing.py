"""State and checkpoint of bulk indexing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsOutputError, TwelveLabsRecordError
from twelvelabs_provider.jobs import checkpoint
from twelvelabs_provider.jobs.bulk_indexing.state import (
    IndexingState,
    Stage,
    VideoState,
    key_of,
    rows_of,
)
from twelvelabs_provider.jobs.bulk_state import digest_of, enough_of
from twelvelabs_provider.jobs.checkpoint import Checkpoint

INDEXED = VideoState("file:///a.mp4", Stage.INDEXED, asset_id="a1", job_id="v1", video_id="v1", duration=90.0)
LOST = VideoState("file:///b.mp4", Stage.SENDING, asset_id="a2", at=5.0, mark="source-1")


def state(**entries: VideoState) -> IndexingState:
    return IndexingState("me", 1, 100.0, 200.0, "i1", entries=dict(entries))


def test_a_video_state_survives_json() -> None:
    assert LOST.as_json() == {
        "uri": "file:///b.mp4", "stage": "sending", "asset_id": "a2", "at": 5.0, "mark": "source-1",
    }  # fmt: skip
    for entry in (INDEXED, LOST, VideoState("x", Stage.SENDING, known=("t1", "t2"), upload={"upload_id": "u"})):
        assert VideoState.from_json(json.loads(json.dumps(entry.as_json()))) == entry
    with pytest.raises(ValueError, match="not the state"):
        VideoState.from_json({"stage": "indexed"})
    with pytest.raises(ValueError, match="magic"):
        VideoState.from_json({"uri": "x", "stage": "magic"})


def test_a_reason_is_short_and_contains_no_signature() -> None:
    error = TwelveLabsInputError("cannot fetch https://h.example/a.mp4?X-Amz-Signature=5ecre7 " + "x" * 1000)
    failed = LOST.failed(error, again=False)
    assert failed.error_type == "TwelveLabsInputError" and failed.reason
    assert "5ecre7" not in failed.reason and "https://h.example/a.mp4" in failed.reason
    assert len(failed.reason) == 500


@pytest.mark.parametrize(
    ("entry", "stage"),
    [
        (INDEXED, Stage.INDEXED),
        (LOST, Stage.SENDING),
        (LOST.failed(OSError("gone"), again=False), Stage.FAILED),
        (LOST.failed(OSError("gone"), again=True, doubted=True), Stage.SENDING),
        (LOST.failed(OSError("gone"), again=True), Stage.ASSET),
        (VideoState("x", Stage.UPLOADING).failed(OSError("gone"), again=True), None),
    ],
)
def test_the_stage_at_the_start_of_a_retry(entry: VideoState, stage: Stage | None) -> None:
    revived = entry.for_retry()
    assert (revived.stage if revived else None) == stage
    assert revived is None or revived.settled or not revived.reason


def test_a_clear_keeps_only_unsettled_videos() -> None:
    old = state(a=INDEXED, b=LOST, c=LOST.failed(OSError("x"), again=False))
    assert set(old.for_attempt("me", 2, 1.0, 2.0).entries) == {"a", "b", "c"}
    assert set(old.for_attempt("another life", 1, 1.0, 2.0).entries) == {"b"}


def test_a_wait_ends_when_half_of_the_jobs_have_ended() -> None:
    assert [enough_of(number) for number in (1, 2, 3, 4, 25)] == [1, 1, 2, 2, 13]
    assert [enough_of(8, free) for free in (0, 1, 3, 9)] == [1, 1, 3, 4]


def test_a_new_signature_does_not_change_the_key_of_a_video() -> None:
    assert key_of("https://h/a.mp4?X-Amz-Signature=1") == key_of("https://h/a.mp4?X-Amz-Signature=2")
    assert key_of("https://h/watch?v=a") != key_of("https://h/watch?v=b")
    assert key_of("s3://b/a.mp4") != key_of("s3://b/b.mp4")
    assert digest_of(["a", "b"]) != digest_of(["ab"])


def test_each_given_video_has_a_row_and_is_billed_once() -> None:
    rows = list(rows_of(["a", "b", "a", "c"], ["u", "v", "u", "w"], state(a=INDEXED, b=LOST)))
    assert [row["outcome"] for row in rows] == ["indexed", "failed", "reused", "failed"]
    assert [row["minutes"] for row in rows] == [1.5, 0.0, 0.0, 0.0]
    assert rows[1]["error_type"] == "TwelveLabsJobTimeoutError"
    assert rows[3] | {"uri": "w", "error_type": "NotBegun"} == rows[3]


def test_videos_of_other_tasks_bill_nothing() -> None:
    assert INDEXED.minutes == 1.5
    assert VideoState("x", Stage.REUSED, duration=60.0, shared=True).minutes == 0
    assert VideoState("x", Stage.FAILED, duration=60.0).minutes == 0
    assert VideoState("x", Stage.FAILED, duration=60.0, doubted=True).minutes == 1


def checkpoint_in(tmp_path: Path) -> Checkpoint[IndexingState]:
    return Checkpoint(str(tmp_path), "i1/indexing/t-1", IndexingState)


def test_there_is_no_checkpoint_before_the_first_write(tmp_path: Path) -> None:
    assert checkpoint_in(tmp_path).read() is None


def test_settled_videos_are_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "SETTLED_AT_ONCE", 10)
    kept, writer = state(lost=LOST), checkpoint_in(tmp_path)
    writer.begin(kept)
    sizes = []
    for number in range(95):
        kept.entries[f"k{number}"] = INDEXED
        writer.write(kept)
        sizes.append((tmp_path / "i1/indexing/t-1.checkpoint.json").stat().st_size)
    assert max(sizes) < 2500, "what is written again and again does not grow"
    assert checkpoint_in(tmp_path).read() == kept
    assert len(list(tmp_path.rglob("*.checkpoint-*"))) == 9


def test_a_new_attempt_deletes_old_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "SETTLED_AT_ONCE", 2)
    first = checkpoint_in(tmp_path)
    first.begin(state(a=INDEXED, b=INDEXED, c=LOST))
    second = checkpoint_in(tmp_path)
    read = second.read()
    assert read is not None
    fresh = read.for_attempt("another life", 1, 0.0, 1.0)
    second.begin(fresh)
    assert checkpoint_in(tmp_path).read() == fresh
    assert not list(tmp_path.rglob("*.checkpoint-*"))


@pytest.mark.parametrize("content", [b"{", b"{}", b'{"state": {}, "series": "", "archived": 0, "entries": {}}'])
def test_an_invalid_checkpoint_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "i1/indexing/t-1.checkpoint.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(TwelveLabsRecordError):
        checkpoint_in(tmp_path).read()


def test_a_missing_object_of_a_checkpoint_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "SETTLED_AT_ONCE", 1)
    checkpoint_in(tmp_path).begin(state(a=INDEXED))
    for part in tmp_path.rglob("*.checkpoint-*"):
        part.unlink()
    with pytest.raises(TwelveLabsRecordError):
        checkpoint_in(tmp_path).read()


def test_an_unreadable_checkpoint_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "i1/indexing/t-1.checkpoint.json").mkdir(parents=True)
    with pytest.raises(TwelveLabsOutputError):
        checkpoint_in(tmp_path).read()
