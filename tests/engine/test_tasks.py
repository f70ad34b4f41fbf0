from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.client import Api
from tests.engine.videos import break_in_the_middle, make_sound, make_video
from tests.engine_process import Engine

SUBTITLES = "1\n00:00:01,000 --> 00:00:02,500\nHello there.\n\n2\n00:00:03,000 --> 00:00:05,000\nGood bye.\n"


@pytest.fixture
def given(tmp_path: Path) -> Path:
    path = tmp_path / "given.srt"
    path.write_text(SUBTITLES)
    return path


def test_a_file_becomes_a_ready_video(every: Api, clip: Path, index_name: str) -> None:
    index_id = every.create_index(index_name)
    created = every.task(index_id, clip)
    assert set(created) == {"v1.3": {"_id", "video_id"}, "v1.2": {"_id"}, "v1.1": {"_id", "type"}}[every.version]

    task = every.finished(f"/tasks/{created['_id']}")
    system = task["system_metadata" if every.version == "v1.3" else "metadata"]
    assert system == {"duration": pytest.approx(6, abs=0.1), "filename": "clip.mp4", "width": 640, "height": 360}
    assert task["index_id"] == index_id
    assert task.get("type") == ("index_task_info" if every.version == "v1.1" else None)
    assert ("estimated_time" in task) == (every.version != "v1.3")
    assert task.get("process") == ({"percentage": 100.0, "remain_seconds": 0} if every.version == "v1.2" else None)

    video = every.get(f"/indexes/{index_id}/videos/{task['video_id']}")
    assert video["indexed_at"] >= video["created_at"]
    index = every.get(f"/indexes/{index_id}")
    assert index["video_count"] == 1 and index["total_duration"] == pytest.approx(6, abs=0.1)


def test_statuses_of_a_task(api: Api, tmp_path: Path, index_name: str) -> None:
    index_id = api.create_index(index_name)
    seen: dict[str, list[str]] = {}
    for number in range(2):
        video = make_video(tmp_path / f"{number}.mp4", (f"STATUS {number}", "AND MORE"), seconds=8)
        seen[api.task(index_id, video)["_id"]] = []
    while not all(statuses[-1:] == ["ready"] for statuses in seen.values()):
        for task_id, statuses in seen.items():
            status = api.get(f"/tasks/{task_id}")["status"]
            if statuses[-1:] != [status]:
                statuses.append(status)
    order = ("validating", "pending", "queued", "indexing", "ready")
    for statuses in seen.values():
        assert [order.index(status) for status in statuses] == sorted({order.index(status) for status in statuses})
    # the second one waits for the first
    assert "queued" in list(seen.values())[1] and "indexing" in list(seen.values())[1]


def test_a_url_becomes_a_ready_video(every: Api, site: Callable[[Path], str], clip: Path, index_name: str) -> None:
    index_id = every.create_index(index_name)
    task = every.task(index_id, None, video_url=site(clip) + "?signature=secret")
    finished = every.finished(f"/tasks/{task['_id']}")
    assert finished["system_metadata" if every.version == "v1.3" else "metadata"]["filename"] == "clip.mp4"


def test_a_url_can_be_a_file_part(legacy: Api, site: Callable[[Path], str], clip: Path, index_name: str) -> None:
    """The vendor's older client does so."""
    data = {"index_id": legacy.create_index(index_name), "language": "en"}
    task = legacy.expect(200, "POST", "/tasks", data=data, files={"video_url": ("video_url", site(clip).encode())})
    legacy.finished(f"/tasks/{task['_id']}")


