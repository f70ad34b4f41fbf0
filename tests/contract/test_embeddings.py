"""Every call of embeddings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pendulum
import pytest

from tests.conftest import Library
from tests.engine.client import until
from tests.engine.videos import make_sound
from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.embedding import embeddings, embeddings_v1
from twelvelabs_provider.api.embedding.models import EmbeddingTask
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
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsNotFoundError
from twelvelabs_provider.api.resources import Paging

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

pytestmark = pytest.mark.engine
LOCAL = "twelvelabs-local-features"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sound(tmp_path_factory.mktemp("sound") / "tone.wav", 6.0)


def part_of(path: Path) -> FilePart:
    return FilePart(path.name, lambda: path.open("rb"), path.stat().st_size)


def done(hook: TwelveLabsHook, read: Callable[[], Any]) -> EmbeddingTask:
    task: EmbeddingTask = until(lambda: (task := hook.execute(read())).status != "processing" and task)
    assert task.status == "ready", task
    return task


def test_texts_and_images_are_embedded_synchronously(hook: TwelveLabsHook, red_image: Path) -> None:
    source = MediaSource(file=part_of(red_image))
    for given in (
        TextInput("a red square"),
        ImageInput(source),
        TextImageInput("a red square", source),
        MultiInput([("square", source), ("", source)], "<@square> twice"),
    ):
        found = hook.execute(hook.api.create_embeddings(EmbeddingRequest(given)))
        assert (found.dimensions, len(found.items), found.model) == (512, 1, LOCAL)
        assert (found.items[0].option, found.items[0].start) == (None, None)
        assert found.input.type == (None if isinstance(given, TextInput) else given.type.value)


def test_video_is_embedded_synchronously(hook: TwelveLabsHook, clip: Path, site: Callable[[Path], str]) -> None:
    given = VideoInput(
        MediaSource(url=site(clip)),
        start=1,
        end=5.5,
        segmentation=FixedSegmentation(3),
        options=[EmbeddingOption.VISUAL, EmbeddingOption.TRANSCRIPTION],
        scopes=[EmbeddingScope.CLIP],
        types=[EmbeddingType.SEPARATE, EmbeddingType.FUSED],
    )
    found = hook.execute(embeddings.create_embeddings(EmbeddingRequest(given)))
    # nothing is said in it
    assert [(item.option, item.start, item.end) for item in found.items] == [
        ("visual", 1.0, 4.0),
        ("fused", 1.0, 4.0),
        ("visual", 4.0, 5.5),
        ("fused", 4.0, 5.5),
    ]
    assert found.input.url == site(clip) and found.input.clip_length == 3 and found.input.scopes == ("clip",)
    assert found.input.duration == pytest.approx(6, abs=0.1)


def test_video_is_embedded_by_a_task(hook: TwelveLabsHook, library: Library) -> None:
    given = VideoInput(
        MediaSource(asset_id=library.asset_id), segmentation=DynamicSegmentation(3), options=[EmbeddingOption.VISUAL]
    )
    created = hook.execute(embeddings.create_embedding_task(EmbeddingRequest(given)))
    assert created.status == "processing" and created.items == ()
    done(hook, lambda: embeddings.embedding_task_status(created.id))
    whole = hook.execute(embeddings.read_embedding_task(created.id))
    assert {item.scope for item in whole.items} == {"clip", "asset"} and whole.model == LOCAL
    assert whole.input.options == ("visual",) and whole.created_at and whole.updated_at
    assert hook.execute(embeddings.embedding_task_status(created.id)).items == ()


def test_tasks_are_listed(hook: TwelveLabsHook, sound: Path) -> None:
    request = EmbeddingRequest(AudioInput(MediaSource(file=part_of(sound)), options=[EmbeddingOption.AUDIO]))
    ids = [hook.execute(embeddings.create_embedding_task(request)).id for _ in range(2)]
    for task_id in ids:
        done(hook, partial(embeddings.embedding_task_status, task_id))
    page = hook.execute(embeddings.list_embedding_tasks(status="ready", paging=Paging(limit=1)))
    assert [task.id for task in page.items] == ids[-1:] and page.total_pages >= 2
    (task,) = page.items
    assert (task.input.type, task.input.options, task.input.scopes) == ("audio", ("audio",), ("clip", "asset"))
    assert task.created_at is not None
    since, until_then = task.created_at.subtract(seconds=1), pendulum.datetime(2026, 1, 1)
    listed = hook.items(lambda paging: hook.api.list_embedding_tasks(since=since, paging=paging))
    assert {entry.id for entry in listed} >= {ids[-1]}
    assert hook.execute(embeddings.list_embedding_tasks(until=until_then)).items == ()


def test_refusals_are_typed(hook: TwelveLabsHook) -> None:
    with pytest.raises(TwelveLabsNotFoundError, match="embedding tasks"):
        hook.execute(embeddings.read_embedding_task("0" * 24))
    request = EmbeddingRequest(VideoInput(MediaSource(asset_id="0" * 24)))
    with pytest.raises(TwelveLabsNotFoundError, match="assets"):
        hook.execute(embeddings.create_embedding_task(request))
    text = EmbeddingRequest(TextInput("." * 501))
    with pytest.raises(TwelveLabsBadRequestError, match="500 tokens"):
        hook.execute(embeddings.create_embeddings(text))


def test_embeddings_of_an_indexed_video(hook: TwelveLabsHook, library: Library) -> None:
    found = hook.execute(hook.api.indexed_embeddings(library.index_id, library.video_id))
    assert found.model == LOCAL and found.dimensions == 512
    assert {item.option for item in found.items} == {"visual", "audio", "transcription"}
    one = embeddings.indexed_embeddings(library.index_id, library.video_id, options=[EmbeddingOption.AUDIO])
    assert {item.option for item in hook.execute(one).items} == {"audio"}


def test_older_synchronous_call(
    hook: TwelveLabsHook, red_image: Path, sound: Path, site: Callable[[Path], str]
) -> None:
    found = hook.execute(
        embeddings_v1.embed(text="a red square", image=part_of(red_image), audio=site(sound), audio_start=1)
    )
    assert found.model == LOCAL and found.text and found.image and found.audio
    assert found.text.dimensions == found.image.dimensions == 512
    assert [(item.start, item.end) for item in found.audio.items] == [(1.0, 6.0)]
    assert found.image.input.filename == "red square.png" and found.audio.input.url == site(sound)


def test_older_tasks(hook: TwelveLabsHook, clip: Path) -> None:
    call = embeddings_v1.create_video_embedding_task(
        part_of(clip), start=0, end=5, clip_length=2.5, scopes=["clip", "video"]
    )
    task_id = hook.execute(call)
    status = done(hook, lambda: embeddings_v1.video_embedding_task_status(task_id))
    assert status.items == () and status.input.clip_length == 2.5 and status.input.scopes == ("clip", "video")
    whole = hook.execute(embeddings_v1.read_video_embedding_task(task_id, options=["visual", "visual-text"]))
    assert [(item.scope, item.start, item.end) for item in whole.items] == [
        ("clip", 0.0, 2.5),
        ("clip", 2.5, 5.0),
        ("video", 0.0, 5.0),
    ]
    listed = hook.execute(embeddings_v1.list_video_embedding_tasks(status="ready"))
    assert task_id in [task.id for task in listed.items]
