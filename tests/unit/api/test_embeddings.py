"""Embedding requests, checks and responses of all generations."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pendulum
import pytest

from twelvelabs_provider.api.call import Call, FilePart, FormBody, JsonBody, RateCategory, ensure_supported
from twelvelabs_provider.api.embedding import embeddings_v1
from twelvelabs_provider.api.embedding.models import Embeddings, EmbeddingTask, task_without_vectors
from twelvelabs_provider.api.embedding.request import (
    AudioInput,
    EmbeddingOption,
    EmbeddingRequest,
    EmbeddingScope,
    EmbeddingType,
    ImageInput,
    MultiInput,
    TextImageInput,
    TextInput,
    VideoInput,
)
from twelvelabs_provider.api.embedding.source import DynamicSegmentation, FixedSegmentation, MediaSource
from twelvelabs_provider.api.errors import (
    TwelveLabsAnswerError,
    TwelveLabsBadRequestError,
    TwelveLabsUnsupportedError,
)
from twelvelabs_provider.api.generations import V1_1, V1_2, V1_3
from twelvelabs_provider.api.response_reading import parsed
from twelvelabs_provider.api.version import ApiVersion

URL = MediaSource(url="https://media.example/a.mp4?X-Amz-Signature=SIGNATURE")
ASSET = MediaSource(asset_id="665f00000000000000000c03")
FILE = FilePart("a.png", lambda: io.BytesIO(b"\x89PNG"), 4)
WIRE_URL = {"url": "https://media.example/a.mp4?X-Amz-Signature=SIGNATURE"}


def sent(call: Call[Any]) -> tuple[str, Any]:
    body = call.body
    if isinstance(body, JsonBody):
        return call.name, dict(body.content)
    assert isinstance(body, FormBody)
    return call.name, list(body.parts)


@pytest.mark.parametrize(
    ("given", "kind", "body"),
    [
        (TextInput("a red car"), "text", {"input_text": "a red car"}),
        (ImageInput(ASSET), "image", {"media_source": {"asset_id": "665f00000000000000000c03"}}),
        (ImageInput(MediaSource(file=FILE)), "image", {"media_source": {"base64_string": "iVBORw=="}}),
        (TextImageInput("red", URL), "text_image", {"media_source": WIRE_URL, "input_text": "red"}),
        (
            MultiInput([("car", ASSET), ("", URL)], "<@car> at night"),
            "multi_input",
            {
                "input_text": "<@car> at night",
                "media_sources": [
                    {"name": "car", "media_type": "image", "asset_id": "665f00000000000000000c03"},
                    {"media_type": "image", **WIRE_URL},
                ],
            },
        ),
        (MultiInput([("", URL)]), "multi_input", {"media_sources": [{"media_type": "image", **WIRE_URL}]}),
        (VideoInput(URL), "video", {"media_source": WIRE_URL}),
        (
            VideoInput(
                URL,
                start=0,
                end=9.5,
                segmentation=DynamicSegmentation(5),
                options=list(EmbeddingOption),
                scopes=[EmbeddingScope.ASSET],
                types=list(EmbeddingType),
            ),
            "video",
            {
                "media_source": WIRE_URL,
                "start_sec": 0,
                "end_sec": 9.5,
                "segmentation": {"strategy": "dynamic", "dynamic": {"min_duration_sec": 5}},
                "embedding_option": ["visual", "audio", "transcription"],
                "embedding_scope": ["asset"],
                "embedding_type": ["separate_embedding", "fused_embedding"],
            },
        ),
        (
            AudioInput(URL, segmentation=FixedSegmentation(2)),
            "audio",
            {"media_source": WIRE_URL, "segmentation": {"strategy": "fixed", "fixed": {"duration_sec": 2}}},
        ),
    ],
)
def test_request_in_v1_3(given: Any, kind: str, body: Any) -> None:
    call = V1_3.create_embeddings(EmbeddingRequest(given))
    assert sent(call) == ("POST /embed-v2", {"input_type": kind, "model_name": "marengo3.0", kind: body})
    assert not call.repeatable and call.category is RateCategory.EMBED


def test_task_in_v1_3_with_an_unknown_field() -> None:
    request = EmbeddingRequest(VideoInput(ASSET), "marengo3.5", {"embedding_dimension": 256})
    call = V1_3.create_embedding_task(request)
    name, body = sent(call)
    assert name == "POST /embed-v2/tasks" and not call.repeatable
    assert (body["model_name"], body["embedding_dimension"], body["input_type"]) == ("marengo3.5", 256, "video")
    with pytest.raises(TwelveLabsBadRequestError, match=r"create_embeddings\(\)"):
        V1_3.create_embedding_task(EmbeddingRequest(TextInput("a")))


def test_requests_of_reads_and_lists() -> None:
    since, until = pendulum.datetime(2026, 6, 1), pendulum.datetime(2026, 6, 2)
    window = [("started_at", "2026-06-01T00:00:00Z"), ("ended_at", "2026-06-02T00:00:00Z"), ("status", "ready")]
    pages = [("page", "1"), ("page_limit", "50")]
    for api, path in ((V1_3, "/embed-v2/tasks"), (V1_2, "/embed/tasks")):
        listed = api.list_embedding_tasks(since=since, until=until, status="ready")
        assert (listed.name, list(listed.query)) == (f"GET {path}", window + pages)
        assert api.read_embedding_task("t1").name == f"GET {path}/t1"
    assert V1_3.embedding_task_status("t1").name == "GET /embed-v2/tasks/t1"
    assert V1_2.embedding_task_status("t1").name == "GET /embed/tasks/t1/status"
    indexed = V1_3.indexed_embeddings("i1", "v1", options=[EmbeddingOption.VISUAL, EmbeddingOption.AUDIO])
    assert indexed.name == "GET /indexes/i1/indexed-assets/v1"
    assert list(indexed.query) == [("embedding_option", "visual"), ("embedding_option", "audio")]
    older = V1_2.indexed_embeddings("i1", "v1")
    assert (older.name, list(older.query)) == ("GET /indexes/i1/videos/v1", [("embed", "true")])


def test_forms_of_older_generations() -> None:
    model = ("engine_name", "Marengo-retrieval-2.6")
    link = ("video_url", URL.url)
    cases: list[tuple[Call[Any], tuple[str, Any]]] = [
        (V1_2.create_embeddings(EmbeddingRequest(TextInput("a"))), ("POST /embed", [model, ("text", "a")])),
        (
            V1_2.create_embeddings(EmbeddingRequest(ImageInput(MediaSource(file=FILE)))),
            ("POST /embed", [model, ("image_file", FILE)]),
        ),
        (
            V1_2.create_embeddings(EmbeddingRequest(AudioInput(URL, start=2), "Marengo-retrieval-2.7")),
            (
                "POST /embed",
                [("engine_name", "Marengo-retrieval-2.7"), ("audio_start_offset_sec", "2"), ("audio_url", URL.url)],
            ),
        ),
        (
            V1_2.create_embedding_task(
                EmbeddingRequest(
                    VideoInput(URL, start=1, end=9, segmentation=FixedSegmentation(3), scopes=list(EmbeddingScope))
                )
            ),
            (
                "POST /embed/tasks",
                [
                    model,
                    ("video_start_offset_sec", "1"),
                    ("video_end_offset_sec", "9"),
                    ("video_clip_length", "3"),
                    ("video_embedding_scope", "clip"),
                    ("video_embedding_scope", "video"),
                    link,
                ],
            ),
        ),
        (
            embeddings_v1.create_video_embedding_task("https://a.example/b.mp4"),
            ("POST /embed/tasks", [("model_name", "marengo3.0"), ("video_url", "https://a.example/b.mp4")]),
        ),
    ]
    for call, expected in cases:
        assert sent(call) == expected
        assert not call.repeatable and call.category is RateCategory.EMBED
    assert list(embeddings_v1.read_video_embedding_task("t", options=["visual-text"]).query) == [
        ("embedding_option", "visual-text")
    ]


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: MediaSource(), "exactly one of url, asset_id and file"),
    (lambda: MediaSource(url="https://a.example/b", asset_id="c"), "exactly one"),
    (lambda: MultiInput([("car", URL)], "<@dog>"), "<@dog>"),
    (lambda: ImageInput(MediaSource(file=FilePart("a.png", FILE.open, 2**25 + 1))), "33,554,433 bytes"),
    (lambda: VideoInput(MediaSource(file=FilePart("a.mp4", FILE.open, 2**26))).body(), "create an asset"),
]


@pytest.mark.parametrize(("make", "said"), REFUSED)
def test_inputs_that_waste_an_upload_or_embedding_are_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(TwelveLabsBadRequestError, match=said):
        make()


LACKING: list[tuple[Callable[[EmbeddingRequest], Call[Any]], Any, str]] = [
    (V1_2.create_embeddings, VideoInput(URL), r"create_embedding_task\(\)"),
    (V1_2.create_embeddings, TextImageInput("a", URL), "one embedding for each"),
    (V1_2.create_embeddings, MultiInput([("", URL)]), "one embedding for each"),
    (V1_2.create_embeddings, ImageInput(ASSET), "a URL or a file"),
    (V1_2.create_embeddings, AudioInput(URL, end=5), "start alone"),
    (V1_2.create_embedding_task, AudioInput(URL), r"create_embeddings\(\)"),
    (V1_2.create_embedding_task, VideoInput(URL, segmentation=DynamicSegmentation()), "a fixed one"),
    (V1_2.create_embedding_task, VideoInput(URL, options=[EmbeddingOption.VISUAL]), "all of them"),
    (V1_1.create_embeddings, TextInput("a"), r"api_version v1\.2"),
    (V1_1.create_embedding_task, VideoInput(URL), r"api_version v1\.2"),
    (lambda _: V1_1.read_embedding_task("t"), TextInput("a"), r"api_version v1\.2"),
    (lambda _: V1_1.embedding_task_status("t"), TextInput("a"), r"api_version v1\.2"),
    (lambda _: V1_1.list_embedding_tasks(), TextInput("a"), r"api_version v1\.2"),
    (lambda _: V1_1.indexed_embeddings("i", "v"), TextInput("a"), r"api_version v1\.2"),
]


@pytest.mark.parametrize(("make", "given", "nearest_way"), LACKING)
def test_call_that_a_generation_lacks_names_the_alternative(
    make: Callable[[EmbeddingRequest], Call[Any]], given: Any, nearest_way: str
) -> None:
    with pytest.raises(TwelveLabsUnsupportedError, match=nearest_way):
        ensure_supported(make(EmbeddingRequest(given)), ApiVersion.V1_1)


def test_reprs_hide_signatures() -> None:
    request = EmbeddingRequest(VideoInput(URL))
    assert "SIGNATURE" not in repr(request) + repr(V1_2.create_embedding_task(request))
    answer = {"data": [], "metadata": {"input_type": "video", "input_url": URL.url}}
    assert "SIGNATURE" not in repr(Embeddings.read(answer))


def test_response_in_v1_3_is_parsed() -> None:
    found = Embeddings.read(
        {
            "data": [
                {"embedding": [0.5, 1], "embedding_option": "visual", "embedding_scope": "clip", "start_sec": 0,
                 "end_sec": 6, "quadrant": "top"},
                {"embedding": [0, 1.5]},
            ],
            "metadata": {"input_type": "video", "embedding_options": ["visual"], "embedding_scopes": ["clip"],
                         "duration": 60.1, "clip_length": 6, "input_filename": "a.mp4"},
            "usage": {},
        }
    )  # fmt: skip
    first, second = found.items
    assert list(first.vector) == [0.5, 1.0] and (first.option, first.scope) == ("visual", "clip")
    assert (first.start, first.end, dict(first.raw)) == (0.0, 6.0, {"quadrant": "top"})
    assert (second.option, second.scope, second.start, second.end) == (None, None, None, None)
    described = found.input
    assert (described.options, described.scopes, described.duration, described.clip_length) == (
        ("visual",),
        ("clip",),
        60.1,
        6.0,
    )
    assert found.dimensions == 2 and found.model is None
    assert Embeddings.read({"data": []}).dimensions is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([], "Embeddings is list"),
        ({"embedding": []}, "no Embeddings.items.*'embedding'"),
        ({"data": {}}, "Embeddings.items is dict"),
        ({"data": [{"embedding_option": "visual"}]}, "no Embeddings.items.0.vector"),
        ({"data": [{"embedding": []}]}, "no vector"),
        ({"data": [{"embedding": ["a"]}]}, "not made of numbers"),
    ],
)
def test_invalid_response_is_refused(answer: Any, said: str) -> None:
    with pytest.raises(TwelveLabsAnswerError, match=said):
        Embeddings.read(answer)


def test_task_in_v1_3_is_parsed() -> None:
    answer = {
        "_id": "t1", "status": "ready", "created_at": "2026-06-01T10:00:00Z", "updated_at": "2026-06-01T10:01:00Z",
        "data": [{"embedding": [1.0]}], "metadata": {"input_type": "audio", "duration": 5.0},
    }  # fmt: skip
    whole, status = EmbeddingTask.read(answer), task_without_vectors(answer)
    assert len(whole.items) == 1 and status.items == ()
    assert whole.input.type == "audio" and whole.created_at == pendulum.datetime(2026, 6, 1, 10)
    failed = EmbeddingTask.read({"_id": "t1", "status": "failed", "data": None, "error": {"message": "no sound"}})
    assert (failed.error, failed.items, failed.input.type) == ("no sound", (), None)
    with pytest.raises(TwelveLabsAnswerError, match=r"no EmbeddingTask\.status"):
        EmbeddingTask.read({"_id": "t1"})


def test_tasks_of_lists_and_older_generations_are_parsed() -> None:
    listed = EmbeddingTask.read(
        {"_id": "t1", "status": "ready", "model_name": "m",
         "audio_embedding": {"metadata": {"audio_embedding_options": ["audio"], "audio_embedding_scopes": ["clip"]}}}
    )  # fmt: skip
    assert (listed.input.type, listed.input.options, listed.input.scopes) == ("audio", ("audio",), ("clip",))
    segment = {"float": [1.0, 2.0], "start_offset_sec": 0, "end_offset_sec": 6.0, "embedding_scope": "video"}
    metadata = {"video_embedding_scope": ["clip", "video"], "video_clip_length": 6, "input_url": "u", "duration": 7}
    older = EmbeddingTask.read(
        {"_id": "t1", "status": "ready", "video_embedding": {"metadata": metadata, "segments": [segment]}}
    )
    assert list(older.items[0].vector) == [1.0, 2.0] and older.items[0].end == 6.0
    assert (older.input.clip_length, older.input.scopes, older.input.url) == (6.0, ("clip", "video"), "u")
    oldest = EmbeddingTask.read(
        {"_id": "t1", "engine_name": "m", "status": "ready",
         "video_embeddings": [{"embedding": {"float": [3.0]}, "start_offset_sec": 1}]}
    )  # fmt: skip
    assert list(oldest.items[0].vector) == [3.0] and oldest.model == "m"


def test_response_of_older_generations_is_parsed() -> None:
    call = embeddings_v1.embed(text="a", image="https://a.example/b.png")
    found = parsed(
        call,
        {
            "model_name": "m",
            "text_embedding": {"segments": [{"float": [1.0]}]},
            "image_embedding": {"float": [2.0], "metadata": {"input_url": "https://a.example/b.png"}},
        },
    )
    assert found.text and found.image and found.audio is None
    assert list(found.image.items[0].vector) == [2.0] and found.only() is found.text
    with pytest.raises(TwelveLabsAnswerError, match="could not embed the text: too long"):
        parsed(call, {"text_embedding": {"error_message": "too long"}})
    with pytest.raises(TwelveLabsAnswerError, match="without an embedding"):
        parsed(V1_2.create_embeddings(EmbeddingRequest(TextInput("a"))), {"engine_name": "m"})


def test_embeddings_of_an_indexed_video_are_parsed() -> None:
    segments = [{"float": [1.0], "embedding_option": option} for option in ("visual", "audio", "visual-text")]
    answer = {"_id": "v1", "embedding": {"model_name": "m", "video_embedding": {"segments": segments}}}
    today = parsed(V1_3.indexed_embeddings("i", "v"), answer)
    assert [item.option for item in today.items] == ["visual", "audio", "visual-text"] and today.model == "m"
    older = parsed(V1_2.indexed_embeddings("i", "v", options=[EmbeddingOption.AUDIO]), answer)
    assert [item.option for item in older.items] == ["audio"]
    for nothing in ({"_id": "v1"}, {"_id": "v1", "embedding": None}):
        assert parsed(V1_3.indexed_embeddings("i", "v"), nothing).items == ()
