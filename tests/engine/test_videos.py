from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.client import Api
from tests.engine.videos import add_subtitles, make_video, turn
from tests.engine_process import Engine

SPOKEN = ("good morning and welcome", "twenty five students in the school", "have a good evening")


def words_of(rows: list[dict[str, Any]]) -> str:
    return " ".join(row["value"] for row in rows).lower()


def check_rows(rows: list[dict[str, Any]], duration: float) -> None:
    assert rows == sorted(rows, key=lambda row: row["start"])
    for row in rows:
        assert set(row) == {"start", "end", "value"}
        assert 0 <= row["start"] < row["end"] <= duration and row["value"]


def test_speech_and_text_of_the_sample(legacy: Api, sample: Path, index_name: str) -> None:
    index_id = legacy.create_index(index_name)
    video_id = legacy.index_video(index_id, sample)
    path = f"/indexes/{index_id}/videos/{video_id}"
    duration = legacy.get(path)["metadata"]["duration"]

    said = legacy.get(f"{path}/transcription")
    assert (said["_id"], said["index_id"]) == (video_id, index_id)
    assert said["type"] == "video_index_meta_transcription"
    check_rows(said["data"], duration)
    assert all(phrase in words_of(said["data"]) for phrase in SPOKEN)

    shown = legacy.get(f"{path}/text-in-video")
    assert shown["type"] == "video_index_meta_text_in_video"
    check_rows(shown["data"], duration)
    assert len(shown["data"]) >= 6
    # what is shown is not what is said
    assert not any(phrase in words_of(shown["data"]) for phrase in SPOKEN)


def test_times_of_on_screen_text(legacy: Api, clip: Path, index_name: str) -> None:
    index_id = legacy.create_index(index_name)
    path = f"/indexes/{index_id}/videos/{legacy.index_video(index_id, clip)}"
    rows = legacy.get(f"{path}/text-in-video")["data"]
    assert rows == [
        {"start": 0.0, "end": 3.0, "value": "WINTER"},
        {"start": 3.0, "end": pytest.approx(6.0, abs=0.1), "value": "SUMMER 2031"},
    ]
    # without speech
    assert legacy.get(f"{path}/transcription")["data"] is None


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (0, 3, ["WINTER"]),
        (2.9, 3.1, ["WINTER", "SUMMER 2031"]),
        (3, None, ["SUMMER 2031"]),
        (None, 1, ["WINTER"]),
        (100, 200, None),
    ],
)
def test_a_window_returns_the_overlapping_segments(
    legacy: Api, clip: Path, request: pytest.FixtureRequest, start: float | None, end: float | None, found: list[str]
) -> None:
    name = f"{request.node.originalname} {legacy.version}"
    known = legacy.get("/indexes", index_name=name)["data"]
    index_id = known[0]["_id"] if known else legacy.create_index(name)
    videos = legacy.get(f"/indexes/{index_id}/videos")["data"]
    video_id = videos[0]["_id"] if videos else legacy.index_video(index_id, clip)
    data = legacy.get(f"/indexes/{index_id}/videos/{video_id}/text-in-video", start=start, end=end)["data"]
    assert data == found or [row["value"] for row in data] == found


@pytest.mark.parametrize("query", [{"start": -1}, {"end": "soon"}, {"start": 5, "end": 5}, {"start": 5, "end": 2}])
@pytest.mark.parametrize("kind", ["transcription", "text-in-video"])
def test_invalid_windows(legacy: Api, index_name: str, kind: str, query: dict[str, Any]) -> None:
    path = f"/indexes/{legacy.create_index(index_name)}/videos/{'0' * 24}/{kind}"
    legacy.refused(400, "parameter_invalid", "GET", path, params=query)


