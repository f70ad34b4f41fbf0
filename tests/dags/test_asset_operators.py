"""Asset operators: uploads and URLs, waits in every mode, and deletion."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import SAMPLE, Account, Connect
from tests.task_context import task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsJobFailedError, TwelveLabsRefusedError
from twelvelabs_provider.jobs.asset_upload import MARKER
from twelvelabs_provider.jobs.deduplication import SOURCE_MARK
from twelvelabs_provider.operators.assets import TwelveLabsCreateAssetOperator, TwelveLabsDeleteAssetOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.sensors.asset import TwelveLabsAssetSensor
from twelvelabs_provider.sensors.indexing import TwelveLabsIndexingSensor

if TYPE_CHECKING:
    from tests.conftest import Library

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]


def create(source: Path | str, **fields: Any) -> TwelveLabsCreateAssetOperator:
    usual = {"poll_interval": 0.2, **fields}
    return TwelveLabsCreateAssetOperator(task_id="t", source=str(source), **usual)


@pytest.mark.parametrize("deferrable", [True, False])
def test_uploaded_file_becomes_a_ready_asset(connect: Connect, account: Account, clip: Path, deferrable: bool) -> None:
    metadata = json.dumps({"scene": 7, "tags": ["a", "b"]})
    operator = create(
        clip, filename=f"one-{deferrable}.mp4", user_metadata=metadata, enable_thumbnail=True, deferrable=deferrable
    )
    result, deferrals = run_to_end(operator, task_context())
    assert deferrals <= int(deferrable), "an asset that is ready at once is not waited for"
    asset = account.get(f"/v1.3/assets/{result['asset_id']}")
    assert result == {
        "asset_id": asset["_id"],
        "status": "ready",
        "method": "direct",
        "filename": f"one-{deferrable}.mp4",
        "file_type": "video/mp4",
        "duration": asset["duration"],
        "size": clip.stat().st_size,
        "source_uri": clip.as_uri(),
    }
    marker = asset["user_metadata"].pop(MARKER)
    assert asset["user_metadata"].pop(SOURCE_MARK).startswith("source-")
    assert len(marker) == 32 and asset["user_metadata"] == {"scene": 7, "tags": ["a", "b"]}
    assert "thumbnail" in asset and "hls" not in asset


def test_url_is_fetched_by_the_service(connect: Connect, clip: Path, site: Callable[[Path], str]) -> None:
    result, _ = run_to_end(create(site(clip) + "?sig=SIGNATURE"), task_context())
    assert (result["method"], result["filename"], result["duration"]) == ("url", "clip.mp4", pytest.approx(6, abs=0.1))
    assert "SIGNATURE" not in str(result)


def test_audio_and_images_become_assets(connect: Connect, tmp_path: Path) -> None:
    import cv2
    import numpy as np

    from tests.engine.videos import make_sound

    picture = tmp_path / "a.png"
    cv2.imwrite(str(picture), np.zeros((40, 60, 3), np.uint8))
    for path, method, kind in ((make_sound(tmp_path / "a.wav"), "multipart", "audio"), (picture, "auto", "image")):
        result, _ = run_to_end(create(path, method=method), task_context())
        assert result["file_type"].startswith(kind)


def test_sensor_waits_for_an_asset_created_without_waiting(connect: Connect, clip: Path) -> None:
    handed, deferrals = run_to_end(create(clip, wait_for_completion=False, deferrable=True), task_context())
    assert (handed["job_kind"], handed["method"], deferrals) == ("asset", "direct", 0)
    assert handed["job_id"] == handed["asset_id"]
    for mode in ({"deferrable": True}, {"mode": "reschedule"}, {}):
        sensor = TwelveLabsAssetSensor(task_id="s", asset_id=handed["asset_id"], poke_interval=0.2, **mode)
        found, _ = run_to_end(sensor, task_context())
        assert (found["asset_id"], found["status"]) == (handed["asset_id"], "ready")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"source": ""}, "source"),
        ({"source": "/nowhere/a.mp4"}, "does not exist"),
        ({"source": str(ROOT / "setup.cfg")}, "is not a video but text"),
        ({"method": "pigeon"}, "'pigeon' is not one of auto, direct, url, multipart"),
        ({"method": "url"}, "needs an http"),
        ({"source": "https://h.example/a.mp4?sig=SIGNATURE", "method": "multipart"}, "fetched by the service"),
        ({"user_metadata": '{"duration": 1}'}, "duration"),
        ({"user_metadata": "{no json"}, "user_metadata"),
        ({"user_metadata": {"a": {"b": 1}}}, "user_metadata"),
        ({"asset_type": "hologram"}, "hologram"),
        ({"filename": "a.pdf"}, "say so with asset_type"),
    ],
)
def test_invalid_arguments_are_refused_before_any_request(
    connect: Connect, account: Account, fields: dict[str, Any], said: str
) -> None:
    before = account.holdings()
    with pytest.raises(TwelveLabsInputError, match=said) as caught:
        create(fields.pop("source", SAMPLE), **fields).execute(task_context())
    assert "SIGNATURE" not in str(caught.value)
    assert account.holdings() == before


def test_too_large_file_is_refused(
    connect: Connect, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = account.holdings()
    large = tmp_path / "a.mp4"
    with large.open("wb") as file:
        file.truncate(10 * 1024**3 + 1)
    with pytest.raises(TwelveLabsInputError, match="at most 10,737,418,240"):
        create(large).execute(task_context())
    assert account.holdings() == before


def test_older_generations_have_no_assets(connect: Connect, clip: Path) -> None:
    connect("v1.2")
    for method in ("auto", "multipart"):
        with pytest.raises(TwelveLabsRefusedError, match="has no POST /assets"):
            create(clip, method=method).execute(task_context())
    with pytest.raises(TwelveLabsRefusedError, match="has no GET /assets"):
        TwelveLabsAssetSensor(task_id="s", asset_id="0" * 24).execute(task_context())


def test_asset_of_an_unusable_file_is_deleted(connect: Connect, account: Account) -> None:
    """A link to something that is no video is found out by the service only."""
    before = account.get("/v1.3/assets")["page_info"]["total_results"]
    with pytest.raises(TwelveLabsJobFailedError, match="failed"):
        run_to_end(create("http://127.0.0.1:9/no-server.mp4"), task_context())
    assert account.get("/v1.3/assets")["page_info"]["total_results"] == before


def test_retry_finds_the_asset_of_an_attempt_that_died_before_recording_it(
    connect: Connect, account: Account, clip: Path
) -> None:
    """The worker died between the answer and the note of it: the marker on the asset tells."""
    first, _ = run_to_end(create(clip, filename="marked.mp4"), task_context())
    again = task_context()
    again["ti"].try_number = 2
    second, _ = run_to_end(create(clip, filename="marked.mp4"), again)
    assert second["asset_id"] == first["asset_id"]
    # another run of the same task is another submission
    other = task_context(run_id="other")
    other["ti"].try_number = 2
    third, _ = run_to_end(create(clip, filename="marked.mp4"), other)
    assert third["asset_id"] != first["asset_id"]


def test_asset_is_deleted(connect: Connect, account: Account, clip: Path, library: Library) -> None:
    result, _ = run_to_end(create(clip), task_context())
    for _ in range(2):
        TwelveLabsDeleteAssetOperator(task_id="t", asset_id=result["asset_id"]).execute(task_context())
    with pytest.raises(TwelveLabsRefusedError, match="use force=True"):
        TwelveLabsDeleteAssetOperator(task_id="t", asset_id=library.asset_id).execute(task_context())
    with pytest.raises(TwelveLabsRefusedError, match="does not exist"):
        TwelveLabsAssetSensor(task_id="s", asset_id=result["asset_id"]).execute(task_context())


def test_asset_in_use_is_deleted_by_force(connect: Connect, account: Account, clip: Path) -> None:
    index_id = account.create_index("deleted by force")
    operator = TwelveLabsIndexVideoOperator(task_id="t", source=str(clip), index_id=index_id, poll_interval=0.2)
    result, _ = run_to_end(operator, task_context())
    TwelveLabsDeleteAssetOperator(task_id="t", asset_id=result["asset_id"], force=True).execute(task_context())
    assert account.get(f"/v1.3/indexes/{index_id}/videos")["data"] == []


@pytest.mark.parametrize("deferrable", [True, False])
def test_indexing_without_waiting_starts_when_the_asset_is_ready(
    connect: Connect, account: Account, deferrable: bool
) -> None:
    index_id = account.create_index(f"handed over {deferrable}")
    operator = TwelveLabsIndexVideoOperator(
        task_id="t",
        source=str(SAMPLE),
        index_id=index_id,
        wait_for_completion=False,
        deferrable=deferrable,
        poll_interval=0.2,
    )
    handed, _ = run_to_end(operator, task_context())
    assert (handed["index_id"], handed["job_kind"], handed["indexing_task_id"]) == (index_id, "indexed_asset", None)
    assert handed["job_id"] == handed["video_id"] and handed["asset_id"]
    found, _ = run_to_end(
        TwelveLabsIndexingSensor(
            task_id="s", index_id=handed["index_id"], video_id=handed["video_id"], deferrable=True, poke_interval=0.2
        ),
        task_context(),
    )
    assert (found["video_id"], found["status"]) == (handed["video_id"], "ready")


def test_indexing_without_waiting_in_an_older_generation(connect: Connect, account: Account) -> None:
    index_id = account.create_index("handed over v1.2")
    connect("v1.2")
    fields: dict[str, Any] = {"source": str(SAMPLE), "index_id": index_id, "wait_for_completion": False}
    handed, deferrals = run_to_end(TwelveLabsIndexVideoOperator(task_id="t", **fields), task_context())
    assert (handed["index_id"], handed["video_id"], deferrals) == (index_id, None, 0)
    assert handed["job_kind"] == "indexing_task"
    sensor = TwelveLabsIndexingSensor(
        task_id="s", indexing_task_id=handed["indexing_task_id"], deferrable=True, poke_interval=0.2
    )
    found, _ = run_to_end(sensor, task_context())
    assert found["index_id"] == index_id and found["video_id"]
    with pytest.raises(TwelveLabsRefusedError, match="set it later"):
        TwelveLabsIndexVideoOperator(task_id="t", **fields, user_metadata={"a": 1}).execute(task_context())