@pytest.mark.parametrize("path", ["missing.mp4", "page.html"])
def test_a_broken_url_fails_the_task(
    every: Api, site: Callable[[Path], str], tmp_path: Path, index_name: str, path: str
) -> None:
    (tmp_path / "page.html").write_text("<html>not a video</html>" * 100)
    url = site(tmp_path / path) + "?signature=secret"
    task = every.task(every.create_index(index_name), None, video_url=url)
    failed = every.finished(f"/tasks/{task['_id']}", "failed")
    assert failed["error_reason"] == failed["error"]["message"]
    code = {"missing.mp4": "parameter_invalid", "page.html": "video_file_broken"}[path]
    assert failed["error"]["code"] == code
    assert "secret" not in json.dumps(failed)
    # nothing is left of it after its deletion
    every.expect(204, "DELETE", f"/tasks/{task['_id']}")
    every.refused(404, "resource_not_exist", "GET", f"/tasks/{task['_id']}")


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


Maker = Callable[[Path], Path]
BAD_FILES: dict[str, tuple[str, Maker]] = {
    "too low": ("video_resolution_too_low", lambda p: make_video(p / "a.mp4", size=(640, 358))),
    "too high": ("video_resolution_too_high", lambda p: make_video(p / "a.mp4", size=(2200, 2200), seconds=4)),
    "too wide": ("video_resolution_invalid_aspect_ratio", lambda p: make_video(p / "a.mp4", size=(900, 360))),
    "too tall": ("video_resolution_invalid_aspect_ratio", lambda p: make_video(p / "a.mp4", size=(360, 900))),
    "too short": ("video_duration_too_short", lambda p: make_video(p / "a.mp4", seconds=3.8)),
    "sound only": ("unsupported_file_type", lambda p: make_sound(p / "a.wav")),
    "empty": ("video_file_broken", lambda p: _write(p / "a.mp4", b"")),
    "no video": ("video_file_broken", lambda p: _write(p / "a.mp4", b"no video at all" * 1000)),
    "cut off": ("video_file_broken", lambda p: _write(p / "a.mp4", make_video(p / "b.mp4").read_bytes()[:2000])),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_broken_file_is_refused(every: Api, tmp_path: Path, index_name: str, what: str) -> None:
    code, make = BAD_FILES[what]
    index_id = every.create_index(index_name)
    assert every.task(index_id, make(tmp_path), expect=400)["code"] == code
    assert every.get("/tasks", index_id=index_id)["data"] == []
    assert list((every.engine.data_dir / "incoming").iterdir()) == []


def test_a_truncated_video_fails(api: Api, tmp_path: Path, index_name: str) -> None:
    whole = make_video(tmp_path / "a.mp4", tuple(f"PART {number}" for number in range(10)), seconds=10)
    task = api.task(api.create_index(index_name), break_in_the_middle(whole, tmp_path / "b.mp4"))
    assert api.finished(f"/tasks/{task['_id']}", "failed")["error"]["code"] == "video_file_broken"


def test_a_video_longer_than_the_limit_of_the_model(engine: Engine, tmp_path: Path, index_name: str) -> None:
    """Half an hour is the limit of the older Pegasus; the same file suits Marengo."""
    video = make_long_video(tmp_path / "long.mp4", 1900)
    older = Api(engine, "v1.2")
    request = {"index_name": index_name, "engines": [{"engine_name": "pegasus1.1", "engine_options": ["visual"]}]}
    index_id = older.expect(201, "POST", "/indexes", json=request)["_id"]
    assert older.task(index_id, video, expect=400)["code"] == "video_duration_too_long"


def make_long_video(path: Path, seconds: int) -> Path:
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((360, 640, 3), np.uint8), format="bgr24")
        for number in (0, seconds - 1, seconds):
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("parameter_not_provided", {}),
        ("parameter_invalid", {"video_url": "ftp://example.org/a.mp4"}),
        ("parameter_invalid", {"video_url": "file:///etc/passwd"}),
        ("parameter_invalid", {"video_url": "http://[broken/"}),
        ("parameter_unknown", {"video_url": "http://127.0.0.1:9/a.mp4", "colour": "red"}),
        ("parameter_unknown", {"video_url": "http://127.0.0.1:9/a.mp4", "provide_transcription": "true"}),
        ("parameter_unknown", {"video_url": "http://127.0.0.1:9/a.mp4", "language": "en"}),
        ("parameter_invalid", {"video_url": "http://127.0.0.1:9/a.mp4", "user_metadata": "{"}),
        ("parameter_invalid", {"video_url": "http://127.0.0.1:9/a.mp4", "user_metadata": '{"size": 1}'}),
        ("parameter_invalid", {"video_url": "http://127.0.0.1:9/a.mp4", "user_metadata": '{"a": {"b": 1}}'}),
    ],
)
def test_invalid_form_parts(api: Api, index_name: str, code: str, fields: dict[str, Any]) -> None:
    assert api.task(api.create_index(index_name), None, expect=400, **fields)["code"] == code


