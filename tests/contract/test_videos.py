"""Every call and filter of indexes, videos, indexed assets and tasks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pendulum
import pytest

from tests.engine.client import until
from twelvelabs_provider.api import indexed_assets
from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsNotFoundError
from twelvelabs_provider.api.filters import Between, IndexFilter, VideoFilter
from twelvelabs_provider.api.models import IndexingTask, Model, Video
from twelvelabs_provider.api.resources import Paging

if TYPE_CHECKING:
    from tests.conftest import Library
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

UNKNOWN = "665000000000000000000abc"
# Whole days: the names of the tests hold them, and are to be the same in every process that shares the work.
YESTERDAY, TOMORROW = pendulum.today("UTC").subtract(days=1), pendulum.today("UTC").add(days=2)


@pytest.fixture
def video(hook: TwelveLabsHook, library: Library) -> Video:
    """The sample in the library."""
    return hook.execute(hook.api.read_video(library.index_id, library.video_id))


def found(hook: TwelveLabsHook, index_id: str, where: VideoFilter) -> list[str]:
    """Return the ids that both lists of an index give for a filter; they are the same."""
    videos_there = hook.items(lambda paging: hook.api.list_videos(index_id, where=where, paging=paging))
    assets_there = hook.items(lambda paging: hook.api.list_indexed_assets(index_id, where=where, paging=paging))
    ids = [video.id for video in videos_there]
    assert ids == [video.id for video in assets_there]
    return ids


def test_index_is_created_read_renamed_and_deleted(hook: TwelveLabsHook) -> None:
    index_id = hook.execute(hook.api.create_index("first name", [Model("marengo3.0", ("visual",))]))
    hook.execute(hook.api.rename_index(index_id, "second name"))
    index = hook.execute(hook.api.read_index(index_id))
    assert (index.name, index.models) == ("second name", (Model("marengo3.0", ("visual",)),))
    assert hook.execute(hook.api.find_index("first name")) is None
    hook.execute(hook.api.delete_index(index_id))
    # a second time finds nothing to delete, which is what was asked for
    hook.execute(hook.api.delete_index(index_id))
    with pytest.raises((TwelveLabsNotFoundError, TwelveLabsBadRequestError)):
        hook.execute(hook.api.read_index(index_id))


def test_existing_index_name_is_refused(hook: TwelveLabsHook, library: Library) -> None:
    index_id = hook.execute(hook.api.create_index("to be renamed"))
    with pytest.raises(TwelveLabsBadRequestError, match="library"):
        hook.execute(hook.api.rename_index(index_id, "library"))


@pytest.mark.parametrize(
    ("where", "there"),
    [
        (IndexFilter(name="library"), True),
        (IndexFilter(name="librar"), False),
        (IndexFilter(name="library", options=("audio", "visual")), True),
        (IndexFilter(name="library", family="marengo"), True),
        (IndexFilter(name="library", family="pegasus"), False),
        (IndexFilter(name="library", created_since=YESTERDAY), True),
        (IndexFilter(name="library", updated_since=TOMORROW), False),
    ],
    ids=str,
)
def test_indexes_are_filtered(hook: TwelveLabsHook, library: Library, where: IndexFilter, there: bool) -> None:
    page = hook.execute(hook.api.list_indexes(where=where))
    assert [index.id for index in page.items] == ([library.index_id] if there else [])


def test_pages_and_order(hook: TwelveLabsHook) -> None:
    made = [hook.execute(hook.api.create_index(f"page {number}")) for number in range(3)]
    newest = hook.execute(hook.api.list_indexes(Paging(limit=3)))
    assert [index.id for index in newest.items] == made[::-1]
    last = hook.execute(hook.api.list_indexes(Paging(newest.total_results, 1, descending=False)))
    assert [index.id for index in last.items] == made[-1:]
    assert last.page == last.total_pages == last.total_results


def ranges(video: Video) -> dict[str, float]:
    """Return what can be asked for as a range, as the service tells it."""
    return {name: float(video.raw["system_metadata"][name]) for name in ("duration", "fps", "width", "height", "size")}


def test_videos_are_filtered_by_ranges(hook: TwelveLabsHook, library: Library, video: Video) -> None:
    for name, value in ranges(video).items():
        for range, there in (
            (Between.exactly(value), True),
            (Between(least=value - 1), True),
            (Between(most=value - 1), False),
            (Between(value - 1, value + 1), True),
            (Between(least=value + 1), False),
        ):
            changes: dict[str, Any] = {name: range}
            where = replace(VideoFilter(), **changes)
            assert bool(found(hook, library.index_id, where)) is there, (name, range)


@pytest.mark.parametrize(
    ("where", "there"),
    [
        (VideoFilter(filename="sample.mp4"), True),
        (VideoFilter(filename="other.mp4"), False),
        (VideoFilter(created_since=YESTERDAY), True),
        (VideoFilter(created_since=TOMORROW), False),
        (VideoFilter(updated_since=TOMORROW), False),
    ],
    ids=str,
)
def test_videos_are_filtered(hook: TwelveLabsHook, library: Library, where: VideoFilter, there: bool) -> None:
    assert found(hook, library.index_id, where) == ([library.video_id] if there else [])


def test_metadata_is_merged_and_filtered_by(hook: TwelveLabsHook, library: Library) -> None:
    index_id, video_id = library.index_id, library.video_id
    mine = {"category": "news", "views": 3, "share": 0.5, "public": True, "odd key": "a&b=c", "tags": ["a", "b"]}
    hook.execute(hook.api.update_video(index_id, video_id, user_metadata={**mine, "gone": "soon"}))
    hook.execute(indexed_assets.update_indexed_asset(index_id, video_id, {"gone": None}))
    assert hook.execute(hook.api.read_video(index_id, video_id)).user_metadata == mine
    for name in ("category", "views", "share", "public", "odd key"):
        assert found(hook, index_id, VideoFilter(user_metadata={name: mine[name]})) == [video_id], name  # type: ignore[dict-item]
    assert found(hook, index_id, VideoFilter(user_metadata={"views": 3.0})) == [video_id]
    assert found(hook, index_id, VideoFilter(user_metadata={"category": "news", "views": 4})) == []
    hook.execute(hook.api.update_video(index_id, video_id, user_metadata=dict.fromkeys(mine)))
    assert hook.execute(hook.api.read_video(index_id, video_id)).user_metadata == {}


def test_transcription_is_included_on_request(hook: TwelveLabsHook, library: Library) -> None:
    for read in (hook.api.read_video, hook.api.read_indexed_asset):
        assert hook.execute(read(library.index_id, library.video_id)).transcription is None
        with_words = hook.execute(read(library.index_id, library.video_id, transcription=True))
        assert with_words.transcription
    said = hook.execute(hook.api.transcription(library.index_id, library.video_id))
    assert said == with_words.transcription


def test_transcription_of_an_asset(hook: TwelveLabsHook, library: Library) -> None:
    cuts = ("words", "sentences", "utterances")
    said = hook.execute(hook.api.asset_transcription(library.asset_id, include=cuts))
    assert said.status == "ready" and said.words and said.sentences and said.utterances
    assert not hook.execute(hook.api.asset_transcription(library.asset_id)).words


def test_indexed_assets_are_filtered_by_status(hook: TwelveLabsHook, library: Library) -> None:
    for status, there in ((["ready"], True), (["failed", "ready"], True), (["pending", "failed"], False)):
        page = hook.execute(hook.api.list_indexed_assets(library.index_id, status=status))
        assert bool(page.items) is there, status
    assert hook.execute(hook.api.list_indexed_assets(library.index_id, status=["ready"])).items[0].status == "ready"


def test_indexed_asset_is_found_by_asset_and_deleted(hook: TwelveLabsHook, library: Library) -> None:
    index_id = hook.execute(hook.api.create_index("a second home"))
    video_id = hook.execute(hook.api.create_indexed_asset(index_id, library.asset_id, user_metadata={"copy": True}))
    assert hook.execute(hook.api.find_indexed_asset(index_id, library.asset_id)) == video_id
    hook.execute(hook.api.delete_indexed_asset(index_id, video_id))
    assert hook.execute(hook.api.find_indexed_asset(index_id, library.asset_id)) is None
    assert hook.execute(hook.api.read_asset(library.asset_id)).status == "ready"


def test_task_is_created_listed_and_deleted(hook: TwelveLabsHook, clip: Path) -> None:
    index_id = hook.execute(hook.api.create_index("for a task"))
    part = FilePart("clip.mp4", lambda: clip.open("rb"), clip.stat().st_size)
    created = hook.execute(hook.api.create_task(index_id, part, user_metadata={"category": "task"}))

    def ended() -> IndexingTask | None:
        task = hook.execute(hook.api.read_task(created.id))
        return task if task.status in ("ready", "failed") else None

    task = until(ended)
    assert (task.video_id, task.index_id) == (created.video_id, index_id)
    narrow: dict[str, Any] = {
        "index_id": index_id,
        "status": ["ready", "failed"],
        "filename": "clip.mp4",
        "created_since": YESTERDAY,
    }
    page = hook.execute(hook.api.list_tasks(**narrow, duration=task.duration, width=640, updated_since=YESTERDAY))
    assert [one.id for one in page.items] == [created.id]
    assert not hook.execute(hook.api.list_tasks(index_id=index_id, height=1)).items
    with pytest.raises(TwelveLabsBadRequestError, match="delete the video first"):
        hook.execute(hook.api.delete_task(created.id))
    assert created.video_id
    hook.execute(hook.api.delete_video(index_id, created.video_id))
    hook.execute(hook.api.delete_task(created.id))
    assert not hook.execute(hook.api.list_tasks(index_id=index_id)).items


def test_missing_objects_are_not_found(hook: TwelveLabsHook, library: Library) -> None:
    for call in (
        hook.api.read_video(library.index_id, UNKNOWN),
        hook.api.update_video(UNKNOWN, library.video_id, user_metadata={"a": "b"}),
        hook.api.rename_index(UNKNOWN, "nobody"),
        hook.api.read_task(UNKNOWN),
    ):
        with pytest.raises((TwelveLabsNotFoundError, TwelveLabsBadRequestError), match=UNKNOWN):
            hook.execute(call)
