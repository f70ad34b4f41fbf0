"""Models of the responses of every generation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pendulum
import pytest

from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.generations import V1_2, V1_3
from twelvelabs_provider.api.models import (
    AnalysisTask,
    Asset,
    AssetTranscription,
    Index,
    IndexingTask,
    Model,
    Segment,
    Video,
    segments_from,
)
from twelvelabs_provider.api.paging import page_from
from twelvelabs_provider.api.resources import CreatedTask, id_from

INDEX_TODAY = {
    "_id": "665f000000000000000001",
    "created_at": "2026-06-01T10:00:00Z",
    "updated_at": "2026-06-01T10:00:00Z",
    "expires_at": "2026-08-30T10:00:00Z",
    "index_name": "airflow-demo",
    "total_duration": 810.84,
    "video_count": 1,
    "models": [{"model_name": "marengo3.0", "model_options": ["visual", "audio"], "finetuned": False}],
    "addons": ["thumbnail"],
}
TASK_OLD = {
    "_id": "639100000000000000000a06",
    "index_id": "639100000000000000000a07",
    "video_id": "639100000000000000000a08",
    "status": "indexing",
    "metadata": {"duration": 810.84, "filename": "race.mp4", "height": 480, "width": 854},
    "estimated_time": "2022-12-08T11:34:54.585Z",
    "created_at": "2022-12-08T11:20:58.859Z",
    "updated_at": "2022-12-08T11:25:00.000Z",
    "process": {"percentage": 42.5, "remain_seconds": 301},
    "type": "index_task_info",
}
TASK_TODAY = {
    "_id": "t01",
    "video_id": "v01",
    "index_id": "i01",
    "status": "ready",
    "created_at": "2026-06-01T10:00:00Z",
    "system_metadata": {"duration": 810.84, "filename": "a.mp4", "height": 720, "width": 1280},
    "hls": {"video_url": "https://media.example/x.m3u8", "status": "PROCESSING"},
}
VIDEO_TODAY = {
    "_id": "e01",
    "asset_id": "c03",
    "status": "ready",
    "created_at": "2026-06-01T10:00:00Z",
    "indexed_at": "2026-06-01T10:09:00Z",
    "system_metadata": {
        "filename": "a.mp4",
        "duration": 810.84,
        "fps": 29.97,
        "width": 1280,
        "height": 720,
        "size": 45298732,
    },
    "user_metadata": {"dag": "x"},
    "transcription": [{"start": 280.94, "end": 287.05, "value": "Welcome back to the workshop."}],
}
VIDEO_OLD = {
    "_id": "v02",
    "created_at": "2024-01-01T00:00:00Z",
    "metadata": {"filename": "a.mp4", "duration": 810.84, "width": 854, "height": 480, "size": 45298732},
    "source": {"type": "file", "name": "a.mp4"},
    "embedding": None,
}
ASSET = {
    "_id": "c03",
    "method": "url",
    "status": "processing",
    "filename": "a.mp4",
    "created_at": "2026-06-01T10:00:00.123Z",
    "technical_metadata": {"file_size_bytes": 45298732, "video_duration_seconds": 810.84, "has_audio": True},
    "size": 45298733,
    "duration": 810.85,
}
ANALYSIS = {
    "task_id": "a01",
    "custom_id": "dagrun-42",
    "status": "ready",
    "video_source": {"type": "asset_id", "asset_id": "c03", "system_metadata": {"duration": 810.84}},
    "result": {"generation_id": "0f4c", "data": '{"onscreen_text": []}', "finish_reason": "stop", "usage": {}},
}
UTC = pendulum.UTC


def test_index_in_v1_3() -> None:
    index = Index.read(INDEX_TODAY)
    assert (index.id, index.name, index.video_count) == ("665f000000000000000001", "airflow-demo", 1)
    assert index.models == (Model("marengo3.0", ("visual", "audio")),)
    assert index.created_at == pendulum.datetime(2026, 6, 1, 10)
    assert index.raw["addons"] == ["thumbnail"], "what is not known is kept"


@pytest.mark.parametrize(
    ("fields", "models"),
    [
        (
            {
                "engines": [
                    {"engine_name": "marengo2.6", "engine_options": ["visual", "text_in_video"]},
                    {"engine_name": "pegasus1.1", "engine_options": ["conversation"]},
                ]
            },
            (Model("marengo2.6", ("visual", "text_in_video")), Model("pegasus1.1", ("conversation",))),
        ),
        (
            {"engine_id": "marengo2.5", "index_options": ["visual", "logo"]},
            (Model("marengo2.5", ("visual", "logo")),),
        ),
        ({"engine_id": "marengo", "index_options": None}, (Model("marengo", ()),)),
        ({"models": [{"name": "marengo3.0", "model_options": None}]}, (Model("marengo3.0", ()),)),
        ({"models": None}, ()),
        ({}, ()),
    ],
    ids=["v1.2", "v1.1", "v1.1 without options", "short name", "null", "missing"],
)
def test_models_of_an_index_in_each_generation(fields: dict[str, Any], models: tuple[Model, ...]) -> None:
    assert Index.read({"_id": "i", "index_name": "n", **fields}).models == models


def test_model_as_text() -> None:
    assert str(Model("marengo3.0", ("visual", "audio"))) == "marengo3.0(visual, audio)"


def test_task_in_older_generations() -> None:
    task = IndexingTask.read(TASK_OLD)
    assert (task.id, task.index_id, task.video_id) == (TASK_OLD["_id"], TASK_OLD["index_id"], TASK_OLD["video_id"])
    assert (task.status, task.duration, task.error) == ("indexing", 810.84, None)
    assert task.estimated_time == pendulum.datetime(2022, 12, 8, 11, 34, 54, 585000)
    assert task.updated_at == pendulum.datetime(2022, 12, 8, 11, 25)
    assert task.raw["process"]["percentage"] == 42.5


def test_task_in_v1_3() -> None:
    task = IndexingTask.read(TASK_TODAY)
    assert (task.status, task.duration, task.estimated_time) == ("ready", 810.84, None)
    assert task.raw["hls"]["status"] == "PROCESSING"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"error_reason": "video_file_broken"}, "video_file_broken"),
        ({"error": {"code": "video_too_short", "message": "too short"}}, "video_too_short: too short"),
        ({"error": {"message": "too short"}}, "too short"),
        ({"error": {}}, None),
        ({"error": "broken"}, "broken"),
        ({"error_message": "broken"}, "broken"),
        ({"error": None}, None),
        ({}, None),
    ],
)
def test_failure_reason_in_every_spelling(fields: dict[str, Any], error: str | None) -> None:
    assert IndexingTask.read({"_id": "t", "status": "failed", **fields}).error == error
    assert Asset.read({"_id": "c", "status": "failed", **fields}).error == error
    assert AnalysisTask.read({"task_id": "a", "status": "failed", **fields}).error == error


def test_an_indexed_asset() -> None:
    video = Video.read(VIDEO_TODAY)
    assert (video.id, video.asset_id, video.status) == ("e01", "c03", "ready")
    assert (video.filename, video.duration, video.width, video.height) == ("a.mp4", 810.84, 1280, 720)
    assert (video.size, video.user_metadata) == (45298732, {"dag": "x"})
    assert video.transcription == (Segment(280.94, 287.05, "Welcome back to the workshop."),)


def test_video_in_older_generations() -> None:
    video = Video.read(VIDEO_OLD)
    assert (video.asset_id, video.status, video.transcription) == (None, None, None)
    assert (video.duration, video.width, video.user_metadata) == (810.84, 854, {})


@pytest.mark.parametrize(
    ("fields", "transcription"), [({}, None), ({"transcription": None}, None), ({"transcription": []}, ())]
)
def test_a_transcription_that_is_absent_null_or_empty(fields: dict[str, Any], transcription: Any) -> None:
    assert Video.read({"_id": "v", **fields}).transcription == transcription


def test_an_asset() -> None:
    asset = Asset.read(ASSET)
    assert (asset.id, asset.status, asset.filename) == ("c03", "processing", "a.mp4")
    assert (asset.duration, asset.size) == (810.85, 45298733)
    fields = {name: value for name, value in ASSET.items() if name not in ("size", "duration")}
    assert (Asset.read(fields).duration, Asset.read(fields).size) == (810.84, 45298732)
    assert Asset.read({"_id": "c", "status": "processing", "technical_metadata": None}).size is None


def test_the_transcription_of_an_asset() -> None:
    answer = {
        "status": "ready",
        "words": [{"start": 0.12, "end": 0.4, "value": "Hello"}],
        "sentences": None,
        "utterances": [{"start": 0.12, "end": 2.1, "value": "Hello there.", "speaker": "spk_0"}],
    }
    heard = AssetTranscription.read(answer)
    assert (heard.status, heard.sentences, heard.error) == ("ready", (), None)
    assert heard.words == (Segment(0.12, 0.4, "Hello"),)
    assert heard.utterances == (Segment(0.12, 2.1, "Hello there.", {"speaker": "spk_0"}),)


def test_an_analysis() -> None:
    task = AnalysisTask.read(ANALYSIS)
    assert (task.id, task.status, task.custom_id) == ("a01", "ready", "dagrun-42")
    assert (task.data, task.finish_reason, task.duration) == ('{"onscreen_text": []}', "stop", 810.84)
    assert AnalysisTask.read({"task_id": "a02", "status": "pending"}).data is None


@pytest.mark.parametrize(
    "read", [Index.read, IndexingTask.read, Video.read, Asset.read, AnalysisTask.read], ids=lambda read: read.__name__
)
def test_only_the_id_is_required(read: Callable[[Any], Any]) -> None:
    raw = {"_id": "x", "tomorrow": {"new": True}}
    assert read(raw).id == "x"
    assert read(raw).raw == {"tomorrow": {"new": True}}
    answers: tuple[Any, ...] = ({"tomorrow": 1}, {"_id": None}, {"_id": ""}, [], None, "x")
    for answer in answers:
        with pytest.raises(TwelveLabsAnswerError):
            read(answer)


def test_response_without_an_id_names_its_fields() -> None:
    with pytest.raises(TwelveLabsAnswerError, match=r"no Resource.id; its fields are \['message', 'type'\]"):
        id_from({"type": "index_create", "message": "ok"})


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-01T10:00:00Z", pendulum.datetime(2026, 6, 1, 10)),
        ("2022-12-08T11:34:54.585Z", pendulum.datetime(2022, 12, 8, 11, 34, 54, 585000)),
        ("2022-12-08T11:34:54.585123456Z", pendulum.datetime(2022, 12, 8, 11, 34, 54, 585123)),
        ("2022-12-08T13:34:54+02:00", pendulum.datetime(2022, 12, 8, 11, 34, 54)),
        ("0001-01-01T00:00:00+05:00", None),
        ("soon", None),
        ("", None),
        (None, None),
        (1700000000, None),
    ],
)
def test_times_are_in_utc_and_invalid_times_are_none(text: Any, moment: pendulum.DateTime | None) -> None:
    read = Index.read({"_id": "i", "created_at": text}).created_at
    assert read == moment
    assert read is None or read.timezone_name == "UTC"


def test_segments_are_sorted_and_keep_unknown_fields() -> None:
    answer = [
        {"start": 299.04, "end": 299.85, "value": " Let us begin,"},
        {"start": 280.94, "end": 287.05, "value": " Welcome back to the workshop.", "confidence": 0.5},
        {"start": "76", "end": 77, "value": None},
    ]
    assert segments_from(answer) == (
        Segment(76.0, 77.0, ""),
        Segment(280.94, 287.05, " Welcome back to the workshop.", {"confidence": 0.5}),
        Segment(299.04, 299.85, " Let us begin,"),
    )


@pytest.mark.parametrize(
    "segment",
    [
        {"end": 1, "value": "x"},
        {"start": None, "end": 1},
        {"start": "x", "end": 1},
        {"start": float("nan"), "end": 1},
        {"start": 0, "end": float("inf")},
        "x",
        None,
    ],
)
def test_a_segment_without_offsets_is_refused(segment: Any) -> None:
    with pytest.raises(TwelveLabsAnswerError, match="segment"):
        segments_from([segment])


@pytest.mark.parametrize("answer", ["x", {"start": 1}, 5])
def test_segments_that_are_not_a_list_are_refused(answer: Any) -> None:
    with pytest.raises(TwelveLabsAnswerError, match="not a list"):
        segments_from(answer)


def test_a_page() -> None:
    answer = {
        "data": [{"_id": "a"}, {"_id": "b"}],
        "page_info": {"limit_per_page": 2, "page": 3, "total_page": 4, "total_results": 8},
    }
    page = page_from(answer, Asset.read, "assets")
    assert [asset.id for asset in page.items] == ["a", "b"]
    assert (page.page, page.total_pages, page.total_results) == (3, 4, 8)


@pytest.mark.parametrize("answer", [{"data": None, "page_info": {"page": 0, "total_page": 0}}, {"data": []}, {}])
def test_an_empty_page_in_any_spelling(answer: dict[str, Any]) -> None:
    page = page_from(answer, Asset.read, "assets")
    assert (page.items, page.page, page.total_pages, page.total_results) == ((), 1, 1, 0)


@pytest.mark.parametrize("dialect", [V1_2, V1_3], ids=["v1.2", "v1.3"])
def test_an_index_is_found_by_its_exact_name(dialect: Any) -> None:
    answer = {"data": [{"_id": "a", "index_name": "Demo"}, {"_id": "b", "index_name": "demo"}]}
    assert dialect.find_index("demo").parse(answer).id == "b"
    assert dialect.find_index("dem").parse(answer) is None


def test_response_of_a_creation() -> None:
    assert V1_3.create_index("n").parse({"_id": "i1"}) == "i1"
    assert V1_2.create_index("n").parse({"_id": "i1", "message": "ok", "type": "index_create"}) == "i1"
    assert V1_3.create_task("i", "u").parse({"_id": "t1", "video_id": "v1"}) == CreatedTask(id="t1", video_id="v1")
    assert V1_2.create_task("i", "u").parse({"_id": "t1"}) == CreatedTask(id="t1")
    assert V1_3.create_indexed_asset("i", "c").parse({"_id": "e01", "asset_id": "c"}) == "e01"


def test_the_indexed_asset_of_an_index() -> None:
    answer = {"data": [{"_id": "e1", "index": {"_id": "i1", "name": "x"}}, {"_id": "e2", "index": {"_id": "i2"}}]}
    assert V1_3.find_indexed_asset("i2", "c").parse(answer) == "e2"
    assert V1_3.find_indexed_asset("i3", "c").parse(answer) is None


@pytest.mark.parametrize("call", [V1_2.transcription("i", "v"), V1_2.text_in_video("i", "v")])
def test_rows_of_older_generations(call: Any) -> None:
    data = [{"start": 78, "end": 79, "value": "OPEN"}, {"start": 76, "end": 77, "value": "EXIT 12 NORTH"}]
    answer = {"_id": "v", "index_id": "i", "data": data, "type": "video_index_meta_text_in_video"}
    assert call.parse(answer) == (Segment(76.0, 77.0, "EXIT 12 NORTH"), Segment(78.0, 79.0, "OPEN"))
    assert call.parse({**answer, "data": None}) == ()
    assert call.parse({"_id": "v"}) == ()


def test_transcription_in_v1_3_is_cut_to_the_time_range() -> None:
    rows = [{"start": start, "end": start + 1, "value": str(start)} for start in (0, 1, 2, 3)]
    answer = {"_id": "v", "transcription": rows}

    def values(**window: float) -> str:
        return "".join(segment.value for segment in V1_3.transcription("i", "v", **window).parse(answer))

    assert values() == "0123"
    assert values(start=1, end=3) == "12", "what only touches the window is outside"
    assert values(start=1.5) == "123"
    assert values(end=0.5) == "0"
    assert V1_3.transcription("i", "v").parse({"_id": "v"}) == ()
