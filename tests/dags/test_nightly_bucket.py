"""``dags/nightly_bucket.py``: night after night only what is new, and nothing billed twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pendulum
import pytest

from tests.dags.conftest import Account, Connect, load_dag, read_rows
from tests.dags.test_dags import states

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("airflow_database")]


def night(day: int) -> dict[str, str]:
    """Run the DAG for a night and return the states of its tasks."""
    moment = pendulum.datetime(2026, 3, day, 1)
    conf = {"index_name": "nightly", "min_age": 0}
    run = load_dag("nightly_bucket").test(logical_date=moment, run_after=moment, run_conf=conf)
    assert str(run.state) == "success", states(run)
    return states(run)


def results(output: Path) -> set[str]:
    """Return the source of each video whose on-screen text is there."""
    return {read_manifest(path)["source"]["uri"] for path in output.glob("*/*/text_in_video.manifest.json")}


def read_manifest(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_each_night_does_what_is_new(
    connect: Connect, account: Account, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, output = tmp_path / "bucket", tmp_path / "out"
    (bucket / "2026").mkdir(parents=True)
    monkeypatch.setenv("AIRFLOW_VAR_TWELVELABS_SOURCE", str(bucket))
    monkeypatch.setenv("AIRFLOW_VAR_TWELVELABS_OUTPUT_PATH", str(output))
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
