"""``dags/nightly_bucket.py``: each night processes new videos only, and bills nothing twice."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
import pytest

from tests.dags.conftest import Account, Connect, Faults, end_faults, load_dag, read_rows
from tests.dags.test_dags import states
from tests.engine.videos import padded_copy

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("airflow_database")]


def night(day: int, state: str = "success", *, month: int = 3, retries: int = 0) -> dict[str, str]:
    """Run the DAG for a night and return the states of its tasks."""
    moment = pendulum.datetime(2026, month, day, 1)
    conf = {"index_name": "nightly", "min_age": 0}
    dag = load_dag("nightly_bucket")
    for task in dag.tasks:
        task.retries, task.retry_delay = retries, timedelta(0)
    run = dag.test(logical_date=moment, run_after=moment, run_conf=conf)
    assert str(run.state) == state, states(run)
    return states(run)


def results(output: Path) -> set[str]:
    """Return the source of each video whose on-screen text is there."""
    return {read_manifest(path)["source"]["uri"] for path in output.glob("*/*/text_in_video.manifest.json")}


def read_manifest(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The bucket and the output of the DAG."""
    bucket, output = tmp_path / "bucket", tmp_path / "out"
    bucket.mkdir()
    monkeypatch.setenv("AIRFLOW_VAR_TWELVELABS_SOURCE", str(bucket))
    monkeypatch.setenv("AIRFLOW_VAR_TWELVELABS_OUTPUT_PATH", str(output))
    return bucket, output


def test_each_night_publishes_new_videos_only(
    connect: Connect, account: Account, clip: Path, folders: tuple[Path, Path]
) -> None:
    bucket, output = folders
    (bucket / "2026").mkdir()
    first, second, third = bucket / "one.mp4", bucket / "2026" / "zwei & drei.mp4", bucket / "2026" / "three.mp4"
    shutil.copy(clip, first)
    shutil.copy(clip, second)

    night(2)
    assert results(output) == {first.as_uri(), f"file://{second}"}
    for manifest in output.glob("*/*/text_in_video.manifest.json"):
        assert "WINTER" in " ".join(row["value"] for row in read_rows(manifest))
        assert manifest.with_name("transcription.manifest.json").exists()
    assert list((output / "_catalog").iterdir())

    held = account.holdings()
    assert night(3)["index[-1]"] == "skipped"
    assert account.holdings() == held, "nothing was new, and nothing was sent"

    shutil.copy(clip, third)
    night(4)
    assert results(output) == {first.as_uri(), f"file://{second}", third.as_uri()}
    assert account.holdings()[0] == held[0] + 1, "one asset more"

    held = account.holdings()
    night(4)
    assert account.holdings() == held, "the same night once more"


def test_failed_video_stops_no_other_and_is_retried_the_next_night(
    connect: Connect, account: Account, clip: Path, folders: tuple[Path, Path]
) -> None:
    bucket, output = folders
    good, bad = bucket / "good.mp4", bucket / "bad.mp4"
    # Its own bytes: another test may have indexed the clip.
    padded_copy(clip, good, b"nightly!")
    bad.write_bytes(b"not a video at all" * 100)

    first = night(2, "failed", month=4, retries=2)
    assert (first["index[0]"], first["extract[0]"], first["catalog[-1]"]) == ("failed", "success", "upstream_failed")
    assert results(output) == {good.as_uri()}

    held = account.holdings()
    second = night(3, "failed", month=4, retries=2)
    assert second["index[0]"] == "failed", "the bad video is listed again, alone"
    assert account.holdings() == held, "the good video is neither sent nor billed again"

    padded_copy(clip, bad, b"mended!!")
    night(4, month=4, retries=2)
    assert results(output) == {good.as_uri(), bad.as_uri()}
    held = account.holdings()
    assert night(5, month=4)["index[-1]"] == "skipped"
    assert account.holdings() == held


def test_video_is_indexed_the_night_after_a_temporary_failure(
    connect: Connect, account: Account, clip: Path, folders: tuple[Path, Path]
) -> None:
    bucket, output = folders
    video = bucket / "one.mp4"
    padded_copy(clip, video, b"unmarked")
    connect(password="a wrong key")
    night(2, "failed", month=5)
    assert not results(output)
    connect()
    assert night(3, month=5)["index[0]"] == "success"
    assert results(output) == {video.as_uri()}


def test_video_is_extracted_the_night_after_a_failed_extraction(
    connect: Connect, account: Account, faults: Faults, clip: Path, folders: tuple[Path, Path]
) -> None:
    bucket, output = folders
    video = bucket / "one.mp4"
    padded_copy(clip, video, b"extract!")
    faults("/analyze/tasks", "status", times=None, status=400)
    first = night(2, "failed", month=6)
    assert (first["index[0]"], first["extract[0]"]) == ("success", "failed")
    assert not results(output)
    end_faults(account)
    held = account.holdings()
    second = night(3, month=6)
    assert (second["index[0]"], second["extract[0]"]) == ("success", "success")
    assert results(output) == {video.as_uri()}
    assert account.holdings()[0] == held[0], "not uploaded again"