def test_two_sources_are_refused(every: Api, clip: Path, index_name: str) -> None:
    body = every.task(every.create_index(index_name), clip, expect=400, video_url="http://127.0.0.1:9/a.mp4")
    assert body["code"] == "parameter_invalid"


def test_an_unknown_index_is_refused(every: Api, clip: Path) -> None:
    assert every.task("0" * 24, clip, expect=400)["code"] == "resource_not_exist"
    assert every.task("nonsense", clip, expect=400)["code"] == "parameter_invalid"


def test_a_task_must_be_a_form(api: Api) -> None:
    api.refused(400, "content_type_invalid", "POST", "/tasks", json={"index_id": "0" * 24})


def test_provided_subtitles_replace_speech_recognition(legacy: Api, sample: Path, given: Path, index_name: str) -> None:
    index_id = legacy.create_index(index_name)
    video_id = legacy.index_video(index_id, sample, provide_transcription="true", transcription_file=given)
    meta = legacy.get(f"/indexes/{index_id}/videos/{video_id}/transcription")
    assert meta["data"] == [
        {"start": 1.0, "end": 2.5, "value": "Hello there."},
        {"start": 3.0, "end": 5.0, "value": "Good bye."},
    ]


def test_provided_subtitles_can_be_a_url(
    legacy: Api, site: Callable[[Path], str], clip: Path, tmp_path: Path, index_name: str
) -> None:
    vtt = _write(tmp_path / "given.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\nFrom afar.\n")
    index_id = legacy.create_index(index_name)
    fields: dict[str, Any] = {"provide_transcription": "True", "transcription_url": site(vtt)}
    video_id = legacy.index_video(index_id, clip, **fields)
    data = legacy.get(f"/indexes/{index_id}/videos/{video_id}/transcription")["data"]
    assert data == [{"start": 1.0, "end": 2.0, "value": "From afar."}]
    fields["transcription_url"] = site(tmp_path / "missing.vtt")
    task = legacy.task(index_id, clip, **fields)
    assert "missing.vtt" in legacy.finished(f"/tasks/{task['_id']}", "failed")["error_reason"]


@pytest.mark.parametrize(
    ("code", "content", "fields"),
    [
        ("parameter_invalid", SUBTITLES.encode(), {}),
        ("parameter_invalid", SUBTITLES.encode(), {"provide_transcription": "false"}),
        ("parameter_invalid", SUBTITLES.encode(), {"provide_transcription": "perhaps"}),
        ("parameter_not_provided", None, {"provide_transcription": "true"}),
        ("parameter_invalid", b"", {"provide_transcription": "true"}),
        ("parameter_invalid", b"no cue in here", {"provide_transcription": "true"}),
        ("parameter_invalid", "Grüße".encode("latin-1"), {"provide_transcription": "true"}),
        ("parameter_invalid", None, {"provide_transcription": "true", "transcription_url": "s3://bucket/a.srt"}),
        ("parameter_invalid", None, {"language": "de"}),
    ],
)
def test_invalid_subtitles(
    legacy: Api, clip: Path, tmp_path: Path, index_name: str, code: str, content: bytes | None, fields: dict[str, Any]
) -> None:
    if content is not None:
        fields = {**fields, "transcription_file": _write(tmp_path / "a.srt", content)}
    assert legacy.task(legacy.create_index(index_name), clip, expect=400, **fields)["code"] == code