def test_an_option_must_be_part_of_the_index(legacy: Api, clip: Path, index_name: str) -> None:
    index_id = legacy.create_index(index_name, ["visual"])
    path = f"/indexes/{index_id}/videos/{legacy.index_video(index_id, clip)}"
    message = legacy.refused(400, "parameter_invalid", "GET", f"{path}/text-in-video")
    assert "text_in_video" in message and index_id in message
    assert "conversation" in legacy.refused(400, "parameter_invalid", "GET", f"{path}/transcription")


def test_generations_share_videos(api: Api, engine: Engine, clip: Path, index_name: str) -> None:
    index_id = api.create_index(index_name)
    video_id = api.index_video(index_id, clip)
    older = Api(engine, "v1.2")
    rows = older.get(f"/indexes/{index_id}/videos/{video_id}/text-in-video")["data"]
    assert [row["value"] for row in rows] == ["WINTER", "SUMMER 2031"]


def test_the_transcript_is_included_on_request(api: Api, sample: Path, clip: Path, index_name: str) -> None:
    index_id = api.create_index(index_name)
    video_id = api.index_video(index_id, sample)
    for kind in ("videos", "indexed-assets"):
        path = f"/indexes/{index_id}/{kind}/{video_id}"
        assert "transcription" not in api.get(path)
        assert SPOKEN[0] in words_of(api.get(path, transcription="true")["transcription"])
    silent = api.index_video(index_id, clip)
    assert "transcription" not in api.get(f"/indexes/{index_id}/videos/{silent}", transcription="true")
    deaf = api.create_index(f"{index_name} deaf", ["visual"])
    path = f"/indexes/{deaf}/videos/{api.index_video(deaf, sample)}"
    assert "transcription" not in api.get(path, transcription="true")


def test_embedded_subtitles_replace_speech_recognition(legacy: Api, tmp_path: Path, index_name: str) -> None:
    video = make_video(tmp_path / "plain.mp4", ("SUBTITLED",), sound=True)
    cues = [(0.5, 1.5, "First cue."), (2.0, 4.25, "Second, with <i>style</i>.")]
    index_id = legacy.create_index(index_name)
    video_id = legacy.index_video(index_id, add_subtitles(video, cues, tmp_path / "tracks.mkv"))
    assert legacy.get(f"/indexes/{index_id}/videos/{video_id}/transcription")["data"] == [
        {"start": 0.5, "end": 1.5, "value": "First cue."},
        {"start": 2.0, "end": 4.25, "value": "Second, with style."},
    ]


def test_a_tone_is_no_speech(legacy: Api, tmp_path: Path, index_name: str) -> None:
    index_id = legacy.create_index(index_name)
    video = make_video(tmp_path / "tone.mp4", ("TONE",), sound=True)
    video_id = legacy.index_video(index_id, video)
    assert legacy.get(f"/indexes/{index_id}/videos/{video_id}/transcription")["data"] is None


def test_a_rotated_video_is_read_upright(legacy: Api, tmp_path: Path, index_name: str) -> None:
    seen = make_video(tmp_path / "sensor.mp4", ("PORTRAIT",), turned=True)
    index_id = legacy.create_index(index_name)
    path = f"/indexes/{index_id}/videos/{legacy.index_video(index_id, turn(seen, tmp_path / 'turned.mp4'))}"
    metadata = legacy.get(path)["metadata"]
    assert (metadata["width"], metadata["height"]) == (360, 640)
    assert [row["value"] for row in legacy.get(f"{path}/text-in-video")["data"]] == ["PORTRAIT"]


def test_only_ready_videos_are_listed(every: Api, clip: Path, index_name: str) -> None:
    index_id = every.create_index(index_name)
    ready = every.index_video(index_id, clip)
    gone = every.task(index_id, None, video_url="http://127.0.0.1:9/gone.mp4")["_id"]
    every.finished(f"/tasks/{gone}", "failed")
    page = every.get(f"/indexes/{index_id}/videos")
    assert [video["_id"] for video in page["data"]] == [ready] and page["page_info"]["total_results"] == 1


