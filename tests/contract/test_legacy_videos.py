"""Indexes, videos and tasks in v1.1 and v1.2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pendulum
import pytest

from tests.engine.client import Api
from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsUnsupportedError
from twelvelabs_provider.api.filters import Between, IndexFilter, VideoFilter
from twelvelabs_provider.api.models import Model

if TYPE_CHECKING:
    from tests.engine_process import Engine
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

YESTERDAY = pendulum.now().subtract(days=1)


@pytest.fixture
def video(legacy: TwelveLabsHook, engine: Engine, clip: Path) -> tuple[str, str, str]:
    """The clip, uploaded and indexed in one go: the index, the task, the video."""
    version = legacy.endpoint.version.value
    index_id = legacy.execute(legacy.api.create_index(f"legacy videos {pendulum.now().timestamp()}"))
    part = FilePart("clip.mp4", lambda: clip.open("rb"), clip.stat().st_size)
    task_id = legacy.execute(legacy.api.create_task(index_id, part)).id
    return index_id, task_id, str(Api(engine, version).finished(f"/tasks/{task_id}")["video_id"])


def test_indexes_are_filtered_and_renamed(legacy: TwelveLabsHook) -> None:
    name = f"legacy filters {legacy.endpoint.version.value}"
    model = {"v1.2": "marengo2.6", "v1.1": "marengo2.5"}[legacy.endpoint.version.value]
    index_id = legacy.execute(legacy.api.create_index(name, [Model(model, ("text_in_video",))]))
    legacy.execute(legacy.api.rename_index(index_id, f"{name}, renamed"))

    def found(where: IndexFilter) -> bool:
        return index_id in [index.id for index in legacy.execute(legacy.api.list_indexes(where=where)).items]

    assert found(IndexFilter(name=f"{name}, renamed")) and not found(IndexFilter(name=name))
    assert found(IndexFilter(options=("text_in_video",))) and not found(IndexFilter(options=("logo",)))
    assert found(IndexFilter(created_since=YESTERDAY))
    if legacy.endpoint.version.value == "v1.2":
        assert found(IndexFilter(family="marengo")) and not found(IndexFilter(family="pegasus"))
    legacy.execute(legacy.api.delete_index(index_id))


def test_video_is_found_by_its_metadata(legacy: TwelveLabsHook, video: tuple[str, str, str]) -> None:
    index_id, _, video_id = video
    legacy.execute(legacy.api.update_video(index_id, video_id, user_metadata={"category": "news"}, title="Winter"))
    legacy.execute(legacy.api.update_video(index_id, video_id, user_metadata={"views": 3}))
    read = legacy.execute(legacy.api.read_video(index_id, video_id))
    assert (read.user_metadata, read.raw["metadata"]["video_title"]) == ({"category": "news", "views": 3}, "Winter")

    def found(where: VideoFilter) -> bool:
        return [one.id for one in legacy.execute(legacy.api.list_videos(index_id, where=where)).items] == [video_id]

    assert found(VideoFilter(duration=Between(5, 7), user_metadata={"views": 3}))
    assert not found(VideoFilter(width=Between(most=639)))
    assert not found(VideoFilter(user_metadata={"category": "sports"}))


def test_transcription_and_on_screen_text_have_separate_calls(
    legacy: TwelveLabsHook, video: tuple[str, str, str]
) -> None:
    index_id, _, video_id = video
    shown = legacy.execute(legacy.api.text_in_video(index_id, video_id))
    assert [segment.value for segment in shown] == ["WINTER", "SUMMER 2031"]
    assert legacy.execute(legacy.api.text_in_video(index_id, video_id, start=4, end=6))[0].value == "SUMMER 2031"
    assert legacy.execute(legacy.api.transcription(index_id, video_id)) == ()
    with pytest.raises(TwelveLabsUnsupportedError, match=r"transcription\(\)"):
        legacy.api.read_video(index_id, video_id, transcription=True)


def test_task_is_listed_and_deleted_after_its_video(legacy: TwelveLabsHook, video: tuple[str, str, str]) -> None:
    index_id, task_id, video_id = video
    page = legacy.execute(legacy.api.list_tasks(index_id=index_id, status=["ready"], width=640, height=360))
    assert [task.id for task in page.items] == [task_id]
    with pytest.raises(TwelveLabsBadRequestError, match="delete the video first"):
        legacy.execute(legacy.api.delete_task(task_id))
    legacy.execute(legacy.api.delete_video(index_id, video_id))
    legacy.execute(legacy.api.delete_task(task_id))
    assert not legacy.execute(legacy.api.list_tasks(index_id=index_id)).items