def test_the_oldest_generation_needs_the_language(engine: Engine, clip: Path, index_name: str) -> None:
    oldest = Api(engine, "v1.1")
    data, files = {"index_id": oldest.create_index(index_name)}, {"video_file": clip.read_bytes()}
    oldest.refused(400, "parameter_not_provided", "POST", "/tasks", data=data, files=files)


def test_filters_of_the_list(every: Api, clip: Path, tmp_path: Path, index_name: str) -> None:
    index_id = every.create_index(index_name)
    other = Path(shutil.copy(clip, tmp_path / "other.mp4"))
    done = every.task(index_id, clip)["_id"]
    every.finished(f"/tasks/{done}")
    every.finished(f"/tasks/{every.task(index_id, other)['_id']}")
    failed = every.task(index_id, None, video_url="http://127.0.0.1:9/gone.mp4")["_id"]
    every.finished(f"/tasks/{failed}", "failed")

    def ids(**query: Any) -> list[str]:
        return [task["_id"] for task in every.get("/tasks", index_id=index_id, **query)["data"]]

    assert len(ids()) == 3 and ids()[0] == failed
    assert ids(sort_option="asc")[0] == done
    assert ids(filename="clip.mp4") == [done]
    assert ids(status="failed") == [failed]
    assert len(ids(status=["failed", "ready"])) == 3
    assert ids(status="indexing") == []
    created = every.get(f"/tasks/{failed}")["created_at"]
    assert ids(created_at=created) == [failed]
    assert every.get("/tasks", index_id=index_id, page_limit=2)["page_info"]["total_page"] == 2
    every.refused(400, "parameter_invalid", "GET", "/tasks", params={"status": "done"})


def test_a_task_is_deleted_after_its_video(every: Api, clip: Path, index_name: str) -> None:
    index_id = every.create_index(index_name)
    task = every.finished(f"/tasks/{every.task(index_id, clip)['_id']}")
    message = every.refused(400, "task_cannot_be_deleted", "DELETE", f"/tasks/{task['_id']}")
    assert task["video_id"] in message
    every.expect(204, "DELETE", f"/indexes/{index_id}/videos/{task['video_id']}")
    every.expect(204, "DELETE", f"/tasks/{task['_id']}")
    every.refused(404, "resource_not_exist", "DELETE", f"/tasks/{task['_id']}")


def test_a_running_task_is_not_deleted(api: Api, tmp_path: Path, index_name: str) -> None:
    video = make_video(tmp_path / "a.mp4", ("RUNNING", "STILL", "ON AND ON"), seconds=9)
    task = api.task(api.create_index(index_name), video)["_id"]
    assert "wait" in api.refused(400, "task_cannot_be_deleted", "DELETE", f"/tasks/{task}")
    api.finished(f"/tasks/{task}")


def test_counts_per_status(legacy: Api, clip: Path, index_name: str) -> None:
    index_id = legacy.create_index(index_name)
    legacy.index_video(index_id, clip)
    counts = legacy.get("/tasks/status", index_id=index_id)
    assert (counts["ready"], counts["failed"], counts["total_result"]) == (1, 0, 1)


def test_deleting_an_index_cancels_its_jobs(api: Api, tmp_path: Path, index_name: str) -> None:
    index_id = api.create_index(index_name)
    video = make_video(tmp_path / "a.mp4", tuple(f"GONE {n}" for n in range(10)), seconds=10)
    task = api.task(index_id, video)["_id"]
    api.expect(204, "DELETE", f"/indexes/{index_id}")
    api.refused(404, "resource_not_exist", "GET", f"/tasks/{task}")
