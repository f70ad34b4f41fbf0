"""Embeddings with the vendor's client: synchronous, by tasks, and older calls."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from twelvelabs import (
    AudioInputRequest,
    AudioSegmentation,
    AudioSegmentationFixed,
    BadRequestError,
    ImageInputRequest,
    MediaSource,
    MultiInputMediaSource,
    MultiInputRequest,
    NotFoundError,
    TextImageInputRequest,
    TextInputRequest,
    VideoInputRequest,
    VideoSegmentation_Dynamic,
    VideoSegmentation_Fixed,
    VideoSegmentationDynamicDynamic,
    VideoSegmentationFixedFixed,
)

from tests.conftest import Library
from tests.engine.client import until
from tests.engine.videos import make_sound, make_video

if TYPE_CHECKING:
    from twelvelabs import TwelveLabs

MODEL = "marengo3.0"
LOCAL = "twelvelabs-local-features"


def inline(path: Path) -> MediaSource:
    return MediaSource(base64_string=base64.b64encode(path.read_bytes()).decode())


@pytest.fixture(scope="module")
def sounding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("sounding") / "tone.mp4", ("ONE", "TWO"), seconds=6, sound=True)


def test_text_image_combined_and_several_inputs(client: TwelveLabs, red_image: Path) -> None:
    create = client.embed.v_2.create
    text = create(input_type="text", model_name=MODEL, text=TextInputRequest(input_text="a red square"))
    image = create(input_type="image", model_name=MODEL, image=ImageInputRequest(media_source=inline(red_image)))
    both = create(
        input_type="text_image",
        model_name=MODEL,
        text_image=TextImageInputRequest(media_source=inline(red_image), input_text="a red square"),
    )
    content = inline(red_image).base64_string
    sources = [MultiInputMediaSource(name=name, media_type="image", base64_string=content) for name in "ab"]
    several = create(
        input_type="multi_input",
        model_name=MODEL,
        multi_input=MultiInputRequest(input_text="<@a> and <@b>", media_sources=sources),
    )
    for answer in (text, image, both, several):
        (found,) = answer.data
        assert len(found.embedding) == 512 and sum(value**2 for value in found.embedding) == pytest.approx(1, abs=1e-3)
        assert found.embedding_option is found.embedding_scope is found.start_sec is found.end_sec is None
        assert answer.model_extra["model_name"] == LOCAL
    kinds = [answer.metadata.input_type for answer in (image, both, several)]
    assert text.metadata is None and kinds == ["image", "text_image", "multi_input"]


def test_video_is_embedded_synchronously(client: TwelveLabs, sounding: Path, site: Callable[[Path], str]) -> None:
    url = site(sounding)
    answer = client.embed.v_2.create(
        input_type="video",
        model_name=MODEL,
        video=VideoInputRequest(
            media_source=MediaSource(url=url),
            segmentation=VideoSegmentation_Fixed(fixed=VideoSegmentationFixedFixed(duration_sec=4)),
            embedding_option=["visual", "audio"],
            embedding_scope=["clip", "asset"],
            embedding_type=["separate_embedding", "fused_embedding"],
        ),
    )
    found = {(row.embedding_option, row.embedding_scope, row.start_sec, row.end_sec) for row in answer.data}
    spans = (("clip", 0.0, 4.0), ("clip", 4.0, 6.0), ("asset", 0.0, 6.0))
    assert found == {(option, *span) for option in ("visual", "audio", "fused") for span in spans}
    assert (answer.metadata.input_type, answer.metadata.input_url, answer.metadata.clip_length) == ("video", url, 4)
    assert answer.metadata.duration == pytest.approx(6, abs=0.1)


def test_audio_is_embedded_synchronously(client: TwelveLabs, tmp_path: Path) -> None:
    answer = client.embed.v_2.create(
        input_type="audio",
        model_name=MODEL,
        audio=AudioInputRequest(
            media_source=inline(make_sound(tmp_path / "tone.wav", 6.0)),
            start_sec=1,
            segmentation=AudioSegmentation(strategy="fixed", fixed=AudioSegmentationFixed(duration_sec=3)),
            embedding_option=["audio"],
        ),
    )
    found = [(row.embedding_scope, row.start_sec, row.end_sec) for row in answer.data]
    assert found == [("clip", 1.0, 4.0), ("clip", 4.0, 6.0), ("asset", 1.0, 6.0)]
    assert answer.metadata.start_offset_sec == 1.0


def test_task_is_created_waited_for_and_read(client: TwelveLabs, library: Library) -> None:
    tasks = client.embed.v_2.tasks
    created = tasks.create(
        input_type="video",
        model_name=MODEL,
        video=VideoInputRequest(
            media_source=MediaSource(asset_id=library.asset_id),
            segmentation=VideoSegmentation_Dynamic(dynamic=VideoSegmentationDynamicDynamic(min_duration_sec=3)),
        ),
    )
    assert created.status == "processing" and created.data is None
    done: Any = until(lambda: (task := tasks.retrieve(task_id=created.id)).status == "ready" and task)
    assert {row.embedding_option for row in done.data} == {"visual", "audio", "transcription"}
    assert done.metadata.input_type == "video" and done.created_at <= done.updated_at
    listed = next(task for task in tasks.list(page_limit=5, status="ready") if task.id == created.id)
    assert listed.model_name == LOCAL and listed.video_embedding.metadata.duration == done.metadata.duration


def test_task_list_ends(client: TwelveLabs, tmp_path: Path) -> None:
    source = inline(make_sound(tmp_path / "tone.wav", 4.0))
    audio = AudioInputRequest(media_source=source, embedding_option=["audio"])
    first, second = (
        client.embed.v_2.tasks.create(input_type="audio", model_name=MODEL, audio=audio).id for _ in range(2)
    )
    pages = client.embed.v_2.tasks.list(page_limit=1).iter_pages()
    ids = [task.id for page in itertools.takewhile(lambda page: page.items, pages) for task in page.items]
    assert ids[:2] == [second, first] and len(ids) == len(set(ids))
    assert list(client.embed.v_2.tasks.list(ended_at="2026-01-01T00:00:00Z").items or ()) == []


def test_failed_task_has_a_reason(client: TwelveLabs, site: Callable[[Path], str], tmp_path: Path) -> None:
    short = make_sound(tmp_path / "short.wav", 1.0)
    created = client.embed.v_2.tasks.create(
        input_type="audio", model_name=MODEL, audio=AudioInputRequest(media_source=MediaSource(url=site(short)))
    )
    done: Any = until(lambda: (task := client.embed.v_2.tasks.retrieve(created.id)).status != "processing" and task)
    assert done.status == "failed" and done.data is None and "at least 4 seconds" in done.error.message


def test_errors_raise_client_exceptions(client: TwelveLabs) -> None:
    with pytest.raises(BadRequestError) as refused:
        client.embed.v_2.create(input_type="text", model_name=MODEL)
    assert refused.value.body["error"]["code"] == "parameter_not_provided"
    with pytest.raises(NotFoundError) as missing:
        client.embed.v_2.tasks.retrieve(task_id="0" * 24)
    assert missing.value.body["error"]["code"] == "resource_not_exist"
    with pytest.raises(BadRequestError) as flat:
        client.embed.create(model_name="no such model", text="a")
    assert flat.value.body["code"] == "parameter_invalid"


def test_older_call_embeds_all_kinds(client: TwelveLabs, red_image: Path, tmp_path: Path) -> None:
    sound = make_sound(tmp_path / "tone.wav", 7.0)
    answer = client.embed.create(
        model_name=MODEL, text="a red square", image_file=red_image.read_bytes(), audio_file=sound.read_bytes()
    )
    assert answer.model_name == LOCAL
    assert len(answer.text_embedding.segments[0].float_) == len(answer.image_embedding.segments[0].float_) == 512
    spans = [(part.start_offset_sec, part.end_offset_sec) for part in answer.audio_embedding.segments]
    assert spans == [(0.0, 6.0), (6.0, 7.0)]


def test_older_call_fetches_urls(client: TwelveLabs, red_image: Path, site: Callable[[Path], str]) -> None:
    answer = client.embed.create(model_name=MODEL, image_url=site(red_image))
    assert answer.text_embedding is None and answer.image_embedding.metadata.input_url == site(red_image)


def test_older_tasks(client: TwelveLabs, sounding: Path) -> None:
    tasks = client.embed.tasks
    created = tasks.create(
        model_name=MODEL,
        video_file=sounding.read_bytes(),
        video_clip_length=4,
        video_embedding_scope=["clip", "video"],
    )
    seen: list[str] = []
    done = tasks.wait_for_done(created.id, sleep_interval=0.1, callback=lambda task: seen.append(task.status))
    assert done.status == seen[-1] == "ready" and done.video_embedding.metadata.video_clip_length == 4
    whole = tasks.retrieve(task_id=created.id)
    segments = [(part.embedding_option, part.embedding_scope) for part in whole.video_embedding.segments]
    assert set(segments) == {(option, scope) for option in ("visual", "audio") for scope in ("clip", "video")}
    seen_only = tasks.retrieve(task_id=created.id, embedding_option=["visual"]).video_embedding.segments
    assert {part.embedding_option for part in seen_only} == {"visual"} and len(seen_only[0].float_) == 512
    assert created.id in [task.id for task in itertools.islice(tasks.list(page_limit=50), 50)]


def test_older_tasks_in_bulk(client: TwelveLabs, sounding: Path, site: Callable[[Path], str]) -> None:
    videos: Any = [{"video_url": site(sounding), "video_embedding_scope": ["video"]}]
    (task,) = client.embed.tasks.create_bulk(model_name="Marengo-retrieval-2.7", videos=videos)
    assert client.embed.tasks.wait_for_done(task.id, sleep_interval=0.1).status == "ready"


def test_embeddings_of_an_indexed_video(client: TwelveLabs, library: Library) -> None:
    options: Any = ["visual", "audio", "transcription"]
    for read in (
        lambda: client.indexes.indexed_assets.retrieve(library.index_id, library.video_id, embedding_option=options),
        lambda: client.indexes.videos.retrieve(library.index_id, library.video_id, embedding_option=options),
    ):
        embedding = read().embedding
        assert embedding.model_name == LOCAL
        assert {part.embedding_option for part in embedding.video_embedding.segments} == set(options)
