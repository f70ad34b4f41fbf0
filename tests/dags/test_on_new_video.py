"""``dags/on_new_video.py``: each video is processed once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import Account, Connect, load_dag, read_rows
from tests.dags.test_dags import states
from tests.engine.client import Api
from tests.engine.videos import padded_copy
from tests.task_context import task_context
from twelvelabs_provider.operators.unpublished import TwelveLabsListUnpublishedVideosOperator

if TYPE_CHECKING:
    from tests.conftest import Library
    from tests.engine_process import Engine

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("airflow_database")]


def run(monkeypatch: pytest.MonkeyPatch, output: Path, library: Library) -> Any:
    monkeypatch.setenv("AIRFLOW_VAR_TWELVELABS_OUTPUT_PATH", str(output))
    video = {"index_id": library.index_id, "video_id": library.video_id}
    return load_dag("on_new_video").test(run_conf={"videos": [video, video]})


def test_video_is_published_once(
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


class Event:
    """What Airflow hands to a run of the asset event of a trigger."""

    def __init__(self, index_id: str, video: dict[str, Any]) -> None:
        payload = {"index_id": index_id, "video_id": video["_id"], "created_at": video["created_at"]}
        self.extra = {"from_trigger": True, "payload": payload}


def test_run_lists_all_videos_ready_since_the_event(
    connect: Connect, engine: Engine, clip: Path, tmp_path: Path
) -> None:
    api = Api(engine)
    index_id, asset_id = api.create_index("a burst"), api.asset(clip)
    path = f"/indexes/{index_id}/indexed-assets"

    def indexed() -> dict[str, Any]:
        copy = padded_copy(clip, tmp_path / f"{len(list(tmp_path.glob('*.mp4')))}.mp4")
        video = api.expect(202, "POST", path, json={"asset_id": api.asset(copy)})
        return dict(api.finished(f"{path}/{video['_id']}"))

    def listed(run_id: str, *events: Event, **fields: Any) -> list[str]:
        operator = TwelveLabsListUnpublishedVideosOperator(
            task_id="list_videos", index_name="a burst", output_path=str(tmp_path), kinds=["chapters"], **fields
        )
        context = task_context(run_id=run_id) | {"triggering_asset_events": {"asset": list(events)}}
        found = operator.execute(context)
        assert {one["index_id"] for one in found} <= {index_id}
        return [one["video_id"] for one in found]

    def publish(video_id: str) -> None:
        manifest = tmp_path / index_id / video_id / "chapters.manifest.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_text("{}")

    old = api.expect(202, "POST", path, json={"asset_id": asset_id})["_id"]
    api.finished(f"{path}/{old}")
    assert listed("manual") == [], "no event yet"
    burst = [indexed() for _ in range(3)]
    ids = [video["_id"] for video in burst]
    assert listed("first", Event(index_id, burst[0])) == ids, "the other events were dropped"
    for video_id in ids[:2]:
        publish(video_id)
    late = indexed()
    assert listed("second", Event(index_id, late)) == [ids[2], late["_id"]], "one failed in the first run"
    publish(ids[2])
    publish(late["_id"])
    assert listed("third") == []
    more = [indexed()["_id"] for _ in range(2)]
    assert listed("fourth", max_videos=1) == more[:1]
    given = [{"index_id": index_id, "video_id": old}, {"index_id": index_id, "video_id": ids[0]}]
    assert listed("fifth", videos=given) == [*more, old], "an older video by hand, unless it is done"


def test_next_run_starts_even_if_videos_of_this_run_fail() -> None:
    dag = load_dag("on_new_video")
    assert dag.get_task("look_again").upstream_task_ids == {"list_videos"}
    assert dag.max_active_runs == 1, "the next run begins after this one"


def test_dag_has_the_watched_asset() -> None:
    dag = load_dag("on_new_video")
    condition: Any = dag.timetable.asset_condition
    (asset,) = condition.objects
    (watcher,) = asset.watchers
    path, fields = watcher.trigger.serialize()
    assert path == "twelvelabs_provider.triggers.video_ready.TwelveLabsVideoReadyTrigger"
    assert fields["index_name"] == "video-understanding"
