"""Indexes, videos, indexed assets and tasks with the vendor's client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from twelvelabs import BadRequestError, NotFoundError, TwelveLabs, UnauthorizedError
from twelvelabs.core.api_error import ApiError
from twelvelabs.indexes import IndexesCreateRequestModelsItem

if TYPE_CHECKING:
    from tests.conftest import Library
    from tests.engine_process import Engine

UNKNOWN = "665000000000000000000abc"
MODELS = [IndexesCreateRequestModelsItem(model_name="marengo3.0", model_options=["visual", "audio"])]


@pytest.fixture
def index_id(client: TwelveLabs, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty index."""
    created = client.indexes.create(index_name=f"sdk {request.node.name}", models=MODELS)
    assert created.id
    yield created.id
    client.indexes.delete(created.id)


def test_index_is_created_read_renamed_and_deleted(client: TwelveLabs) -> None:
    created = client.indexes.create(index_name="sdk index", models=MODELS, addons=["thumbnail"])
    assert created.id
    index = client.indexes.retrieve(created.id)
    assert (index.id, index.index_name, index.video_count, index.addons) == (created.id, "sdk index", 0, ["thumbnail"])
    assert index.models and index.models[0].model_name == "marengo3.0"
    client.indexes.update(created.id, index_name="sdk index, renamed")
    for filters in (
        {"index_name": "sdk index, renamed"},
        {"model_options": "visual,audio", "model_family": "marengo", "created_at": str(index.created_at)},
    ):
        assert created.id in [found.id for found in client.indexes.list(page_limit=50, **filters)]
    client.indexes.delete(created.id)
    with pytest.raises(ApiError) as caught:
        client.indexes.retrieve(created.id)
    assert caught.value.status_code == 404
    assert caught.value.body["code"] == "resource_not_exist"


def test_pages_are_read_in_order(client: TwelveLabs) -> None:
    made = [client.indexes.create(index_name=f"sdk page {number}", models=MODELS).id for number in range(3)]
    newest = client.indexes.list(page_limit=1)
    assert [page.items[0].id for page, _ in zip(newest.iter_pages(), made, strict=False) if page.items] == made[::-1]
    for one in made:
        assert one
        client.indexes.delete(one)


def test_video_is_read_listed_and_updated(client: TwelveLabs, library: Library) -> None:
    index_id, video_id = library.index_id, library.video_id
    client.indexes.videos.update(index_id, video_id, user_metadata={"sdk": "yes", "take": 2, "good": True})
    video = client.indexes.videos.retrieve(index_id, video_id, transcription=True)
    assert video.system_metadata and video.system_metadata.duration and video.system_metadata.filename == "sample.mp4"
    assert video.user_metadata == {"sdk": "yes", "take": 2, "good": True}
    assert video.transcription and video.transcription[0].value

    def found(**filters: Any) -> bool:
        return [one.id for one in client.indexes.videos.list(index_id, **filters)] == [video_id]

    duration = video.system_metadata.duration
    assert found() and found(filename="sample.mp4") and not found(filename="other.mp4")
    assert found(duration={"gte": duration, "lte": duration}) and not found(duration={"gte": duration + 1})
    assert found(user_metadata={"sdk": "yes", "take": 2, "good": True}) and not found(user_metadata={"sdk": "no"})
    client.indexes.videos.update(index_id, video_id, user_metadata=dict.fromkeys(("sdk", "take", "good")))
    assert not client.indexes.videos.retrieve(index_id, video_id).user_metadata


def test_indexed_asset_is_created_read_and_deleted(client: TwelveLabs, library: Library, index_id: str) -> None:
    assets = client.indexes.indexed_assets
    created = assets.create(index_id, asset_id=library.asset_id, user_metadata={"copy": "yes"})
    assert created.id
    assets.update(index_id, created.id, user_metadata={"copy": None, "kept": "yes"})
    asset = assets.retrieve(index_id, created.id)
    assert asset.id == created.id
    assert (asset.asset_id, asset.user_metadata) == (library.asset_id, {"kept": "yes"})
    assert asset.status in ("validating", "pending", "queued", "indexing", "ready")
    # the filters of ranges go as objects here and as fields of one's own in the other list
    assert [one.id for one in assets.list(index_id, user_metadata={"kept": "yes"})] == [created.id]
    assert not list(assets.list(index_id, status=["failed"]))
    assert not list(assets.list(index_id, duration={"gte": 3600}))
    homes = {summary.id for summary in assets.list_by_asset(library.asset_id)}
    assert {created.id, library.video_id} <= homes
    assets.delete(index_id, created.id)
    with pytest.raises(NotFoundError):
        assets.retrieve(index_id, created.id)


def test_task_is_waited_for(client: TwelveLabs, clip: Path, index_id: str) -> None:
    with clip.open("rb") as file:
        created = client.tasks.create(index_id=index_id, video_file=file, user_metadata='{"from": "a task"}')
    assert created.id
    seen: list[str | None] = []
    task = client.tasks.wait_for_done(created.id, sleep_interval=0.1, callback=lambda task: seen.append(task.status))
    assert (task.status, task.video_id, task.index_id) == ("ready", created.video_id, index_id)
    assert seen[-1] == "ready"
    assert task.system_metadata and task.system_metadata.duration == pytest.approx(6, abs=0.2)
    listed = client.tasks.list(index_id=index_id, status=["ready", "failed"], width=640, filename=clip.name)
    assert [one.id for one in listed] == [created.id]
    with pytest.raises(BadRequestError) as caught:
        client.tasks.delete(created.id)
    assert caught.value.body["code"] == "task_cannot_be_deleted"
    assert created.video_id
    client.indexes.videos.delete(index_id, created.video_id)
    client.tasks.delete(created.id)
    assert not list(client.tasks.list(index_id=index_id))


def test_tasks_are_created_in_bulk_from_urls(
    client: TwelveLabs, clip: Path, index_id: str, site: Callable[[Path], str]
) -> None:
    created = client.tasks.create_bulk(index_id=index_id, video_urls=[site(clip), site(clip)])
    statuses = {client.tasks.wait_for_done(str(task.id), sleep_interval=0.1).status for task in created}
    assert (len(created), statuses) == (2, {"ready"})


def test_refusals_raise_client_exceptions(client: TwelveLabs, engine: Engine, library: Library) -> None:
    for refused, error, code in (
        (lambda: client.indexes.create(index_name="library", models=MODELS), BadRequestError, "index_name_already_exi"),
        (lambda: client.indexes.create(index_name="x", models=[]), BadRequestError, "parameter_not_provided"),
        (lambda: client.indexes.list(page_limit=51), BadRequestError, "parameter_invalid"),
        (lambda: client.indexes.videos.retrieve(library.index_id, UNKNOWN), NotFoundError, "resource_not_exist"),
        (lambda: client.indexes.indexed_assets.create(UNKNOWN, asset_id=UNKNOWN), NotFoundError, "resource_not_exist"),
        (lambda: client.tasks.create(index_id=UNKNOWN, video_url="http://x/y"), BadRequestError, "resource_not_exist"),
    ):
        with pytest.raises(error) as caught:
            refused()
        assert caught.value.body["code"].startswith(code)
    stranger = TwelveLabs(api_key="tlk_unknown", base_url=f"{engine.base_url}/v1.3", timeout=30)
    with pytest.raises((UnauthorizedError, ApiError)) as denied:
        stranger.indexes.list()
    assert denied.value.status_code == 401
    assert denied.value.body["code"] == "api_key_invalid"