def test_filters_of_the_list(api: Api, clip: Path, index_name: str) -> None:
    index_id = api.create_index(index_name)
    metadata = '{"run": "manual-1", "take": 2, "good": true}'
    video_id = api.index_video(index_id, clip, user_metadata=metadata)

    def found(**query: Any) -> bool:
        return [video["_id"] for video in api.get(f"/indexes/{index_id}/videos", **query)["data"]] == [video_id]

    assert found(filename="clip.mp4") and not found(filename="other.mp4")
    assert found(**{"duration[gte]": 5, "duration[lte]": 7}) and not found(**{"duration[gte]": 7})
    assert found(width=640) and not found(height=361)
    assert found(run="manual-1", take=2, good="true") and not found(run="manual-2")
    assert found(**{"user_metadata[run]": "manual-1"}) and not found(nothing="x")
    api.refused(400, "parameter_invalid", "GET", f"/indexes/{index_id}/videos", params={"duration": "long"})


def test_user_metadata_is_merged(api: Api, clip: Path, index_name: str) -> None:
    index_id = api.create_index(index_name)
    video_id = api.index_video(index_id, clip, user_metadata='{"a": 1, "b": "x"}')
    path = f"/indexes/{index_id}/videos/{video_id}"
    api.expect(204, "PATCH", path, json={"user_metadata": {"a": None, "b": "", "c": True}})
    assert api.get(path)["user_metadata"] == {"b": "x", "c": True}
    api.refused(400, "parameter_not_provided", "PATCH", path, json={})
    api.refused(400, "parameter_invalid", "PATCH", path, json={"user_metadata": {"filename": "x"}})


def test_the_older_generations_set_title_and_metadata(legacy: Api, clip: Path, index_name: str) -> None:
    index_id = legacy.create_index(index_name)
    path = f"/indexes/{index_id}/videos/{legacy.index_video(index_id, clip)}"
    assert legacy.get(path)["metadata"]["video_title"] == "clip"
    legacy.expect(204, "PUT", path, json={"video_title": "Seasons", "metadata": {"year": 2031}})
    metadata = legacy.get(path)["metadata"]
    assert metadata["video_title"] == "Seasons" and metadata["year"] == 2031
    assert (metadata["fps"], metadata["size"]) == (5, clip.stat().st_size)


def test_a_deleted_video_is_removed_completely(every: Api, tmp_path: Path, index_name: str) -> None:
    video = make_video(tmp_path / "a.mp4", (f"ONLY {every.version}",), seconds=4)
    index_id = every.create_index(index_name)
    video_id = every.index_video(index_id, video)
    media = every.engine.data_dir / "media"
    stored = [path for path in media.iterdir() if path.read_bytes() == video.read_bytes()]
    assert len(stored) == 1
    every.expect(204, "DELETE", f"/indexes/{index_id}/videos/{video_id}")
    every.refused(404, "resource_not_exist", "GET", f"/indexes/{index_id}/videos/{video_id}")
    assert not stored[0].exists()


def test_a_video_belongs_to_one_index(every: Api, clip: Path, index_name: str) -> None:
    video_id = every.index_video(every.create_index(index_name), clip)
    other = every.create_index(f"{index_name} other")
    every.refused(404, "resource_not_exist", "GET", f"/indexes/{other}/videos/{video_id}")


def test_a_video_that_is_not_ready_has_no_results(legacy: Api, engine: Engine, tmp_path: Path, index_name: str) -> None:
    index_id = legacy.create_index(index_name)
    video = make_video(tmp_path / "a.mp4", tuple(f"WAIT {n} {legacy.version}" for n in range(6)), seconds=6)
    task = legacy.task(index_id, video)["_id"]
    video_id = Api(engine).get(f"/tasks/{task}")["video_id"]
    legacy.refused(400, "video_not_ready", "GET", f"/indexes/{index_id}/videos/{video_id}/text-in-video")
    legacy.finished(f"/tasks/{task}")
