"""``dags/on_new_video.py``: what it does with a video, and that it does it once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import Account, Connect, load_dag, read_rows
from tests.dags.test_dags import states

if TYPE_CHECKING:
    from tests.conftest import Library

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("airflow_database")]


def run(monkeypatch: pytest.MonkeyPatch, output: Path, library: Library) -> Any:
    monkeypatch.setenv("AIRFLOW_VAR_TWELVELABS_OUTPUT_PATH", str(output))
    video = {"index_id": library.index_id, "video_id": library.video_id}
    return load_dag("on_new_video").test(run_conf={"videos": [video, video]})


def test_a_video_is_done_once(
    connect: Connect, library: Library, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(monkeypatch, tmp_path, library)
    assert str(first.state) == "success", states(first)
    folder = tmp_path / library.index_id / library.video_id
    spoken = " ".join(row["value"] for row in read_rows(folder / "transcription.manifest.json"))
    assert "garden" in spoken.lower()
    assert read_rows(folder / "chapters.manifest.json")
    billed = account.get("/_local/billing")
    again = run(monkeypatch, tmp_path, library)
    assert str(again.state) == "success", states(again)
    assert states(again)["chapters[-1]"] == "skipped"
    assert account.get("/_local/billing") == billed


def test_the_watcher_is_part_of_the_dag() -> None:
    dag = load_dag("on_new_video")
    (asset,) = dag.timetable.asset_condition.objects  # type: ignore[attr-defined]
    (watcher,) = asset.watchers
    path, fields = watcher.trigger.serialize()
    assert path == "twelvelabs_provider.triggers.video_ready.TwelveLabsVideoReadyTrigger"
    assert fields["index_name"] == "video-understanding"
